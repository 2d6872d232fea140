// Independent tasks on a pool of threads.

#ifndef TEXTRNN_PARALLEL_H_
#define TEXTRNN_PARALLEL_H_

#include <cstdint>
#include <functional>

namespace textrnn {

struct Workers {
  int64_t threads;  // of the pool; the caller is one more or one of them
  std::function<void(std::function<void()>)> schedule;
};

// Calls body(0) to body(tasks - 1), in any order and in parallel, and returns when all have ended.
// The calling thread takes tasks as well, so it never waits for a thread of the pool to be free.
// An exception of a task is thrown again here, after all have ended.
void parallel_for(const Workers& workers, int64_t tasks, const std::function<void(int64_t)>& body);

}  // namespace textrnn

#endif  // TEXTRNN_PARALLEL_H_
