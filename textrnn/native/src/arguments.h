// Checked access to the arguments and results of an XLA FFI call.

#ifndef TEXTRNN_ARGUMENTS_H_
#define TEXTRNN_ARGUMENTS_H_

#include <algorithm>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <new>
#include <stdexcept>
#include <string>
#include <utility>

#include "library.h"
#include "panels.h"
#include "parallel.h"
#include "xla/ffi/api/ffi.h"

namespace textrnn {

namespace ffi = xla::ffi;
using Shape = std::initializer_list<int64_t>;

inline std::string shown(ffi::AnyBuffer::Dimensions shape) {
  std::string text = "[";
  for (size_t axis = 0; axis < shape.size(); ++axis) {
    text += (axis ? ", " : "") + std::to_string(shape[axis]);
  }
  return text + "]";
}

// The buffer, if it has this shape.
template <class Buffer>
Buffer checked(Buffer buffer, const char* name, Shape shape) {
  const ffi::AnyBuffer::Dimensions found = buffer.dimensions();
  if (!std::equal(found.begin(), found.end(), shape.begin(), shape.end())) {
    const ffi::AnyBuffer::Dimensions expected(shape.begin(), shape.size());
    throw std::invalid_argument(std::string(name) + " has the shape " + shown(found) +
                                ", expected " + shown(expected));
  }
  return buffer;
}

template <class T>
T* values(ffi::AnyBuffer buffer, const char* name, ffi::DataType type) {
  if (buffer.element_type() != type) {
    throw std::invalid_argument(std::string(name) + " has a wrong element type");
  }
  return static_cast<T*>(buffer.untyped_data());
}

// Reads the arguments of a call one after another.
class Arguments {
 public:
  explicit Arguments(ffi::RemainingArgs arguments) : arguments_(arguments) {}

  ffi::AnyBuffer next(const char* name) {
    auto argument = arguments_.get<ffi::AnyBuffer>(index_++);
    if (argument.has_error()) throw std::invalid_argument(std::string(name) + " is missing");
    return *argument;
  }
  ffi::AnyBuffer next(const char* name, Shape shape) { return checked(next(name), name, shape); }
  const float* floats(const char* name, Shape shape) {
    return values<const float>(next(name, shape), name, ffi::F32);
  }
  // A matrix of `inputs` rows that Python has packed; `form` says which of its arrays there are.
  Matrix matrix(int64_t form, int64_t inputs, const PanelLayout& layout) {
    Matrix matrix = {};
    if (form & kFloats) {
      matrix.floats = floats("floats", {layout.panels, inputs, layout.vectors, layout.lanes});
    }
    const int64_t group = byte_group();
    if (form & kBytes && group) {
      if (inputs > kMostInputs) throw std::invalid_argument("bytes for too many inputs");
      const auto bytes = next("bytes", {layout.panels, (inputs + group - 1) / group,
                                        layout.vectors, layout.lanes, group});
      matrix.bytes = values<const int8_t>(bytes, "bytes", ffi::S8);
      const Shape columns = {layout.panels, layout.vectors, layout.lanes};
      matrix.scales = floats("scales", columns);
      matrix.offsets = values<const int32_t>(next("offsets", columns), "offsets", ffi::S32);
    }
    if (!matrix.floats && !(matrix.bytes && group == 4)) {
      throw std::invalid_argument("a matrix has no floats");
    }
    return matrix;
  }

 private:
  static constexpr int64_t kFloats = 1;
  static constexpr int64_t kBytes = 2;
  static constexpr int64_t kMostInputs = 1 << 16;  // so that a sum of 255 * 127 fits into 32 bits

  ffi::RemainingArgs arguments_;
  size_t index_ = 0;
};

// The same for results.
class Results {
 public:
  explicit Results(ffi::RemainingRets results) : results_(results) {}

  float* floats(const char* name, Shape shape) {
    auto result = results_.get<ffi::AnyBuffer>(index_++);
    if (result.has_error()) throw std::invalid_argument(std::string(name) + " is missing");
    return values<float>(checked(**result, name, shape), name, ffi::F32);
  }

 private:
  ffi::RemainingRets results_;
  size_t index_ = 0;
};

inline Workers workers_of(ffi::ThreadPool& pool) {
  return {pool.num_threads(),
          [&pool](std::function<void()> task) { pool.Schedule(std::move(task)); }};
}

// Runs the body of a handler, whose exceptions become errors of the call.
template <class Body>
ffi::Error handled(Body body) {
  try {
    body();
    return ffi::Error::Success();
  } catch (const std::invalid_argument& error) {
    return ffi::Error::InvalidArgument(error.what());
  } catch (const std::bad_alloc&) {
    return ffi::Error(ffi::ErrorCode::kResourceExhausted, "not enough memory");
  } catch (const std::exception& error) {
    return ffi::Error::Internal(error.what());
  }
}

}  // namespace textrnn

#endif  // TEXTRNN_ARGUMENTS_H_
