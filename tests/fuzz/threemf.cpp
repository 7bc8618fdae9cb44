// The reader of 3MF: zip, relationships, XML, components. Bytes that are no archive are the model
// part of one, so that the fuzzer need not learn to compress.

#include <string_view>

#include "io/zip_file.h"
#include "mesh_target.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using sinter::io::ZipReader, sinter::io::ZipWriter;
  if (ZipReader::recognises({data, size})) {
    fuzz_mesh(data, size, "f.3mf");
    return 0;
  }
  static constexpr std::string_view kRelationships =
      "<Relationships><Relationship Target='/m.model' "
      "Type='http://schemas.microsoft.com/3dmanufacturing/2013/01/3dmodel'/></Relationships>";
  ZipWriter archive;
  archive.add_deflated(
      "_rels/.rels",
      {reinterpret_cast<const std::uint8_t*>(kRelationships.data()), kRelationships.size()});
  archive.add_deflated("m.model", {data, size});
  const sinter::io::Bytes bytes = archive.finish();
  fuzz_mesh(bytes.data(), bytes.size(), "f.3mf");
  return 0;
}
