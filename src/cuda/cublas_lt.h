#pragma once
// cuBLASLt, opened when the first product needs it: the program starts, and runs on the CPU,
// without it.

#include <cublasLt.h>

#include <memory>

namespace sinter::cuda {

/// The functions in use, under their own names.
struct CublasLt {
// clang-format off
#define SINTER_CUBLAS_LT_FUNCTIONS(X)                                                       \
  X(Create) X(Destroy) X(GetStatusString) X(Matmul) X(MatmulAlgoCheck)                     \
  X(MatmulAlgoConfigGetAttribute) X(MatmulAlgoGetHeuristic)                                \
  X(MatmulDescCreate) X(MatmulDescDestroy) X(MatmulDescSetAttribute)                       \
  X(MatrixLayoutCreate) X(MatrixLayoutDestroy)                                             \
  X(MatmulPreferenceCreate) X(MatmulPreferenceDestroy) X(MatmulPreferenceSetAttribute)
// clang-format on
#define SINTER_DECLARE(name) decltype(&cublasLt##name) name = nullptr;
  SINTER_CUBLAS_LT_FUNCTIONS(SINTER_DECLARE)
#undef SINTER_DECLARE

  /// Raises ErrorCode::not_found, naming the library, where it is not on this machine,
  /// ErrorCode::unsupported where it lacks a function.
  static std::shared_ptr<const CublasLt> open();
};

}  // namespace sinter::cuda
