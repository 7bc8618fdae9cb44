// The reader of USDZ, and of its text layer alone: bytes that are no archive are put into one.

#include "io/zip_file.h"
#include "mesh_target.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (sinter::io::ZipReader::recognises({data, size})) {
    fuzz_mesh(data, size, "f.usdz");
    return 0;
  }
  sinter::io::ZipWriter archive;
  archive.add_aligned("f.usda", {data, size});
  const sinter::io::Bytes bytes = archive.finish();
  fuzz_mesh(bytes.data(), bytes.size(), "f.usdz");
  return 0;
}
