// The order in which kernels read a matrix.

#ifndef TEXTRNN_PANELS_H_
#define TEXTRNN_PANELS_H_

#include <cstdint>

namespace textrnn {

// A matrix of K x N in panels of columns:
//
//     float panels[panels][K][vectors][lanes]
//
// Columns past the last one are zero.
struct Matrix {
  const float* panels;
};

// Which column is in which panel. A kernel of several gates, [K, gates * hidden], has in vector v
// of a panel gate v of `lanes` units, so that all gates of a unit end in the registers of one
// block. Other matrices have 4 * lanes adjacent columns in a panel.
struct PanelLayout {
  int64_t gates;
  int64_t hidden;  // columns per gate
  int64_t lanes;
  int64_t vectors;
  int64_t panels;

  [[gnu::always_inline]] PanelLayout(int64_t gates, int64_t hidden, int64_t lanes)
      : gates(gates),
        hidden(hidden),
        lanes(lanes),
        vectors(gates > 1 ? gates : 4),
        panels(gates > 1 ? (hidden + lanes - 1) / lanes
                         : (hidden + 4 * lanes - 1) / (4 * lanes)) {}

  // Padded columns.
  [[gnu::always_inline]] int64_t width() const { return panels * vectors * lanes; }
  // The unit in lane 0 of a vector.
  [[gnu::always_inline]] int64_t unit(int64_t panel, int64_t vector) const {
    return gates > 1 ? panel * lanes : (panel * vectors + vector) * lanes;
  }
  // The column in lane 0 of a vector.
  [[gnu::always_inline]] int64_t column(int64_t panel, int64_t vector) const {
    return gates > 1 ? vector * hidden + panel * lanes : unit(panel, vector);
  }
};

}  // namespace textrnn

#endif  // TEXTRNN_PANELS_H_
