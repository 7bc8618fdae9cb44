#include "mesh/cuda/device_mesh.h"

#include <algorithm>
#include <cstring>

#include "mesh/cuda/upload.h"
#include "mesh/parallel.h"

namespace sinter::mesh::cuda {

using sinter::cuda::check;

namespace {

constexpr std::size_t kPartBytes = std::size_t{4} << 20;

Buffer triples(std::int64_t count, Allocator* memory) {
  return Buffer(static_cast<std::size_t>(count) * 3 * sizeof(float), memory);
}

}  // namespace

DeviceMesh::DeviceMesh(std::int64_t vertices, std::int64_t faces, Allocator* memory)
    : vertices_(vertices),
      faces_(faces),
      positions_(triples(vertices, memory)),
      indices_(triples(faces, memory)) {}

DeviceMesh::DeviceMesh(const TriangleMesh& mesh, Allocator* memory, cudaStream_t stream)
    : DeviceMesh(std::ssize(mesh.positions), std::ssize(mesh.faces), memory) {
  upload_to(positions_.data(), std::span(mesh.positions), "mesh upload", stream);
  upload_to(indices_.data(), std::span(mesh.faces), "mesh upload", stream);
}

MeshDownload::MeshDownload() {
  std::byte* pinned = nullptr;
  check(cudaMallocHost(&pinned, kParts * kPartBytes), "mesh download");
  pinned_.reset(pinned);
}

TriangleMesh MeshDownload::run(const DeviceMesh& mesh, cudaStream_t stream) {
  return with_memory_errors("mesh download", [&] {
    TriangleMesh result;
    result.positions.resize(static_cast<std::size_t>(mesh.vertices()));
    result.faces.resize(static_cast<std::size_t>(mesh.faces()));
    copy(mesh.positions(),
         result.positions.data(),
         result.positions.size() * sizeof(result.positions[0]),
         stream);
    copy(mesh.indices(), result.faces.data(), result.faces.size() * sizeof(Face), stream);
    return result;
  });
}

void MeshDownload::copy(const void* source,
                        void* destination,
                        std::size_t bytes,
                        cudaStream_t stream) {
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
          "mesh download");
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
