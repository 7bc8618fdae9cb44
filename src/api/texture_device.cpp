#include "api/texture_device.h"

#include <mutex>

#include "api/device.h"
#include "texture/clock.h"

#ifdef SINTER_WITH_CUDA
#include "texture/cuda/bake.h"
#include "texture/cuda/maps.h"
#endif

namespace sinter {
namespace {

using texture::Clock;

void describe(const texture::ViewMaps& maps, MapView& view) {
  view.covered_pixels = maps.covered_pixels;
  view.nearest = maps.nearest;
  view.farthest = maps.farthest;
}

class HostMaps final : public MapMaker {
 public:
  HostMaps(const texture::ViewMesh& mesh, texture::RasterCache& rasters, int threads)
      : mesh_(mesh),
        rasters_(rasters),
        normals_(texture::mean_normals(mesh.positions, mesh.faces, threads)) {}

  texture::ViewMaps make(const ViewCamera& camera, int size, int threads, MapView& view) override {
    Clock clock;
    const auto raster = rasters_.get(mesh_, camera, size, size, threads);
    view.raster_ms = clock.lap();
    texture::ViewMaps maps = texture::make_maps(mesh_, normals_, camera, *raster, threads);
    view.shade_ms = clock.lap();
    describe(maps, view);
    return maps;
  }

 private:
  const texture::ViewMesh& mesh_;
  texture::RasterCache& rasters_;
  std::vector<mesh::Vec3> normals_;
};

#ifdef SINTER_WITH_CUDA

cudaStream_t stream_of(Accelerator& accelerator) {
  accelerator.make_current();
  return static_cast<cudaStream_t>(accelerator.native_queue());
}

class DeviceMaps final : public MapMaker {
 public:
  DeviceMaps(const texture::ViewMesh& mesh, Accelerator& accelerator, int threads)
      : accelerator_(accelerator),
        stream_(stream_of(accelerator)),
        arena_(&accelerator),
        mesh_(mesh,
              texture::mean_normals(mesh.positions, mesh.faces, threads),
              &accelerator,
              stream_) {}

  texture::ViewMaps make(const ViewCamera& camera, int size, int, MapView& view) override {
    const std::lock_guard lock(mutex_);
    accelerator_.make_current();
    Clock clock;
    const auto raster = texture::cuda::rasterize_view(mesh_, camera, size, size, arena_, stream_);
    accelerator_.synchronize();
    view.raster_ms = clock.lap();
    const auto there = texture::cuda::make_maps(mesh_, camera, raster, arena_, stream_);
    texture::ViewMaps maps = texture::cuda::download_maps(there, download_, stream_);
    view.shade_ms = clock.lap();
    describe(maps, view);
    return maps;
  }

 private:
  std::mutex mutex_;
  Accelerator& accelerator_;
  cudaStream_t stream_;
  Arena arena_;
  texture::cuda::DeviceViewMesh mesh_;
  mesh::cuda::Download download_;
};

#endif

}  // namespace

TextureDevice::TextureDevice(const std::string& device,
                             const std::function<void(const std::string&)>& note)
    : accelerator_(open_device(device, note)) {}

std::unique_ptr<MapMaker> TextureDevice::map_maker(const texture::ViewMesh& mesh,
                                                   texture::RasterCache& rasters,
                                                   int threads) {
#ifdef SINTER_WITH_CUDA
  if (accelerator_) return std::make_unique<DeviceMaps>(mesh, *accelerator_, threads);
#endif
  return std::make_unique<HostMaps>(mesh, rasters, threads);
}

Image TextureDevice::bake(const texture::BakeTarget& target,
                          std::span<const Image> pictures,
                          const BakeOptions& options,
                          texture::RasterCache& rasters,
                          BakeReport& report) {
#ifdef SINTER_WITH_CUDA
  if (accelerator_) {
    const cudaStream_t stream = stream_of(*accelerator_);
    Arena arena(accelerator_.get());
    return texture::cuda::bake_texture(
        target, options.cameras, pictures, options, report, arena, stream);
  }
#endif
  return texture::bake_texture(target, options.cameras, pictures, options, rasters, report);
}

}  // namespace sinter
