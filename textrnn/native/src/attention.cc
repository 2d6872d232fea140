// The call from XLA behind textrnn/native/decoding.py for attention.

#include "attention.h"

#include <cstring>
#include <vector>

#include "arguments.h"
#include "library.h"
#include "ragged.h"

namespace textrnn {

TEXTRNN_FOR_EACH_ISA(extern const AttentionKernels attention_kernels;)

namespace {

using LengthsBuffer = ffi::BufferR1<ffi::S32>;
using MatrixBuffer = ffi::BufferR2<ffi::F32>;

// Waking a thread takes about as long as this many products.
constexpr int64_t kProductsPerTask = 100'000;

ffi::Error attention(ffi::ThreadPool pool, MatrixBuffer memory, MatrixBuffer keys,
                     LengthsBuffer lengths, MatrixBuffer queries, LengthsBuffer counts, ffi::BufferR1<ffi::F32> vector,
                     ffi::Result<MatrixBuffer> contexts, ffi::Result<MatrixBuffer> weights) {
  return handled([&] {
    const int64_t tokens = memory.dimensions()[0], memory_size = memory.dimensions()[1];
    const int64_t hidden = keys.dimensions()[1], rows = lengths.dimensions()[0];
    const int64_t hypotheses = queries.dimensions()[0];
    const int64_t space = weights->dimensions()[1];
    checked(keys, "keys", {tokens, hidden});
    checked(queries, "queries", {space * rows, hidden});
    checked(counts, "counts", {rows});
    checked(*contexts, "contexts", {hypotheses, memory_size});
    checked(*weights, "weights", {tokens, space});
    const bool additive = vector.element_count() > 0;
    if (additive) checked(vector, "vector", {hidden});
    const std::vector<int64_t> token = row_bounds("lengths", lengths.typed_data(), rows, tokens);
    const std::vector<int64_t> query = row_bounds("counts", counts.typed_data(), rows, hypotheses);
    for (int64_t row = 0; row < rows; ++row) {
      if (counts.typed_data()[row] > space) {
        throw std::invalid_argument("a row has more queries than there is space for");
      }
    }

    std::memset(weights->typed_data(), 0, weights->size_bytes());
    std::memset(contexts->typed_data() + query.back() * memory_size, 0,
                (hypotheses - query.back()) * memory_size * sizeof(float));
    const AttentionKernels& kernels = *TEXTRNN_SELECT(attention_kernels);
    const int64_t products = query.back() * token.back() / std::max<int64_t>(rows, 1) *
                             (hidden + memory_size);
    const int64_t tasks = std::min(rows, 1 + products / kProductsPerTask);
    parallel_for(workers_of(pool), tasks, [&](int64_t index) {
      for (int64_t row = index; row < rows; row += tasks) {
        AttentionTask task;
        task.memory = memory.typed_data() + token[row] * memory_size;
        task.keys = keys.typed_data() + token[row] * hidden;
        task.tokens = token[row + 1] - token[row];
        task.queries = queries.typed_data() + query[row] * hidden;
        task.count = query[row + 1] - query[row];
        task.vector = additive ? vector.typed_data() : nullptr;
        task.memory_size = memory_size;
        task.hidden = hidden;
        task.contexts = contexts->typed_data() + query[row] * memory_size;
        task.weights = weights->typed_data() + token[row] * space;
        task.weights_stride = space;
        kernels.attend(task);
      }
    });
  });
}

}  // namespace
}  // namespace textrnn

TEXTRNN_EXPORT XLA_FFI_Error* textrnn_attention(XLA_FFI_CallFrame* frame) {
  using namespace textrnn;
  static const auto handler = ffi::Ffi::Bind()
                                  .Ctx<ffi::ThreadPool>()
                                  .Arg<MatrixBuffer>()
                                  .Arg<MatrixBuffer>()
                                  .Arg<LengthsBuffer>()
                                  .Arg<MatrixBuffer>()
                                  .Arg<LengthsBuffer>()
                                  .Arg<ffi::BufferR1<ffi::F32>>()
                                  .Ret<MatrixBuffer>()
                                  .Ret<MatrixBuffer>()
                                  .To(attention);
  return handler->Call(frame);
}
