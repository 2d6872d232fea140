#include "pack.h"

#include <algorithm>
#include <cstring>

namespace textrnn {
namespace {

float widened(float value) { return value; }

// bfloat16 is the upper half of float32.
float widened(uint16_t bfloat16) {
  const uint32_t bits = static_cast<uint32_t>(bfloat16) << 16;
  float value;
  std::memcpy(&value, &bits, sizeof(value));
  return value;
}

uint32_t rounded(uint16_t bfloat16) { return bfloat16; }

// To the nearest bfloat16, of two the even one.
uint32_t rounded(float value) {
  uint32_t bits;
  std::memcpy(&bits, &value, sizeof(bits));
  const uint32_t nearest = (bits + 0x7fff + (bits >> 16 & 1)) >> 16;
  // Adding could turn a NaN into infinity.
  return (bits & 0x7fffffff) > 0x7f800000 ? bits >> 16 | 0x40 : nearest;
}

// What a lane of a panel holds: values of kGroup rows, from the first of them on.
struct OneFloat {
  using Lane = float;
  static constexpr int64_t kGroup = 1;

  template <class T>
  static Lane from(const T* first, int64_t) { return widened(*first); }
  template <class T>
  static Lane from_last(const T* first) { return widened(*first); }
};

struct PairOfBfloat16 {
  using Lane = uint32_t;
  static constexpr int64_t kGroup = 2;

  template <class T>
  static Lane from(const T* first, int64_t stride) {
    return rounded(first[0]) | rounded(first[stride]) << 16;
  }
  template <class T>
  static Lane from_last(const T* first) { return rounded(*first); }
};

template <class Group, class T>
void pack_panel(const Packing& packing, int64_t panel, void* memory) {
  const Source& source = packing.source;
  const PanelLayout& layout = packing.layout;
  auto* target = static_cast<typename Group::Lane*>(memory);
  for (int64_t vector = 0; vector < layout.vectors; ++vector) {
    const T* column = static_cast<const T*>(source.values) + layout.column(panel, vector);
    const int64_t count = std::clamp<int64_t>(layout.hidden - layout.unit(panel, vector), 0,
                                              layout.lanes);
    for (int64_t k = 0; k < source.rows; k += Group::kGroup) {
      const T* from = column + k * source.columns;
      auto* to = target + (k / Group::kGroup * layout.vectors + vector) * layout.lanes;
      if (k + Group::kGroup <= source.rows) {
        for (int64_t lane = 0; lane < count; ++lane) {
          to[lane] = Group::from(from + lane, source.columns);
        }
      } else {
        for (int64_t lane = 0; lane < count; ++lane) to[lane] = Group::from_last(from + lane);
      }
      std::fill(to + count, to + layout.lanes, 0);
    }
  }
}

template <class Group, class T>
void pack_transposed_panel(const Packing& packing, int64_t panel, void* memory) {
  const Source& source = packing.source;
  auto* target = static_cast<typename Group::Lane*>(memory);
  const int64_t width = packing.layout.vectors * packing.layout.lanes;
  for (int64_t lane = 0; lane < width; ++lane) {
    const int64_t row = panel * width + lane;
    const T* from = static_cast<const T*>(source.values) + row * source.columns;
    for (int64_t k = 0; k < source.columns; k += Group::kGroup) {
      target[k / Group::kGroup * width + lane] =
          row >= packing.layout.hidden                ? 0
          : k + Group::kGroup <= source.columns ? Group::from(from + k, 1)
                                                : Group::from_last(from + k);
    }
  }
}

template <class Group, class T>
void pack_one_panel(const Packing& packing, int64_t panel, void* memory) {
  (packing.transposed ? pack_transposed_panel<Group, T> : pack_panel<Group, T>)(packing, panel,
                                                                               memory);
}

}  // namespace

std::vector<PackedMatrix> pack(const std::vector<Packing>& packings, const Workers& workers) {
  std::vector<PackedMatrix> packed(packings.size());
  std::vector<int64_t> sizes;         // of a panel, in lanes of 4 bytes
  std::vector<int64_t> starts = {0};  // the first of all panels of each matrix
  for (size_t i = 0; i < packings.size(); ++i) {
    const auto& [source, layout, transposed, pairs] = packings[i];
    const int64_t inputs = transposed ? source.columns : source.rows;
    sizes.push_back((pairs ? (inputs + 1) / 2 : inputs) * layout.vectors * layout.lanes);
    starts.push_back(starts.back() + layout.panels);
    packed[i].memory = allocate(layout.panels * sizes.back());
    if (pairs) {
      packed[i].matrix.pairs = reinterpret_cast<const uint16_t*>(packed[i].memory.get());
    } else {
      packed[i].matrix.floats = packed[i].memory.get();
    }
  }
  parallel_for(workers, starts.back(), [&](int64_t index) {
    const int64_t which =
        std::upper_bound(starts.begin(), starts.end(), index) - starts.begin() - 1;
    const Packing& packing = packings[which];
    const int64_t panel = index - starts[which];
    const auto write =
        packing.pairs ? (packing.source.bfloat16 ? pack_one_panel<PairOfBfloat16, uint16_t>
                                                 : pack_one_panel<PairOfBfloat16, float>)
                      : (packing.source.bfloat16 ? pack_one_panel<OneFloat, uint16_t>
                                                 : pack_one_panel<OneFloat, float>);
    write(packing, panel, packed[which].memory.get() + panel * sizes[which]);
  });
  return packed;
}

}  // namespace textrnn
