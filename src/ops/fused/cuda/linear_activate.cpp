#include "ops/fused/cuda/linear_activate.h"

#include <map>
#include <mutex>

#include "cuda/cublas_lt.h"
#include "cuda/matrix_product.h"

namespace sinter::fused::cuda {

namespace {

using sinter::cuda::MatrixProducts;

/// The one state behind the fused operators: making a handle of cuBLASLt and asking it for an
/// algorithm takes longer than most products, and a call has no object to keep them in. Nothing of
/// it shows in a result.
struct Kept {
  std::mutex mutex;
  std::map<int, MatrixProducts> products;  // by device
};

Kept& kept() {
  static auto* const one = new Kept;  // not destroyed: at exit CUDA may be gone before
  return *one;
}

}  // namespace

std::size_t linear_scratch_bytes() {
  return MatrixProducts::workspace_bytes();
}

std::string refuse_products() {
  struct Library {
    std::shared_ptr<const sinter::cuda::CublasLt> functions;
    std::string refusal;
    Library() {
      try {
        functions = sinter::cuda::CublasLt::open();
      } catch (const Error& error) {
        refusal = error.message();
      }
    }
  };
  static const auto* const library = new Library;
  return library->refusal;
}

void linear_activate(const LinearActivate& op, std::int64_t rows, cudaStream_t stream) {
  const std::lock_guard lock(kept().mutex);
  const auto [at, made] =
      kept().products.try_emplace(op.x.device, MatrixProducts::Workspace::of_caller);
  MatrixProducts& products = at->second;
  if (made) products.set_timing(false);  // which would wait for the stream
  products.run({.rows = rows,
                .in_features = op.weight.shape[1],
                .out_features = op.weight.shape[0],
                .x = op.x.data,
                .weight = op.weight.data,
                .bias = op.bias.data,
                .dst = op.y.data,
                .epilogue = sinter::cuda::Epilogue::gelu_tanh,
                .dtype = dtype_of(op.x.type)},
               stream,
               op.scratch);
}

}  // namespace sinter::fused::cuda
