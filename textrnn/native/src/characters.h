// A convolution over the letters of words, with the maximum over each word.

#ifndef TEXTRNN_CHARACTERS_H_
#define TEXTRNN_CHARACTERS_H_

#include <cstdint>

namespace textrnn {

constexpr int32_t kPad = 0;

// The arguments of a layer. `padded` is a multiple of 16; features from `features` on are padding.
struct CharacterCnn {
  const float* products;  // [alphabet, window, padded]: a letter's share in the filters at each place
  const float* bias;      // [padded]
  const int32_t* letters;  // [words, length], each word filled up with kPad
  int64_t window;
  int64_t padded;
  int64_t features;
  int64_t length;
};

// `scratch` is [length + window].
struct CharacterKernels {
  // Writes `outputs` [words, features] from word `first` up to `last`; zeros for an empty word.
  void (*forward)(const CharacterCnn& cnn, int64_t first, int64_t last, int64_t* scratch,
                  float* outputs);

  // Adds to a block of 16 features, from `feature` on, of `d_products` and `d_bias`.
  void (*backward)(const CharacterCnn& cnn, int64_t words, int64_t feature, const float* outputs,
                   const float* d_outputs, int64_t* scratch, float* d_products, float* d_bias);
};

}  // namespace textrnn

#endif  // TEXTRNN_CHARACTERS_H_
