// The order in which kernels read a matrix.

#ifndef TEXTRNN_PANELS_H_
#define TEXTRNN_PANELS_H_

#include <cstdint>

namespace textrnn {

// A matrix of K x N in panels of columns. Columns past the last one are zero.
//
// If all values of a column are multiples, by at most 127, of one number, the matrix may be given
// as bytes and scales: value[k][n] = bytes[k][n] * scales[n].
//
// Where multiplies_bfloat16(), it may be given as pairs of rows in bfloat16.
struct Matrix {
  const float* floats;     // [panels][K][vectors][lanes], or null
  const int8_t* bytes;     // [panels][ceil(K / group)][vectors][lanes][group], or null
  const float* scales;     // [panels][vectors][lanes]
  const int32_t* offsets;  // [panels][vectors][lanes]: -128 times the sum of a column's bytes
  const uint16_t* pairs;   // [panels][ceil(K / 2)][vectors][lanes][2] of bfloat16, or null
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

// The lanes of the vectors of the chosen instruction set.
int64_t lanes();

// The rows of a matrix whose bytes lie in one lane, one after another: 4 where the kernels multiply
// bytes, 1 where they turn them into floats, for few rows, and 0 where they take no bytes.
int64_t byte_group();

// Whether the kernels multiply bfloat16 by bfloat16.
bool multiplies_bfloat16();

}  // namespace textrnn

#endif  // TEXTRNN_PANELS_H_
