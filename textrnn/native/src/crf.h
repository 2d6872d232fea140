// The sums and the best path of a linear-chain CRF over one row of tags.

#ifndef TEXTRNN_CRF_H_
#define TEXTRNN_CRF_H_

#include <cstdint>

namespace textrnn {

// The transition scores of a chain as the kernels read them. All arrays are padded to `padded` tags,
// with scores that no path takes.
struct CrfChain {
  int64_t tags;
  int64_t padded;
  float* start;  // [padded]
  float* end;    // [padded]

  // The scores of the transitions between a tag and all of its neighbours on one side: those into
  // each tag going forward, those out of each tag going backward.
  struct Neighbours {
    float* scores;   // [tags of the neighbour, padded]
    float* weights;  // exp(scores - largest)
    float* largest;  // [padded]: the largest score over the neighbours
  };
  Neighbours before;
  Neighbours after;
};

// Functions of one row, which has at least one token. Arrays are [length, tags] unless they say
// otherwise.
struct CrfKernels {
  int64_t (*padded)(int64_t tags);

  // The memory of a chain is [chain_size(tags)].
  int64_t (*chain_size)(int64_t tags);
  CrfChain (*prepare)(int64_t tags, const float* start, const float* transition, const float* end,
                      float* memory);

  // The path of the highest score, [length]. `scratch` is [length, padded].
  void (*viterbi)(const CrfChain& chain, const float* emissions, int64_t length, float* scratch,
                  int32_t* path);

  // The log-sums over all prefixes that end in each tag, and over all paths. `scratch` is
  // [3, padded].
  void (*forward)(const CrfChain& chain, const float* emissions, int64_t length, float* scratch,
                  float* forward, float* partition);

  // The log-sums over all suffixes that follow each tag, less the partition. `scratch` is
  // [3, padded].
  void (*backward)(const CrfChain& chain, const float* emissions, int64_t length, float partition,
                   float* scratch, float* backward);
};

}  // namespace textrnn

#endif  // TEXTRNN_CRF_H_
