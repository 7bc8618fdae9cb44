#include "ops/cuda/backend.h"

#include <cuda_runtime.h>

#include <algorithm>
#include <array>
#include <memory>
#include <optional>
#include <vector>

#include "cuda/host_memory.h"
#include "cuda/matrix_product.h"
#include "cuda/memory.h"
#include "cuda/status.h"
#include "ops/cuda/attention.h"
#include "ops/cuda/choice.h"
#include "ops/cuda/experts.h"
#include "ops/cuda/graph.h"
#include "ops/cuda/grouped_product.h"
#include "ops/cuda/history.h"
#include "ops/cuda/linear.h"
#include "ops/cuda/norm.h"
#include "ops/cuda/points.h"
#include "ops/cuda/quantize.h"
#include "ops/cuda/rows.h"
#include "ops/cuda/staging.h"
#include "ops/cuda/views.h"

namespace sinter::ops::cuda {

namespace {

using sinter::cuda::check;

sinter::cuda::HeadRows heads_of(const HeadView& view) {
  return {view.data, view.tokens, view.heads, view.dim, view.token_stride, view.head_stride};
}

ModulatedGroup group_of(std::int64_t rows, const ScaleShift& modulation, const Tensor& gate) {
  return {.rows = rows,
          .shift = modulation.shift.data,
          .scale = modulation.scale.data,
          .gate = gate.data};
}

ExpertRoutes routes_of(const Routing& routing) {
  return {.rows = routing.rows,
          .experts = static_cast<int>(routing.experts()),
          .top_k = routing.top_k,
          .offsets = routing.first.ptr<int>(),
          .place_rows = routing.place_rows.ptr<int>(),
          .place_weights = routing.place_weights.f32_mut(),
          .row_places = routing.row_places.ptr<int>()};
}

/// The sequences in the form of the kernel, which takes queries and results, and keys and values,
/// cut alike.
AttentionSequence sequence_of(const AttentionInput& input) {
  const auto q = input.q.segments(), dst = input.dst.segments();
  const auto k = input.k.segments(), v = input.v.segments();
  constexpr auto kMost = static_cast<std::size_t>(AttentionSequence::kMaxSegments);
  SINTER_CHECK(
      q.size() <= kMost && q.size() == dst.size() && k.size() <= kMost && k.size() == v.size(),
      ErrorCode::unsupported,
      "[attention] on a GPU: expected queries and keys in at most ",
      kMost,
      " segments, results and values cut like them");
  AttentionSequence result;
  for (std::size_t i = 0; i < q.size(); ++i) {
    result.queries[i] = {cuda::heads_of(q[i]), cuda::heads_of(dst[i])};
  }
  for (std::size_t i = 0; i < k.size(); ++i) {
    result.keys[i] = {cuda::heads_of(k[i]), cuda::heads_of(v[i])};
  }
  result.first_key_bias = input.options.first_key_bias;
  return result;
}

/// The keys and values as views of what lies packed.
AttentionInput unpacked(const PackedAttentionInput& group, const AttentionOptions& options) {
  HeadView k;
  k.data = const_cast<void*>(group.keys->data());
  k.dtype = group.keys->dtype();
  k.tokens = group.keys->keys();
  k.heads = group.keys->heads();
  k.dim = k.head_stride = group.keys->dim();
  k.token_stride = k.heads * k.dim;
  k.device = Device::cuda;
  HeadView v = k;
  v.data = static_cast<std::byte*>(k.data) +
           static_cast<std::size_t>(k.tokens * k.token_stride) * size_of(k.dtype);
  return {group.q, k, v, group.dst, options};
}

class CudaBackend final : public Backend {
 public:
  explicit CudaBackend(int index) : index_(index) {
    check(cudaSetDevice(index), "device");
    check(cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking), "stream");
    memory_.emplace(stream_);
    host_memory_.emplace(stream_);
    for (cudaEvent_t& event : marks_) {
      check(cudaEventCreateWithFlags(&event, cudaEventDisableTiming), "event");
    }
    products_.emplace();
    workspace_.emplace();
  }
  ~CudaBackend() override {
    cudaSetDevice(index_);
    cudaStreamSynchronize(stream_);
    for (cudaEvent_t event : marks_) cudaEventDestroy(event);
    cudaStreamDestroy(stream_);
    memory_->trim();
  }

  // ---- Accelerator ----

  Device device() const override { return Device::cuda; }

  void* native_queue() const override { return stream_; }

  void make_current() override { check(cudaSetDevice(index_), "device"); }

