// Matrices into panels, for matrices that change at every call.

#ifndef TEXTRNN_PACK_H_
#define TEXTRNN_PACK_H_

#include <cstdint>
#include <vector>

#include "memory.h"
#include "panels.h"
#include "parallel.h"

namespace textrnn {

// A matrix as JAX stores it, of float32 or bfloat16.
struct Source {
  const void* values;
  bool bfloat16;
  int64_t rows;
  int64_t columns;
};

struct Packing {
  Source source;       // [K, layout.gates * layout.hidden]
  PanelLayout layout;
  bool transposed;     // the source is [layout.hidden, K], and the layout has one gate
  bool pairs;          // as pairs, rounded to bfloat16, instead of floats
};

struct PackedMatrix {
  Matrix matrix;
  Floats memory;  // which the matrix points to
};

std::vector<PackedMatrix> pack(const std::vector<Packing>& packings, const Workers& workers);

}  // namespace textrnn

#endif  // TEXTRNN_PACK_H_
