#pragma once
// Wavefront material files: the diffuse colour and its picture.
// Source: Wavefront, Advanced Visualizer manual, material file format (MTL).

#include <map>
#include <string>
#include <string_view>

#include "sinter/mesh_types.h"

namespace sinter::io {

struct MtlMaterial {
  Material look;
  std::string picture;  ///< as the file names it; empty: none
};

/// The materials of a file by name, of several with one name the last. Read are `newmtl`, `Kd`
/// (three numbers of sRGB, as viewers take them; a black one beside a picture counts as white) and
/// `map_Kd` with -s, -o and -clamp; its other options and all other statements, also damaged ones,
/// are passed over.
std::map<std::string, MtlMaterial, std::less<>> parse_mtl(std::string_view text);

/// A name that takes the rest of a line, without blanks around it.
std::string_view rest_of_line(std::string_view line);

}  // namespace sinter::io