  void* allocate(std::size_t bytes) override {
    recorder_.refuse("an allocation");
    ++traffic_.allocations;
    return memory_->allocate(bytes);
  }

  void free(void* block) noexcept override { memory_->free(block); }

  Allocator& host_memory() override { return *host_memory_; }

  std::size_t peak_bytes() const override { return memory_->peak_bytes(); }

  void upload(const Tensor& src, const Tensor& dst) override {
    recorder_.refuse("an upload");
    ++traffic_.uploads;
    staging_.upload(src, dst, threads, stream_);
  }

  void download(const Tensor& src, const Tensor& dst) override {
    recorder_.refuse("a download");
    SINTER_CHECK(src.elements() == dst.elements(), ErrorCode::internal, "[download] ", src.shape);
    const Buffer converted(src.dtype == dst.dtype ? 0 : dst.bytes(), this);
    const void* from = src.data;
    if (src.dtype != dst.dtype) {
      cuda::copy(vector_of({converted.data(), dst.dtype, Device::cuda, dst.shape, {}}),
                 vector_of(src),
                 stream_);
      from = converted.data();
    }
    check(cudaMemcpyAsync(dst.data, from, dst.bytes(), cudaMemcpyDeviceToHost, stream_),
          "download");
    synchronize();
  }

  void reset_peak() override { memory_->reset_peak(); }

  std::size_t available_bytes() const override {
    std::size_t free = 0, total = 0;
    check(cudaMemGetInfo(&free, &total), "device memory");
    return free + memory_->reserved_bytes();
  }

  std::size_t overhead_bytes() const override {
    return sinter::cuda::MatrixProducts::workspace_bytes() + Staging::kDeviceBytes;
  }

  void trim() override {
    synchronize();
    check(memory_->trim(), "memory pool");
  }

  void set_tuning(bool on) override { products_->set_timing(on); }

  void pace() override {
    cudaEvent_t mark = marks_[turn_++ % marks_.size()];
    check(cudaEventSynchronize(mark), "pace");  // done at once for one that was never recorded
    check(cudaEventRecord(mark, stream_), "pace");
  }

  void synchronize() override {
    recorder_.refuse("a wait");
    ++traffic_.waits;
    check(cudaStreamSynchronize(stream_), "synchronize");
  }

  std::unique_ptr<Recording> record(const std::function<void()>& work) override {
    return recorder_.record(stream_, work);
  }

  HostTraffic traffic() const override { return traffic_; }

  // ---- products ----

  RowExtent measure(const RowView& x) override {
    const Buffer cells(2 * sizeof(float), this);
    check(cudaMemsetAsync(cells.data(), 0, cells.size(), stream_), "measure");
    measure_rows(reinterpret_cast<float*>(cells.data()), rows_of(x), stream_);
    std::array<float, 2> extent{};
    download({cells.data(), DType::f32, Device::cuda, {2}, {}},
             {extent.data(), DType::f32, Device::cpu, {2}, {}});
    return {.most = extent[0], .longest_row = extent[1]};
  }

  void quantize(const RowView& x, float scale, const RowView& dst) override {
    cuda::quantize(rows_of(dst), rows_of(x), 1.0F / scale, Activation::none, stream_);
  }

  void linear(Context& ctx,
              const RowView& x,
              const LinearWeight& weight,
              const RowView& dst,
              const LinearOptions& options) override {
    products_->linear(ctx, x, weight, dst, options, stream_);
  }

  void linear_add_gated(Context& ctx,
                        const RowView& residual,
                        const Tensor& gate,
                        const RowView& x,
                        const LinearWeight& weight) override {
    products_->linear_add_gated(ctx, residual, gate, x, weight, stream_);
  }

  void linear_add_gated_modulate(Context& ctx,
                                 const Tensor& residual,
                                 std::span<const BranchEnd> ends,
                                 const Tensor& dst,
                                 const Tensor& products) override {
    ArenaScope scope(ctx.arena());
    const Tensor y =
        products.defined() ? products : ctx.allocate(residual.dtype, residual.shape, "branch");
    ModulatedRows rows{.columns = residual.shape.back(),
                       .dtype = residual.dtype,
                       .narrow = dst.dtype == DType::f8_e4m3};
    SINTER_CHECK(ends.size() <= rows.groups.size(), ErrorCode::internal, "[linear] streams");
    for (std::size_t i = 0; i < ends.size(); ++i) {
      const BranchEnd& end = ends[i];
      const std::int64_t first = rows.rows();
      rows.groups[i] = group_of(end.x.rows, end.next, end.gate);
      rows.eps = end.next.eps;
      linear(ctx, end.x, *end.weight, y.slice(first, first + end.x.rows), {});
    }
    add_gated_layer_norm_modulate(rows, residual.data, y.data, dst.data, stream_);
  }

