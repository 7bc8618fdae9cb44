// Signed distance programs: evaluation, surface sampling, rendering and farthest point sampling.
//
// A shape is a program of at most kMaxOps operations. Each one places a primitive and combines
// it with what stands so far. The file compiles as CUDA (training) and, with `g++ -x c++`, as
// plain C++ (checks, evaluation set); both export the same C functions.
//
// Distance formulas: Inigo Quilez, "distance functions",
// https://iquilezles.org/articles/distfunctions/ and "smooth minimum",
// https://iquilezles.org/articles/smin/.

#include <math.h>
#include <stdint.h>

#ifdef __CUDACC__
#include <cuda_runtime.h>
#define DEVICE __device__ __forceinline__
#else
#include <vector>
#define DEVICE static inline
#endif

namespace {

constexpr int kMaxOps = 24;
constexpr int kOpFloats = 24;
constexpr int kProgramFloats = kMaxOps * kOpFloats;
constexpr int kCameraFloats = 24;

// Layout of one operation; training/shapes/builder.py writes it.
enum Slot {
  kType = 0,
  kCombine = 1,
  kSmooth = 2,
  kCentre = 3,
  kRotation = 6,
  kSize = 15,
  kColour = 21
};
enum Primitive {
  kEnd = -2,
  kSkip = -1,
  kBox,
  kCylinder,
  kCone,
  kEllipsoid,
  kTorus,
  kCapsule,
  kWedge,
  kPrism
};
enum Combine { kUnion, kSubtract, kSmoothUnion, kIntersect };

// Layout of one camera; training/render.py writes it.
enum CameraSlot {
  kEye = 0,
  kRight = 3,
  kUp = 6,
  kForward = 9,
  kWindow = 12,
  kLight = 15,
  kAmbient = 18,
  kSpecular = 19,
  kBounds = 20
};

struct Vec3 {
  float x, y, z;
};

DEVICE Vec3 load3(const float* p) {
  return {p[0], p[1], p[2]};
}
DEVICE Vec3 along(Vec3 a, float t, Vec3 b) {
  return {a.x + t * b.x, a.y + t * b.y, a.z + t * b.z};
}
DEVICE float dot3(Vec3 a, Vec3 b) {
  return a.x * b.x + a.y * b.y + a.z * b.z;
}
DEVICE float length2(float a, float b) {
  return sqrtf(a * a + b * b);
}
DEVICE float length3(Vec3 a) {
  return sqrtf(dot3(a, a));
}
DEVICE float clampf(float x, float lo, float hi) {
  return fminf(fmaxf(x, lo), hi);
}
DEVICE Vec3 normalised(Vec3 a) {
  float s = 1.0f / sqrtf(dot3(a, a) + 1e-18f);
  return {a.x * s, a.y * s, a.z * s};
}

// Distance to an extruded 2-D shape: `d` in the plane, `h` beyond the end caps.
DEVICE float extruded(float d, float h) {
  return fminf(fmaxf(d, h), 0.0f) + length2(fmaxf(d, 0.0f), fmaxf(h, 0.0f));
}

DEVICE float box_distance(Vec3 p, const float* size) {
  float r = size[3];
  Vec3 q = {fabsf(p.x) - size[0] + r, fabsf(p.y) - size[1] + r, fabsf(p.z) - size[2] + r};
  Vec3 outside = {fmaxf(q.x, 0.0f), fmaxf(q.y, 0.0f), fmaxf(q.z, 0.0f)};
  return length3(outside) + fminf(fmaxf(q.x, fmaxf(q.y, q.z)), 0.0f) - r;
}

// size: radius, half height, rounding; axis y.
DEVICE float cylinder_distance(Vec3 p, const float* size) {
  float r = size[2];
  return extruded(length2(p.x, p.z) - size[0] + r, fabsf(p.y) - size[1] + r) - r;
}

// size: radius at -y, radius at +y, half height.
DEVICE float cone_distance(Vec3 p, const float* size) {
  float bottom = size[0], top = size[1], half = size[2];
  float q = length2(p.x, p.z);
  float cap_x = fmaxf(q - (p.y < 0.0f ? bottom : top), 0.0f), cap_y = fabsf(p.y) - half;
  float edge_x = top - bottom, edge_y = 2.0f * half;
  float t =
      clampf(((q - bottom) * edge_x + (p.y + half) * edge_y) / (edge_x * edge_x + edge_y * edge_y),
             0.0f,
             1.0f);
  float side_x = q - bottom - t * edge_x, side_y = p.y + half - t * edge_y;
  float squared = fminf(cap_x * cap_x + cap_y * cap_y, side_x * side_x + side_y * side_y);
  // The side's outward normal is (edge_y, -edge_x).
  bool inside = cap_y < 0.0f && (q - bottom) * edge_y - (p.y + half) * edge_x < 0.0f;
  return inside ? -sqrtf(squared) : sqrtf(squared);
}

// size: three radii. First-order approximation of the distance.
DEVICE float ellipsoid_distance(Vec3 p, const float* size) {
  Vec3 u = {p.x / size[0], p.y / size[1], p.z / size[2]};
  Vec3 g = {u.x / size[0], u.y / size[1], u.z / size[2]};
  float k = length3(u), slope = length3(g);
  return slope > 1e-6f ? k * (k - 1.0f) / slope : -fminf(size[0], fminf(size[1], size[2]));
}

// size: ring radius, tube radius; axis y.
DEVICE float torus_distance(Vec3 p, const float* size) {
  return length2(length2(p.x, p.z) - size[0], p.y) - size[1];
}

// size: radius, half length of the core; axis y.
DEVICE float capsule_distance(Vec3 p, const float* size) {
  return length3({p.x, p.y - clampf(p.y, -size[1], size[1]), p.z}) - size[0];
}

// Isosceles triangle in xy (base half width size[0] at y = -size[1], apex at +size[1]), half depth
// size[2]. A bound outside the edges, exact inside.
DEVICE float wedge_distance(Vec3 p, const float* size) {
  float width = size[0], height = 2.0f * size[1];
  float slope = (fabsf(p.x) * height + (p.y - size[1]) * width) / length2(width, height);
  return fmaxf(fmaxf(slope, -p.y - size[1]), fabsf(p.z) - size[2]);
}

// Regular prism. size: inradius, half height, number of sides; axis y.
DEVICE float prism_distance(Vec3 p, const float* size) {
  float sector = 3.14159265f / size[2];
  float angle = atan2f(p.z, p.x);
  angle -= 2.0f * sector * floorf((angle + sector) / (2.0f * sector));
  return extruded(length2(p.x, p.z) * cosf(angle) - size[0], fabsf(p.y) - size[1]);
}

DEVICE float primitive_distance(const float* op, Vec3 world) {
  Vec3 d = {world.x - op[kCentre], world.y - op[kCentre + 1], world.z - op[kCentre + 2]};
  const float* m = op + kRotation;
  Vec3 p = {dot3(load3(m), d), dot3(load3(m + 3), d), dot3(load3(m + 6), d)};
  const float* size = op + kSize;
  switch ((int)op[kType]) {
    case kBox:
      return box_distance(p, size);
    case kCylinder:
      return cylinder_distance(p, size);
    case kCone:
      return cone_distance(p, size);
    case kEllipsoid:
      return ellipsoid_distance(p, size);
    case kTorus:
      return torus_distance(p, size);
    case kCapsule:
      return capsule_distance(p, size);
    case kWedge:
      return wedge_distance(p, size);
    default:
      return prism_distance(p, size);
  }
}

// Distance of a whole program; `owner`, if given, receives the operation whose colour shows.
DEVICE float program_distance(const float* program, Vec3 p, int* owner) {
  float distance = 1e3f;
  int nearest = 0;
  for (int i = 0; i < kMaxOps; i++) {
    const float* op = program + i * kOpFloats;
    int type = (int)op[kType];
    if (type == kEnd) break;
    if (type == kSkip) continue;
    float d = primitive_distance(op, p);
    switch ((int)op[kCombine]) {
      case kUnion:
        if (d < distance) distance = d, nearest = i;
        break;
      case kSubtract:
        distance = fmaxf(distance, -d);
        break;
      case kSmoothUnion: {
        float k = op[kSmooth], overlap = fmaxf(k - fabsf(distance - d), 0.0f) / k;
        if (d < distance) nearest = i;
        distance = fminf(distance, d) - overlap * overlap * k * 0.25f;
        break;
      }
      default:
        distance = fmaxf(distance, d);
    }
  }
  if (owner) *owner = nearest;
  return distance;
}

// Unit gradient from four samples at the corners of a tetrahedron.
DEVICE Vec3 program_normal(const float* program, Vec3 p) {
  const float h = 1e-3f;
  float a = program_distance(program, {p.x + h, p.y - h, p.z - h}, nullptr);
  float b = program_distance(program, {p.x - h, p.y - h, p.z + h}, nullptr);
  float c = program_distance(program, {p.x - h, p.y + h, p.z - h}, nullptr);
  float d = program_distance(program, {p.x + h, p.y + h, p.z + h}, nullptr);
  return normalised({a - b - c + d, -a - b + c + d, -a + b - c + d});
}

// PCG hash (O'Neill's permuted congruential generator) and a uniform number in [0, 1).
DEVICE uint32_t next_random(uint32_t& state) {
  state = state * 747796405u + 2891336453u;
  uint32_t word = ((state >> ((state >> 28) + 4)) ^ state) * 277803737u;
  return (word >> 22) ^ word;
}
DEVICE float uniform(uint32_t& state) {
  return (next_random(state) >> 8) * (1.0f / 16777216.0f);
}

// One point of the surface, near uniform in area: rejection into a thin shell, then Newton steps.
// Writes point and normal, six floats.
DEVICE void sample_surface(const float* program,
                           const float* half_extent,
                           uint32_t state,
                           float* out) {
  const float shell = 0.03f;
  next_random(state);
  next_random(state);
  Vec3 p = {0.0f, 0.0f, 0.0f};
  for (int attempt = 0; attempt < 600; attempt++) {
    p = {(2.0f * uniform(state) - 1.0f) * (half_extent[0] + shell),
         (2.0f * uniform(state) - 1.0f) * (half_extent[1] + shell),
         (2.0f * uniform(state) - 1.0f) * (half_extent[2] + shell)};
    float d = program_distance(program, p, nullptr);
    if (fabsf(d) > shell) continue;
    for (int step = 0; step < 5 && fabsf(d) > 2e-4f; step++) {
      p = along(p, -d, program_normal(program, p));
      d = program_distance(program, p, nullptr);
    }
    if (fabsf(d) < 2e-3f) break;
  }
  Vec3 n = program_normal(program, p);
  out[0] = p.x, out[1] = p.y, out[2] = p.z, out[3] = n.x, out[4] = n.y, out[5] = n.z;
}

// Clips the ray to the box of half extents `half`; false when it misses.
DEVICE bool clip_to_box(
    Vec3 origin, Vec3 direction, const float* half, float& near_t, float& far_t) {
  const float margin = 0.02f;
  const float o[3] = {origin.x, origin.y, origin.z}, d[3] = {direction.x, direction.y, direction.z};
  near_t = 0.0f, far_t = 1e3f;
  for (int axis = 0; axis < 3; axis++) {
    float inverse = 1.0f / (fabsf(d[axis]) < 1e-7f ? 1e-7f : d[axis]);
    float a = (-half[axis] - margin - o[axis]) * inverse,
          b = (half[axis] + margin - o[axis]) * inverse;
    near_t = fmaxf(near_t, fminf(a, b)), far_t = fminf(far_t, fmaxf(a, b));
  }
  return near_t < far_t;
}

// Sphere tracing; true and the hit's distance and owner when the ray meets the surface.
DEVICE bool trace(
    const float* program, Vec3 origin, Vec3 direction, const float* half, float& t, int& owner) {
  float far_t;
  if (!clip_to_box(origin, direction, half, t, far_t)) return false;
  for (int step = 0; step < 96 && t < far_t; step++) {
    float d = program_distance(program, along(origin, t, direction), &owner);
    if (d < 1.2e-3f) return true;
    t += 0.92f * d;  // below 1: ellipsoids and smooth unions can overstate the distance
  }
  return false;
}

// Lambert shading under one distant light and a sky brighter above, with a glossy highlight.
DEVICE void shade(
    const float* program, const float* camera, Vec3 p, Vec3 direction, int owner, float* rgb) {
  Vec3 n = program_normal(program, p), light = load3(camera + kLight);
  Vec3 half = normalised({light.x - direction.x, light.y - direction.y, light.z - direction.z});
  float gloss = fmaxf(dot3(n, half), 0.0f);
  gloss *= gloss, gloss *= gloss, gloss *= gloss, gloss *= gloss;
  float ambient = camera[kAmbient];
  float diffuse = ambient * (0.8f + 0.2f * n.y) + (1.0f - ambient) * fmaxf(dot3(n, light), 0.0f);
  const float* colour = program + owner * kOpFloats + kColour;
  for (int k = 0; k < 3; k++)
    rgb[k] += clampf(colour[k] * diffuse + camera[kSpecular] * gloss, 0.0f, 1.0f);
}

// One pixel from samples x samples rays: straight (not premultiplied) colour and coverage.
DEVICE void render_pixel(const float* program,
                         const float* camera,
                         int row,
                         int column,
                         int size,
                         int samples,
                         float* rgba) {
  Vec3 eye = load3(camera + kEye), right = load3(camera + kRight), up = load3(camera + kUp);
  const float* window =
      camera + kWindow;  // centre u, centre v, half width on the plane at distance 1
  float rgb[3] = {0.0f, 0.0f, 0.0f};
  int hits = 0;
  for (int s = 0; s < samples * samples; s++) {
    float x = (column + (s % samples + 0.5f) / samples) / size * 2.0f - 1.0f;
    float y = (row + (s / samples + 0.5f) / samples) / size * 2.0f - 1.0f;
    Vec3 direction = along(along(load3(camera + kForward), window[0] + window[2] * x, right),
                           window[1] - window[2] * y,
                           up);
    direction = normalised(direction);
    float t;
    int owner = 0;
    if (!trace(program, eye, direction, camera + kBounds, t, owner)) continue;
    shade(program, camera, along(eye, t, direction), direction, owner, rgb);
    hits++;
  }
  for (int k = 0; k < 3; k++) rgba[k] = hits ? rgb[k] / hits : 1.0f;
  rgba[3] = (float)hits / (samples * samples);
}

DEVICE uint32_t point_seed(uint32_t seed, size_t index) {
  return seed * 2654435761u + (uint32_t)index * 9781u + 77u;
}

}  // namespace

