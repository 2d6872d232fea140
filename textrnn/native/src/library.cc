#include "library.h"

#include <algorithm>
#include <cstdlib>
#include <string_view>

#if defined(__x86_64__)
#include <cpuid.h>
#endif

namespace textrnn {
namespace {

// Asks the processor itself: __builtin_cpu_supports depends on the runtime library of the compiler,
// and that of Zig, with which portable wheels are built, reports no instruction set at all.
InstructionSet supported() {
#if defined(__x86_64__)
  unsigned eax, ebx, ecx, edx;
  if (!__get_cpuid(1, &eax, &ebx, &ecx, &edx)) return InstructionSet::kBaseline;
  if (!(ecx & bit_OSXSAVE) || !(ecx & bit_FMA)) return InstructionSet::kBaseline;
  // The registers that the operating system saves: XMM and YMM, and the three parts of ZMM.
  unsigned saved, unused;
  __asm__("xgetbv" : "=a"(saved), "=d"(unused) : "c"(0));
  constexpr unsigned kYmm = 0x06, kZmm = 0xe6;
  if (!__get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx)) return InstructionSet::kBaseline;
  if ((saved & kYmm) != kYmm || !(ebx & bit_AVX2)) return InstructionSet::kBaseline;
  constexpr unsigned kAvx512 = bit_AVX512F | bit_AVX512BW | bit_AVX512DQ | bit_AVX512VL;
  if ((saved & kZmm) != kZmm || (ebx & kAvx512) != kAvx512) return InstructionSet::kAvx2;
  return InstructionSet::kAvx512;
#else
  return InstructionSet::kBaseline;
#endif
}

InstructionSet limit() {
  const char* value = std::getenv("TEXTRNN_ISA");
  const std::string_view name = value ? value : "";
  if (name == "baseline") return InstructionSet::kBaseline;
  if (name == "avx2") return InstructionSet::kAvx2;
  return InstructionSet::kAvx512;
}

}  // namespace

InstructionSet instruction_set() {
  static const InstructionSet chosen = std::min(supported(), limit());
  return chosen;
}

}  // namespace textrnn

// The name of the instruction set that kernels use, for people.
TEXTRNN_EXPORT const char* textrnn_instruction_set() {
  switch (textrnn::instruction_set()) {
    case textrnn::InstructionSet::kAvx512:
      return "AVX-512";
    case textrnn::InstructionSet::kAvx2:
      return "AVX2";
    case textrnn::InstructionSet::kBaseline:
      break;
  }
#if defined(__x86_64__)
  return "SSE2";
#elif defined(__aarch64__)
  return "NEON";
#else
  return "baseline";
#endif
}