  // ---- norms ----

  void layer_norm(const Tensor& x,
                  const Tensor& weight,
                  const Tensor& bias,
                  float eps,
                  const Tensor& dst) override {
    cuda::layer_norm(rows_of(dst), rows_of(x), weight.data, bias.data, eps, stream_);
  }

  void layer_norm_modulate(const Tensor& x,
                           const ScaleShift& modulation,
                           const Tensor& dst) override {
    const std::int64_t columns = x.shape.back();
    const ModulatedRows rows{.groups = {group_of(x.elements() / columns, modulation, {})},
                             .columns = columns,
                             .dtype = x.dtype,
                             .narrow = dst.dtype == DType::f8_e4m3,
                             .eps = modulation.eps};
    cuda::layer_norm_modulate(rows, x.data, dst.data, stream_);
  }

  void rms_norm_heads(const HeadView& x, const Tensor& scale, float eps) override {
    cuda::rms_norm_heads(vectors_of(x), scale.data, x.dtype, eps, stream_);
  }

  void rms_norm_heads(const HeadView& q,
                      const HeadView& k,
                      const Tensor& q_scale,
                      const Tensor& k_scale,
                      float eps) override {
    cuda::rms_norm_heads(
        vectors_of(q), vectors_of(k), q_scale.data, k_scale.data, q.dtype, eps, stream_);
  }

  void layer_norm_heads(const HeadView& x,
                        const Tensor& weight,
                        const Tensor& bias,
                        float eps) override {
    cuda::layer_norm_heads(vectors_of(x), weight.data, bias.data, x.dtype, eps, stream_);
  }

  // ---- attention ----

  void attention(Context&, std::span<const AttentionInput> inputs) override {
    std::array<AttentionSequence, AttentionCall::kMaxSequences> sequences;
    SINTER_CHECK(inputs.size() <= sequences.size(), ErrorCode::internal, "[attention] sequences");
    const AttentionInput& first = inputs.front();
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      SINTER_CHECK(inputs[i].options.scale == first.options.scale,
                   ErrorCode::unsupported,
                   "[attention] on a GPU: expected one scale for all sequences");
      SINTER_CHECK(inputs[i].dst.segments()[0].dtype == first.dst.segments()[0].dtype &&
                       inputs[i].options.reader == first.options.reader,
                   ErrorCode::unsupported,
                   "[attention] on a GPU: expected one type and one reader for all results");
      sequences[i] = sequence_of(inputs[i]);
    }
    const bool narrow = first.dst.segments()[0].dtype == DType::f8_e4m3;
    const LinearWeight* const reader = first.options.reader;
    SINTER_CHECK(!narrow || (reader != nullptr && reader->operand_dtype() == DType::f8_e4m3),
                 ErrorCode::invalid_argument,
                 "[attention] dst: expected a reader of e4m3 that it is for");
    cuda::attention({.sequences = std::span(sequences).first(inputs.size()),
                     .dtype = first.q.segments()[0].dtype,
                     .scale = first.options.scale,
                     .dst_factor = narrow ? 1.0F / reader->input_scale() : 0.0F},
                    *workspace_,
                    stream_);
  }

  Buffer pack_keys_values(const HeadList& k, const HeadList& v) override {
    const DType dtype = k.segments()[0].dtype;
    const std::int64_t row = k.heads() * k.dim();
    const auto half = static_cast<std::size_t>(k.tokens() * row) * size_of(dtype);
    Buffer packed(2 * half, this);
    std::byte* to = packed.data();
    for (const HeadList* list : {&k, &v}) {
      for (const HeadView& part : list->segments()) {
        copy_heads(part, to);
        to += static_cast<std::size_t>(part.tokens * row) * size_of(dtype);
      }
    }
    return packed;
  }

  void attention(Context& ctx,
                 std::span<const PackedAttentionInput> groups,
                 const AttentionOptions& options) override {
    constexpr auto kAtOnce = static_cast<std::size_t>(AttentionCall::kMaxSequences);
    for (std::size_t begin = 0; begin < groups.size(); begin += kAtOnce) {
      std::vector<AttentionInput> inputs;
      for (const PackedAttentionInput& group :
           groups.subspan(begin, std::min(kAtOnce, groups.size() - begin))) {
        if (group.q.tokens() > 0) inputs.push_back(unpacked(group, options));
      }
      if (!inputs.empty()) attention(ctx, inputs);
    }
  }

