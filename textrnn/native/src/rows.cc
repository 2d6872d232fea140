// Reading vectors for tokens, and reducing the tokens of each row: the calls behind
// textrnn/native/rows.py. Nothing is multiplied here, so memory sets the pace, and plain loops do.

#include <algorithm>
#include <cstring>
#include <stdexcept>
#include <string>

#include "arguments.h"
#include "library.h"
#include "ragged.h"

namespace textrnn {
namespace {

using Lengths = ffi::BufferR1<ffi::S32>;
using Vectors = ffi::BufferR2<ffi::F32>;

// Calls body(first, end) for parts of `count` items of `floats` each, in parallel.
template <class Body>
void in_parts(ffi::ThreadPool& pool, int64_t count, int64_t floats, const Body& body) {
  // Waking a thread takes about as long as moving this many floats.
  constexpr int64_t kFloatsPerPart = 100'000;
  const Workers workers = workers_of(pool);
  const int64_t most = std::max<int64_t>(2 * workers.threads, 1);
  const int64_t parts = std::clamp<int64_t>(count * floats / kFloatsPerPart, 1, most);
  parallel_for(workers, parts, [&](int64_t part) {
    body(part * count / parts, (part + 1) * count / parts);
  });
}

// Calls reduce(token, sum) for all tokens of each row after its first, to which `sum` is set.
template <class Reduce>
ffi::Error reduce_rows(ffi::ThreadPool& pool, Lengths lengths, Vectors x,
                       ffi::Result<Vectors> result, float empty, const Reduce& reduce) {
  return handled([&] {
    const int64_t rows = lengths.dimensions()[0], width = x.dimensions()[1];
    checked(*result, "the result", {rows, width});
    const auto bounds =
        row_bounds("lengths", lengths.typed_data(), rows, x.dimensions()[0]);
    const int64_t tokens_per_row = rows ? bounds.back() / rows + 1 : 0;
    in_parts(pool, rows, tokens_per_row * width, [&](int64_t first, int64_t end) {
      for (int64_t row = first; row < end; ++row) {
        float* target = result->typed_data() + row * width;
        if (bounds[row] == bounds[row + 1]) {
          std::fill(target, target + width, empty);
          continue;
        }
        const float* source = x.typed_data() + bounds[row] * width;
        std::memcpy(target, source, width * sizeof(float));
        for (int64_t token = bounds[row] + 1; token < bounds[row + 1]; ++token) {
          source += width;
          reduce(source, target, width);
        }
      }
    });
  });
}

ffi::Error sum_rows(ffi::ThreadPool pool, Lengths lengths, Vectors x,
                    ffi::Result<Vectors> result) {
  return reduce_rows(pool, lengths, x, result, 0,
                     [](const float* source, float* target, int64_t width) {
                       for (int64_t i = 0; i < width; ++i) target[i] += source[i];
                     });
}

ffi::Error max_rows(ffi::ThreadPool pool, Lengths lengths, Vectors x, float empty,
                    ffi::Result<Vectors> result) {
  return reduce_rows(pool, lengths, x, result, empty,
                     [](const float* source, float* target, int64_t width) {
                       for (int64_t i = 0; i < width; ++i) {
                         target[i] = source[i] > target[i] ? source[i] : target[i];
                       }
                     });
}

ffi::Error take(ffi::ThreadPool pool, Lengths lengths, Vectors table, ffi::BufferR1<ffi::S32> ids,
                ffi::Result<Vectors> result) {
  return handled([&] {
    const int64_t capacity = ids.dimensions()[0], entries = table.dimensions()[0];
    const int64_t width = table.dimensions()[1];
    checked(*result, "the result", {capacity, width});
    const int64_t tokens =
        row_bounds("lengths", lengths.typed_data(), lengths.dimensions()[0], capacity).back();
    const int32_t* id = ids.typed_data();
    for (int64_t token = 0; token < tokens; ++token) {
      if (id[token] < 0 || id[token] >= entries) {
        throw std::invalid_argument("an id is " + std::to_string(id[token]) +
                                    ", but the table has " + std::to_string(entries) + " entries");
      }
    }
    in_parts(pool, capacity, width, [&](int64_t first, int64_t end) {
      for (int64_t token = first; token < std::min(end, tokens); ++token) {
        std::memcpy(result->typed_data() + token * width,
                    table.typed_data() + id[token] * width, width * sizeof(float));
      }
      const int64_t padding = std::max(first, tokens);
      if (padding < end) {
        std::memset(result->typed_data() + padding * width, 0,
                    (end - padding) * width * sizeof(float));
      }
    });
  });
}

auto bind() { return ffi::Ffi::Bind().Ctx<ffi::ThreadPool>().Arg<Lengths>().Arg<Vectors>(); }

}  // namespace

TEXTRNN_EXPORT XLA_FFI_Error* textrnn_sum_rows(XLA_FFI_CallFrame* frame) {
  static const auto handler = bind().Ret<Vectors>().To(sum_rows);
  return handler->Call(frame);
}

TEXTRNN_EXPORT XLA_FFI_Error* textrnn_max_rows(XLA_FFI_CallFrame* frame) {
  static const auto handler = bind().Attr<float>("empty").Ret<Vectors>().To(max_rows);
  return handler->Call(frame);
}

TEXTRNN_EXPORT XLA_FFI_Error* textrnn_take(XLA_FFI_CallFrame* frame) {
  static const auto handler =
      bind().Arg<ffi::BufferR1<ffi::S32>>().Ret<Vectors>().To(take);
  return handler->Call(frame);
}

}  // namespace textrnn
