// Marching cubes and clean-up on the device against the CPU's, bit for bit.

#include "mesh/cuda/marching_cubes.h"

#include <gtest/gtest.h>

#include <limits>

#include "mesh/cleanup.h"
#include "mesh/cuda/cleanup.h"
#include "mesh/cuda/device_test.h"

namespace sinter::mesh::cuda {
namespace {

using testing::clamped;
using testing::expect_same_mesh;
using testing::values_of;

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

class CudaMarchingCubes : public testing::DeviceTest {
 protected:
  DeviceMesh extract(const Grid& grid,
                     const std::vector<float>& values,
                     const MarchingCubesOptions& options) {
    DeviceField field(grid, &*memory_, stream_);
    field.upload(values, stream_);
    return marching_cubes_->run(field, options, *arena_, stream_);
  }

  void expect_same(const Grid& grid,
                   const std::vector<float>& values,
                   const MarchingCubesOptions& options,
                   double ratio) {
    TriangleMesh expected;
    const std::string error =
        testing::error_of([&] { expected = mesh::marching_cubes(Field(grid, values), options); });
    DeviceMesh found;
    EXPECT_EQ(testing::error_of([&] { found = extract(grid, values, options); }), error);
    if (HasFailure() || !error.empty()) return;
    expect_same_mesh(download(found), expected);
    EXPECT_EQ(remove_floaters(found, ratio, *arena_, stream_),
              mesh::remove_floaters(expected, ratio));
    expect_same_mesh(download(found), expected);
    vertices_ += std::ssize(expected.positions);
  }

  /// Every option, on a grid of the given resolution.
  void expect_same_with_all_options(const Grid& grid, const std::vector<float>& values) {
    int n = 0;
    for (const float level : {0.0f, 0.3f}) {
      for (const bool closed : {true, false}) {
        MarchingCubesOptions options{.level = level, .close_at_border = closed, .threads = 4};
        if (n % 2 == 1) options.coordinates = CoordinateMode::upstream_parity;
        expect_same(grid, values, options, std::array{0.005, 0.3, 1.0, 0.0}[n++ % 4]);
      }
    }
  }

  void SetUp() override {
    DeviceTest::SetUp();
    if (!IsSkipped()) marching_cubes_.emplace();
  }

