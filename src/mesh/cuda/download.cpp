#include "mesh/cuda/download.h"

#include <algorithm>
#include <cstring>

#include "cuda/status.h"

namespace sinter::mesh::cuda {

using sinter::cuda::check;

namespace {

constexpr std::size_t kPartBytes = std::size_t{4} << 20;

}  // namespace

Download::Download() {
  std::byte* pinned = nullptr;
  check(cudaMallocHost(&pinned, kParts * kPartBytes), "download");
  pinned_.reset(pinned);
}

void Download::run(const void* source, void* destination, std::size_t bytes, cudaStream_t stream) {
  const std::size_t parts = (bytes + kPartBytes - 1) / kPartBytes;
  const auto size_of_part = [&](std::size_t part) {
    return std::min(kPartBytes, bytes - part * kPartBytes);
  };
  const auto fetch = [&](std::size_t part) {
    check(cudaMemcpyAsync(pinned_.get() + part % kParts * kPartBytes,
                          static_cast<const std::byte*>(source) + part * kPartBytes,
                          size_of_part(part),
                          cudaMemcpyDeviceToHost,
                          stream),
          "download");
    arrived_[part % kParts].record(stream);
  };
  for (std::size_t part = 0; part < std::min<std::size_t>(kParts, parts); ++part) fetch(part);
  for (std::size_t part = 0; part < parts; ++part) {
    arrived_[part % kParts].wait();
    std::memcpy(static_cast<std::byte*>(destination) + part * kPartBytes,
                pinned_.get() + part % kParts * kPartBytes,
                size_of_part(part));
    if (part + kParts < parts) fetch(part + kParts);
  }
}

}  // namespace sinter::mesh::cuda
