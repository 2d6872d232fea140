// x W + b, for kernels that contain such a product, and for linear.cc.

#ifndef TEXTRNN_KERNELS_LINEAR_H_
#define TEXTRNN_KERNELS_LINEAR_H_

#include "../linear_tasks.h"
#include "product.h"

namespace textrnn::TEXTRNN_ISA_NAMESPACE {

// Rows that are multiplied by all panels before the next ones, so that they stay in the cache.
constexpr int64_t kLinearRows = 96;

inline int64_t linear_scratch(const LinearTask& task) {
  return (row_bytes(task.inputs, kLinearRows) + kLinearRows * sizeof(float*)) / sizeof(float);
}

template <class Rows>
inline void linear(const LinearTask& task, Rows rows, const float** pointers) {
  constexpr int64_t kColumns = 4 * kLanes;
  for (int64_t begin = 0; begin < task.rows; begin += kLinearRows) {
    const int64_t left = task.rows - begin, count = left < kLinearRows ? left : kLinearRows;
    for (int64_t m = 0; m < count; ++m) pointers[m] = task.x + (begin + m) * task.inputs;
    rows.prepare(pointers, count);
    for (int64_t panel = task.first_panel; panel < task.last_panel; ++panel) {
      Vector bias[4] = {};
      int64_t columns[4];
      for (int v = 0; v < 4; ++v) {
        const int64_t column = panel * kColumns + v * kLanes;
        columns[v] = lanes_of(task.outputs - column);
        if (task.bias && columns[v]) bias[v] = load(task.bias + column, columns[v]);
      }
      for_each_block<Rows::template kMax<4>>(count, [&](int64_t first, auto n) {
        constexpr int kRows = decltype(n)::value;
        Vector sums[kRows][4];
        rows.multiply(task.kernel, panel, first, sums);
        for (int m = 0; m < kRows; ++m) {
          float* y = task.y + (begin + first + m) * task.outputs + panel * kColumns;
          for (int v = 0; v < 4 && columns[v]; ++v) {
            store(y + v * kLanes, sums[m][v] + bias[v], columns[v]);
          }
        }
      });
    }
  }
}

inline void linear(const LinearTask& task) {
  auto** pointers = reinterpret_cast<const float**>(task.scratch);
#if defined(__AVX512VNNI__)
  auto* memory = reinterpret_cast<uint8_t*>(pointers + kLinearRows);
#if defined(__AVX512BF16__)
  if (task.kernel.pairs) return linear(task, Bfloat16Rows(task.inputs, memory), pointers);
#endif
  if (task.kernel.bytes) return linear(task, DigitRows(task.inputs, memory), pointers);
#endif
  linear(task, FloatRows(task.inputs), pointers);
}

}  // namespace textrnn::TEXTRNN_ISA_NAMESPACE

#endif  // TEXTRNN_KERNELS_LINEAR_H_
