#include "recurrent.h"

#include <algorithm>
#include <cstring>
#include <numeric>

#include "library.h"
#include "memory.h"
#include "ragged.h"

namespace textrnn {
namespace {

// With fewer rows, the time goes into reading weights, and groups would each read them.
constexpr int64_t kRowsToSplit = 16;
// With more rows, what a step reads and writes leaves the cache.
constexpr int64_t kMaxRows = 128;

int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }

int64_t groups_per_direction(int64_t directions, int64_t rows, int64_t threads) {
  const int64_t wanted = ceil_div(std::max<int64_t>(threads, 1), directions);
  const int64_t possible = std::max<int64_t>(rows / (kRowsToSplit / 2), 1);
  return std::max(std::min(wanted, possible), ceil_div(rows, kMaxRows));
}

// Every n-th row, which gives groups with nearly equal sums of lengths.
std::vector<Sequence> group(const std::vector<Sequence>& all, int64_t index, int64_t groups) {
  std::vector<Sequence> chosen;
  for (size_t i = index; i < all.size(); i += groups) chosen.push_back(all[i]);
  return chosen;
}

template <class Task>
void run(const std::vector<Task>& directions, const Batch& batch, const Workers& workers,
         int64_t (*scratch)(const Recurrence&), void (*kernel)(const Task&)) {
  const int64_t count = static_cast<int64_t>(directions.size());
  const int64_t groups = groups_per_direction(count, batch.rows(), workers.threads);
  parallel_for(workers, count * groups, [&](int64_t index) {
    Task task = directions[index % count];
    const auto sequences = group(batch.sequences(task.over.stride < 0), index / count, groups);
    task.over.sequences = sequences.data();
    task.over.count = static_cast<int64_t>(sequences.size());
    const Floats memory = allocate(scratch(task.over));
    task.scratch = memory.get();
    kernel(task);
  });
}

// Zeros for the padding after the last token.
void clear_padding(float* array, int64_t width, int64_t stride, const Batch& batch) {
  if (!array) return;
  for (int64_t token = batch.tokens(); token < batch.capacity(); ++token) {
    std::memset(array + token * stride, 0, width * sizeof(float));
  }
}

}  // namespace

TEXTRNN_FOR_EACH_ISA(extern const RecurrentKernels recurrent_kernels;)

Batch::Batch(const int32_t* lengths, int64_t rows, int64_t tokens) : capacity_(tokens) {
  const std::vector<int64_t> bounds = row_bounds("lengths", lengths, rows, tokens);
  tokens_ = bounds.back();
  forward_.reserve(rows);
  for (int64_t row = 0; row < rows; ++row) {
    forward_.push_back({row, bounds[row], lengths[row]});
    rows_ += lengths[row] > 0;
  }
  std::stable_sort(forward_.begin(), forward_.end(),
                   [](const Sequence& a, const Sequence& b) { return a.length > b.length; });
  backward_ = forward_;
  for (Sequence& sequence : backward_) sequence.first += sequence.length - 1;
}

void forward(const std::vector<ForwardTask>& directions, const Batch& batch,
             const Workers& workers) {
  for (const ForwardTask& task : directions) {
    const int64_t hidden = task.over.hidden, width = gates(task.over.cell) * hidden;
    clear_padding(task.outputs, hidden, task.output_stride, batch);
    clear_padding(task.activations, width, width, batch);
    clear_padding(task.states, hidden, hidden, batch);
  }
  const RecurrentKernels& kernels = *TEXTRNN_SELECT(recurrent_kernels);
  run(directions, batch, workers, kernels.forward_scratch, kernels.forward);
}

void backward(const std::vector<BackwardTask>& directions, const Batch& batch,
              const Workers& workers) {
  for (const BackwardTask& task : directions) {
    const int64_t hidden = task.over.hidden, width = gates(task.over.cell) * hidden;
    clear_padding(task.d_projected, width, width, batch);
    clear_padding(task.d_recurrent, width, width, batch);
    clear_padding(task.previous, hidden, hidden, batch);
  }
  const RecurrentKernels& kernels = *TEXTRNN_SELECT(recurrent_kernels);
  run(directions, batch, workers, kernels.backward_scratch, kernels.backward);
}

}  // namespace textrnn
