// What the kernels of recurrent cells take.
//
// All arrays are row-major. Their `tokens` axis has the tokens of all rows, one row after another.

#ifndef TEXTRNN_RECURRENT_TASKS_H_
#define TEXTRNN_RECURRENT_TASKS_H_

#include <cstdint>

#include "panels.h"

namespace textrnn {

enum class Cell : int64_t { kElman = 0, kLstm = 1, kGru = 2 };

// Columns of a cell's kernels per hidden unit.
[[gnu::always_inline]] inline int64_t gates(Cell cell) {
  return cell == Cell::kLstm ? 4 : cell == Cell::kGru ? 3 : 1;
}

// One row of a batch in the order in which a direction reads it.
struct Sequence {
  int64_t row;     // index of its carry
  int64_t first;   // the token that is read first
  int64_t length;  // steps
};

// One direction of a network over some of the rows.
struct Recurrence {
  Cell cell;
  int64_t inputs;
  int64_t hidden;
  int64_t stride;             // from one token to the next: 1, or -1 in reverse
  const Sequence* sequences;  // the longest first
  int64_t count;
};

struct ForwardTask {
  Recurrence over;
  const float* x;               // [tokens, inputs]
  Matrix input_kernel;          // [inputs, gates * hidden]
  Matrix recurrent_kernel;      // [hidden, gates * hidden]
  const float* bias;            // [gates * hidden]
  const float* recurrent_bias;  // [hidden]; GRU
  const float* initial_c;       // [rows, hidden]; LSTM
  const float* initial_h;       // [rows, hidden]
  float* outputs;               // [tokens, hidden], each output_stride after the one before
  int64_t output_stride;
  float* final_c;  // [rows, hidden]; LSTM
  float* final_h;  // [rows, hidden]
  // What the backward pass of LSTM and GRU reads, or null.
  float* activations;  // [tokens, gates * hidden]: the gates, after their nonlinearity
  float* states;       // [tokens, hidden]; LSTM: c; GRU: h U + b' of the gate n
  float* scratch;      // forward_scratch() floats
};

struct BackwardTask {
  Recurrence over;
  Matrix transposed_kernel;  // the transposed recurrent kernel, [gates * hidden, hidden]
  const float* outputs;      // as in ForwardTask
  const float* d_outputs;    // [tokens, hidden], each output_stride after the one before
  int64_t output_stride;
  const float* initial_c;
  const float* initial_h;
  const float* activations;
  const float* states;
  const float* d_final_c;  // [rows, hidden]; LSTM
  const float* d_final_h;  // [rows, hidden]
  float* d_projected;      // [tokens, gates * hidden]: the gradient of x W + b
  float* d_recurrent;      // [tokens, gates * hidden]: that of h U; GRU, else it is d_projected
  float* previous;         // [tokens, hidden]: the h that was multiplied by U
  float* d_initial_c;      // [rows, hidden]; LSTM
  float* d_initial_h;      // [rows, hidden]
  float* scratch;          // backward_scratch() floats
};

// The parts of a call that are compiled once per instruction set.
struct RecurrentKernels {
  int64_t (*forward_scratch)(const Recurrence&);
  int64_t (*backward_scratch)(const Recurrence&);
  void (*forward)(const ForwardTask&);
  void (*backward)(const BackwardTask&);
};

}  // namespace textrnn

#endif  // TEXTRNN_RECURRENT_TASKS_H_
