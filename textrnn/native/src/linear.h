// x W + b for the first rows of a matrix.

#ifndef TEXTRNN_LINEAR_H_
#define TEXTRNN_LINEAR_H_

#include "linear_tasks.h"
#include "parallel.h"

namespace textrnn {

// Computes all of `whole`, shared among the threads. Its panels and scratch memory are not read.
void linear(const LinearTask& whole, const Workers& workers);

}  // namespace textrnn

#endif  // TEXTRNN_LINEAR_H_