  std::optional<MarchingCubes> marching_cubes_;
  std::int64_t vertices_ = 0;
};

// Every case of the table beside every other; with steps, values equal to the level and equal
// products in the face decision are everywhere.
TEST_F(CudaMarchingCubes, NoiseGivesTheSameMesh) {
  for (std::uint64_t seed = 0; seed < 24; ++seed) {
    SCOPED_TRACE(seed);
    const Grid grid(16 + static_cast<int>(seed));
    expect_same_with_all_options(grid,
                                 testing::noise(grid, seed, std::array{0, 1, 2, 5}[seed % 4]));
    if (HasFailure()) return;
  }
  EXPECT_GT(vertices_, 100000);
}

TEST_F(CudaMarchingCubes, UnknownPointsGiveTheSameMesh) {
  for (std::uint64_t seed = 0; seed < 12; ++seed) {
    SCOPED_TRACE(seed);
    const Grid grid(16 + 3 * static_cast<int>(seed));
    std::vector<float> values = testing::noise(grid, seed, 0);
    std::mt19937_64 random(seed);
    for (float& v : values) v = random() % (seed % 2 == 0 ? 8 : 2) == 0 ? kNan : v;
    expect_same_with_all_options(grid, values);
    if (HasFailure()) return;
  }
  EXPECT_GT(vertices_, 10000);
}

TEST_F(CudaMarchingCubes, ShapesGiveTheSameMesh) {
  const auto field = [](int n) -> testing::Function {
    const auto seed = static_cast<std::uint64_t>(n);
    switch (n % 6) {
      case 0:
        return clamped(testing::random_balls(seed, 12, 0.02, 0.5), 0.1);
      case 1:
        return clamped(testing::random_sheet(seed, 0.05), 0.06);
      case 2:
        return testing::random_waves(seed, 15);
      case 3:  // runs out of the box
        return clamped(testing::sphere(0.9, 0.8, -0.7, 0.6), 0.06);
      case 4:
        return clamped(testing::torus(0.6, 0.2), 0.06);
      default:  // a gyroid
        return [](double x, double y, double z) {
          return std::sin(9 * x) * std::cos(9 * y) + std::sin(9 * y) * std::cos(9 * z) +
                 std::sin(9 * z) * std::cos(9 * x);
        };
    }
  };
  int n = 0;
  for (const int resolution :
       {16, 17, 23, 24, 31, 32, 33, 47, 56, 63, 64, 65, 79, 95, 111, 127, 128, 129}) {
    SCOPED_TRACE(resolution);
    const Grid grid = n % 3 == 0   ? Grid(resolution, {-1, -0.8, -0.5}, {1, 0.9, 0.7})
                      : n % 3 == 1 ? Grid(resolution)
                                   : Grid(resolution, 0.7);
    for (const int which : {n, n + 1})
      expect_same_with_all_options(grid, values_of(grid, field(which)));
    ++n;
    if (HasFailure()) return;
  }
}

TEST_F(CudaMarchingCubes, FullSizeGivesTheSameMesh) {
  const Grid grid(384);
  // Many pieces, some of them tiny, and a wild surface.
  const auto balls = testing::random_balls(3, 40, 0.005, 0.3);
  const auto waves = testing::random_waves(7, 40);
  const auto values = values_of(
      grid,
      clamped(
          [&](double x, double y, double z) {
            return std::max(balls(x, y, z), std::min(waves(x, y, z), 0.9 - testing::norm(x, y, z)));
          },
          0.03));
  expect_same(grid, values, {.threads = 16}, 0.005);
  EXPECT_GT(vertices_, 500000);
}

TEST_F(CudaMarchingCubes, BoxFarFromTheOriginGivesTheSameMesh) {
  const Grid grid(64, {1000, 1000, 1000}, {1004, 1004, 1004});
  const auto values = values_of(grid, [](double x, double y, double z) {
    return 24 - std::abs(std::round((x - 1002) * 16)) - std::abs(std::round((y - 1002) * 16)) -
           std::abs(std::round((z - 1002) * 16));
  });
  expect_same_with_all_options(grid, values);
}

TEST_F(CudaMarchingCubes, NoSurfaceIsTheSameError) {
  const Grid grid(19);
  const auto with = [&](const testing::Function& f, float level) {
    return testing::error_of([&] { extract(grid, values_of(grid, f), {.level = level}); });
  };
  const auto ramp = [](double x, double, double) { return 0.25 * x - 0.5; };
  EXPECT_EQ(with(ramp, 0),
            "[marching_cubes] the field never crosses the level 0: its values lie in "
            "-0.7525..-0.2475, so there is no surface");
  EXPECT_NE(with(ramp, -1), "");  // full
  EXPECT_NE(with(ramp, kNan), "");
  EXPECT_NE(with([](double, double, double) { return std::nan(""); }, 0).find("nothing was"),
            std::string::npos);
  EXPECT_EQ(with(ramp, -0.5f), "");
}

// Meshes that no marching cubes makes: edges with many faces, faces that name a vertex twice.
TEST_F(CudaMarchingCubes, FloatersOfAnyMeshAreTheSame) {
  std::mt19937_64 random(11);
  for (int round = 0; round < 40; ++round) {
    SCOPED_TRACE(round);
    TriangleMesh expected;
    const std::uint32_t vertices = 3 + static_cast<std::uint32_t>(random() % 300);
    const std::size_t faces = random() % 400;
    for (std::uint32_t v = 0; v < vertices; ++v) {
      expected.positions.push_back({static_cast<float>(v), 0.5f, -static_cast<float>(v)});
    }
    for (std::size_t f = 0; f < faces; ++f) {
      const auto near = static_cast<std::uint32_t>(random() % vertices);
      const auto pick = [&] {
        return (near + static_cast<std::uint32_t>(random() % 4)) % vertices;
      };
      expected.faces.push_back({pick(), pick(), pick()});
    }
    const double ratio = std::array{0.005, 0.1, 0.5, 1.0}[static_cast<std::size_t>(round % 4)];
    DeviceMesh found(expected, &*memory_, stream_);
    EXPECT_EQ(remove_floaters(found, ratio, *arena_, stream_),
              mesh::remove_floaters(expected, ratio));
    expect_same_mesh(download(found), expected);
    EXPECT_EQ(remove_unreferenced(found, *arena_, stream_), mesh::remove_unreferenced(expected));
    expect_same_mesh(download(found), expected);
    if (HasFailure()) return;
  }
  DeviceMesh mesh;
  EXPECT_EQ(testing::error_of([&] { remove_floaters(mesh, 1.5, *arena_, stream_); }),
            "[remove_floaters] ratio: expected 0..1, got 1.5");
}

}  // namespace
}  // namespace sinter::mesh::cuda
