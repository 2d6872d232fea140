// What the kernel of a linear layer takes.

#ifndef TEXTRNN_LINEAR_TASKS_H_
#define TEXTRNN_LINEAR_TASKS_H_

#include <cstdint>

#include "panels.h"

namespace textrnn {

struct LinearTask {
  const float* x;  // [rows, inputs]
  int64_t rows;
  int64_t inputs;
  int64_t outputs;
  Matrix kernel;        // [inputs, outputs]
  const float* bias;    // [outputs], or null
  float* y;             // [rows, outputs]
  int64_t first_panel;  // the columns that are computed
  int64_t last_panel;
  float* scratch;  // scratch() floats
};

struct LinearKernels {
  int64_t (*scratch)(const LinearTask&);
  void (*linear)(const LinearTask&);
};

}  // namespace textrnn

#endif  // TEXTRNN_LINEAR_TASKS_H_
