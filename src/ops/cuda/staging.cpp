#include "ops/cuda/staging.h"

#include <algorithm>
#include <cstring>

#include "cpu/threads.h"
#include "cuda/status.h"
#include "ops/cuda/rows.h"

namespace sinter::ops::cuda {

namespace {

using sinter::cuda::check;

constexpr const char* kName = "upload";

/// The rows of both sides. Without padding rows do not matter: all elements are one sequence, cut
/// where it suits.
struct Layout {
  std::int64_t rows = 1, src_columns = 0, dst_columns = 0;

  Layout(const Tensor& src, const Tensor& dst)
      : src_columns(src.elements()), dst_columns(dst.elements()) {
    if (src.shape == dst.shape) {
      rows = src_columns;
      src_columns = dst_columns = 1;
      return;
    }
    SINTER_CHECK(src.shape.rank() == 2 && dst.shape.rank() == 2 && src.dim(0) == dst.dim(0) &&
                     src.dim(1) <= dst.dim(1),
                 ErrorCode::internal,
                 "[upload] expected as many rows, at least as long, got ",
                 src.shape,
                 " to ",
                 dst.shape);
    rows = src.dim(0);
    src_columns = src.dim(1);
    dst_columns = dst.dim(1);
  }
};

/// One core reads a mapped file at a seventh of the rate at which the device takes it.
void copy_in_parts(void* to, const void* from, std::size_t bytes, int threads) {
  constexpr std::size_t kPart = std::size_t{1} << 19;
  constexpr int kMostThreads = 8;
  const auto parts = static_cast<std::int64_t>((bytes + kPart - 1) / kPart);
  cpu::parallel_ranges(std::min(threads, kMostThreads), parts, [&](auto begin, auto end, int) {
    const std::size_t first = static_cast<std::size_t>(begin) * kPart;
    const std::size_t last = std::min(static_cast<std::size_t>(end) * kPart, bytes);
    std::memcpy(static_cast<std::byte*>(to) + first,
                static_cast<const std::byte*>(from) + first,
                last - first);
  });
}

Rows rows_at(void* data, DType dtype, std::int64_t count, std::int64_t columns) {
  // A sequence of single elements goes faster as one row.
  if (columns == 1) return {data, dtype, 1, count, count};
  return {data, dtype, count, columns, columns};
}

}  // namespace

Staging::~Staging() {
  for (const Slot& slot : slots_) {
    if (slot.block == nullptr) continue;  // destroying what is not leaves an error behind
    cudaEventSynchronize(slot.copied);
    cudaEventDestroy(slot.copied);
    cudaFreeHost(slot.block);
  }
}

Staging::Slot& Staging::next() {
  Slot& slot = slots_[turn_++ % slots_.size()];
  if (slot.block == nullptr) {
    check(cudaMallocHost(&slot.block, kBytes), kName);
    check(cudaEventCreateWithFlags(&slot.copied, cudaEventDisableTiming), kName);
  } else {
    check(cudaEventSynchronize(slot.copied), kName);
  }
  return slot;
}

void Staging::upload(const Tensor& src, const Tensor& dst, int threads, cudaStream_t stream) {
  const Layout layout(src, dst);
  const bool as_is = src.dtype == dst.dtype && layout.src_columns == layout.dst_columns;
  const auto src_row = static_cast<std::size_t>(layout.src_columns) * size_of(src.dtype);
  const auto dst_row = static_cast<std::size_t>(layout.dst_columns) * size_of(dst.dtype);
  const auto most = static_cast<std::int64_t>(kBytes / src_row);
  SINTER_CHECK(most > 0, ErrorCode::unsupported, "[upload] a row of ", src_row, " bytes");
  for (std::int64_t first = 0; first < layout.rows; first += most) {
    const std::int64_t count = std::min(most, layout.rows - first);
    const std::size_t bytes = static_cast<std::size_t>(count) * src_row;
    const std::byte* from =
        static_cast<const std::byte*>(src.data) + static_cast<std::size_t>(first) * src_row;
    std::byte* to = static_cast<std::byte*>(dst.data) + static_cast<std::size_t>(first) * dst_row;
    Slot& slot = next();
    copy_in_parts(slot.block, from, bytes, threads);
    if (!as_is && slot.landing.size() == 0) slot.landing = sinter::cuda::DeviceMemory(kBytes);
    void* const target = as_is ? to : slot.landing.as<void>();
    check(cudaMemcpyAsync(target, slot.block, bytes, cudaMemcpyHostToDevice, stream), kName);
    if (!as_is) {
      copy(rows_at(to, dst.dtype, count, layout.dst_columns),
           rows_at(target, src.dtype, count, layout.src_columns),
           stream);
    }
    check(cudaEventRecord(slot.copied, stream), kName);
  }
}

}  // namespace sinter::ops::cuda
