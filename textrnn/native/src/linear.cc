#include "linear.h"

#include <algorithm>

#include "library.h"
#include "memory.h"

namespace textrnn {
namespace {

// With fewer rows to a task, columns are split instead, since each task reads the whole matrix.
constexpr int64_t kRowsPerTask = 48;
// A task has at least so many multiplications, some 20 microseconds.
constexpr int64_t kWorkPerTask = 1 << 20;

}  // namespace

TEXTRNN_FOR_EACH_ISA(extern const LinearKernels linear_kernels;)

void linear(const LinearTask& whole, const Workers& workers) {
  const LinearKernels& kernels = *TEXTRNN_SELECT(linear_kernels);
  const int64_t panels = PanelLayout(1, whole.outputs, lanes()).panels;
  const int64_t work = whole.rows * whole.inputs * whole.outputs;
  const int64_t tasks = std::clamp<int64_t>(work / kWorkPerTask, 1,
                                            std::max<int64_t>(workers.threads, 1));
  const int64_t by_rows = std::clamp<int64_t>(whole.rows / kRowsPerTask, 1, tasks);
  const int64_t by_panels = std::min(tasks / by_rows, panels);
  parallel_for(workers, by_rows * by_panels, [&](int64_t index) {
    const int64_t row_part = index % by_rows, panel_part = index / by_rows;
    const int64_t first_row = whole.rows * row_part / by_rows;
    LinearTask task = whole;
    task.rows = whole.rows * (row_part + 1) / by_rows - first_row;
    task.x += first_row * whole.inputs;
    task.y += first_row * whole.outputs;
    task.first_panel = panels * panel_part / by_panels;
    task.last_panel = panels * (panel_part + 1) / by_panels;
    const Floats memory = allocate(kernels.scratch(task));
    task.scratch = memory.get();
    kernels.linear(task);
  });
}

}  // namespace textrnn
