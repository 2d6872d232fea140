// Attention of queries over the tokens of their rows.

#include "../attention.h"

#include "exponential.h"
#include "sums.h"

namespace textrnn::TEXTRNN_ISA_NAMESPACE {
namespace {

float additive(const float* key, const float* query, const float* vector, int64_t size) {
  Vector sum = {};
  for (int64_t i = 0; i < size; i += kLanes) {
    const int64_t left = size - i;
    sum += tanh(load(key + i, left) + load(query + i, left)) * load(vector + i, left);
  }
  return total(sum);
}

// Scores of tokens to weights that sum to 1, in one column.
void softmax(float* scores, int64_t tokens, int64_t stride) {
  float largest = scores[0];
  for (int64_t t = 1; t < tokens; ++t) {
    if (scores[t * stride] > largest) largest = scores[t * stride];
  }
  float sum = 0;
  for (int64_t t = 0; t < tokens; t += kLanes) {
    const int64_t count = lanes_of(tokens - t);
    Vector shifted = broadcast(-1e9f);
    for (int64_t i = 0; i < count; ++i) shifted[i] = scores[(t + i) * stride] - largest;
    const Vector power = exp(shifted);
    for (int64_t i = 0; i < count; ++i) scores[(t + i) * stride] = power[i];
    sum += total(power);
  }
  for (int64_t t = 0; t < tokens; ++t) scores[t * stride] /= sum;
}

// kVectors vectors of the context of one query.
template <int kVectors>
void mean(const AttentionTask& task, int64_t query, int64_t begin) {
  Vector sum[kVectors] = {};
  for (int64_t t = 0; t < task.tokens; ++t) {
    const Vector weight = broadcast(task.weights[t * task.weights_stride + query]);
    const float* memory = task.memory + t * task.memory_size + begin;
    for (int v = 0; v < kVectors; ++v) {
      sum[v] += weight * load(memory + v * kLanes, task.memory_size - begin - v * kLanes);
    }
  }
  float* context = task.contexts + query * task.memory_size + begin;
  for (int v = 0; v < kVectors; ++v) {
    store(context + v * kLanes, sum[v], task.memory_size - begin - v * kLanes);
  }
}

void attend(const AttentionTask& task) {
  for (int64_t t = 0; t < task.tokens; ++t) {
    const float* key = task.keys + t * task.hidden;
    for (int64_t q = 0; q < task.count; ++q) {
      const float* query = task.queries + q * task.hidden;
      task.weights[t * task.weights_stride + q] =
          task.vector ? additive(key, query, task.vector, task.hidden)
                      : dot(key, query, task.hidden);
    }
  }
  for (int64_t q = 0; q < task.count; ++q) {
    if (task.tokens) softmax(task.weights + q, task.tokens, task.weights_stride);
    int64_t begin = 0;
    for (; begin + 8 * kLanes <= task.memory_size; begin += 8 * kLanes) mean<8>(task, q, begin);
    for (; begin < task.memory_size; begin += kLanes) mean<1>(task, q, begin);
  }
}

}  // namespace

extern const AttentionKernels attention_kernels;
const AttentionKernels attention_kernels = {attend};

}  // namespace textrnn::TEXTRNN_ISA_NAMESPACE