#ifdef __CUDACC__

namespace {

constexpr int kThreads = 128;
constexpr int kFpsThreads = 256;
constexpr int kFpsSlots = 8;  // points a thread of the farthest point kernel owns

// Programs are read by every thread of a block: keep the block's one in shared memory.
__device__ const float* load_program(const float* programs, float* shared) {
  for (int i = threadIdx.x; i < kProgramFloats; i += blockDim.x)
    shared[i] = programs[(size_t)blockIdx.y * kProgramFloats + i];
  __syncthreads();
  return shared;
}

__global__ void distance_kernel(const float* programs, const float* points, float* out, int count) {
  __shared__ float shared[kProgramFloats];
  const float* program = load_program(programs, shared);
  int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i >= count) return;
  size_t k = (size_t)blockIdx.y * count + i;
  out[k] = program_distance(program, load3(points + 3 * k), nullptr);
}

__global__ void surface_kernel(
    const float* programs, const float* half_extents, uint32_t seed, float* out, int count) {
  __shared__ float shared[kProgramFloats];
  const float* program = load_program(programs, shared);
  int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i >= count) return;
  size_t k = (size_t)blockIdx.y * count + i;
  sample_surface(program, half_extents + 3 * blockIdx.y, point_seed(seed, k), out + 6 * k);
}

