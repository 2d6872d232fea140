#include "library.h"

#include <algorithm>
#include <cstdlib>
#include <string_view>

namespace textrnn {
namespace {

InstructionSet supported() {
#if defined(__x86_64__)
  if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma")) {
    return InstructionSet::kBaseline;
  }
  if (!__builtin_cpu_supports("avx512f") || !__builtin_cpu_supports("avx512bw") ||
      !__builtin_cpu_supports("avx512dq") || !__builtin_cpu_supports("avx512vl")) {
    return InstructionSet::kAvx2;
  }
  if (!__builtin_cpu_supports("avx512vnni")) return InstructionSet::kAvx512;
  return __builtin_cpu_supports("avx512bf16") ? InstructionSet::kAvx512Bf16
                                              : InstructionSet::kAvx512Vnni;
#else
  return InstructionSet::kBaseline;
#endif
}

InstructionSet limit() {
  const char* value = std::getenv("TEXTRNN_ISA");
  const std::string_view name = value ? value : "";
  if (name == "baseline") return InstructionSet::kBaseline;
  if (name == "avx2") return InstructionSet::kAvx2;
  if (name == "avx512") return InstructionSet::kAvx512;
  if (name == "avx512vnni") return InstructionSet::kAvx512Vnni;
  return InstructionSet::kAvx512Bf16;
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
    case textrnn::InstructionSet::kAvx512Bf16:
      return "AVX-512 BF16";
    case textrnn::InstructionSet::kAvx512Vnni:
      return "AVX-512 VNNI";
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
