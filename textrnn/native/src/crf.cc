// The calls from XLA behind textrnn/native/crf.py, which names the arguments and results.

#include "crf.h"

#include <algorithm>
#include <stdexcept>

#include "arguments.h"
#include "library.h"
#include "memory.h"
#include "recurrent.h"

namespace textrnn {

TEXTRNN_FOR_EACH_ISA(extern const CrfKernels crf_kernels;)

namespace {

using Lengths = ffi::BufferR1<ffi::S32>;
using Emissions = ffi::BufferR2<ffi::F32>;

const CrfKernels& kernels() { return *TEXTRNN_SELECT(crf_kernels); }

// The rows of a call, and the chain in the layout of the kernels.
class Problem {
 public:
  // Takes the scores of the chain from the arguments.
  Problem(ffi::ThreadPool& pool, Lengths lengths, Emissions emissions, Arguments& arguments)
      : workers_(workers_of(pool)),
        batch_(lengths.typed_data(), lengths.dimensions()[0], emissions.dimensions()[0]) {
    const int64_t tags = emissions.dimensions()[1];
    if (tags < 1) throw std::invalid_argument("there are no tags");
    const float* start = arguments.floats("start", {tags});
    const float* transition = arguments.floats("transition", {tags, tags});
    const float* end = arguments.floats("end", {tags});
    memory_ = allocate(kernels().chain_size(tags));
    chain_ = kernels().prepare(tags, start, transition, end, memory_.get());
  }

  const CrfChain& chain() const { return chain_; }
  const Batch& batch() const { return batch_; }

  // Calls `task(sequence)` for each row that has tokens, in parallel.
  template <class Task>
  void for_each_row(const Task& task) const {
    // Waking a thread takes about as long as adding this many scores.
    constexpr int64_t kScoresPerGroup = 100'000;
    const int64_t scores = batch_.tokens() * chain_.tags * chain_.padded;
    const int64_t groups = std::min(batch_.rows(), 1 + scores / kScoresPerGroup);
    const std::vector<Sequence>& sequences = batch_.sequences(false);
    parallel_for(workers_, groups, [&](int64_t group) {
      for (int64_t index = group; index < batch_.rows(); index += groups) {
        task(sequences[index]);
      }
    });
  }

  // Zeros the values of a result [tokens, width] at padding.
  template <class T>
  void clear_padding(T* values, int64_t width) const {
    std::fill(values + batch_.tokens() * width, values + batch_.capacity() * width, 0);
  }

 private:
  Workers workers_;
  Batch batch_;
  Floats memory_;
  CrfChain chain_;
};

ffi::Error run_viterbi(ffi::ThreadPool pool, Lengths lengths, Emissions emissions,
                       ffi::RemainingArgs given, ffi::Result<Lengths> path) {
  return handled([&] {
    Arguments arguments(given);
    const Problem problem(pool, lengths, emissions, arguments);
    const CrfChain& chain = problem.chain();
    if (path->dimensions()[0] != problem.batch().capacity()) {
      throw std::invalid_argument("path and emissions have different numbers of tokens");
    }
    const Floats scratch = allocate(problem.batch().tokens() * chain.padded);
    problem.for_each_row([&](const Sequence& row) {
      kernels().viterbi(chain, emissions.typed_data() + row.first * chain.tags, row.length,
                        scratch.get() + row.first * chain.padded, path->typed_data() + row.first);
    });
    problem.clear_padding(path->typed_data(), 1);
  });
}

ffi::Error run_forward(ffi::ThreadPool pool, Lengths lengths, Emissions emissions,
                       ffi::RemainingArgs given, ffi::RemainingRets returned) {
  return handled([&] {
    Arguments arguments(given);
    Results results(returned);
    const Problem problem(pool, lengths, emissions, arguments);
    const CrfChain& chain = problem.chain();
    const int64_t rows = lengths.dimensions()[0];
    float* sums = results.floats("forward", {problem.batch().capacity(), chain.tags});
    float* partition = results.floats("partition", {rows});
    std::fill(partition, partition + rows, 0);
    const Floats scratch = allocate(rows * 3 * chain.padded);
    problem.for_each_row([&](const Sequence& row) {
      kernels().forward(chain, emissions.typed_data() + row.first * chain.tags, row.length,
                        scratch.get() + row.row * 3 * chain.padded, sums + row.first * chain.tags,
                        partition + row.row);
    });
    problem.clear_padding(sums, chain.tags);
  });
}

ffi::Error run_backward(ffi::ThreadPool pool, Lengths lengths, Emissions emissions,
                        ffi::RemainingArgs given, ffi::RemainingRets returned) {
  return handled([&] {
    Arguments arguments(given);
    Results results(returned);
    const Problem problem(pool, lengths, emissions, arguments);
    const CrfChain& chain = problem.chain();
    const int64_t rows = lengths.dimensions()[0];
    const float* partition = arguments.floats("partition", {rows});
    float* sums = results.floats("backward", {problem.batch().capacity(), chain.tags});
    const Floats scratch = allocate(rows * 3 * chain.padded);
    problem.for_each_row([&](const Sequence& row) {
      kernels().backward(chain, emissions.typed_data() + row.first * chain.tags, row.length,
                         partition[row.row], scratch.get() + row.row * 3 * chain.padded,
                         sums + row.first * chain.tags);
    });
    problem.clear_padding(sums, chain.tags);
  });
}

auto bind() {
  return ffi::Ffi::Bind().Ctx<ffi::ThreadPool>().Arg<Lengths>().Arg<Emissions>().RemainingArgs();
}

}  // namespace

TEXTRNN_EXPORT XLA_FFI_Error* textrnn_crf_viterbi(XLA_FFI_CallFrame* frame) {
  static const auto handler = bind().Ret<Lengths>().To(run_viterbi);
  return handler->Call(frame);
}

TEXTRNN_EXPORT XLA_FFI_Error* textrnn_crf_forward(XLA_FFI_CallFrame* frame) {
  static const auto handler = bind().RemainingRets().To(run_forward);
  return handler->Call(frame);
}

TEXTRNN_EXPORT XLA_FFI_Error* textrnn_crf_backward(XLA_FFI_CallFrame* frame) {
  static const auto handler = bind().RemainingRets().To(run_backward);
  return handler->Call(frame);
}

}  // namespace textrnn
