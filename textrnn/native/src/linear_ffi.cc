// The call from XLA behind textrnn/native/linear.py, which names the arguments and results.

#include <cstring>

#include "arguments.h"
#include "linear.h"
#include "pack.h"

namespace textrnn {
namespace {

ffi::Error linear_call(ffi::ThreadPool pool, ffi::BufferR0<ffi::S32> count,
                       ffi::BufferR2<ffi::F32> x, ffi::BufferR1<ffi::F32> bias,
                       ffi::RemainingArgs given, ffi::ResultBufferR2<ffi::F32> y, int64_t form) {
  return handled([&] {
    const int64_t rows = x.dimensions()[0], inputs = x.dimensions()[1];
    const int64_t outputs = bias.dimensions()[0], used = *count.typed_data();
    if (used < 0 || used > rows) {
      throw std::invalid_argument("there are " + std::to_string(rows) + " rows, not " +
                                  std::to_string(used));
    }
    if (y->dimensions()[0] != rows || y->dimensions()[1] != outputs) {
      throw std::invalid_argument("the result has a wrong shape");
    }
    LinearTask whole = {};
    whole.x = x.typed_data();
    whole.rows = used;
    whole.inputs = inputs;
    whole.outputs = outputs;
    whole.kernel = Arguments(given).matrix(form, inputs, PanelLayout(1, outputs, lanes()));
    whole.bias = bias.typed_data();
    whole.y = y->typed_data();
    std::memset(whole.y + used * outputs, 0, (rows - used) * outputs * sizeof(float));
    linear(whole, workers_of(pool));
  });
}

ffi::Error bfloat16_product(ffi::ThreadPool pool, ffi::BufferR2<ffi::F32> x,
                            ffi::BufferR2<ffi::F32> matrix, ffi::ResultBufferR2<ffi::F32> y) {
  return handled([&] {
    const int64_t rows = x.dimensions()[0], inputs = x.dimensions()[1];
    const int64_t outputs = y->dimensions()[1];
    if (!multiplies_bfloat16()) throw std::invalid_argument("no kernel multiplies bfloat16");
    checked(matrix, "matrix", {inputs, outputs});
    if (y->dimensions()[0] != rows) throw std::invalid_argument("the result has a wrong shape");
    const Source source = {matrix.typed_data(), false, inputs, outputs};
    const Workers workers = workers_of(pool);
    const auto packed = pack({{source, PanelLayout(1, outputs, lanes()), false, true}}, workers);
    LinearTask whole = {};
    whole.x = x.typed_data();
    whole.rows = rows;
    whole.inputs = inputs;
    whole.outputs = outputs;
    whole.kernel = packed[0].matrix;
    whole.y = y->typed_data();
    linear(whole, workers);
  });
}

}  // namespace

TEXTRNN_EXPORT XLA_FFI_Error* textrnn_linear(XLA_FFI_CallFrame* frame) {
  static const auto handler = ffi::Ffi::Bind()
                                  .Ctx<ffi::ThreadPool>()
                                  .Arg<ffi::BufferR0<ffi::S32>>()
                                  .Arg<ffi::BufferR2<ffi::F32>>()
                                  .Arg<ffi::BufferR1<ffi::F32>>()
                                  .RemainingArgs()
                                  .Ret<ffi::BufferR2<ffi::F32>>()
                                  .Attr<int64_t>("form")
                                  .To(linear_call);
  return handler->Call(frame);
}

TEXTRNN_EXPORT XLA_FFI_Error* textrnn_bfloat16_product(XLA_FFI_CallFrame* frame) {
  static const auto handler = ffi::Ffi::Bind()
                                  .Ctx<ffi::ThreadPool>()
                                  .Arg<ffi::BufferR2<ffi::F32>>()
                                  .Arg<ffi::BufferR2<ffi::F32>>()
                                  .Ret<ffi::BufferR2<ffi::F32>>()
                                  .To(bfloat16_product);
  return handler->Call(frame);
}

}  // namespace textrnn
