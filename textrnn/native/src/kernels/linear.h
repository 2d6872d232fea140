// x W + b, for kernels that contain such a product, and for linear.cc.

#ifndef TEXTRNN_KERNELS_LINEAR_H_
#define TEXTRNN_KERNELS_LINEAR_H_

#include "../linear.h"
#include "product.h"

namespace textrnn::TEXTRNN_ISA_NAMESPACE {

inline void linear(const LinearTask& task) {
  constexpr int64_t kColumns = 4 * kLanes;
  const float* rows[kMaxRows<4>];
  for (int64_t panel = task.first_panel; panel < task.last_panel; ++panel) {
    const int64_t column = panel * kColumns;
    const float* weights = task.kernel.panels + panel * task.inputs * kColumns;
    Vector bias[4] = {};
    for (int v = 0; v < 4 && task.bias; ++v) {
      const int64_t begin = column + v * kLanes;
      bias[v] = load(task.bias + begin, lanes_of(task.outputs - begin));
    }
    for_each_block<kMaxRows<4>>(task.rows, [&](int64_t first, auto n) {
      constexpr int kRows = decltype(n)::value;
      for (int m = 0; m < kRows; ++m) rows[m] = task.x + (first + m) * task.inputs;
      Vector sums[kRows][4];
      product(rows, task.inputs, weights, sums);
      for (int m = 0; m < kRows; ++m) {
        for (int v = 0; v < 4; ++v) {
          const int64_t begin = column + v * kLanes;
          store(task.y + (first + m) * task.outputs + begin, sums[m][v] + bias[v],
                lanes_of(task.outputs - begin));
        }
      }
    });
  }
}

}  // namespace textrnn::TEXTRNN_ISA_NAMESPACE

#endif  // TEXTRNN_KERNELS_LINEAR_H_
