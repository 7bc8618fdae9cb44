#include "cuda/tensor_map.h"

#include <cudaTypedefs.h>
#include <cuda_runtime.h>

#include "cuda/status.h"

namespace sinter::cuda {

namespace {

/// Looked up at run time, so that nothing links against the driver and the program starts without
/// one.
PFN_cuTensorMapEncodeTiled_v12000 encode_tiled() {
  void* entry = nullptr;
  cudaDriverEntryPointQueryResult found{};
  check(cudaGetDriverEntryPointByVersion(
            "cuTensorMapEncodeTiled", &entry, 12000, cudaEnableDefault, &found),
        "tensor map");
  SINTER_CHECK(found == cudaDriverEntryPointSuccess && entry != nullptr,
               ErrorCode::device,
               "[tensor map] expected a CUDA 12 driver, which has cuTensorMapEncodeTiled");
  return reinterpret_cast<PFN_cuTensorMapEncodeTiled_v12000>(entry);
}

}  // namespace

CUtensorMap head_rows_map(const HeadRows& rows,
                          DType dtype,
                          int box_tokens,
                          const char* operation) {
  constexpr std::uint64_t kElement = 2, kAlignment = 16;
  const std::uint64_t strides[] = {static_cast<std::uint64_t>(rows.head_stride) * kElement,
                                   static_cast<std::uint64_t>(rows.token_stride) * kElement};
  SINTER_CHECK(reinterpret_cast<std::uintptr_t>(rows.data) % kAlignment == 0 &&
                   strides[0] % kAlignment == 0 && strides[1] % kAlignment == 0,
               ErrorCode::invalid_argument,
               "[",
               operation,
               "] expected rows and heads aligned to 16 bytes, got strides of ",
               strides[1],
               " and ",
               strides[0],
               " bytes");
  const cuuint64_t dims[] = {static_cast<cuuint64_t>(rows.dim),
                             static_cast<cuuint64_t>(rows.heads),
                             static_cast<cuuint64_t>(rows.tokens)};
  const cuuint64_t byte_strides[] = {strides[0], strides[1]};
  const cuuint32_t box[] = {kSwizzleColumns, 1, static_cast<cuuint32_t>(box_tokens)};
  const cuuint32_t steps[] = {1, 1, 1};
  CUtensorMap map;
  const CUresult status = encode_tiled()(
      &map,
      dtype == DType::f16 ? CU_TENSOR_MAP_DATA_TYPE_FLOAT16 : CU_TENSOR_MAP_DATA_TYPE_BFLOAT16,
      3,
      const_cast<void*>(rows.data),
      dims,
      byte_strides,
      box,
      steps,
      CU_TENSOR_MAP_INTERLEAVE_NONE,
      CU_TENSOR_MAP_SWIZZLE_128B,
      CU_TENSOR_MAP_L2_PROMOTION_L2_256B,
      CU_TENSOR_MAP_FLOAT_OOB_FILL_NONE);
  SINTER_CHECK(status == CUDA_SUCCESS,
               ErrorCode::device,
               "[",
               operation,
               "] the driver refused a tensor map of ",
               rows.tokens,
               " tokens, ",
               rows.heads,
               " heads of ",
               rows.dim,
               " (CUresult ",
               static_cast<int>(status),
               ")");
  return map;
}

}  // namespace sinter::cuda
