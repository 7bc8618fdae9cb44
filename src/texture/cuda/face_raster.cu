// The minimum of (depth step, face) of each pixel as one number, by an atomic minimum in the L2
// cache: any order gives the same. A thread draws a small face by itself. The box of a larger one
// is cut into pieces of kPiece x kPiece pixels, a warp each, so that no face is too large to share;
// pieces that the face misses are left out as a whole.
//
// Pieces are not listed anywhere: each face has a number of them, a sum over the faces says which
// face piece n belongs to. So no memory depends on how much the faces cover.

#include "mesh/cuda/launch.cuh"
#include "mesh/cuda/scan.h"
#include "mesh/cuda/scratch.h"
#include "texture/cuda/face_raster.h"
#include "texture/cuda/grid_stride.cuh"

namespace sinter::texture::cuda {
namespace {

using mesh::cuda::for_each;
using mesh::cuda::kThreads;
using mesh::cuda::set_bytes;
using mesh::cuda::take;

constexpr const char* kName = "raster";
/// Side of a piece.
constexpr int kPiece = 32;
/// Pixels of a box that a thread draws alone.
constexpr std::int64_t kSmallBox = 24;
/// Pixels that the lanes of a warp look at together.
constexpr int kLaneColumns = 8, kLaneRows = 4;
constexpr unsigned kAllLanes = 0xffffffff;

/// The least one of a pixel is seen: depth step first, then 1 + face.
using Token = unsigned long long;

/// The picture's size and what the rules need.
struct Scene {
  const ScreenPoint* points;
  const mesh::Face* faces;
  std::int64_t face_count;
  int width, height;
  Token* tokens;  ///< by pixel, all bits set where nothing is
};

/// A face, ready to be drawn.
struct Drawn {
  ScreenPoint a, b, c;
  FaceEdges edges;
  PixelBox box;
  std::uint32_t shown;

  __device__ Drawn(const Scene& scene, std::int64_t f)
      : a(scene.points[scene.faces[f][0]]),
        b(scene.points[scene.faces[f][1]]),
        c(scene.points[scene.faces[f][2]]),
        edges(a, b, c),
        box(pixel_box(a, b, c, scene.width, scene.height)),
        shown(static_cast<std::uint32_t>(f + 1)) {}

  __device__ bool nothing() const { return box.empty() || !isfinite(edges.inverse_area); }

  __device__ void draw(const Scene& scene, int x, int y) const {
    const ScreenWeights s = edges.at(static_cast<float>(x) + 0.5f, static_cast<float>(y) + 0.5f);
    if (!(s.beta >= 0 && s.beta <= 1 && s.gamma >= 0 && s.gamma <= 1)) return;
    if (!(s.alpha >= 0 && s.alpha <= 1)) return;
    const float z = s.alpha * a.z + s.beta * b.z + s.gamma * c.z;
    if (!(z >= 0 && z < kDepthLimit)) return;
    const auto step = static_cast<std::uint32_t>(static_cast<std::int32_t>(z * kDepthSteps));
    atomicMin(scene.tokens + std::int64_t{y} * scene.width + x, Token{step} << 32 | shown);
  }

