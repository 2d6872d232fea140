#include "../characters.h"

#include "vectors.h"

namespace textrnn::TEXTRNN_ISA_NAMESPACE {
namespace {

// The places in `products` of the letters that the filters see around a word: its letters, and
// kPad, whose product is zero, before and after it. Returns the number of its letters.
int64_t letters_of(const CharacterCnn& cnn, int64_t word, int64_t* rows) {
  const int64_t row = cnn.window * cnn.padded, before = cnn.window / 2;
  const int32_t* letters = cnn.letters + word * cnn.length;
  int64_t count = 0;
  for (; count < cnn.length && letters[count] != kPad; ++count) {
    rows[before + count] = letters[count] * row;
  }
  for (int64_t i = 0; i < before; ++i) rows[i] = kPad * row;
  for (int64_t i = before + count; i < count + cnn.window; ++i) rows[i] = kPad * row;
  return count;
}

// The responses of the filters from `feature` on at one letter.
Vector respond(const CharacterCnn& cnn, const int64_t* rows, int64_t feature) {
  const float* products = cnn.products + feature;
  Vector sum = load(products + rows[0]);
  for (int64_t i = 1; i < cnn.window; ++i) sum += load(products + rows[i] + i * cnn.padded);
  return sum;
}

void forward(const CharacterCnn& cnn, int64_t first, int64_t last, int64_t* rows, float* outputs) {
  for (int64_t word = first; word < last; ++word) {
    float* output = outputs + word * cnn.features;
    const int64_t count = letters_of(cnn, word, rows);
    if (count == 0) {
      std::memset(output, 0, cnn.features * sizeof(float));
      continue;
    }
    for (int64_t feature = 0; feature < cnn.features; feature += kLanes) {
      Vector largest = respond(cnn, rows, feature);
      for (int64_t letter = 1; letter < count; ++letter) {
        const Vector response = respond(cnn, rows + letter, feature);
        largest = largest < response ? response : largest;
      }
      store(output + feature, tanh(largest + load(cnn.bias + feature)), cnn.features - feature);
    }
  }
}

void backward_lanes(const CharacterCnn& cnn, int64_t words, int64_t feature, const float* outputs,
                    const float* d_outputs, int64_t* rows, float* d_products, float* d_bias) {
  const int64_t lanes = cnn.features - feature < kLanes ? cnn.features - feature : kLanes;
  Vector d_sum = {};
  for (int64_t word = 0; word < words; ++word) {
    const int64_t count = letters_of(cnn, word, rows);
    if (count == 0) continue;
    // The letter at which each filter responded most.
    Vector largest = respond(cnn, rows, feature);
    IntVector winner = {};
    for (int64_t letter = 1; letter < count; ++letter) {
      const Vector response = respond(cnn, rows + letter, feature);
      winner = largest < response ? IntVector{} + static_cast<int32_t>(letter) : winner;
      largest = largest < response ? response : largest;
    }
    const int64_t at = word * cnn.features + feature;
    const Vector output = load(outputs + at, lanes);
    const Vector d = load(d_outputs + at, lanes) * (1.0f - output * output);
    d_sum += d;
    for (int64_t lane = 0; lane < lanes; ++lane) {
      const int64_t* seen = rows + winner[lane];
      for (int64_t i = 0; i < cnn.window; ++i) {
        d_products[seen[i] + i * cnn.padded + feature + lane] += d[lane];
      }
    }
  }
  store(d_bias + feature, load(d_bias + feature, lanes) + d_sum, lanes);
}

void backward(const CharacterCnn& cnn, int64_t words, int64_t feature, const float* outputs,
              const float* d_outputs, int64_t* rows, float* d_products, float* d_bias) {
  const int64_t end = feature + 16 < cnn.features ? feature + 16 : cnn.features;
  for (; feature < end; feature += kLanes) {
    backward_lanes(cnn, words, feature, outputs, d_outputs, rows, d_products, d_bias);
  }
}

}  // namespace

extern const CharacterKernels character_kernels;
const CharacterKernels character_kernels = {forward, backward};

}  // namespace textrnn::TEXTRNN_ISA_NAMESPACE
