// Matrices into panels, for weights that change at every call.

#ifndef TEXTRNN_PACK_H_
#define TEXTRNN_PACK_H_

#include <cstdint>

#include "panels.h"

namespace textrnn {

// A matrix as JAX stores it, of float32 or bfloat16.
struct Source {
  const void* values;
  bool bfloat16;
  int64_t rows;
  int64_t columns;
};

// Writes one panel of `source`, [source.rows, layout.gates * layout.hidden].
void pack_panel(const Source& source, const PanelLayout& layout, int64_t panel, float* target);

// The same for the transpose of `source`, [layout.hidden, source.columns], with one gate.
void pack_transposed_panel(const Source& source, const PanelLayout& layout, int64_t panel,
                           float* target);

}  // namespace textrnn

#endif  // TEXTRNN_PACK_H_
