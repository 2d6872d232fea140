#include "parallel.h"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <exception>
#include <memory>
#include <mutex>

namespace textrnn {
namespace {

// A thread of the pool may look for a task when all are done and the caller has gone on, so this
// outlives the call. `body` does not, but is only called for a task that the caller waits for.
struct Job {
  const std::function<void(int64_t)>* body;
  int64_t tasks;
  std::atomic<int64_t> next{0};
  std::mutex mutex;
  std::condition_variable ended;
  int64_t done = 0;
  std::exception_ptr error;

  void work() {
    for (int64_t task = next++; task < tasks; task = next++) {
      std::exception_ptr thrown;
      try {
        (*body)(task);
      } catch (...) {
        thrown = std::current_exception();
      }
      std::lock_guard<std::mutex> lock(mutex);
      if (thrown) error = thrown;
      if (++done == tasks) ended.notify_one();
    }
  }
};

}  // namespace

void parallel_for(const Workers& workers, int64_t tasks, const std::function<void(int64_t)>& body) {
  if (tasks <= 0) return;
  auto job = std::make_shared<Job>();
  job->body = &body;
  job->tasks = tasks;
  for (int64_t helper = 1; helper < std::min(tasks, workers.threads); ++helper) {
    workers.schedule([job] { job->work(); });
  }
  job->work();
  std::unique_lock<std::mutex> lock(job->mutex);
  job->ended.wait(lock, [&] { return job->done == tasks; });
  if (job->error) std::rethrow_exception(job->error);
}

}  // namespace textrnn
