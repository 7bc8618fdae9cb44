// The reader of OBJ.

#include "mesh_target.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz_mesh(data, size, "f.obj");
  return 0;
}
