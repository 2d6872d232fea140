#include "linear.h"

namespace textrnn::TEXTRNN_ISA_NAMESPACE {

extern const LinearKernels linear_kernels;
const LinearKernels linear_kernels{linear_scratch, linear};

}  // namespace textrnn::TEXTRNN_ISA_NAMESPACE
