// The work that samplers do between two calls of the field, and what is done to a large mesh: it
// must not keep a caller from stopping it, on a large grid and on one thread.

#include <gtest/gtest.h>

#include <algorithm>
#include <ctime>

#include "core/error.h"
#include "mesh/cleanup.h"
#include "mesh/face_count.h"
#include "mesh/fields.h"
#include "mesh/marching_cubes.h"
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

// Numbering, the tree of faces and the queue are made before the first edge goes.
TEST(SamplePoll, FaceCounts) {
  TriangleMesh mesh = marching_cubes(sample_hierarchical(Grid(kResolution), answer));
  const auto faces = static_cast<std::int64_t>(mesh.faces.size());
  for (const std::int64_t target : {faces * 98 / 100, faces * 102 / 100}) {
    Looks looks;
    const auto look = [look = looks.progress()] { look(0); };
    remove_floaters(mesh, kFloaterRatio, look);
    set_face_count(mesh, {.target_faces = target, .poll = look});
  }
}

TEST(SamplePoll, FaceCountsStopWhereAsked) {
  const TriangleMesh full = marching_cubes(sample_hierarchical(Grid(96), answer));
  const auto faces = static_cast<std::int64_t>(full.faces.size());
  int calls = 0;
  const auto count = [&] { ++calls; };
  TriangleMesh mesh = full;
  remove_floaters(mesh, kFloaterRatio, count);
  const int in_floaters = calls;
  set_face_count(mesh, {.target_faces = faces / 2, .poll = count});
  const int in_all = calls;
  set_face_count(mesh, {.target_faces = faces, .poll = count});
  EXPECT_GT(in_floaters, 0);
  EXPECT_GT(in_all, in_floaters + 10);
  EXPECT_GT(calls, in_all + 2);
  for (const int stop : {1, in_floaters, in_floaters + 1, in_floaters + 7, in_all}) {
    TriangleMesh again = full;
    calls = 0;
    const auto refuse = [&] {
      if (++calls == stop) fail(ErrorCode::cancelled, "stop");
    };
    EXPECT_THROW(
        {
          remove_floaters(again, kFloaterRatio, refuse);
          set_face_count(again, {.target_faces = faces / 2, .poll = refuse});
        },
        Error);
    EXPECT_EQ(calls, stop);
    EXPECT_EQ(again.faces, full.faces);
  }
}

}  // namespace
}  // namespace sinter::mesh