  std::vector<PackedKeyValues> choose_top_keys(Context& ctx,
                                               const PackedKeyValues& keys,
                                               const HeadView& q,
                                               std::span<const std::int64_t> group_sizes,
                                               std::int64_t count) override {
    return cuda::choose_top_keys(ctx, keys, q, group_sizes, count, {*this, stream_});
  }

  std::vector<PackedKeyValues> choose_attended_keys(Context& ctx,
                                                    const PackedKeyValues& keys,
                                                    const HeadView& q,
                                                    std::span<const std::int64_t> group_sizes,
                                                    float threshold) override {
    return cuda::choose_attended_keys(ctx, keys, q, group_sizes, threshold, {*this, stream_});
  }

  // ---- experts ----

  void route_experts(Context& ctx, const Tensor& logits, Routing& routing) override {
    ArenaScope scope(ctx.arena());
    const auto integers = [&](std::int64_t count) {
      return ctx.allocate(DType::i32, {count}, "routing");
    };
    const Tensor counts = integers(logits.dim(1));
    ExpertRoutes routes = routes_of(routing);
    routes.counts = counts.ptr<int>();
    routes.scratch = integers(ExpertRoutes::scratch_ints(routing.rows)).ptr<int>();
    cuda::route_experts(routes, rows_of(logits), stream_);
  }
  void gather_rows(const RowView& x, const Routing& routing, const Tensor& dst) override {
    cuda::gather_rows(routes_of(routing), rows_of(dst), rows_of(x), stream_);
  }
  void linear_experts(const RowView& x,
                      std::span<const LinearWeight* const> weights,
                      const Routing& routing,
                      Activation activation,
                      const RowView& dst) override {
    std::vector<GroupWeight> groups;
    for (const LinearWeight* weight : weights) {
      groups.push_back({weight->data(), weight->bias_data()});
    }
    SINTER_CHECK(x.dtype == dst.dtype && x.dtype == weights.front()->dtype(),
                 ErrorCode::unsupported,
                 "[linear_experts] on a GPU: expected rows and weights of one type");
    grouped_product({.groups = groups,
                     .offsets = routing.first.ptr<int>(),
                     .rows = x.rows,
                     .in_features = x.columns,
                     .out_features = dst.columns,
                     .x = x.data,
                     .dst = dst.data,
                     .x_stride = x.row_stride,
                     .dst_stride = dst.row_stride,
                     .activation = activation,
                     .dtype = x.dtype},
                    stream_);
  }
  void scatter_add_rows(const RowView& x, const Routing& routing, const RowView& y) override {
    cuda::scatter_add_rows(routes_of(routing), rows_of(x), rows_of(y), stream_);
  }

  // ---- elementwise ----

  void activate(const RowView& x, Activation activation) override {
    cuda::activate(rows_of(x), activation, stream_);
  }
  void silu_mul(const RowView& x, const RowView& dst) override {
    cuda::silu_mul(rows_of(dst), rows_of(x), stream_);
  }
  void copy(const RowView& dst, const RowView& src) override {
    cuda::copy(rows_of(dst), rows_of(src), stream_);
  }
  void zero(const RowView& x) override {
    const std::size_t element = size_of(x.dtype);
    check(cudaMemset2DAsync(x.data,
                            static_cast<std::size_t>(x.row_stride) * element,
                            0,
                            static_cast<std::size_t>(x.columns) * element,
                            static_cast<std::size_t>(x.rows),
                            stream_),
          "zero");
  }
  void add(const RowView& x, const RowView& y) override {
    cuda::add(rows_of(x), rows_of(y), stream_);
  }
  void add_gated(const RowView& x, const Tensor& gate, const RowView& y) override {
    cuda::add_gated(rows_of(x), vector_of(gate), rows_of(y), stream_);
  }
  void scale(const RowView& x, float factor) override { cuda::scale(rows_of(x), factor, stream_); }
  void add_scaled(const RowView& x, const Tensor& factor, const RowView& y) override {
    cuda::add_scaled(rows_of(x), factor.f32(), rows_of(y), stream_);
  }
  void guide(const RowView& unconditional, const RowView& conditional, float guidance) override {
    cuda::guide(rows_of(unconditional), rows_of(conditional), guidance, stream_);
  }