__global__ void render_kernel(
    const float* programs, const float* cameras, float* out, int size, int samples) {
  __shared__ float shared[kProgramFloats];
  const float* program = load_program(programs, shared);
  int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i >= size * size) return;
  float rgba[4];
  render_pixel(
      program, cameras + kCameraFloats * blockIdx.y, i / size, i % size, size, samples, rgba);
  for (int k = 0; k < 4; k++) out[((size_t)blockIdx.y * 4 + k) * size * size + i] = rgba[k];
}

// One block a cloud: every thread keeps the distance of its points to the chosen set, a warp and
// then a block reduction finds the farthest one (the lower index on a tie).
__global__ void farthest_kernel(const float* points, long long* out, int count, int chosen) {
  extern __shared__ float cloud[];
  __shared__ float warp_best[kFpsThreads / 32];
  __shared__ int warp_index[kFpsThreads / 32];
  __shared__ int current;
  const float* source = points + (size_t)blockIdx.x * count * 3;
  for (int i = threadIdx.x; i < 3 * count; i += blockDim.x) cloud[i] = source[i];
  float distance[kFpsSlots];
  for (int k = 0; k < kFpsSlots; k++) distance[k] = 1e9f;
  if (threadIdx.x == 0) current = 0;
  __syncthreads();
  for (int m = 0; m < chosen; m++) {
    int c = current;
    if (threadIdx.x == 0) out[(size_t)blockIdx.x * chosen + m] = c;
    Vec3 centre = load3(cloud + 3 * c);
    float best = -1.0f;
    int index = 0;
    for (int k = 0; k < kFpsSlots; k++) {
      int i = threadIdx.x + k * kFpsThreads;
      if (i >= count) break;
      Vec3 d = along(load3(cloud + 3 * i), -1.0f, centre);
      distance[k] = fminf(distance[k], dot3(d, d));
      if (distance[k] > best) best = distance[k], index = i;
    }
    for (int offset = 16; offset; offset >>= 1) {
      float other = __shfl_xor_sync(~0u, best, offset);
      int other_index = __shfl_xor_sync(~0u, index, offset);
      if (other > best || (other == best && other_index < index)) best = other, index = other_index;
    }
    if (threadIdx.x % 32 == 0)
      warp_best[threadIdx.x / 32] = best, warp_index[threadIdx.x / 32] = index;
    __syncthreads();
    if (threadIdx.x == 0) {
      int winner = 0;
      for (int w = 1; w < kFpsThreads / 32; w++)
        if (warp_best[w] > warp_best[winner]) winner = w;
      current = warp_index[winner];
    }
    __syncthreads();
  }
}

