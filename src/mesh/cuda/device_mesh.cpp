#include "mesh/cuda/device_mesh.h"

#include "mesh/cuda/upload.h"
#include "mesh/parallel.h"

namespace sinter::mesh::cuda {

namespace {

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

TriangleMesh MeshDownload::run(const DeviceMesh& mesh, cudaStream_t stream) {
  return with_memory_errors("mesh download", [&] {
    TriangleMesh result;
    result.positions.resize(static_cast<std::size_t>(mesh.vertices()));
    result.faces.resize(static_cast<std::size_t>(mesh.faces()));
    download_.run(mesh.positions(),
                  result.positions.data(),
                  result.positions.size() * sizeof(result.positions[0]),
                  stream);
    download_.run(mesh.indices(), result.faces.data(), result.faces.size() * sizeof(Face), stream);
    return result;
  });
}

}  // namespace sinter::mesh::cuda
