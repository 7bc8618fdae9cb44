#include "texture/cuda/maps.h"

#include "texture/cuda/device_test.h"
#include "texture/maps/raster_cache.h"
#include "texture/test_meshes.h"

namespace sinter::texture::cuda {
namespace {

using test::Random;

ViewCamera random_camera(Random& random) {
  ViewCamera camera;
  camera.azimuth = static_cast<double>(random.range(-720, 720));
  camera.elevation = static_cast<double>(random.range(-90, 90));
  camera.perspective = random.next() % 2 != 0;
  camera.distance = static_cast<double>(random.range(0.6f, 3));
  camera.scale = static_cast<double>(random.range(0.2f, 2));
  camera.field_of_view = static_cast<double>(random.range(5, 150));
  return camera;
}

/// Balls and boxes in each other, pushed about so that nothing is regular; some faces are turned
/// round, repeated or without area.
mesh::TriangleMesh rough_mesh(Random& random, int rings) {
  mesh::TriangleMesh mesh =
      test::joined(test::ball(rings), test::box({0.4f, 1.3f, 0.7f}, {0.3f, 0, 0.2f}));
  for (mesh::Vec3& p : mesh.positions) {
    for (float& x : p) x += random.range(-0.04f, 0.04f);
  }
  const std::size_t count = mesh.faces.size();
  for (std::size_t f = 0; f < count; f += 9) {
    const mesh::Face face = mesh.faces[f];
    mesh.faces.push_back({face[1], face[0], face[2]});
    mesh.faces.push_back({face[0], face[0], face[2]});
  }
  return mesh;
}

class DeviceMaps : public testing::DeviceTest {
 protected:
  void expect_as_host(const mesh::TriangleMesh& source, const ViewCamera& camera, int w, int h) {
    const ViewMesh mesh = prepare_view_mesh(source);
    const auto normals = mean_normals(mesh.positions, mesh.faces, 2);
    const FaceRaster host_raster = texture::rasterize_faces(
        project_vertices(mesh, camera_matrices(camera)), mesh.faces, w, h, 2);
    const ViewMaps expected = texture::make_maps(mesh, normals, camera, host_raster, 2);
    const DeviceViewMesh there(mesh, normals, &*memory_, stream_);
    const DeviceRaster raster = rasterize_view(there, camera, w, h, *arena_, stream_);
    ASSERT_EQ(values_of(raster.face), host_raster.face);
    mesh::cuda::Download download;
    const ViewMaps found =
        download_maps(make_maps(there, camera, raster, *arena_, stream_), download, stream_);
    EXPECT_EQ(found.normal.pixels, expected.normal.pixels);
    EXPECT_EQ(found.position.pixels, expected.position.pixels);
    EXPECT_EQ(found.depth.pixels, expected.depth.pixels);
    EXPECT_EQ(found.mask.pixels, expected.mask.pixels);
    EXPECT_EQ(found.covered_pixels, expected.covered_pixels);
    EXPECT_EQ(found.nearest, expected.nearest);
    EXPECT_EQ(found.farthest, expected.farthest);
  }
};

TEST_F(DeviceMaps, AreTheHostsBitForBit) {
  Random random(17);
  for (const auto& [width, height, rings] : {std::array{64, 64, 5},
                                             std::array{517, 301, 40},
                                             std::array{16, 900, 12},
                                             std::array{1024, 1024, 160}}) {
    for (int view = 0; view < 6; ++view) {
      SCOPED_TRACE(::testing::Message() << width << " x " << height << ", view " << view);
      expect_as_host(rough_mesh(random, rings), random_camera(random), width, height);
    }
  }
}

TEST_F(DeviceMaps, OfTheDefaultCameras) {
  Random random(3);
  const mesh::TriangleMesh mesh = rough_mesh(random, 60);
  for (const ViewCamera& camera : default_cameras()) expect_as_host(mesh, camera, 700, 700);
}

TEST_F(DeviceMaps, APlaneThatFacesTheCameraAndOneThatDoesNot) {
  mesh::TriangleMesh plane;
  plane.positions = {{-1, -1, 0}, {1, -1, 0}, {1, 1, 0}, {-1, 1, 0}};
  plane.faces = {{0, 1, 2}, {0, 2, 3}};
  expect_as_host(plane, {}, 90, 90);
  expect_as_host(plane, {.azimuth = 37, .elevation = 20}, 90, 90);
  // Seen from the edge: nothing, or next to nothing.
  expect_as_host(plane, {.azimuth = 90}, 90, 90);
}

}  // namespace
}  // namespace sinter::texture::cuda