  /// Whether no pixel of the part can be covered.
  __device__ bool misses(const PixelBox& part) const {
    const CoverageBound bound(edges);
    const double x0 = part.x_begin + 0.5 - edges.ax, x1 = part.x_end - 0.5 - edges.ax;
    const double y0 = part.y_begin + 0.5 - edges.ay, y1 = part.y_end - 0.5 - edges.ay;
    /// Largest value of p x + q y in the part.
    const auto most = [&](double p, double q) {
      return fmax(p * x0, p * x1) + fmax(q * y0, q * y1);
    };
    const double beta_x = -bound.sign * edges.acy, beta_y = bound.sign * edges.acx;
    const double gamma_x = bound.sign * edges.aby, gamma_y = -bound.sign * edges.abx;
    return most(beta_x, beta_y) < -bound.slack || most(gamma_x, gamma_y) < -bound.slack ||
           bound.area + most(-beta_x - gamma_x, -beta_y - gamma_y) < -bound.slack;
  }
};

__host__ __device__ std::int64_t pieces_along(int begin, int end) {
  return (end - begin + kPiece - 1) / kPiece;
}

/// Draws face f if it is small. Returns the pieces that are left to draw.
__device__ std::uint64_t draw_small(const Scene& scene, std::int64_t f) {
  const Drawn face(scene, f);
  if (face.nothing()) return 0;
  const PixelBox& box = face.box;
  const auto area = std::int64_t{box.x_end - box.x_begin} * (box.y_end - box.y_begin);
  if (area > kSmallBox) {
    return static_cast<std::uint64_t>(pieces_along(box.x_begin, box.x_end) *
                                      pieces_along(box.y_begin, box.y_end));
  }
  for (int y = box.y_begin; y < box.y_end; ++y) {
    for (int x = box.x_begin; x < box.x_end; ++x) face.draw(scene, x, y);
  }
  return 0;
}

/// By a warp, 32 places at a time: the last face with first[face] <= piece.
__device__ std::int64_t face_of(const std::uint64_t* first,
                                std::int64_t face_count,
                                std::uint64_t piece,
                                int lane) {
  std::int64_t low = 0, high = face_count;
  while (high - low > 1) {
    const std::int64_t step = (high - low + 31) / 32;
    const std::int64_t probe = low + lane * step;
    const unsigned below = __ballot_sync(kAllLanes, probe < high && first[probe] <= piece);
    low += (__popc(below) - 1) * step;
    high = min(high, low + step);
  }
  return low;
}

/// A warp draws a piece, then the one `warps` further on.
__global__ void __launch_bounds__(kThreads)
    draw_pieces_kernel(Scene scene, const std::uint64_t* first) {
  const int lane = static_cast<int>(threadIdx.x % 32);
  const auto warps = static_cast<std::uint64_t>(gridDim.x) * (kThreads / 32);
  const std::uint64_t pieces = first[scene.face_count];
  for (std::uint64_t piece = static_cast<std::uint64_t>(mesh::cuda::thread_number() / 32);
       piece < pieces;
       piece += warps) {
    const std::int64_t f = face_of(first, scene.face_count, piece, lane);
    const Drawn face(scene, f);
    const std::int64_t place = static_cast<std::int64_t>(piece - first[f]);
    const std::int64_t columns = pieces_along(face.box.x_begin, face.box.x_end);
    PixelBox part;
    part.x_begin = face.box.x_begin + static_cast<int>(place % columns) * kPiece;
    part.y_begin = face.box.y_begin + static_cast<int>(place / columns) * kPiece;
    part.x_end = min(part.x_begin + kPiece, face.box.x_end);
    part.y_end = min(part.y_begin + kPiece, face.box.y_end);
    if (face.misses(part)) continue;
    for (int y = part.y_begin + lane / kLaneColumns; y < part.y_end; y += kLaneRows) {
      for (int x = part.x_begin + lane % kLaneColumns; x < part.x_end; x += kLaneColumns) {
        face.draw(scene, x, y);
      }
    }
  }
}

}  // namespace

DeviceRaster rasterize_faces(const ClipVertex* vertices,
                             std::int64_t vertex_count,
                             const Array<mesh::Face>& faces,
                             int width,
                             int height,
                             Arena& arena,
                             cudaStream_t stream) {
  check_raster_size(static_cast<std::size_t>(faces.size()), width, height);
  const std::int64_t pixels = std::int64_t{width} * height;
  DeviceRaster raster{.width = width,
                      .height = height,
                      .points = Array<ScreenPoint>(vertex_count, arena.allocator()),
                      .face = Array<std::int32_t>(pixels, arena.allocator())};
  const ArenaScope scope(arena);
  const Scene scene{.points = raster.points.data(),
                    .faces = faces.data(),
                    .face_count = faces.size(),
                    .width = width,
                    .height = height,
                    .tokens = take<Token>(arena, pixels)};
  auto* first = take<std::uint64_t>(arena, faces.size() + 1);  // by face: pieces before its own
  set_bytes(scene.tokens, 0xff, pixels, kName, stream);
  set_bytes(first + faces.size(), 0, 1, kName, stream);
  ScreenPoint* points = raster.points.data();
  for_each(vertex_count, kName, stream, [=] __device__(std::int64_t v) {
    points[v] = to_screen(vertices[v], width, height);
  });
  for_each(faces.size(), kName, stream, [=] __device__(std::int64_t f) {
    first[f] = draw_small(scene, f);
  });
  mesh::cuda::exclusive_sum(first, faces.size() + 1, arena, stream);
  draw_pieces_kernel<<<resident_blocks(kName), kThreads, 0, stream>>>(scene, first);
  sinter::cuda::check_launch(kName);
  std::int32_t* face = raster.face.data();
  for_each(pixels, kName, stream, [=] __device__(std::int64_t i) {
    const Token token = scene.tokens[i];
    face[i] = token == ~Token{0} ? 0 : static_cast<std::int32_t>(token & 0xffffffff);
  });
  return raster;
}

DeviceRaster rasterize_view(const DeviceViewMesh& mesh,
                            const ViewCamera& camera,
                            int width,
                            int height,
                            Arena& arena,
                            cudaStream_t stream) {
  const ArenaScope scope(arena);
  auto* clip = take<ClipVertex>(arena, mesh.positions.size());
  const mesh::Vec3* positions = mesh.positions.data();
  const CameraMatrices matrices = camera_matrices(camera);
  for_each(mesh.positions.size(), kName, stream, [=] __device__(std::int64_t v) {
    clip[v] = matrices.to_clip(matrices.to_camera(positions[v]));
  });
  return rasterize_faces(clip, mesh.positions.size(), mesh.faces, width, height, arena, stream);
}

}  // namespace sinter::texture::cuda
