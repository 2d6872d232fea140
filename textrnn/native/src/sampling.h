// Sampling of the next token of each row (textrnn/tasks/generate/sampling.py).

#ifndef TEXTRNN_SAMPLING_H_
#define TEXTRNN_SAMPLING_H_

#include <cstdint>

namespace textrnn {

// The part that is compiled once per instruction set.
struct SamplingKernels {
  // Writes the Gumbel noise of `ids` tokens, as jax.random.gumbel(fold_in(key(seed), position)).
  // There is space for ids rounded up to 16.
  void (*gumbel)(uint32_t seed, uint32_t position, int64_t ids, float* noise);
};

}  // namespace textrnn

#endif  // TEXTRNN_SAMPLING_H_
