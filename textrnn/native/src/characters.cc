// The calls from XLA behind textrnn/native/characters.py, which names the arguments and results.

#include "characters.h"

#include <algorithm>
#include <stdexcept>
#include <vector>

#include "arguments.h"
#include "library.h"

namespace textrnn {

TEXTRNN_FOR_EACH_ISA(extern const CharacterKernels character_kernels;)

namespace {

using Letters = ffi::BufferR2<ffi::S32>;
using Products = ffi::BufferR3<ffi::F32>;

constexpr int64_t kBlock = 16;  // features of a task

const CharacterKernels& kernels() { return *TEXTRNN_SELECT(character_kernels); }

CharacterCnn cnn_of(Letters letters, Products products, int64_t features, Arguments& arguments) {
  const auto shape = products.dimensions();
  const int64_t alphabet = shape[0], window = shape[1], padded = shape[2];
  if (padded % kBlock != 0 || padded < features || window < 1 || alphabet < 1) {
    throw std::invalid_argument("products has a wrong shape");
  }
  const int32_t* begin = letters.typed_data();
  if (std::any_of(begin, begin + letters.element_count(),
                  [&](int32_t letter) { return letter < 0 || letter >= alphabet; })) {
    throw std::invalid_argument("a letter is not in the alphabet");
  }
  const float* bias = arguments.floats("bias", {padded});
  return {products.typed_data(), bias, begin, window, padded, features, letters.dimensions()[1]};
}

ffi::Error run_forward(ffi::ThreadPool pool, Letters letters, Products products,
                       ffi::RemainingArgs given, ffi::RemainingRets returned, int64_t features) {
  return handled([&] {
    Arguments arguments(given);
    Results results(returned);
    const CharacterCnn cnn = cnn_of(letters, products, features, arguments);
    const int64_t words = letters.dimensions()[0];
    float* outputs = results.floats("outputs", {words, features});
    // So many words take about as long as waking a thread.
    constexpr int64_t kWords = 256;
    parallel_for(workers_of(pool), (words + kWords - 1) / kWords, [&](int64_t task) {
      std::vector<int64_t> scratch(cnn.length + cnn.window);
      const int64_t first = task * kWords, last = std::min(first + kWords, words);
      kernels().forward(cnn, first, last, scratch.data(), outputs);
    });
  });
}

ffi::Error run_backward(ffi::ThreadPool pool, Letters letters, Products products,
                        ffi::RemainingArgs given, ffi::RemainingRets returned, int64_t features) {
  return handled([&] {
    Arguments arguments(given);
    Results results(returned);
    const CharacterCnn cnn = cnn_of(letters, products, features, arguments);
    const int64_t words = letters.dimensions()[0];
    const int64_t size = products.element_count();
    const float* outputs = arguments.floats("outputs", {words, features});
    const float* d_outputs = arguments.floats("d_outputs", {words, features});
    float* d_products =
        results.floats("d_products", {products.dimensions()[0], cnn.window, cnn.padded});
    float* d_bias = results.floats("d_bias", {cnn.padded});
    std::fill(d_products, d_products + size, 0);
    std::fill(d_bias, d_bias + cnn.padded, 0);
    // By features, so that no two tasks add to one sum.
    parallel_for(workers_of(pool), (features + kBlock - 1) / kBlock, [&](int64_t task) {
      std::vector<int64_t> scratch(cnn.length + cnn.window);
      kernels().backward(cnn, words, task * kBlock, outputs, d_outputs, scratch.data(), d_products,
                         d_bias);
    });
  });
}

auto bind() {
  return ffi::Ffi::Bind()
      .Ctx<ffi::ThreadPool>()
      .Arg<Letters>()
      .Arg<Products>()
      .RemainingArgs()
      .RemainingRets()
      .Attr<int64_t>("features");
}

}  // namespace

TEXTRNN_EXPORT XLA_FFI_Error* textrnn_character_cnn(XLA_FFI_CallFrame* frame) {
  static const auto handler = bind().To(run_forward);
  return handler->Call(frame);
}

TEXTRNN_EXPORT XLA_FFI_Error* textrnn_character_cnn_backward(XLA_FFI_CallFrame* frame) {
  static const auto handler = bind().To(run_backward);
  return handler->Call(frame);
}

}  // namespace textrnn
