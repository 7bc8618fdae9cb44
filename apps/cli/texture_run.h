#pragma once
// What maps, unwrap and bake have in common around their work: progress, Ctrl-C, warnings, times.

#include <chrono>
#include <string>
#include <vector>

#include "progress_line.h"
#include "sinter/error.h"
#include "sinter/mesh.h"

namespace sinter::cli {

/// Shows progress on standard error as `generate` does, and stops the run at the first Ctrl-C.
class TextureRun {
 public:
  explicit TextureRun(bool quiet);
  /// To be given to the options; the object must outlive the run.
  ProgressCallback progress();
  /// Of a run that tells no more than its fraction. Raises ErrorCode::cancelled.
  void tell(const char* stage, double fraction);
  /// Puts what was done when the file was read before the other repairs, ends the line of progress
  /// and prints a warning for each.
  void warn(const std::string& mesh, const MeshFileInfo& file, std::vector<std::string>& repairs);
  /// Seconds since the run began, and since the last lap.
  double seconds() const;
  double lap();

 private:
  ProgressLine line_;
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
  double last_ = 0;
};

/// What `work` does with the mesh of a file; the line that refuses an argument ends with the file.
template <class Work>
auto with_mesh_of(const std::string& file, Work&& work) {
  try {
    return work();
  } catch (const Error& error) {
    if (error.code() != ErrorCode::invalid_argument) throw;
    throw Error(error.code(), error.message() + " (" + file + ")");
  }
}

}  // namespace sinter::cli
