// The most probable next tokens of hypotheses.
//
// The logits of a block of ids are computed in registers or in a small tile whose lanes are
// hypotheses, and reduced at once. With many hypotheses, each weight is multiplied by vectors of
// hypotheses. With few, whose lanes would be mostly empty, the products run along the features.

#include "../next_tokens.h"

#include "exponential.h"
#include "sums.h"

namespace textrnn::TEXTRNN_ISA_NAMESPACE {
namespace {

// With fewer hypotheses, products along the features are faster.
constexpr int kMany = 8;
// Vectors of hypotheses, and ids, whose sums fit into the registers.
constexpr int kVectors = 2;
constexpr int kIds = kRegisters == 32 ? 12 : 6;
constexpr float kNone = -__builtin_inff();

int64_t transposed_rows(int64_t hypotheses) {
  constexpr int64_t kRows = kVectors * kLanes;
  return (hypotheses + kRows - 1) / kRows * kRows;
}

// To [panels, features, kVectors, kLanes], filled up with zeros.
void transpose(const float* output, int64_t hypotheses, int64_t features, float* transposed) {
  constexpr int64_t kRows = kVectors * kLanes;
  for (int64_t begin = 0; begin < hypotheses; begin += kRows) {
    for (int64_t k = 0; k < features; ++k) {
      for (int64_t row = 0; row < kRows; ++row) {
        const int64_t hypothesis = begin + row;
        *transposed++ = hypothesis < hypotheses ? output[hypothesis * features + k] : 0.0f;
      }
    }
  }
}

// What was found so far for the hypotheses of one vector. In scratch memory for all vectors.
struct Found {
  Vector* largest;
  Vector* sum;
  Vector* least;  // the smallest of the best logits
};

bool any(IntVector lanes) {
  int64_t parts[kLanes / 2], found = 0;
  std::memcpy(parts, &lanes, sizeof(lanes));
  for (int64_t part : parts) found |= part;
  return found;
}

// Adds the logits of `count` ids from `id` on to what was found for the hypotheses from `row` on.
void add(const RankingTask& task, const Found& found, const Vector* logits, int64_t stride,
         int64_t count, int64_t id, int64_t row) {
  Vector& least = found.least[row / kLanes];
  Vector largest = logits[0];
  for (int64_t i = 1; i < count; ++i) {
    const Vector logit = logits[i * stride];
    largest = logit > largest ? logit : largest;
  }
  if (any(largest > least)) {
    const int64_t rows = lanes_of(task.hypotheses - row);
    for (int64_t lane = 0; lane < rows; ++lane) {
      if (!(largest[lane] > least[lane])) continue;
      float* best = task.logits + (row + lane) * task.best;
      for (int64_t i = 0; i < count; ++i) {
        insert(logits[i * stride][lane], static_cast<int32_t>(id + i), task.best, best,
               task.ids + (row + lane) * task.best);
      }
      least[lane] = best[task.best - 1];
    }
  }
  Vector& before = found.largest[row / kLanes];
  largest = before > largest ? before : largest;
  Vector sum = found.sum[row / kLanes] * exp(before - largest);
  for (int64_t i = 0; i < count; ++i) sum += exp(logits[i * stride] - largest);
  before = largest;
  found.sum[row / kLanes] = sum;
}

// The logits of kCount ids for kWidth vectors of hypotheses.
template <int kCount, int kWidth>
inline __attribute__((always_inline)) void multiply(const RankingTask& task, const Found& found,
                                                    int64_t id, int64_t row) {
  constexpr int64_t kRows = kVectors * kLanes;
  const float* x = task.transposed + row / kRows * kRows * task.features;
  const float* weights = task.table + id * task.features;
  Vector sums[kCount][kWidth];
#pragma GCC unroll 12
  for (int i = 0; i < kCount; ++i) {
#pragma GCC unroll 2
    for (int v = 0; v < kWidth; ++v) sums[i][v] = Vector{};
  }
  for (int64_t k = 0; k < task.features; ++k) {
    Vector factors[kWidth];
#pragma GCC unroll 2
    for (int v = 0; v < kWidth; ++v) factors[v] = load(x + (k * kVectors + v) * kLanes);
#pragma GCC unroll 12
    for (int i = 0; i < kCount; ++i) {
      const Vector weight = broadcast(weights[i * task.features + k]);
#pragma GCC unroll 2
      for (int v = 0; v < kWidth; ++v) sums[i][v] += weight * factors[v];
    }
  }
#pragma GCC unroll 12
  for (int i = 0; i < kCount; ++i) {
#pragma GCC unroll 2
    for (int v = 0; v < kWidth; ++v) sums[i][v] += task.bias[id + i];
  }
  for (int v = 0; v < kWidth; ++v) {
    add(task, found, &sums[0][v], kWidth, kCount, id, row + v * kLanes);
  }
}

template <int kCount>
void multiply_all(const RankingTask& task, const Found& found, int64_t id) {
  int64_t row = 0;
  for (; row + kLanes < task.hypotheses; row += kVectors * kLanes) {
    multiply<kCount, kVectors>(task, found, id, row);
  }
  if (row < task.hypotheses) multiply<kCount, 1>(task, found, id, row);
}

void rank_many(const RankingTask& task, const Found& found) {
  int64_t id = task.first;
  for (; id + kIds <= task.last; id += kIds) multiply_all<kIds>(task, found, id);
  for (; id < task.last; ++id) multiply_all<1>(task, found, id);
}

// The products of kCount ids with kRows hypotheses, into a tile of [ids, kMany] floats.
template <int kCount, int kRows>
inline __attribute__((always_inline)) void products(const RankingTask& task, int64_t id,
                                                    float* tile) {
  const float* weights = task.table + id * task.features;
  Vector sums[kCount][kRows] = {};
  for (int64_t k = 0; k < task.features; k += kLanes) {
    const int64_t left = task.features - k;
    Vector factors[kRows];
#pragma GCC unroll 8
    for (int m = 0; m < kRows; ++m) factors[m] = load(task.output + m * task.features + k, left);
#pragma GCC unroll 4
    for (int i = 0; i < kCount; ++i) {
      const Vector weight = load(weights + i * task.features + k, left);
#pragma GCC unroll 8
      for (int m = 0; m < kRows; ++m) sums[i][m] += weight * factors[m];
    }
  }
  for (int i = 0; i < kCount; ++i) {
    for (int m = 0; m < kRows; ++m) tile[i * kMany + m] = total(sums[i][m]) + task.bias[id + i];
  }
}

template <int kRows>
void rank_few(const RankingTask& task, const Found& found) {
  constexpr int kFit = (kRegisters - kRows - 1) / kRows;
  constexpr int kCount = kFit > 4 ? 4 : kFit < 1 ? 1 : kFit;
  constexpr int64_t kTile = 16;
  constexpr int kTileVectors = kMany > kLanes ? kMany / kLanes : 1;
  for (int64_t begin = task.first; begin < task.last; begin += kTile) {
    const int64_t count = task.last - begin < kTile ? task.last - begin : kTile;
    float tile[kTile * kMany] = {};
    int64_t i = 0;
    for (; i + kCount <= count; i += kCount) {
      products<kCount, kRows>(task, begin + i, tile + i * kMany);
    }
    for (; i < count; ++i) products<1, kRows>(task, begin + i, tile + i * kMany);
    Vector logits[kTile * kTileVectors];
    for (i = 0; i < count; ++i) {
      for (int v = 0; v < kTileVectors; ++v) {
        logits[i * kTileVectors + v] = load(tile + i * kMany + v * kLanes, kMany - v * kLanes);
      }
    }
    for (int64_t row = 0; row < task.hypotheses; row += kLanes) {
      add(task, found, logits + row / kLanes, kTileVectors, count, begin, row);
    }
  }
}

void rank(const RankingTask& task) {
  const int64_t rows = transposed_rows(task.hypotheses);
  const Found found = {reinterpret_cast<Vector*>(task.scratch),
                       reinterpret_cast<Vector*>(task.scratch + rows),
                       reinterpret_cast<Vector*>(task.scratch + 2 * rows)};
  for (int64_t row = 0; row < rows; ++row) {
    task.scratch[row] = task.scratch[2 * rows + row] = kNone;
    task.scratch[rows + row] = 0;
  }
  for (int64_t i = 0; i < task.hypotheses * task.best; ++i) {
    task.logits[i] = kNone;
    task.ids[i] = 0;
  }
  switch (task.transposed ? 0 : task.hypotheses) {
    case 1: rank_few<1>(task, found); break;
    case 2: rank_few<2>(task, found); break;
    case 3: rank_few<3>(task, found); break;
    case 4: rank_few<4>(task, found); break;
    case 5: rank_few<5>(task, found); break;
    case 6: rank_few<6>(task, found); break;
    case 7: rank_few<7>(task, found); break;
    default: rank_many(task, found);
  }
  std::memcpy(task.largest, task.scratch, task.hypotheses * sizeof(float));
  std::memcpy(task.sum, task.scratch + rows, task.hypotheses * sizeof(float));
}

}  // namespace

extern const RankingKernels ranking_kernels;
const RankingKernels ranking_kernels = {kMany, transposed_rows, transpose, rank, dot};

}  // namespace textrnn::TEXTRNN_ISA_NAMESPACE