dim3 grid_for(int count, int batch) {
  return dim3((count + kThreads - 1) / kThreads, batch);
}

}  // namespace

extern "C" {
// Every function takes contiguous device pointers and returns the CUDA error of its launch.
int sdf_distance(
    const float* programs, const float* points, float* out, int batch, int count, void* stream) {
  distance_kernel<<<grid_for(count, batch), kThreads, 0, (cudaStream_t)stream>>>(
      programs, points, out, count);
  return (int)cudaGetLastError();
}
int sdf_surface(const float* programs,
                const float* half_extents,
                unsigned seed,
                float* out,
                int batch,
                int count,
                void* stream) {
  surface_kernel<<<grid_for(count, batch), kThreads, 0, (cudaStream_t)stream>>>(
      programs, half_extents, seed, out, count);
  return (int)cudaGetLastError();
}
int sdf_render(const float* programs,
               const float* cameras,
               float* out,
               int batch,
               int size,
               int samples,
               void* stream) {
  render_kernel<<<grid_for(size * size, batch), kThreads, 0, (cudaStream_t)stream>>>(
      programs, cameras, out, size, samples);
  return (int)cudaGetLastError();
}
int sdf_farthest(
    const float* points, long long* out, int batch, int count, int chosen, void* stream) {
  if (count > kFpsThreads * kFpsSlots) return (int)cudaErrorInvalidValue;
  farthest_kernel<<<batch, kFpsThreads, 3 * count * sizeof(float), (cudaStream_t)stream>>>(
      points, out, count, chosen);
  return (int)cudaGetLastError();
}
}

