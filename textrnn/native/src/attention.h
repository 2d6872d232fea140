// Attention of queries over the tokens of their rows.

#ifndef TEXTRNN_ATTENTION_H_
#define TEXTRNN_ATTENTION_H_

#include <cstdint>

namespace textrnn {

// The queries of one row, and the tokens that they read. Arrays begin at the row's first entry.
struct AttentionTask {
  const float* memory;  // [tokens, memory_size]
  const float* keys;    // [tokens, hidden]
  int64_t tokens;
  const float* queries;  // [count, hidden]
  int64_t count;
  const float* vector;  // [hidden]: scores are tanh(key + query) . vector; or null: key . query
  int64_t memory_size;
  int64_t hidden;
  float* contexts;  // [count, memory_size]
  float* weights;   // [tokens, weights_stride]; the first `count` columns are written
  int64_t weights_stride;
};

struct AttentionKernels {
  void (*attend)(const AttentionTask&);
};

}  // namespace textrnn

#endif  // TEXTRNN_ATTENTION_H_
