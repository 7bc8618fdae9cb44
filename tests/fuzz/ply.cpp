// The reader of PLY.

#include "mesh_target.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz_mesh(data, size, "f.ply");
  return 0;
}
