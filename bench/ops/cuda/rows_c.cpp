// What rows_torch.py calls: kernels over contiguous f16 rows, points and experts, as plain C.

#include "ops/cuda/call.h"
#include "ops/cuda/experts.h"
#include "ops/cuda/norm.h"
#include "ops/cuda/points.h"

namespace {

using namespace sinter::ops;
using namespace sinter::ops::cuda;
using sinter::DType;
using sinter::bench::run;

Rows rows_of(void* data, long rows, long columns, DType dtype = DType::f16) {
  return {data, dtype, rows, columns, columns};
}
cudaStream_t stream_of(void* stream) {
  return static_cast<cudaStream_t>(stream);
}

/// One block of memory for all that routes need: 4 R k + 2 E + 1 and the scratch.
ExpertRoutes routes_of(int* memory, long rows, long experts, long top_k) {
  const long places = rows * top_k;
  ExpertRoutes routes{
      .rows = rows, .experts = static_cast<int>(experts), .top_k = static_cast<int>(top_k)};
  routes.place_rows = memory;
  routes.row_places = memory + places;
  routes.place_weights = reinterpret_cast<float*>(memory + 2 * places);
  routes.counts = memory + 3 * places;
  routes.offsets = routes.counts + experts;
  routes.scratch = routes.offsets + experts + 1;
  return routes;
}

}  // namespace

extern "C" {

int sinter_copy_to_half(void* dst, void* src, long rows, long columns, void* stream) {
  return run([&] {
    copy(rows_of(dst, rows, columns), rows_of(src, rows, columns, DType::f32), stream_of(stream));
  });
}

int sinter_add(void* x, void* y, long rows, long columns, void* stream) {
  return run([&] { add(rows_of(x, rows, columns), rows_of(y, rows, columns), stream_of(stream)); });
}

int sinter_add_gated(void* x, void* gate, void* y, long rows, long columns, void* stream) {
  return run([&] {
    add_gated(rows_of(x, rows, columns),
              rows_of(gate, 1, columns),
              rows_of(y, rows, columns),
              stream_of(stream));
  });
}

int sinter_add_bias_gelu(void* x, void* bias, long rows, long columns, void* stream) {
  return run([&] {
    add_bias_activate(rows_of(x, rows, columns),
                      rows_of(bias, 1, columns),
                      Activation::gelu_erf,
                      stream_of(stream));
  });
}

int sinter_silu_mul(void* dst, void* src, long rows, long columns, void* stream) {
  return run([&] {
    silu_mul(rows_of(dst, rows, columns), rows_of(src, rows, 2 * columns), stream_of(stream));
  });
}

/// unconditional f16, then latents (f32) += *factor * unconditional.
int sinter_guided_step(
    void* latents, void* velocities, const float* factor, long rows, long columns, void* stream) {
  return run([&] {
    const Rows conditional = rows_of(velocities, rows, columns);
    Rows unconditional = conditional;
    unconditional.data = static_cast<std::uint16_t*>(velocities) + rows * columns;
    guide(unconditional, conditional, 5.0F, stream_of(stream));
    add_scaled(
        rows_of(latents, rows, columns, DType::f32), factor, unconditional, stream_of(stream));
  });
}

int sinter_layer_norm(
    void* dst, void* src, void* weight, void* bias, long rows, long columns, void* stream) {
  return run([&] {
    layer_norm(rows_of(dst, rows, columns),
               rows_of(src, rows, columns),
               weight,
               bias,
               1e-6F,
               stream_of(stream));
  });
}

/// x [rows, heads, dim] in place.
int sinter_layer_norm_heads(
    void* x, void* weight, void* bias, long rows, long heads, long dim, void* stream) {
  return run([&] {
    layer_norm_heads({x, rows, heads, dim, heads * dim, dim},
                     weight,
                     bias,
                     DType::f16,
                     1e-6F,
                     stream_of(stream));
  });
}

int sinter_dot_rows(
    float* dst, void* x, void* weight, const float* bias, long rows, long columns, void* stream) {
  return run([&] { dot_rows(dst, rows_of(x, rows, columns), weight, bias, stream_of(stream)); });
}

int sinter_layer_norm_dot_rows(float* dst,
                               void* x,
                               void* norm_weight,
                               void* norm_bias,
                               void* weight,
                               const float* bias,
                               long rows,
                               long columns,
                               void* stream) {
  return run([&] {
    layer_norm_dot_rows(dst,
                        rows_of(x, rows, columns),
                        norm_weight,
                        norm_bias,
                        1e-6F,
                        weight,
                        bias,
                        stream_of(stream));
  });
}

int sinter_fourier_embed(
    void* dst, const float* points, long count, long columns, long frequencies, void* stream) {
  return run([&] {
    fourier_embed(rows_of(dst, count, columns),
                  points,
                  count,
                  {static_cast<int>(frequencies), false},
                  stream_of(stream));
  });
}

/// The cube [-1.01, 1.01]^3.
int sinter_grid_points(float* points, long first, long count, long per_axis, void* stream) {
  return run([&] {
    const double box = 1.01, step = 2 * box / static_cast<double>(per_axis - 1);
    const GridPoints grid{{-box, -box, -box}, {step, step, step}, {box, box, box}, per_axis};
    grid_points(points, first, count, grid, stream_of(stream));
  });
}

/// dst [(size / patch)^2, columns] of image [3, size, size].
int sinter_patches(
    void* dst, const float* image, long size, long patch, long columns, void* stream) {
  return run([&] {
    const long across = size / patch;
    patches(rows_of(dst, across * across, columns), image, 3, size, size, patch, stream_of(stream));
  });
}

int sinter_route_experts(
    int* memory, void* logits, long rows, long experts, long top_k, void* stream) {
  return run([&] {
    route_experts(
        routes_of(memory, rows, experts, top_k), rows_of(logits, rows, experts), stream_of(stream));
  });
}

int sinter_gather_rows(int* memory,
                       void* dst,
                       void* src,
                       long rows,
                       long experts,
                       long top_k,
                       long columns,
                       void* stream) {
  return run([&] {
    gather_rows(routes_of(memory, rows, experts, top_k),
                rows_of(dst, rows * top_k, columns),
                rows_of(src, rows, columns),
                stream_of(stream));
  });
}

int sinter_scatter_add_rows(int* memory,
                            void* x,
                            void* y,
                            long rows,
                            long experts,
                            long top_k,
                            long columns,
                            void* stream) {
  return run([&] {
    scatter_add_rows(routes_of(memory, rows, experts, top_k),
                     rows_of(x, rows, columns),
                     rows_of(y, rows * top_k, columns),
                     stream_of(stream));
  });
}
}
