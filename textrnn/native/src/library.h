// The choice of an instruction set, and what all sources of the library share.
//
// A source in kernels/ defines its functions in textrnn::TEXTRNN_ISA_NAMESPACE and is compiled once
// for each instruction set. Sources beside this file declare and call them:
//
//   namespace textrnn {
//   TEXTRNN_FOR_EACH_ISA(void scale(float* x, int64_t size, float by);)
//   ...
//   TEXTRNN_SELECT(scale)(x, size, by);
//   }
//
// Inline functions of kernels belong in this namespace too. The linker keeps one copy of an inline
// function that several sources define. Baseline sources are linked first, so that this copy runs on
// every processor, but outside of the namespace it is also the copy that all others call.

#ifndef TEXTRNN_LIBRARY_H_
#define TEXTRNN_LIBRARY_H_

// Gives a function that Python looks up its plain name.
#define TEXTRNN_EXPORT extern "C" __attribute__((visibility("default")))

#if defined(__x86_64__)
#define TEXTRNN_FOR_EACH_ISA(...)  \
  namespace baseline {             \
  __VA_ARGS__                      \
  }                                \
  namespace avx2 {                 \
  __VA_ARGS__                      \
  }                                \
  namespace avx512 {               \
  __VA_ARGS__                      \
  }                                \
  namespace avx512vnni {           \
  __VA_ARGS__                      \
  }                                \
  namespace avx512bf16 {           \
  __VA_ARGS__                      \
  }
#define TEXTRNN_SELECT(name)                                                                    \
  (::textrnn::instruction_set() == ::textrnn::InstructionSet::kAvx512Bf16   ? &avx512bf16::name \
   : ::textrnn::instruction_set() == ::textrnn::InstructionSet::kAvx512Vnni ? &avx512vnni::name \
   : ::textrnn::instruction_set() == ::textrnn::InstructionSet::kAvx512     ? &avx512::name     \
   : ::textrnn::instruction_set() == ::textrnn::InstructionSet::kAvx2       ? &avx2::name       \
                                                                            : &baseline::name)
#else
#define TEXTRNN_FOR_EACH_ISA(...) \
  namespace baseline {            \
  __VA_ARGS__                     \
  }
#define TEXTRNN_SELECT(function) (&baseline::function)
#endif

namespace textrnn {

// Each includes the one before.
enum class InstructionSet { kBaseline, kAvx2, kAvx512, kAvx512Vnni, kAvx512Bf16 };

// The largest instruction set that this processor and operating system support. The environment
// variable TEXTRNN_ISA, if it is "baseline", "avx2", "avx512" or "avx512vnni" at the first call, sets
// an upper limit.
InstructionSet instruction_set();

}  // namespace textrnn

#endif  // TEXTRNN_LIBRARY_H_
