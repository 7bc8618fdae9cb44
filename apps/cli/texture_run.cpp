#include "texture_run.h"

#include <cstdio>

#include "interrupt.h"

namespace sinter::cli {

TextureRun::TextureRun(bool quiet) : line_(quiet) {
  count_interrupts(1);
}

ProgressCallback TextureRun::progress() {
  return [this](const Progress& now) {
    line_.show(now);
    return interrupts() == 0;
  };
}

void TextureRun::tell(const char* stage, double fraction) {
  Progress now;
  now.stage = stage;
  now.stage_fraction = now.total = fraction;
  now.seconds = seconds();
  constexpr double kEnough = 0.05;  // for an estimate of the rest
  if (fraction > kEnough) now.seconds_left = now.seconds * (1 - fraction) / fraction;
  if (!progress()(now)) throw Error(ErrorCode::cancelled, "cancelled");
}

void TextureRun::warn(const std::string& mesh,
                      const MeshFileInfo& file,
                      std::vector<std::string>& repairs) {
  repairs.insert(repairs.begin(), file.repairs.begin(), file.repairs.end());
  line_.finish();
  for (const std::string& repair : repairs) {
    std::fprintf(stderr, "sinter: warning: %s: %s\n", mesh.c_str(), repair.c_str());
  }
}

double TextureRun::seconds() const {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
}

double TextureRun::lap() {
  const double now = seconds(), passed = now - last_;
  last_ = now;
  return passed;
}

}  // namespace sinter::cli
