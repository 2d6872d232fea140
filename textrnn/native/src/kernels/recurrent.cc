// Recurrent cells over ragged rows, forward and backward.
//
// Rows are sorted by length, so that the rows that still run at a step are a prefix. The products
// with the input kernel are made for a chunk of steps at a time, over the tokens of all its rows;
// a chunk is so small that the results stay in the cache.

#include "../recurrent_tasks.h"
#include "product.h"

namespace textrnn::TEXTRNN_ISA_NAMESPACE {
namespace {

constexpr int64_t kChunkTokens = 96;

int64_t pad(int64_t hidden) { return (hidden + kLanes - 1) / kLanes * kLanes; }

PanelLayout layout_of(const Recurrence& over) {
  return PanelLayout(gates(over.cell), over.hidden, kLanes);
}

int64_t pointers_as_floats(int64_t count) { return 2 * count; }

// One step of a block of rows.
struct Step {
  const ForwardTask& task;
  const int64_t* token;      // [rows of the block]
  const float* const* h;     // [rows of the block]: the state before
  const float* projected;    // [rows of the block][panels][vectors][lanes]
  int64_t projected_stride;  // from one row to the next
  float* c;                  // [rows of the block][padded hidden]; LSTM
};

struct Lstm {
  static constexpr int kVectors = 4;

  template <int kRows>
  static void finish(const Step& step, int64_t panel, Vector (&sums)[kRows][kVectors]) {
    const ForwardTask& task = step.task;
    const int64_t hidden = task.over.hidden, unit = panel * kLanes;
    const int64_t count = lanes_of(hidden - unit);
    for (int m = 0; m < kRows; ++m) {
      const float* p = step.projected + m * step.projected_stride + panel * kVectors * kLanes;
      const Vector i = sigmoid(sums[m][0] + load(p));
      const Vector f = sigmoid(sums[m][1] + load(p + kLanes));
      const Vector g = tanh(sums[m][2] + load(p + 2 * kLanes));
      const Vector o = sigmoid(sums[m][3] + load(p + 3 * kLanes));
      float* cell = step.c + m * pad(hidden) + unit;
      const Vector c = f * load(cell) + i * g;
      store(cell, c);
      const int64_t token = step.token[m];
      store(task.outputs + token * task.output_stride + unit, o * tanh(c), count);
      if (task.activations) {
        float* saved = task.activations + token * 4 * hidden + unit;
        store(saved, i, count);
        store(saved + hidden, f, count);
        store(saved + 2 * hidden, g, count);
        store(saved + 3 * hidden, o, count);
        store(task.states + token * hidden + unit, c, count);
      }
    }
  }
};

struct Gru {
  static constexpr int kVectors = 3;

  template <int kRows>
  static void finish(const Step& step, int64_t panel, Vector (&sums)[kRows][kVectors]) {
    const ForwardTask& task = step.task;
    const int64_t hidden = task.over.hidden, unit = panel * kLanes;
    const int64_t count = lanes_of(hidden - unit);
    const Vector recurrent_bias = load(task.recurrent_bias + unit, count);
    for (int m = 0; m < kRows; ++m) {
      const float* p = step.projected + m * step.projected_stride + panel * kVectors * kLanes;
      const Vector r = sigmoid(sums[m][0] + load(p));
      const Vector z = sigmoid(sums[m][1] + load(p + kLanes));
      const Vector recurrent = sums[m][2] + recurrent_bias;
      const Vector n = tanh(load(p + 2 * kLanes) + r * recurrent);
      const Vector h = n + z * (load(step.h[m] + unit, count) - n);
      const int64_t token = step.token[m];
      store(task.outputs + token * task.output_stride + unit, h, count);
      if (task.activations) {
        float* saved = task.activations + token * 3 * hidden + unit;
        store(saved, r, count);
        store(saved + hidden, z, count);
        store(saved + 2 * hidden, n, count);
        store(task.states + token * hidden + unit, recurrent, count);
      }
    }
  }
};

struct Elman {
  static constexpr int kVectors = 4;

