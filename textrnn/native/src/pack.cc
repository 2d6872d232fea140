#include "pack.h"

#include <algorithm>
#include <cstring>

namespace textrnn {
namespace {

float widen(float value) { return value; }

float widen(uint16_t bfloat16) {
  const uint32_t bits = static_cast<uint32_t>(bfloat16) << 16;
  float value;
  std::memcpy(&value, &bits, sizeof(value));
  return value;
}

template <class T>
void pack_panel(const T* source, int64_t rows, int64_t columns, const PanelLayout& layout,
                int64_t panel, float* target) {
  for (int64_t vector = 0; vector < layout.vectors; ++vector) {
    const T* from = source + layout.column(panel, vector);
    const int64_t count = std::clamp<int64_t>(layout.hidden - layout.unit(panel, vector), 0,
                                              layout.lanes);
    for (int64_t k = 0; k < rows; ++k) {
      float* to = target + (k * layout.vectors + vector) * layout.lanes;
      for (int64_t lane = 0; lane < count; ++lane) to[lane] = widen(from[k * columns + lane]);
      std::fill(to + count, to + layout.lanes, 0.0f);
    }
  }
}

template <class T>
void pack_transposed_panel(const T* source, int64_t columns, const PanelLayout& layout,
                           int64_t panel, float* target) {
  const int64_t width = layout.vectors * layout.lanes;
  for (int64_t lane = 0; lane < width; ++lane) {
    const int64_t row = panel * width + lane;
    for (int64_t k = 0; k < columns; ++k) {
      target[k * width + lane] = row < layout.hidden ? widen(source[row * columns + k]) : 0.0f;
    }
  }
}

}  // namespace

void pack_panel(const Source& source, const PanelLayout& layout, int64_t panel, float* target) {
  if (source.bfloat16) {
    const auto* values = static_cast<const uint16_t*>(source.values);
    pack_panel(values, source.rows, source.columns, layout, panel, target);
  } else {
    const auto* values = static_cast<const float*>(source.values);
    pack_panel(values, source.rows, source.columns, layout, panel, target);
  }
}

void pack_transposed_panel(const Source& source, const PanelLayout& layout, int64_t panel,
                           float* target) {
  if (source.bfloat16) {
    const auto* values = static_cast<const uint16_t*>(source.values);
    pack_transposed_panel(values, source.columns, layout, panel, target);
  } else {
    const auto* values = static_cast<const float*>(source.values);
    pack_transposed_panel(values, source.columns, layout, panel, target);
  }
}

}  // namespace textrnn
