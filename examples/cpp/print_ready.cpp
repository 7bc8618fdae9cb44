// print_ready MODEL PICTURE OUTPUT.3mf MILLIMETRES [OCTREE [STEPS]]: makes a mesh, refuses it
// unless it can be printed, and writes it with its longest side at that length.
//
//     c++ -std=c++20 print_ready.cpp $(pkg-config --cflags --libs sinter) -o print_ready

#include <sinter/engine.h>
#include <sinter/error.h>
#include <sinter/mesh.h>

#include <cstdio>
#include <string>

int main(int argc, char** argv) try {
  if (argc < 5) {
    std::fprintf(stderr, "usage: print_ready MODEL PICTURE OUTPUT MILLIMETRES [OCTREE [STEPS]]\n");
    return 2;
  }
  sinter::GenerateOptions options;
  if (argc > 5) options.octree = std::stoi(argv[5]);
  if (argc > 6) options.steps = std::stoi(argv[6]);
  sinter::MeshWriteOptions write;
  write.size_mm = std::stod(argv[4]);
  sinter::check_mesh_path(argv[3], write);  // before the work, not after

  sinter::Engine engine(argv[1]);
  const auto progress = [](const sinter::Progress& now) {
    std::fprintf(stderr, "\r%-9s %3.0f %%", now.stage, 100 * now.total);
    return true;  // false would cancel
  };
  const sinter::GenerateResult result = engine.generate(argv[2], options, progress);
  std::fprintf(stderr, "\n");

  const sinter::MeshReport report = sinter::check_mesh(result.mesh);
  if (!report.sound) {
    std::fprintf(stderr, "print_ready: the mesh is not sound\n");
    return 1;
  }
  sinter::write_mesh(argv[3], result.mesh, result.provenance, write);
  std::printf("%s: %lld faces in %lld pieces, %g mm\n",
              argv[3],
              static_cast<long long>(report.faces),
              static_cast<long long>(report.components),
              write.size_mm);
  return 0;
} catch (const sinter::Error& error) {
  std::fprintf(stderr, "print_ready: %s\n", error.what());
  return sinter::exit_code(error.code());
}