  template <int kRows>
  static void finish(const Step& step, int64_t panel, Vector (&sums)[kRows][kVectors]) {
    const ForwardTask& task = step.task;
    for (int m = 0; m < kRows; ++m) {
      const float* p = step.projected + m * step.projected_stride + panel * kVectors * kLanes;
      float* output = task.outputs + step.token[m] * task.output_stride;
      for (int v = 0; v < kVectors; ++v) {
        const int64_t unit = (panel * kVectors + v) * kLanes;
        const int64_t count = lanes_of(task.over.hidden - unit);
        store(output + unit, tanh(sums[m][v] + load(p + v * kLanes)), count);
      }
    }
  }
};

// projected = x W + b for a chunk of tokens.
template <int kVectors, class Rows>
void project(const ForwardTask& task, const PanelLayout& layout, const Rows& x, int64_t count,
             float* projected) {
  for (int64_t panel = 0; panel < layout.panels; ++panel) {
    Vector bias[kVectors];
    for (int v = 0; v < kVectors; ++v) {
      const int64_t columns = lanes_of(layout.hidden - layout.unit(panel, v));
      bias[v] = load(task.bias + layout.column(panel, v), columns);
    }
    float* out = projected + panel * kVectors * kLanes;
    for_each_block<Rows::template kMax<kVectors>>(count, [&](int64_t first, auto n) {
      constexpr int kRows = decltype(n)::value;
      Vector sums[kRows][kVectors];
      x.multiply(task.input_kernel, panel, first, sums);
      for (int m = 0; m < kRows; ++m) {
        for (int v = 0; v < kVectors; ++v) {
          store(out + (first + m) * layout.width() + v * kLanes, sums[m][v] + bias[v]);
        }
      }
    });
  }
}

// One step of the rows that run.
template <class Unit, class Rows>
void advance(const Step& step, const PanelLayout& layout, const Rows& h, int64_t count) {
  constexpr int kVectors = Unit::kVectors;
  for (int64_t panel = 0; panel < layout.panels; ++panel) {
    for_each_block<Rows::template kMax<kVectors>>(count, [&](int64_t first, auto n) {
      constexpr int kRows = decltype(n)::value;
      Vector sums[kRows][kVectors];
      h.multiply(step.task.recurrent_kernel, panel, first, sums);
      const Step block{step.task, step.token + first, step.h + first,
                       step.projected + first * layout.width(), layout.width(),
                       step.c + first * pad(layout.hidden)};
      Unit::template finish<kRows>(block, panel, sums);
    });
  }
}

template <class Unit, class XRows, class HRows>
void forward(const ForwardTask& task, XRows x_rows, HRows h_rows, float* scratch) {
  const Recurrence& over = task.over;
  const int64_t hidden = over.hidden, padded = pad(hidden);
  const bool lstm = over.cell == Cell::kLstm;
  const PanelLayout layout = layout_of(over);

  float* projected = scratch;
  float* c = projected + (kChunkTokens + over.count) * layout.width();
  auto** x = reinterpret_cast<const float**>(c + over.count * padded);
  const float** h = x + kChunkTokens + over.count;
  auto* token = reinterpret_cast<int64_t*>(h + over.count);

  for (int64_t m = 0; m < over.count; ++m) {
    const Sequence& sequence = over.sequences[m];
    h[m] = task.initial_h + sequence.row * hidden;
    token[m] = sequence.first;
    if (lstm) {
      std::memcpy(c + m * padded, task.initial_c + sequence.row * hidden, hidden * sizeof(float));
      std::memset(c + m * padded + hidden, 0, (padded - hidden) * sizeof(float));
    }
  }

  int64_t active = over.count;
  const auto drop_rows_that_ended = [&](int64_t step) {
    while (active > 0 && over.sequences[active - 1].length <= step) --active;
  };
  int64_t step = 0;
  drop_rows_that_ended(step);
  while (active > 0) {
    int64_t tokens = 0, end = step;
    for (int64_t running = active; running > 0 && tokens < kChunkTokens; ++end) {
      for (int64_t m = 0; m < running; ++m) {
        x[tokens++] = task.x + (over.sequences[m].first + end * over.stride) * over.inputs;
      }
      while (running > 0 && over.sequences[running - 1].length <= end + 1) --running;
    }
    x_rows.prepare(x, tokens);
    project<Unit::kVectors>(task, layout, x_rows, tokens, projected);

    const float* current = projected;
    while (step < end) {
      h_rows.prepare(h, active);
      advance<Unit>(Step{task, token, h, current, layout.width(), c}, layout, h_rows, active);
      current += active * layout.width();
      for (int64_t m = 0; m < active; ++m) {
        h[m] = task.outputs + token[m] * task.output_stride;
        token[m] += over.stride;
      }
      drop_rows_that_ended(++step);
    }
  }

  for (int64_t m = 0; m < over.count; ++m) {
    const int64_t row = over.sequences[m].row;
    std::memcpy(task.final_h + row * hidden, h[m], hidden * sizeof(float));
    if (lstm) {
      std::memcpy(task.final_c + row * hidden, c + m * padded, hidden * sizeof(float));
    }
  }
}

// Chooses how the two matrices are multiplied.
template <class Unit>
void forward(const ForwardTask& task) {
  const Recurrence& over = task.over;
#if defined(__AVX512VNNI__)
  auto* memory = reinterpret_cast<uint8_t*>(task.scratch);
  const int64_t x_bytes = row_bytes(over.inputs, kChunkTokens + over.count);
  const int64_t h_bytes = row_bytes(over.hidden, over.count);
  float* rest = task.scratch + (x_bytes + h_bytes) / sizeof(float);
#if defined(__AVX512BF16__)
  if (task.input_kernel.pairs) {
    return forward<Unit>(task, Bfloat16Rows(over.inputs, memory),
                         Bfloat16Rows(over.hidden, memory + x_bytes), rest);
  }
#endif
  const DigitRows x_digits(over.inputs, memory), h_digits(over.hidden, memory + x_bytes);
  if (task.input_kernel.bytes && task.recurrent_kernel.bytes) {
    return forward<Unit>(task, x_digits, h_digits, rest);
  }
  if (task.input_kernel.bytes) {
    return forward<Unit>(task, x_digits, FloatRows(over.hidden), rest);
  }
  if (task.recurrent_kernel.bytes) {
    return forward<Unit>(task, FloatRows(over.inputs), h_digits, rest);
  }
#endif
  forward<Unit>(task, FloatRows(over.inputs), FloatRows(over.hidden), task.scratch);
}

int64_t forward_scratch(const Recurrence& over) {
  const PanelLayout layout = layout_of(over);
  const int64_t rows = row_bytes(over.inputs, kChunkTokens + over.count) +
                       row_bytes(over.hidden, over.count);
  return rows / sizeof(float) + (kChunkTokens + over.count) * layout.width() +
         over.count * pad(over.hidden) + pointers_as_floats(kChunkTokens + 3 * over.count);
}

// One step of the gradient of one row: from d_h and d_c after the step, to the gradients of the
// pre-activations; d_h and d_c become the parts that reach the state before past the product.
void retreat(const BackwardTask& task, int64_t token, const float* h, const float* c, float* d_h,
             float* d_c) {
  const int64_t hidden = task.over.hidden;
  const float* d_output = task.d_outputs + token * task.output_stride;
  const float* output = task.outputs + token * task.output_stride;
  const int64_t width = gates(task.over.cell) * hidden;
  for (int64_t unit = 0; unit < hidden; unit += kLanes) {
    const int64_t count = lanes_of(hidden - unit);
    const auto read = [&](const float* array) { return load(array + unit, count); };
    const Vector d = read(d_output) + load(d_h + unit);
    float* d_projected = task.d_projected + token * width + unit;
    switch (task.over.cell) {
      case Cell::kElman: {
        const Vector value = read(output);
        store(d_projected, d * (1.0f - value * value), count);
        store(d_h + unit, Vector{});
        break;
      }
      case Cell::kLstm: {
        const float* saved = task.activations + token * width;
        const Vector i = read(saved), f = read(saved + hidden);
        const Vector g = read(saved + 2 * hidden), o = read(saved + 3 * hidden);
        const Vector t = tanh(read(task.states + token * hidden));
        const Vector d_cell = load(d_c + unit) + d * o * (1.0f - t * t);
        store(d_projected, d_cell * g * i * (1.0f - i), count);
        store(d_projected + hidden, d_cell * read(c) * f * (1.0f - f), count);
        store(d_projected + 2 * hidden, d_cell * i * (1.0f - g * g), count);
        store(d_projected + 3 * hidden, d * t * o * (1.0f - o), count);
        store(d_c + unit, d_cell * f);
        store(d_h + unit, Vector{});
        break;
      }
      case Cell::kGru: {
        const float* saved = task.activations + token * width;
        const Vector r = read(saved), z = read(saved + hidden), n = read(saved + 2 * hidden);
        const Vector recurrent = read(task.states + token * hidden);
        float* d_recurrent = task.d_recurrent + token * width + unit;
        const Vector d_n = d * (1.0f - z) * (1.0f - n * n);
        const Vector d_z = d * (read(h) - n) * z * (1.0f - z);
        const Vector d_r = d_n * recurrent * r * (1.0f - r);
        store(d_projected, d_r, count);
        store(d_recurrent, d_r, count);
        store(d_projected + hidden, d_z, count);
        store(d_recurrent + hidden, d_z, count);
        store(d_projected + 2 * hidden, d_n, count);
        store(d_recurrent + 2 * hidden, d_n * r, count);
        store(d_h + unit, d * z);
        break;
      }
    }
  }
}

template <class Rows>
void backward(const BackwardTask& task, Rows d_rows, float* scratch) {
  const Recurrence& over = task.over;
  const int64_t hidden = over.hidden, width = gates(over.cell) * hidden;
  const PanelLayout layout(1, hidden, kLanes);
  const int64_t padded = layout.width();
  const bool lstm = over.cell == Cell::kLstm;

  float* d_h = scratch;
  float* d_c = d_h + over.count * padded;
  auto** d_sums = reinterpret_cast<const float**>(d_c + over.count * padded);
  std::memset(scratch, 0, 2 * over.count * padded * sizeof(float));
  for (int64_t m = 0; m < over.count; ++m) {
    const int64_t row = over.sequences[m].row;
    std::memcpy(d_h + m * padded, task.d_final_h + row * hidden, hidden * sizeof(float));
    if (lstm) std::memcpy(d_c + m * padded, task.d_final_c + row * hidden, hidden * sizeof(float));
  }

  int64_t active = 0;
  for (int64_t step = over.count ? over.sequences[0].length - 1 : -1; step >= 0; --step) {
    while (active < over.count && over.sequences[active].length > step) ++active;
    for (int64_t m = 0; m < active; ++m) {
      const Sequence& sequence = over.sequences[m];
      const int64_t token = sequence.first + step * over.stride, before = token - over.stride;
      const float* h = step ? task.outputs + before * task.output_stride
                            : task.initial_h + sequence.row * hidden;
      const float* c = !lstm ? nullptr
                       : step ? task.states + before * hidden
                              : task.initial_c + sequence.row * hidden;
      retreat(task, token, h, c, d_h + m * padded, d_c + m * padded);
      std::memcpy(task.previous + token * hidden, h, hidden * sizeof(float));
      d_sums[m] = (task.d_recurrent ? task.d_recurrent : task.d_projected) + token * width;
    }
    d_rows.prepare(d_sums, active);
    for (int64_t panel = 0; panel < layout.panels; ++panel) {
      for_each_block<Rows::template kMax<4>>(active, [&](int64_t first, auto n) {
        constexpr int kRows = decltype(n)::value;
        Vector sums[kRows][4];
        d_rows.multiply(task.transposed_kernel, panel, first, sums);
        for (int m = 0; m < kRows; ++m) {
          float* target = d_h + (first + m) * padded + panel * 4 * kLanes;
          for (int v = 0; v < 4; ++v) {
            store(target + v * kLanes, load(target + v * kLanes) + sums[m][v]);
          }
        }
      });
    }
  }

  for (int64_t m = 0; m < over.count; ++m) {
    const int64_t row = over.sequences[m].row;
    std::memcpy(task.d_initial_h + row * hidden, d_h + m * padded, hidden * sizeof(float));
    if (lstm) {
      std::memcpy(task.d_initial_c + row * hidden, d_c + m * padded, hidden * sizeof(float));
    }
  }
}

void backward(const BackwardTask& task) {
  const int64_t width = gates(task.over.cell) * task.over.hidden;
#if defined(__AVX512BF16__)
  if (task.transposed_kernel.pairs) {
    const Bfloat16Rows d_rows(width, reinterpret_cast<uint8_t*>(task.scratch));
    return backward(task, d_rows,
                    task.scratch + row_bytes(width, task.over.count) / sizeof(float));
  }
#endif
  backward(task, FloatRows(width), task.scratch);
}

int64_t backward_scratch(const Recurrence& over) {
  return row_bytes(gates(over.cell) * over.hidden, over.count) / sizeof(float) +
         2 * over.count * PanelLayout(1, over.hidden, kLanes).width() +
         pointers_as_floats(over.count);
}

void forward_any(const ForwardTask& task) {
  switch (task.over.cell) {
    case Cell::kElman:
      return forward<Elman>(task);
    case Cell::kLstm:
      return forward<Lstm>(task);
    case Cell::kGru:
      return forward<Gru>(task);
  }
}

}  // namespace

extern const RecurrentKernels recurrent_kernels;
const RecurrentKernels recurrent_kernels{forward_scratch, backward_scratch, forward_any,
                                         backward};

}  // namespace textrnn::TEXTRNN_ISA_NAMESPACE
