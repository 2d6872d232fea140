// Memory for vectors: aligned to cache lines and not cleared.

#ifndef TEXTRNN_MEMORY_H_
#define TEXTRNN_MEMORY_H_

#include <cstdint>
#include <memory>
#include <new>

namespace textrnn {

struct AlignedDelete {
  void operator()(float* memory) const { ::operator delete[](memory, std::align_val_t{64}); }
};

using Floats = std::unique_ptr<float[], AlignedDelete>;

inline Floats allocate(int64_t count) {
  return Floats(new (std::align_val_t{64}) float[static_cast<size_t>(count)]);
}

}  // namespace textrnn

#endif  // TEXTRNN_MEMORY_H_
