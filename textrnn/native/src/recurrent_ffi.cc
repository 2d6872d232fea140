// The calls from XLA behind textrnn/native/recurrent.py, which names the arguments and results.

#include "arguments.h"
#include "library.h"
#include "pack.h"
#include "recurrent.h"

namespace textrnn {
namespace {

using Lengths = ffi::BufferR1<ffi::S32>;
using Tokens = ffi::BufferR2<ffi::F32>;
using Flags = ffi::Span<const int64_t>;  // one for each direction

Cell cell_of(int64_t number) {
  if (number < 0 || number > 2) throw std::invalid_argument("unknown cell");
  return static_cast<Cell>(number);
}

Batch batch_of(Lengths lengths, int64_t tokens) {
  return Batch(lengths.typed_data(), lengths.dimensions()[0], tokens);
}

Recurrence recurrence(Cell cell, int64_t inputs, int64_t hidden, bool reverse) {
  return {cell, inputs, hidden, reverse ? -1 : 1, nullptr, 0};
}

// A kernel of [inputs, columns] in float32 or bfloat16. Where the processor cannot multiply bfloat16,
// it is widened.
Packing packing(Arguments& arguments, const char* name, int64_t inputs, int64_t columns,
                const PanelLayout& layout, bool transposed) {
  const ffi::AnyBuffer buffer = arguments.next(name, {inputs, columns});
  const bool bfloat16 = buffer.element_type() == ffi::BF16;
  if (!bfloat16) values<float>(buffer, name, ffi::F32);
  return {{buffer.untyped_data(), bfloat16, inputs, columns}, layout, transposed,
          bfloat16 && multiplies_bfloat16()};
}

ffi::Error unroll(ffi::ThreadPool pool, Lengths lengths,
                  ffi::RemainingArgs given, ffi::RemainingRets returned, int64_t cell_number,
                  int64_t hidden, Flags reverse, Flags forms, bool save) {
  return handled([&] {
    const Cell cell = cell_of(cell_number);
    const int64_t rows = lengths.dimensions()[0], width = gates(cell) * hidden;
    const int64_t directions = static_cast<int64_t>(reverse.size());
    const PanelLayout layout(gates(cell), hidden, lanes());
    // Of the input and the recurrent kernel of each direction, unless they come as JAX has them.
    const bool packed = forms.size() > 0;
    if (packed && forms.size() != 2 * reverse.size()) throw std::invalid_argument("bad forms");
    const Workers workers = workers_of(pool);
    Arguments arguments(given);
    Results results(returned);

    std::vector<ForwardTask> tasks(directions);
    std::vector<Packing> packings;
    int64_t tokens = 0;
    for (int64_t d = 0; d < directions; ++d) {
      ForwardTask& task = tasks[d];
      const ffi::AnyBuffer x = arguments.next("x");
      if (x.dimensions().size() != 2) throw std::invalid_argument("x is not a matrix");
      if (d == 0) tokens = x.dimensions()[0];
      const int64_t inputs = x.dimensions()[1];
      task.x = values<const float>(checked(x, "x", {tokens, inputs}), "x", ffi::F32);
      task.over = recurrence(cell, inputs, hidden, reverse[d]);
      if (packed) {
        task.input_kernel = arguments.matrix(forms[2 * d], inputs, layout);
        task.recurrent_kernel = arguments.matrix(forms[2 * d + 1], hidden, layout);
      } else {
        packings.push_back(packing(arguments, "input_kernel", inputs, width, layout, false));
        packings.push_back(packing(arguments, "recurrent_kernel", hidden, width, layout, false));
        if (packings.back().pairs != packings[2 * d].pairs) {
          throw std::invalid_argument("input_kernel and recurrent_kernel differ in element type");
        }
      }
      task.bias = arguments.floats("bias", {width});
      if (cell == Cell::kGru) task.recurrent_bias = arguments.floats("recurrent_bias", {hidden});
      if (cell == Cell::kLstm) task.initial_c = arguments.floats("c", {rows, hidden});
      task.initial_h = arguments.floats("h", {rows, hidden});
    }
    const Batch batch = batch_of(lengths, tokens);
    const std::vector<PackedMatrix> kernels = pack(packings, workers);

    float* outputs = results.floats("outputs", {tokens, directions * hidden});
    for (int64_t d = 0; d < directions; ++d) {
      ForwardTask& task = tasks[d];
      if (!packed) {
        task.input_kernel = kernels[2 * d].matrix;
        task.recurrent_kernel = kernels[2 * d + 1].matrix;
      }
      task.outputs = outputs + d * hidden;
      task.output_stride = directions * hidden;
      if (cell == Cell::kLstm) task.final_c = results.floats("final c", {rows, hidden});
      task.final_h = results.floats("final h", {rows, hidden});
      if (save && cell != Cell::kElman) {
        task.activations = results.floats("activations", {tokens, width});
        task.states = results.floats("states", {tokens, hidden});
      }
    }
    forward(tasks, batch, workers);
  });
}

ffi::Error unroll_backward(ffi::ThreadPool pool, Lengths lengths,
                           Tokens outputs, Tokens d_outputs,
                           ffi::RemainingArgs given, ffi::RemainingRets returned,
                           int64_t cell_number, int64_t hidden, Flags reverse) {
  return handled([&] {
    const Cell cell = cell_of(cell_number);
    const int64_t rows = lengths.dimensions()[0], width = gates(cell) * hidden;
    const int64_t directions = static_cast<int64_t>(reverse.size());
    const int64_t tokens = outputs.dimensions()[0];
    const PanelLayout layout(1, hidden, lanes());
    const Workers workers = workers_of(pool);
    Arguments arguments(given);
    Results results(returned);
    const Batch batch = batch_of(lengths, tokens);
    if (outputs.dimensions()[1] != directions * hidden || d_outputs.dimensions()[0] != tokens ||
        d_outputs.dimensions()[1] != directions * hidden) {
      throw std::invalid_argument("outputs or d_outputs has a wrong shape");
    }

    std::vector<BackwardTask> tasks(directions);
    std::vector<Packing> packings;
    for (int64_t d = 0; d < directions; ++d) {
      BackwardTask& task = tasks[d];
      task.over = recurrence(cell, 0, hidden, reverse[d]);
      task.outputs = outputs.typed_data() + d * hidden;
      task.d_outputs = d_outputs.typed_data() + d * hidden;
      task.output_stride = directions * hidden;
      packings.push_back(packing(arguments, "recurrent_kernel", hidden, width, layout, true));
      if (cell == Cell::kLstm) task.initial_c = arguments.floats("c", {rows, hidden});
      task.initial_h = arguments.floats("h", {rows, hidden});
      if (cell != Cell::kElman) {
        task.activations = arguments.floats("activations", {tokens, width});
        task.states = arguments.floats("states", {tokens, hidden});
      }
      if (cell == Cell::kLstm) task.d_final_c = arguments.floats("d_c", {rows, hidden});
      task.d_final_h = arguments.floats("d_h", {rows, hidden});

      task.d_projected = results.floats("d_projected", {tokens, width});
      if (cell == Cell::kGru) task.d_recurrent = results.floats("d_recurrent", {tokens, width});
      task.previous = results.floats("previous", {tokens, hidden});
      if (cell == Cell::kLstm) task.d_initial_c = results.floats("d_initial_c", {rows, hidden});
      task.d_initial_h = results.floats("d_initial_h", {rows, hidden});
    }
    const std::vector<PackedMatrix> kernels = pack(packings, workers);
    for (int64_t d = 0; d < directions; ++d) tasks[d].transposed_kernel = kernels[d].matrix;
    backward(tasks, batch, workers);
  });
}

}  // namespace

TEXTRNN_EXPORT XLA_FFI_Error* textrnn_unroll(XLA_FFI_CallFrame* frame) {
  static const auto handler = ffi::Ffi::Bind()
                                  .Ctx<ffi::ThreadPool>()
                                  .Arg<Lengths>()
                                  .RemainingArgs()
                                  .RemainingRets()
                                  .Attr<int64_t>("cell")
                                  .Attr<int64_t>("hidden")
                                  .Attr<Flags>("reverse")
                                  .Attr<Flags>("forms")
                                  .Attr<bool>("save")
                                  .To(unroll);
  return handler->Call(frame);
}

TEXTRNN_EXPORT XLA_FFI_Error* textrnn_unroll_backward(XLA_FFI_CallFrame* frame) {
  static const auto handler = ffi::Ffi::Bind()
                                  .Ctx<ffi::ThreadPool>()
                                  .Arg<Lengths>()
                                  .Arg<Tokens>()
                                  .Arg<Tokens>()
                                  .RemainingArgs()
                                  .RemainingRets()
                                  .Attr<int64_t>("cell")
                                  .Attr<int64_t>("hidden")
                                  .Attr<Flags>("reverse")
                                  .To(unroll_backward);
  return handler->Call(frame);
}

}  // namespace textrnn