#else

extern "C" {
int sdf_distance(
    const float* programs, const float* points, float* out, int batch, int count, void*) {
  long total = (long)batch * count;
#pragma omp parallel for schedule(static, 4096)
  for (long k = 0; k < total; k++)
    out[k] =
        program_distance(programs + k / count * kProgramFloats, load3(points + 3 * k), nullptr);
  return 0;
}
int sdf_surface(const float* programs,
                const float* half_extents,
                unsigned seed,
                float* out,
                int batch,
                int count,
                void*) {
  long total = (long)batch * count;
#pragma omp parallel for schedule(dynamic, 256)
  for (long k = 0; k < total; k++)
    sample_surface(programs + k / count * kProgramFloats,
                   half_extents + 3 * (k / count),
                   point_seed(seed, k),
                   out + 6 * k);
  return 0;
}
int sdf_render(const float* programs,
               const float* cameras,
               float* out,
               int batch,
               int size,
               int samples,
               void*) {
  long pixels = (long)size * size, total = batch * pixels;
#pragma omp parallel for schedule(dynamic, 256)
  for (long k = 0; k < total; k++) {
    long b = k / pixels, i = k % pixels;
    float rgba[4];
    render_pixel(programs + b * kProgramFloats,
                 cameras + b * kCameraFloats,
                 i / size,
                 i % size,
                 size,
                 samples,
                 rgba);
    for (int c = 0; c < 4; c++) out[(b * 4 + c) * pixels + i] = rgba[c];
  }
  return 0;
}
int sdf_farthest(const float* points, long long* out, int batch, int count, int chosen, void*) {
  for (int b = 0; b < batch; b++) {
    const float* cloud = points + (long)b * count * 3;
    std::vector<float> distance(count, 1e9f);
    int current = 0;
    for (int m = 0; m < chosen; m++) {
      out[(long)b * chosen + m] = current;
      int farthest = 0;
      for (int i = 0; i < count; i++) {
        Vec3 d = along(load3(cloud + 3 * i), -1.0f, load3(cloud + 3 * current));
        distance[i] = fminf(distance[i], dot3(d, d));
        if (distance[i] > distance[farthest]) farthest = i;
      }
      current = farthest;
    }
  }
  return 0;
}
}

#endif
