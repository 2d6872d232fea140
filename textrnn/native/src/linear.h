// x W + b.

#ifndef TEXTRNN_LINEAR_H_
#define TEXTRNN_LINEAR_H_

#include <cstdint>

#include "panels.h"

namespace textrnn {

struct LinearTask {
  const float* x;  // [rows, inputs]
  int64_t rows;
  int64_t inputs;
  int64_t outputs;
  Matrix kernel;      // [inputs, outputs]
  const float* bias;  // [outputs], or null
  float* y;           // [rows, outputs]
  int64_t first_panel;  // the part of the columns that is computed
  int64_t last_panel;
};

struct LinearKernels {
  void (*linear)(const LinearTask&);
};

}  // namespace textrnn

#endif  // TEXTRNN_LINEAR_H_
