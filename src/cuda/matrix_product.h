#pragma once
// Matrix products through cuBLASLt: dst = activation(x W^T + bias) (+ dst), f32, f16 or bf16, sums
// f32. x and W may be e4m3, and then dst too.

#include <cuda_runtime.h>

#include <cstdint>
#include <memory>

#include "core/dtype.h"

namespace sinter::cuda {

enum class Epilogue {
  none,
  gelu_tanh,  ///< of x W^T + bias
  add,        ///< the product and the bias are added to dst
};

struct MatrixProduct {
  std::int64_t rows = 0, in_features = 0, out_features = 0;
  const void* x = nullptr;       ///< [rows, in_features]
  const void* weight = nullptr;  ///< [out_features, in_features], contiguous
  const void* bias = nullptr;    ///< [out_features]; null for none
  void* dst = nullptr;           ///< [rows, out_features]; must not overlap x
  std::int64_t x_stride = 0;     ///< from row to row, in elements; 0: in_features
  std::int64_t dst_stride = 0;   ///< from row to row, in elements; 0: out_features
  Epilogue epilogue = Epilogue::none;
  DType dtype = DType::f16;  ///< of every operand that is not said to be e4m3
  bool narrow = false;       ///< x and W are e4m3
  float scale = 1.0F;        ///< of x W^T: what products of e4m3 values stand for
  /// Not null: dst is e4m3 and holds the result times this value, which lies on the device.
  const float* dst_factor = nullptr;
};

/// Runs products on one device and remembers how. One a stream at a time: products share a
/// workspace, unless callers bring theirs.
///
/// The first product of a shape that has work enough times the algorithms that cuBLASLt proposes
/// and keeps the fastest, also for the same with an eighth more or fewer rows: the rows of an
/// expert differ each time. Only those are considered that sum each element in one piece, which
/// give the same bits, so the choice never shows in a result. While a stream is being captured
/// nothing can be timed: run a shape once before capturing it, or it takes the first proposal.
class MatrixProducts {
 public:
  enum class Workspace : std::uint8_t { own, of_caller };
  /// Raises what CublasLt::open() raises, and ErrorCode::out_of_memory.
  explicit MatrixProducts(Workspace workspace = Workspace::own);
  ~MatrixProducts();
  MatrixProducts(const MatrixProducts&) = delete;
  MatrixProducts& operator=(const MatrixProducts&) = delete;

  /// Device memory that it holds, or that a caller's workspace has.
  static std::size_t workspace_bytes();
  /// Whether algorithms are timed; they are at first. Where not, a new shape takes cuBLASLt's first
  /// proposal, which is seldom slower by more than a tenth: timing one shape takes as long as some
  /// hundred of its products, loading of kernels included.
  void set_timing(bool on);

  /// Queues on the stream. All rows start at multiples of 16 bytes; with e4m3 operands, both
  /// numbers of channels are multiples of 16. Raises ErrorCode::invalid_argument for what is
  /// outside these limits, ErrorCode::device, naming the shape, where cuBLASLt fails or has no
  /// algorithm. `workspace` is a caller's, aligned to 256 bytes.
  void run(const MatrixProduct& product, cudaStream_t stream, void* workspace = nullptr);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace sinter::cuda
