// Ragged batches: the tokens of all rows, one after another on one axis.

#ifndef TEXTRNN_RAGGED_H_
#define TEXTRNN_RAGGED_H_

#include <cstdint>
#include <stdexcept>
#include <string>
#include <vector>

namespace textrnn {

// Where each row starts: row r has the tokens from [r] up to [r + 1], and padding starts at back().
// Throws std::invalid_argument if a length is negative or there are more tokens than `capacity`.
inline std::vector<int64_t> row_bounds(const char* name, const int32_t* lengths, int64_t rows,
                                       int64_t capacity) {
  std::vector<int64_t> bounds = {0};
  bounds.reserve(rows + 1);
  for (int64_t row = 0; row < rows; ++row) {
    const int64_t length = lengths[row];
    if (length < 0 || length > capacity - bounds.back()) {
      throw std::invalid_argument(std::string(name) + "[" + std::to_string(row) + "] is " +
                                  std::to_string(length) + ", but " +
                                  std::to_string(capacity - bounds.back()) + " of " +
                                  std::to_string(capacity) + " are left");
    }
    bounds.push_back(bounds.back() + length);
  }
  return bounds;
}

}  // namespace textrnn

#endif  // TEXTRNN_RAGGED_H_
