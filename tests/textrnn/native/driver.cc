// Runs the kernels on random ragged batches whose arrays end where they must, for a build with
// sanitizers, which stop the program at the first access outside of an array. Prints the number of
// batches.

#include <cstdio>
#include <cstdlib>
#include <random>
#include <stdexcept>
#include <thread>

#include "linear.h"
#include "pack.h"
#include "recurrent.h"

namespace {

using namespace textrnn;

std::mt19937 generator(0);

int64_t between(int64_t low, int64_t high) {
  return std::uniform_int_distribution<int64_t>(low, high)(generator);
}

// Arrays of exactly the size that is asked for, so that the next byte belongs to nobody.
class Arrays {
 public:
  float* floats(int64_t count) {
    owned_.emplace_back(new float[count]);
    for (int64_t i = 0; i < count; ++i) owned_.back()[i] = between(-100, 100) / 100.0f;
    return owned_.back().get();
  }

  Matrix matrix(int64_t inputs, const PanelLayout& layout) {
    Matrix matrix = {};
    const int64_t group = byte_group();
    if (group != 4 || between(0, 1)) matrix.floats = floats(inputs * layout.width());
    if (group && (!matrix.floats || between(0, 1))) {
      const int64_t count = (inputs + group - 1) / group * group * layout.width();
      bytes_.emplace_back(new int8_t[count]);
      for (int64_t i = 0; i < count; ++i) bytes_.back()[i] = between(-127, 127);
      matrix.bytes = bytes_.back().get();
      matrix.scales = floats(layout.width());
      matrix.offsets = reinterpret_cast<const int32_t*>(floats(layout.width()));
    }
    return matrix;
  }

  Source source(int64_t rows, int64_t columns) {
    const bool bfloat16 = between(0, 1);
    const int64_t values = rows * columns;
    return {floats(bfloat16 ? (values + 1) / 2 : values), bfloat16, rows, columns};
  }

 private:
  std::vector<std::unique_ptr<float[]>> owned_;
  std::vector<std::unique_ptr<int8_t[]>> bytes_;
};

// A pool of two threads that start tasks at any time, also after the call.
class Pool {
 public:
  ~Pool() {
    for (std::thread& thread : threads_) thread.join();
  }
  Workers workers() {
    return {2, [this](std::function<void()> task) { threads_.emplace_back(std::move(task)); }};
  }

 private:
  std::vector<std::thread> threads_;
};

void recurrent() {
  Arrays arrays;
  Pool pool;
  const auto cell = static_cast<Cell>(between(0, 2));
  const int64_t rows = between(1, 40), hidden = between(1, 70), inputs = between(1, 70);
  const int64_t directions = between(1, 2), width = gates(cell) * hidden;
  std::vector<int32_t> lengths(rows);
  int64_t tokens = between(0, 3);
  for (int32_t& length : lengths) tokens += length = between(0, 1) * between(0, 9);
  const PanelLayout layout(gates(cell), hidden, lanes());

  std::vector<ForwardTask> tasks(directions);
  std::vector<BackwardTask> back(directions);
  std::vector<Packing> packings;
  float* outputs = arrays.floats(tokens * directions * hidden);
  float* d_outputs = arrays.floats(tokens * directions * hidden);
  for (int64_t d = 0; d < directions; ++d) {
    ForwardTask& f = tasks[d];
    f.over = {cell, inputs, hidden, d ? -1 : 1, nullptr, 0};
    f.x = arrays.floats(tokens * inputs);
    const bool pairs = multiplies_bfloat16() && between(0, 1);
    const Source recurrent_kernel = arrays.source(hidden, width);
    packings.push_back({recurrent_kernel, PanelLayout(1, hidden, lanes()), true, pairs});
    packings.push_back({recurrent_kernel, layout, false, pairs});
    packings.push_back({arrays.source(inputs, width), layout, false, pairs});
    f.bias = arrays.floats(width);
    f.recurrent_bias = arrays.floats(hidden);
    f.initial_c = arrays.floats(rows * hidden);
    f.initial_h = arrays.floats(rows * hidden);
    f.outputs = outputs + d * hidden;
    f.output_stride = directions * hidden;
    f.final_c = arrays.floats(rows * hidden);
    f.final_h = arrays.floats(rows * hidden);
    if (cell != Cell::kElman) {
      f.activations = arrays.floats(tokens * width);
      f.states = arrays.floats(tokens * hidden);
    }
    BackwardTask& b = back[d];
    b.over = f.over;
    b.outputs = f.outputs;
    b.d_outputs = d_outputs + d * hidden;
    b.output_stride = f.output_stride;
    b.initial_c = f.initial_c;
    b.initial_h = f.initial_h;
    b.activations = f.activations;
    b.states = f.states;
    b.d_final_c = arrays.floats(rows * hidden);
    b.d_final_h = arrays.floats(rows * hidden);
    b.d_projected = arrays.floats(tokens * width);
    if (cell == Cell::kGru) b.d_recurrent = arrays.floats(tokens * width);
    b.previous = arrays.floats(tokens * hidden);
    b.d_initial_c = arrays.floats(rows * hidden);
    b.d_initial_h = arrays.floats(rows * hidden);
  }
  const std::vector<PackedMatrix> packed = pack(packings, pool.workers());
  for (int64_t d = 0; d < directions; ++d) {
    const bool at_call = packings[3 * d].pairs || between(0, 1);
    back[d].transposed_kernel = packed[3 * d].matrix;
    tasks[d].recurrent_kernel =
        at_call ? packed[3 * d + 1].matrix : arrays.matrix(hidden, layout);
    tasks[d].input_kernel = at_call ? packed[3 * d + 2].matrix : arrays.matrix(inputs, layout);
  }
  const Batch batch(lengths.data(), rows, tokens);
  forward(tasks, batch, pool.workers());
  backward(back, batch, pool.workers());
}

void linear_layer() {
  Arrays arrays;
  Pool pool;
  LinearTask task = {};
  task.rows = between(0, 200);
  task.inputs = between(1, 200);
  task.outputs = between(1, 300);
  task.x = arrays.floats(task.rows * task.inputs);
  const PanelLayout layout(1, task.outputs, lanes());
  task.kernel = arrays.matrix(task.inputs, layout);
  std::vector<PackedMatrix> packed;
  if (multiplies_bfloat16() && between(0, 1)) {
    packed = pack({{arrays.source(task.inputs, task.outputs), layout, false, true}}, pool.workers());
    task.kernel = packed[0].matrix;
  }
  if (between(0, 1)) task.bias = arrays.floats(task.outputs);
  task.y = arrays.floats(task.rows * task.outputs);
  linear(task, pool.workers());
}

void hostile_lengths() {
  for (const auto& lengths : {std::vector<int32_t>{3, -1, 2}, std::vector<int32_t>{2, 2, 1},
                              std::vector<int32_t>{INT32_MAX, INT32_MAX, INT32_MAX}}) {
    try {
      Batch(lengths.data(), 3, 4);
    } catch (const std::invalid_argument&) {
      continue;
    }
    std::abort();
  }
}

}  // namespace

int main(int argc, char** argv) {
  const int batches = argc > 1 ? std::atoi(argv[1]) : 200;
  hostile_lengths();
  for (int batch = 0; batch < batches; ++batch) {
    recurrent();
    linear_layer();
  }
  std::printf("%d batches\n", batches);
}
