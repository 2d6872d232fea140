// The most probable next tokens of hypotheses, from the factors of their logits.

#ifndef TEXTRNN_NEXT_TOKENS_H_
#define TEXTRNN_NEXT_TOKENS_H_

#include <cstdint>

namespace textrnn {

// The logits output . table[id] + bias[id] of a range of ids, summarised for each hypothesis.
struct RankingTask {
  const float* output;      // [hypotheses, features]
  const float* transposed;  // the same in the order of transpose(), or null for few hypotheses
  int64_t hypotheses;
  int64_t features;
  const float* table;  // [ids, features]
  const float* bias;   // [ids]
  int64_t first;       // the range of ids
  int64_t last;
  int64_t best;

  float* largest;  // [hypotheses]: the largest logit
  float* sum;      // [hypotheses]: the sum of exp(logit - largest)
  float* logits;   // [hypotheses, best]: the `best` largest ones, in descending order; -inf if
                   // there are fewer
  int32_t* ids;    // [hypotheses, best]: whose they are
  float* scratch;  // 3 * transposed_rows(hypotheses) floats
};

struct RankingKernels {
  // From how many hypotheses on the transposed output is used.
  int64_t many;
  // Hypotheses with padding.
  int64_t (*transposed_rows)(int64_t hypotheses);
  void (*transpose)(const float* output, int64_t hypotheses, int64_t features, float* transposed);
  void (*rank)(const RankingTask&);
  float (*dot)(const float* a, const float* b, int64_t size);
};

// Puts an id into a descending list of `best` logits. Of equal logits, the earlier one stays first.
[[gnu::always_inline]] inline void insert(float logit, int32_t id, int64_t best, float* logits,
                                          int32_t* ids) {
  if (!(logit > logits[best - 1])) return;
  int64_t at = best - 1;
  for (; at > 0 && logit > logits[at - 1]; --at) {
    logits[at] = logits[at - 1];
    ids[at] = ids[at - 1];
  }
  logits[at] = logit;
  ids[at] = id;
}

}  // namespace textrnn

#endif  // TEXTRNN_NEXT_TOKENS_H_
