// Recurrent cells over ragged batches.

#ifndef TEXTRNN_RECURRENT_H_
#define TEXTRNN_RECURRENT_H_

#include <cstdint>
#include <vector>

#include "parallel.h"
#include "recurrent_tasks.h"

namespace textrnn {

// The rows of a ragged batch by length, the longest first. Throws std::invalid_argument if a length
// is negative or the lengths exceed the number of tokens.
class Batch {
 public:
  Batch(const int32_t* lengths, int64_t rows, int64_t tokens);

  int64_t rows() const { return rows_; }  // that have tokens
  int64_t tokens() const { return tokens_; }  // real ones
  int64_t capacity() const { return capacity_; }
  const std::vector<Sequence>& sequences(bool reverse) const {
    return reverse ? backward_ : forward_;
  }

 private:
  std::vector<Sequence> forward_;
  std::vector<Sequence> backward_;
  int64_t rows_ = 0;
  int64_t tokens_ = 0;
  int64_t capacity_;
};

// Runs one task per direction over all rows, each split into groups of rows for the threads. The
// tasks come without sequences and scratch memory. Results at padding are zero.
void forward(const std::vector<ForwardTask>& directions, const Batch& batch,
             const Workers& workers);
void backward(const std::vector<BackwardTask>& directions, const Batch& batch,
              const Workers& workers);

}  // namespace textrnn

#endif  // TEXTRNN_RECURRENT_H_
