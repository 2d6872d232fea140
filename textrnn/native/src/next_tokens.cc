// The call from XLA behind textrnn/native/decoding.py for the most probable next tokens.

#include "next_tokens.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "arguments.h"
#include "library.h"
#include "memory.h"
#include "ragged.h"

namespace textrnn {

TEXTRNN_FOR_EACH_ISA(extern const RankingKernels ranking_kernels;)

namespace {

using CountsBuffer = ffi::BufferR1<ffi::S32>;
using MatrixBuffer = ffi::BufferR2<ffi::F32>;
using VectorBuffer = ffi::BufferR1<ffi::F32>;

constexpr int64_t kSpecial = 4;  // PAD, UNK, BOS, EOS
constexpr int64_t kEos = 3;
// Waking a thread takes about as long as this many products.
constexpr int64_t kProductsPerTask = 200'000;

// The summaries of some ids, as in RankingTask.
struct Ranking {
  std::vector<float> largest, sum, logits;
  std::vector<int32_t> ids;

  Ranking(int64_t hypotheses, int64_t best)
      : largest(hypotheses), sum(hypotheses), logits(hypotheses * best), ids(hypotheses * best) {}
};

ffi::Error next_tokens(ffi::ThreadPool pool, MatrixBuffer output, MatrixBuffer table,
                       VectorBuffer bias, MatrixBuffer special, CountsBuffer counts, ffi::Result<VectorBuffer> end,
                       ffi::Result<MatrixBuffer> log_probabilities,
                       ffi::Result<ffi::BufferR2<ffi::S32>> ids_result) {
  return handled([&] {
    const int64_t space = output.dimensions()[0], features = output.dimensions()[1];
    const int64_t ids = table.dimensions()[0], best = log_probabilities->dimensions()[1];
    checked(table, "table", {ids, features});
    checked(bias, "bias", {ids});
    checked(special, "special", {space, kSpecial});
    checked(*end, "end", {space});
    checked(*log_probabilities, "log_probabilities", {space, best});
    checked(*ids_result, "ids", {space, best});
    if (ids < kSpecial || best < 1 || best >= ids) {
      throw std::invalid_argument("there are too few ids");
    }
    const int64_t hypotheses =
        row_bounds("counts", counts.typed_data(), counts.dimensions()[0], space).back();

    const RankingKernels& kernels = *TEXTRNN_SELECT(ranking_kernels);
    const int64_t rows = kernels.transposed_rows(hypotheses);
    Floats transposed;
    if (hypotheses >= kernels.many) {
      transposed = allocate(rows * features);
      kernels.transpose(output.typed_data(), hypotheses, features, transposed.get());
    }
    const Workers workers = workers_of(pool);
    const int64_t products = hypotheses * (ids - kSpecial) * features;
    const int64_t parts = std::min(1 + products / kProductsPerTask, 2 * workers.threads);
    std::vector<Ranking> rankings(parts, Ranking(hypotheses, best));
    parallel_for(workers, hypotheses ? parts : 0, [&](int64_t part) {
      const Floats scratch = allocate(3 * rows);
      Ranking& ranking = rankings[part];
      RankingTask task;
      task.output = output.typed_data();
      task.transposed = transposed.get();
      task.hypotheses = hypotheses;
      task.features = features;
      task.table = table.typed_data();
      task.bias = bias.typed_data();
      task.first = kSpecial + (ids - kSpecial) * part / parts;
      task.last = kSpecial + (ids - kSpecial) * (part + 1) / parts;
      task.best = best;
      task.largest = ranking.largest.data();
      task.sum = ranking.sum.data();
      task.logits = ranking.logits.data();
      task.ids = ranking.ids.data();
      task.scratch = scratch.get();
      kernels.rank(task);
    });

    for (int64_t row = 0; row < hypotheses; ++row) {
      float* logits = log_probabilities->typed_data() + row * best;
      int32_t* chosen = ids_result->typed_data() + row * best;
      std::fill(logits, logits + best, -std::numeric_limits<float>::infinity());
      std::fill(chosen, chosen + best, 0);
      float first[kSpecial];
      for (int64_t id = 0; id < kSpecial; ++id) {
        first[id] = kernels.dot(output.typed_data() + row * features,
                                    table.typed_data() + id * features, features) +
                    bias.typed_data()[id] + special.typed_data()[row * kSpecial + id];
        if (id != kEos) insert(first[id], static_cast<int32_t>(id), best, logits, chosen);
      }
      float largest = *std::max_element(first, first + kSpecial);
      for (const Ranking& ranking : rankings) {
        largest = std::max(largest, ranking.largest[row]);
        for (int64_t i = row * best; i < (row + 1) * best; ++i) {
          insert(ranking.logits[i], ranking.ids[i], best, logits, chosen);
        }
      }
      float sum = 0;
      for (float logit : first) sum += std::exp(logit - largest);
      for (const Ranking& ranking : rankings) {
        sum += ranking.sum[row] * std::exp(ranking.largest[row] - largest);
      }
      const float normaliser = largest + std::log(sum);
      end->typed_data()[row] = first[kEos] - normaliser;
      for (int64_t i = 0; i < best; ++i) logits[i] -= normaliser;
    }
    std::fill(end->typed_data() + hypotheses, end->typed_data() + space, 0.0f);
    std::fill(log_probabilities->typed_data() + hypotheses * best,
              log_probabilities->typed_data() + space * best, 0.0f);
    std::fill(ids_result->typed_data() + hypotheses * best, ids_result->typed_data() + space * best,
              0);
  });
}

}  // namespace
}  // namespace textrnn

TEXTRNN_EXPORT XLA_FFI_Error* textrnn_next_tokens(XLA_FFI_CallFrame* frame) {
  using namespace textrnn;
  static const auto handler = ffi::Ffi::Bind()
                                  .Ctx<ffi::ThreadPool>()
                                  .Arg<MatrixBuffer>()
                                  .Arg<MatrixBuffer>()
                                  .Arg<VectorBuffer>()
                                  .Arg<MatrixBuffer>()
                                  .Arg<CountsBuffer>()
                                  .Ret<VectorBuffer>()
                                  .Ret<MatrixBuffer>()
                                  .Ret<ffi::BufferR2<ffi::S32>>()
                                  .To(next_tokens);
  return handler->Call(frame);
}
