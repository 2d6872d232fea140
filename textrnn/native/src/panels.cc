#include "panels.h"

#include "library.h"

namespace textrnn {

TEXTRNN_FOR_EACH_ISA(extern const int64_t vector_lanes;)

int64_t lanes() { return *TEXTRNN_SELECT(vector_lanes); }

int64_t byte_group() {
  switch (instruction_set()) {
    case InstructionSet::kAvx512Bf16:
    case InstructionSet::kAvx512Vnni:
      return 4;
    case InstructionSet::kAvx512:
    case InstructionSet::kAvx2:
      return 1;
    case InstructionSet::kBaseline:
      break;
  }
  return 0;
}

bool multiplies_bfloat16() { return instruction_set() == InstructionSet::kAvx512Bf16; }

}  // namespace textrnn

// What Python needs to pack a matrix.
TEXTRNN_EXPORT int64_t textrnn_lanes() { return textrnn::lanes(); }
TEXTRNN_EXPORT int64_t textrnn_byte_group() { return textrnn::byte_group(); }

// What Python needs to choose between kernels.
TEXTRNN_EXPORT int64_t textrnn_multiplies_bfloat16() { return textrnn::multiplies_bfloat16(); }
