#include "vectors.h"

namespace textrnn::TEXTRNN_ISA_NAMESPACE {

extern const int64_t vector_lanes;
const int64_t vector_lanes = kLanes;

}  // namespace textrnn::TEXTRNN_ISA_NAMESPACE
