// The work that samplers do between two calls of the field: it must not keep a caller from stopping
// them, on a large grid and on one thread.

#include <gtest/gtest.h>

#include <algorithm>
#include <ctime>

#include "mesh/fields.h"
#include "mesh/sample_dense.h"
#include "mesh/sample_flashvdm.h"
#include "mesh/sample_hierarchical.h"

namespace sinter::mesh {
namespace {

#if defined(__SANITIZE_ADDRESS__)
constexpr double kSlower = 20;  // an unoptimised, checked build
constexpr int kResolution = 128;
#else
constexpr double kSlower = 1;
constexpr int kResolution = 384;
#endif
/// Seconds of one thread, which no other program disturbs. A caller is promised 0.25 s between two
/// looks, the field's evaluation included.
constexpr double kPromise = 0.15 * kSlower;

double thread_seconds() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

/// A ball with bumps, truncated like a decoder's field; cheap, so that what is measured is the
/// sampler's own work.
void answer(std::span<const Vec3> points, std::span<float> logits) {
  for (std::size_t n = 0; n < points.size(); ++n) {
    const auto& [x, y, z] = points[n];
    const float bump = 0.2f * (x * x - y * z) + 0.1f * z * z * z;
    const float distance = 0.8f - std::sqrt(x * x + y * y + z * z) + bump;
    logits[n] = std::clamp(distance / 0.06f, -1.0f, 1.0f);
  }
}

class Looks {
 public:
  SampleProgress progress() {
    return [this](double) {
      const double now = thread_seconds();
      longest_ = std::max(longest_, now - last_);
      last_ = now;
    };
  }
  ~Looks() {
    EXPECT_LT(std::max(longest_, thread_seconds() - last_), kPromise);
    std::printf("    longest %.3f s\n", longest_);
  }

 private:
  double last_ = thread_seconds(), longest_ = 0;
};

TEST(SamplePoll, Hierarchical) {
  Looks looks;
  HierarchicalOptions options;
  options.progress = looks.progress();
  options.poll = [look = looks.progress()] { look(0); };
  const Field field = sample_hierarchical(Grid(kResolution), answer, options);
}

TEST(SamplePoll, FlashVdm) {
  Looks looks;
  FlashVdmOptions options;
  options.progress = looks.progress();
  options.poll = [look = looks.progress()] { look(0); };
  const auto by_group = [](GroupStage, std::span<const PointGroup> groups) {
    for (const PointGroup& group : groups) answer(group.points, group.logits);
  };
  const Field field = sample_flashvdm(Grid(kResolution), by_group, options);
}

TEST(SamplePoll, Dense) {
  Looks looks;
  DenseOptions options;
  options.progress = looks.progress();
  const Field field = sample_dense(Grid(kResolution / 2), answer, options);
}

}  // namespace
}  // namespace sinter::mesh