  void select_row(const Tensor& table, const Tensor& index, const Tensor& row) override {
    cuda::select_row(vector_of(row), rows_of(table), index.ptr<int>(), stream_);
  }
  void increment(const Tensor& x) override { cuda::increment(x.ptr<int>(), stream_); }

  // ---- what a sampler keeps ----

  void store_row(const Tensor& table, const Tensor& place, const Tensor& x) override {
    cuda::store_row(values_of(table), table.dim(0), place.ptr<int>(), values_of(x), stream_);
  }
  void weighted_rows(const Tensor& table, const Tensor& weights, const Tensor& dst) override {
    cuda::weighted_rows(values_of(table), table.dim(0), weights.f32(), values_of(dst), stream_);
  }
  void measure_change(Context& ctx, const Tensor& a, const Tensor& b, const Tensor& sums) override {
    ArenaScope scope(ctx.arena());
    const Tensor scratch = ctx.allocate(DType::f32, {kChangeParts, 2}, "sums of parts");
    cuda::measure_change(values_of(a), values_of(b), scratch.f32_mut(), sums.f32_mut(), stream_);
  }
  void decide(const DecisionRule& rule, const DecisionTensors& tensors) override {
    cuda::decide(rule, tensors, stream_);
  }
  void branch(const Tensor& flag,
              const std::function<void()>& compute,
              const std::function<void()>& reuse) override {
    if (recorder_.recording()) return recorder_.branch(stream_, flag, compute, reuse);
    std::int32_t chosen = 0;
    download(flag, {&chosen, DType::i32, Device::cpu, {1}, {}});
    chosen != 0 ? compute() : reuse();
  }

  // ---- both ends of a network ----

  void fourier_embed(const Tensor& points,
                     const FourierOptions& options,
                     const Tensor& dst) override {
    cuda::fourier_embed(rows_of(dst), points.f32(), points.dim(0), options, stream_);
  }
  void patches(const Tensor& image, int patch, const Tensor& dst) override {
    cuda::patches(
        rows_of(dst), image.f32(), image.dim(0), image.dim(1), image.dim(2), patch, stream_);
  }

 private:
  /// The vectors of all heads, without gaps.
  void copy_heads(const HeadView& from, void* to) {
    const std::int64_t row = from.heads * from.dim;
    const std::size_t element = size_of(from.dtype);
    const bool dense = from.head_stride == from.dim;
    const std::int64_t columns = dense ? row : from.dim;
    for (std::int64_t head = 0; head < (dense ? 1 : from.heads); ++head) {
      const auto at = [&](void* data, std::int64_t offset) -> void* {
        return static_cast<std::byte*>(data) + static_cast<std::size_t>(offset) * element;
      };
      cuda::copy({at(to, head * from.dim), from.dtype, from.tokens, columns, row},
                 {at(from.data, head * from.head_stride),
                  from.dtype,
                  from.tokens,
                  columns,
                  from.token_stride},
                 stream_);
    }
  }

  int index_;
  cudaStream_t stream_ = nullptr;
  std::optional<sinter::cuda::StreamAllocator> memory_;
  std::optional<sinter::cuda::HostAllocator> host_memory_;
  Staging staging_;
  std::array<cudaEvent_t, 2> marks_{};
  std::size_t turn_ = 0;
  GraphRecorder recorder_;
  HostTraffic traffic_;
  // Made when the device is the thread's.
  std::optional<LinearProducts> products_;
  std::optional<AttentionWorkspace> workspace_;
};

}  // namespace

Gpu describe_gpu(int index) {
  const int count = sinter::cuda::device_count();
  SINTER_CHECK(index >= 0 && index < count,
               ErrorCode::not_found,
               "[device] cuda:",
               index,
               ": expected one of ",
               count,
               " GPUs that CUDA finds");
  cudaDeviceProp properties{};
  check(cudaGetDeviceProperties(&properties, index), "device");
  return {properties.name, properties.major, properties.minor, properties.totalGlobalMem};
}

std::shared_ptr<Backend> make_backend(int index) {
  const Gpu gpu = describe_gpu(index);
  SINTER_CHECK(gpu.supported(),
               ErrorCode::unsupported,
               "[device] cuda:",
               index,
               ": expected a GPU of compute capability 9.0, got ",
               gpu.major,
               ".",
               gpu.minor,
               " (",
               gpu.name,
               ")");
  return std::make_shared<CudaBackend>(index);
}

}  // namespace sinter::ops::cuda
