#include "mesh/cuda/download.h"
#include "mesh/cuda/launch.cuh"
#include "mesh/cuda/scratch.h"
#include "mesh/parallel.h"
#include "texture/bake/reference_fill.h"
#include "texture/bake/surface_graph.h"
#include "texture/clock.h"
#include "texture/cuda/bake.h"
#include "texture/cuda/colour_sum.h"
#include "texture/cuda/scatter.h"
#include "texture/cuda/surface_fill.h"
#include "texture/maps/map_levels.h"

namespace sinter::texture::cuda {
namespace {

using mesh::cuda::for_each;
using mesh::cuda::take;
using Places = std::array<float, 2>;

constexpr const char* kName = "bake";

/// Levels of colours, rounded; the mean colour where no chart is near: it is what large mipmaps
/// blend in.
Array<std::uint8_t> round_colours(const DeviceTexture& texture,
                                  const Array<std::int32_t>& reached,
                                  Arena& arena,
                                  cudaStream_t stream) {
  const ArenaScope scope(arena);
  Array<std::uint8_t> levels(3 * reached.size(), arena.allocator());
  auto* all = take<ColourSum>(arena, 1);
  const Colour* colours = texture.colour.data();
  const std::int32_t* face = reached.data();
  sum_colours(colours, face, nullptr, reached.size(), 1, all, arena, stream);
  std::uint8_t* level = levels.data();
  for_each(reached.size(), kName, stream, [=] __device__(std::int64_t i) {
    for (int c = 0; c < 3; ++c) {
      const float mean = static_cast<float>(all->sum[c] / std::max(all->count, 1.0));
      level[3 * i + c] = texture_level(face[i] != 0 ? colours[i][c] : mean, false);
    }
  });
  return levels;
}

class Baker {
 public:
  Baker(const BakeTarget& target,
        std::span<const ViewCamera> cameras,
        std::span<const Image> pictures,
        const BakeOptions& options,
        BakeReport& report,
        Arena& arena,
        cudaStream_t stream)
      : target_(target),
        cameras_(cameras),
        pictures_(pictures),
        options_(options),
        report_(report),
        arena_(arena),
        stream_(stream),
        mesh_(target.mesh,
              mean_normals(target.mesh.positions, target.mesh.faces, options.unwrap.threads),
              arena.allocator(),
              stream),
        uv_(target.uv, arena.allocator(), stream) {}

  Image run() {
    target_.tell("paint", 0, cameras_.size());
    return options_.method == BakeMethod::reference ? by_reference() : best();
  }

 private:
  int size() const { return options_.unwrap.texture_size; }
  /// Milliseconds since the last call, once all that was queued is done.
  double lap() {
    sinter::cuda::check(cudaStreamSynchronize(stream_), kName);
    return clock_.lap();
  }

  DeviceViewGeometry geometry(std::size_t view) {
    const int side = options_.render_size;
    return view_geometry(mesh_,
                         cameras_[view],
                         rasterize_view(mesh_, cameras_[view], side, side, arena_, stream_),
                         outline_radius(target_, options_),
                         arena_,
                         stream_);
  }
  DevicePicture picture(std::size_t view) {
    return DevicePicture(pictures_[view], arena_.allocator(), stream_);
  }
  DeviceTexelMap texel_map(TexelGrid grid, int margin) {
    return map_texels(uv_, mesh_.faces, size(), grid, margin, arena_, stream_);
  }
  template <class T>
  void fetch(const Array<T>& from, std::vector<T>& to) {
    to.resize(static_cast<std::size_t>(from.size()));
    download_.run(from.data(), to.data(), from.bytes(), stream_);
  }

  void count(const DeviceTexture& texture, const DeviceTexelMap& texels) {
    const Array<std::uint8_t> seen(texels.face.size(), arena_.allocator());
    const TexelCounts counts =
        count_texels(texels.raster.face, texture, seen.data(), arena_, stream_);
    report_.chart_texels = static_cast<std::int64_t>(counts.shown);
    report_.seen_texels = static_cast<std::int64_t>(counts.known);
    fetch(seen, report_.seen);
  }

  Image best() {
    DeviceTexelMap texels = texel_map(TexelGrid::centres, kBlendedTexels);
    TexelGather gather(mesh_, texels, arena_, stream_);
    for (std::size_t v = 0; v < cameras_.size(); ++v) {
      gather.add(cameras_[v], geometry(v), picture(v), arena_, stream_);
      target_.tell("paint", v + 1, cameras_.size());
    }
    DeviceTexture texture = gather.finish(arena_, stream_);
    count(texture, texels);
    report_.project_ms = lap();
    target_.tell("fill", 0, 1);
    reach_thin_faces(mesh_.faces, texels, arena_, stream_);
    const TexelCounts before = count_texels(texels.face, texture, nullptr, arena_, stream_);
    report_.filled_texels = static_cast<std::int64_t>(before.shown - before.known);
    fill_along_surface(mesh_.positions, mesh_.faces, texels, texture, arena_, stream_);
    grow(texels.face, size(), kGutter - kBlendedTexels, texture.colour.data(), arena_, stream_);
    const TexelCounts after = count_texels(texels.raster.face, texture, nullptr, arena_, stream_);
    report_.unfilled_texels = static_cast<std::int64_t>(after.shown - after.known);
    Image image(size(), size(), 3);
    const Array<std::uint8_t> levels = round_colours(texture, texels.face, arena_, stream_);
    download_.run(levels.data(), image.pixels.data(), levels.bytes(), stream_);
    report_.fill_ms = lap();
    return image;
  }

  Image by_reference() {
    ViewMerge merge(size(), arena_, stream_);
    for (std::size_t v = 0; v < cameras_.size(); ++v) {
      const double weight = cameras_[v].weight;
      if (!merge.add(mesh_, uv_, geometry(v), picture(v), weight, arena_, stream_)) {
        report_.skipped_views.push_back(static_cast<int>(v));
      }
      target_.tell("paint", v + 1, cameras_.size());
    }
    const DeviceTexture texture = merge.finish(arena_, stream_);
    const DeviceTexelMap texels = texel_map(TexelGrid::corners, 0);
    count(texture, texels);
    Texture painted{size(), {}, {}};
    fetch(texture.colour, painted.colour);
    fetch(texture.known, painted.known);
    TexelMap places{{.width = size(), .height = size(), .points = {}, .face = {}}, {}};
    fetch(texels.raster.points, places.raster.points);
    fetch(texels.raster.face, places.raster.face);
    places.face = places.raster.face;
    report_.project_ms = lap();
    target_.tell("fill", 0, 1);
    Image image =
        fill_by_reference(target_, places, std::move(painted), options_.unwrap.threads, report_);
    report_.fill_ms = lap();
    return image;
  }

  const BakeTarget& target_;
  std::span<const ViewCamera> cameras_;
  std::span<const Image> pictures_;
  const BakeOptions& options_;
  BakeReport& report_;
  Arena& arena_;
  cudaStream_t stream_;
  Clock clock_;
  DeviceViewMesh mesh_;
  Array<Places> uv_;
  mesh::cuda::Download download_;
};

}  // namespace

Image bake_texture(const BakeTarget& target,
                   std::span<const ViewCamera> cameras,
                   std::span<const Image> pictures,
                   const BakeOptions& options,
                   BakeReport& report,
                   Arena& arena,
                   cudaStream_t stream) {
  check_pictures(cameras, pictures, options);
  return mesh::with_memory_errors(kName, [&] {
    return Baker(target, cameras, pictures, options, report, arena, stream).run();
  });
}

}  // namespace sinter::texture::cuda
