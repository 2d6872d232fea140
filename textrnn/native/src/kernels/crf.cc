#include "crf.h"

#include "exponential.h"
#include "vectors.h"

namespace textrnn::TEXTRNN_ISA_NAMESPACE {
namespace {

// The score of a tag that does not exist: far below FORBIDDEN, and sums of it are finite.
constexpr float kAbsent = -1e30f;

int64_t padded(int64_t tags) { return (tags + kLanes - 1) / kLanes * kLanes; }

int64_t chain_size(int64_t tags) { return padded(tags) * (4 * tags + 4); }

void pad(const float* source, int64_t tags, float* target) {
  for (int64_t j = 0; j < padded(tags); ++j) target[j] = j < tags ? source[j] : kAbsent;
}

// `scores` is read as [neighbour, tag] with these strides.
CrfChain::Neighbours prepare_neighbours(int64_t tags, const float* scores, int64_t neighbour_stride,
                                        int64_t tag_stride, float* memory) {
  const int64_t width = padded(tags);
  CrfChain::Neighbours result{memory, memory + tags * width, memory + 2 * tags * width};
  for (int64_t j = 0; j < width; ++j) {
    float largest = kAbsent;
    for (int64_t k = 0; k < tags; ++k) {
      const float score = j < tags ? scores[k * neighbour_stride + j * tag_stride] : kAbsent;
      result.scores[k * width + j] = score;
      largest = largest < score ? score : largest;
    }
    result.largest[j] = largest;
  }
  for (int64_t k = 0; k < tags; ++k) {
    for (int64_t j = 0; j < width; j += kLanes) {
      const int64_t at = k * width + j;
      store(result.weights + at, exp(load(result.scores + at) - load(result.largest + j)));
    }
  }
  return result;
}

CrfChain prepare(int64_t tags, const float* start, const float* transition, const float* end,
                 float* memory) {
  const int64_t width = padded(tags);
  CrfChain chain{tags, width, memory, memory + width, {}, {}};
  pad(start, tags, chain.start);
  pad(end, tags, chain.end);
  memory += 2 * width;
  chain.before = prepare_neighbours(tags, transition, tags, 1, memory);
  memory += (2 * tags + 1) * width;
  chain.after = prepare_neighbours(tags, transition, 1, tags, memory);
  return chain;
}

float largest_of(const float* x, int64_t width) {
  Vector largest = load(x);
  for (int64_t j = kLanes; j < width; j += kLanes) {
    const Vector next = load(x + j);
    largest = largest < next ? next : largest;
  }
  float result = largest[0];
  for (int lane = 1; lane < kLanes; ++lane) {
    result = result < largest[lane] ? largest[lane] : result;
  }
  return result;
}

float log_sum(const float* x, int64_t width) {
  const float largest = largest_of(x, width);
  Vector sum = {};
  for (int64_t j = 0; j < width; j += kLanes) sum += exp(load(x + j) - largest);
  float total = 0;
  for (int lane = 0; lane < kLanes; ++lane) total += sum[lane];
  return largest + log(broadcast(total))[0];
}

bool any(IntVector mask) {
  int32_t result = 0;
  for (int lane = 0; lane < kLanes; ++lane) result |= mask[lane];
  return result != 0;
}

// log(sum over k of exp(x[k] - base + scores[k, j])) for the lanes from j on.
Vector log_sum_exactly(const CrfChain::Neighbours& from, int64_t tags, int64_t width,
                       const float* x, float base, int64_t j) {
  Vector largest = broadcast(2 * kAbsent);
  for (int64_t k = 0; k < tags; ++k) {
    const Vector score = (x[k] - base) + load(from.scores + k * width + j);
    largest = largest < score ? score : largest;
  }
  Vector sum = {};
  for (int64_t k = 0; k < tags; ++k) {
    sum += exp((x[k] - base) + load(from.scores + k * width + j) - largest);
  }
  return largest + log(sum);
}

// y[j] = log(sum over k of exp(x[k] - base + scores[k, j])) where `base`, which is returned, is the
// largest x. Without it y would grow with the row, and lose precision.
//
// The sum is the product of the exponentials of x and of the scores, each relative to the largest.
// Where it is so small that parts of it may have underflowed, the exponents are added first.
// `powers` is memory for [padded].
float log_sums(const CrfChain::Neighbours& from, int64_t tags, int64_t width, const float* x,
               float* powers, float* y) {
  constexpr float kSmall = 1e-30f;
  const float base = largest_of(x, width);
  for (int64_t k = 0; k < width; k += kLanes) store(powers + k, exp(load(x + k) - base));
  for (int64_t j = 0; j < width; j += kLanes) {
    Vector sum = {};
    for (int64_t k = 0; k < tags; ++k) sum += powers[k] * load(from.weights + k * width + j);
    Vector result = load(from.largest + j) + log(sum);
    if (any(sum < kSmall)) {
      const Vector exact = log_sum_exactly(from, tags, width, x, base, j);
      result = sum < kSmall ? exact : result;
    }
    store(y + j, result);
  }
  return base;
}

void viterbi(const CrfChain& chain, const float* emissions, int64_t length, float* best,
             int32_t* path) {
  const int64_t tags = chain.tags, width = chain.padded;
  const CrfChain::Neighbours& from = chain.before;
  for (int64_t t = 0; t < length; ++t) {
    const float* last = best + (t - 1) * width;
    for (int64_t j = 0; j < width; j += kLanes) {
      Vector score = load(t > 0 ? from.scores + j : chain.start + j);
      if (t > 0) {
        score += last[0];
        for (int64_t k = 1; k < tags; ++k) {
          const Vector other = last[k] + load(from.scores + k * width + j);
          score = score < other ? other : score;
        }
      }
      store(best + t * width + j, score + load(emissions + t * tags + j, tags - j));
    }
  }
  // The tag before each tag of the path is found again, in time linear in the tags.
  const float* onward = chain.end;
  for (int64_t t = length - 1; t >= 0; --t) {
    const float* scores = best + t * width;
    int32_t tag = 0;
    for (int32_t k = 1; k < tags; ++k) {
      if (scores[tag] + onward[tag] < scores[k] + onward[k]) tag = k;
    }
    path[t] = tag;
    onward = chain.after.scores + tag * width;
  }
}

void forward(const CrfChain& chain, const float* emissions, int64_t length, float* scratch,
             float* forward, float* partition) {
  const int64_t tags = chain.tags, width = chain.padded;
  float *sums = scratch, *state = scratch + width, *powers = scratch + 2 * width;
  double base = 0;
  std::memcpy(sums, chain.start, width * sizeof(float));
  for (int64_t t = 0; t < length; ++t) {
    if (t > 0) base += log_sums(chain.before, tags, width, state, powers, sums);
    for (int64_t j = 0; j < width; j += kLanes) {
      const Vector value = load(sums + j) + load(emissions + t * tags + j, tags - j);
      store(state + j, value);
      store(forward + t * tags + j, value + static_cast<float>(base), tags - j);
    }
  }
  for (int64_t j = 0; j < width; j += kLanes) {
    store(sums + j, load(state + j) + load(chain.end + j));
  }
  *partition = base + log_sum(sums, width);
}

void backward(const CrfChain& chain, const float* emissions, int64_t length, float partition,
              float* scratch, float* backward) {
  const int64_t tags = chain.tags, width = chain.padded;
  float *sums = scratch, *state = scratch + width, *powers = scratch + 2 * width;
  double base = -partition;
  std::memcpy(sums, chain.end, width * sizeof(float));
  for (int64_t t = length - 1; t >= 0; --t) {
    for (int64_t j = 0; j < width; j += kLanes) {
      const Vector value = load(sums + j);
      store(backward + t * tags + j, value + static_cast<float>(base), tags - j);
      store(state + j, value + load(emissions + t * tags + j, tags - j));
    }
    if (t > 0) base += log_sums(chain.after, tags, width, state, powers, sums);
  }
}

}  // namespace

extern const CrfKernels crf_kernels;
const CrfKernels crf_kernels = {padded, chain_size, prepare, viterbi, forward, backward};

}  // namespace textrnn::TEXTRNN_ISA_NAMESPACE
