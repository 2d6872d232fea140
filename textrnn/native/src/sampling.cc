// The call from XLA behind textrnn/native/sampling.py.

#include "sampling.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include "arguments.h"
#include "library.h"

namespace textrnn {

TEXTRNN_FOR_EACH_ISA(extern const SamplingKernels sampling_kernels;)

namespace {

using Masks = ffi::BufferR2<ffi::PRED>;
using Logits = ffi::BufferR2<ffi::F32>;
using Floats1 = ffi::BufferR1<ffi::F32>;
using Integers1 = ffi::BufferR1<ffi::S32>;

constexpr float kMasked = -1e9f;  // textrnn/layers/masking.py
constexpr int64_t kMostLanes = 16;
// Waking a thread takes about as long as sampling from this many logits.
constexpr int64_t kLogitsPerTask = 2000;

// Memory for the ids of one row.
struct Scratch {
  std::vector<float> logits, noise;
  std::vector<int32_t> order;

  explicit Scratch(int64_t ids)
      : logits(ids), noise((ids + kMostLanes - 1) / kMostLanes * kMostLanes), order(ids) {}
};

// Masks the logits that top-k or top-p excludes.
void truncate(int32_t top_k, float top_p, Scratch& scratch) {
  std::vector<float>& logits = scratch.logits;
  std::vector<int32_t>& order = scratch.order;
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(),
                   [&](int32_t a, int32_t b) { return logits[a] > logits[b]; });
  const size_t most = top_k > 0 ? std::min<size_t>(top_k, order.size()) : order.size();
  size_t kept = most;
  if (top_p < 1) {
    const float largest = logits[order[0]];
    float sum = 0;
    for (size_t i = 0; i < most; ++i) sum += std::exp(logits[order[i]] - largest);
    float before = 0;  // the probability of the tokens before
    for (kept = 0; kept < most && (kept == 0 || before < top_p); ++kept) {
      before += std::exp(logits[order[kept]] - largest) / sum;
    }
  }
  for (size_t i = kept; i < order.size(); ++i) logits[order[i]] = kMasked;
}

ffi::Error sample(ffi::ThreadPool pool, Logits logits, Masks allowed, Integers1 state, Masks used,
                  ffi::BufferR1<ffi::PRED> runs, ffi::BufferR1<ffi::U32> seed, Integers1 position,
                  Floats1 temperature, Integers1 top_k, Floats1 top_p, Floats1 penalty,
                  ffi::Result<Integers1> tokens, ffi::Result<Masks> used_after) {
  return handled([&] {
    const int64_t rows = logits.dimensions()[0], ids = logits.dimensions()[1];
    const int64_t states = allowed.dimensions()[0];
    checked(allowed, "allowed", {states, ids});
    checked(state, "state", {rows});
    checked(used, "used", {rows, ids});
    checked(runs, "runs", {rows});
    checked(seed, "seed", {rows});
    checked(position, "position", {rows});
    checked(temperature, "temperature", {rows});
    checked(top_k, "top_k", {rows});
    checked(top_p, "top_p", {rows});
    checked(penalty, "repetition_penalty", {rows});
    checked(*tokens, "tokens", {rows});
    checked(*used_after, "used", {rows, ids});
    if (!ids) throw std::invalid_argument("there are no ids");
    for (int64_t row = 0; row < rows; ++row) {
      const int64_t found = state.typed_data()[row];
      if (found < 0 || found >= states) {
        throw std::invalid_argument("a state is " + std::to_string(found) + ", but there are " +
                                    std::to_string(states));
      }
    }
    std::copy_n(used.typed_data(), rows * ids, used_after->typed_data());

    const auto sample_row = [&](int64_t row, Scratch& scratch) {
      const bool greedy = !(temperature.typed_data()[row] > 0);
      const float heat = greedy ? 1 : temperature.typed_data()[row];
      const float by = penalty.typed_data()[row];
      const bool* may_follow = allowed.typed_data() + state.typed_data()[row] * ids;
      for (int64_t id = 0; id < ids; ++id) {
        float logit = logits.typed_data()[row * ids + id];
        if (used.typed_data()[row * ids + id]) logit = logit > 0 ? logit / by : logit * by;
        scratch.logits[id] = (may_follow[id] ? logit : kMasked) / heat;
      }
      if (!greedy) {
        const int32_t most = top_k.typed_data()[row];
        if (most > 0 || top_p.typed_data()[row] < 1) {
          truncate(most, top_p.typed_data()[row], scratch);
        }
        TEXTRNN_SELECT(sampling_kernels)->gumbel(
            seed.typed_data()[row], static_cast<uint32_t>(position.typed_data()[row]), ids,
            scratch.noise.data());
        for (int64_t id = 0; id < ids; ++id) scratch.logits[id] += scratch.noise[id];
      }
      const auto best = std::max_element(scratch.logits.begin(), scratch.logits.end());
      const int64_t token = best - scratch.logits.begin();
      used_after->typed_data()[row * ids + token] = true;
      return static_cast<int32_t>(token);
    };

    const Workers workers = workers_of(pool);
    const int64_t running = std::count(runs.typed_data(), runs.typed_data() + rows, true);
    const int64_t parts =
        std::min<int64_t>(1 + running * ids / kLogitsPerTask, std::max<int64_t>(workers.threads, 1));
    parallel_for(workers, parts, [&](int64_t part) {
      Scratch scratch(ids);
      for (int64_t row = part; row < rows; row += parts) {
        tokens->typed_data()[row] = runs.typed_data()[row] ? sample_row(row, scratch) : 0;
      }
    });
  });
}

}  // namespace
}  // namespace textrnn

TEXTRNN_EXPORT XLA_FFI_Error* textrnn_sample(XLA_FFI_CallFrame* frame) {
  using namespace textrnn;
  static const auto handler = ffi::Ffi::Bind()
                                  .Ctx<ffi::ThreadPool>()
                                  .Arg<Logits>()
                                  .Arg<Masks>()
                                  .Arg<Integers1>()
                                  .Arg<Masks>()
                                  .Arg<ffi::BufferR1<ffi::PRED>>()
                                  .Arg<ffi::BufferR1<ffi::U32>>()
                                  .Arg<Integers1>()
                                  .Arg<Floats1>()
                                  .Arg<Integers1>()
                                  .Arg<Floats1>()
                                  .Arg<Floats1>()
                                  .Ret<Integers1>()
                                  .Ret<Masks>()
                                  .To(sample);
  return handler->Call(frame);
}
