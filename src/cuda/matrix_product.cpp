#include "cuda/matrix_product.h"

#include <algorithm>
#include <array>
#include <bit>
#include <limits>
#include <map>
#include <tuple>
#include <vector>

#include "cuda/cublas_lt.h"
#include "cuda/memory.h"
#include "cuda/status.h"

namespace sinter::cuda {

namespace {

/// What NVIDIA recommends for Hopper.
constexpr std::size_t kWorkspaceBytes = std::size_t{32} << 20;
constexpr int kProposals = 8;
constexpr int kTimedRuns = 5;
/// Sums of e4m3 products stay in the matrix unit, with fewer bits than f32: 1.4e-3 of a result of
/// 4096 terms instead of 2.5e-4, where the operands' own rounding is 4e-2; 10 to 23 % faster.
constexpr std::int8_t kFastSums = 1;

std::string describe(const MatrixProduct& p) {
  return cat("[matrix product] ",
             p.rows,
             " x ",
             p.in_features,
             " by ",
             p.out_features,
             " ",
             p.narrow ? "e4m3 to " : "",
             p.dst_factor != nullptr ? "e4m3 of " : "",
             to_string(p.dtype));
}

cudaDataType_t type_of(DType dtype) {
  if (dtype == DType::f32) return CUDA_R_32F;
  return dtype == DType::f16 ? CUDA_R_16F : CUDA_R_16BF;
}
cudaDataType_t operand_type(const MatrixProduct& p) {
  return p.narrow ? CUDA_R_8F_E4M3 : type_of(p.dtype);
}
cudaDataType_t dst_type(const MatrixProduct& p) {
  return p.dst_factor != nullptr ? CUDA_R_8F_E4M3 : type_of(p.dtype);
}

void check(const CublasLt& lt, cublasStatus_t status, const MatrixProduct& p) {
  if (status == CUBLAS_STATUS_SUCCESS) return;
  fail(ErrorCode::device, cat(describe(p), ": cuBLASLt: ", lt.GetStatusString(status)));
}

template <class Handle>
using Owner = std::unique_ptr<std::remove_pointer_t<Handle>, cublasStatus_t (*)(Handle)>;

/// Everything that decides which algorithm is right.
using Key = std::tuple<std::int64_t,
                       std::int64_t,
                       std::int64_t,
                       std::int64_t,
                       std::int64_t,
                       bool,
                       bool,
                       bool,
                       Epilogue,
                       DType>;

Key key_of(const MatrixProduct& p, std::int64_t rows) {
  return {rows,
          p.in_features,
          p.out_features,
          p.x_stride,
          p.dst_stride,
          p.bias != nullptr,
          p.narrow,
          p.dst_factor != nullptr,
          p.epilogue,
          p.dtype};
}

/// The same for numbers of rows within an eighth of each other.
std::int64_t rows_alike(std::int64_t rows) {
  const auto octave = static_cast<std::int64_t>(std::bit_floor(static_cast<std::uint64_t>(rows)));
  const std::int64_t step = std::max<std::int64_t>(octave / 8, 1);
  return rows / step * step;
}

/// Below some microseconds proposals hardly differ, and others never pay for being timed.
bool is_worth_timing(const MatrixProduct& p) {
  constexpr double kLeast = 1e10;  // operations
  return 2.0 * static_cast<double>(p.rows) * static_cast<double>(p.in_features) *
             static_cast<double>(p.out_features) >=
         kLeast;
}

class Event {
 public:
  Event() { cuda::check(cudaEventCreate(&event_), "event"); }
  ~Event() { cudaEventDestroy(event_); }
  Event(const Event&) = delete;
  Event& operator=(const Event&) = delete;
  cudaEvent_t get() const { return event_; }

 private:
  cudaEvent_t event_ = nullptr;
};

bool is_captured(cudaStream_t stream) {
  cudaStreamCaptureStatus status = cudaStreamCaptureStatusNone;
  cuda::check(cudaStreamIsCapturing(stream, &status), "matrix product");
  return status != cudaStreamCaptureStatusNone;
}

}  // namespace

/// cuBLASLt counts columns first: our row-major [rows, n] is its n x rows matrix, and the product
/// it sees is dst^T = W x^T.
struct MatrixProducts::State {
  struct Plan {
    Owner<cublasLtMatmulDesc_t> operation;
    Owner<cublasLtMatrixLayout_t> weight, x, before, dst;
    cublasLtMatmulAlgo_t algorithm{};
  };

  std::shared_ptr<const CublasLt> lt = CublasLt::open();
  Owner<cublasLtHandle_t> handle{nullptr, nullptr};
  DeviceMemory own_workspace;
  void* workspace = nullptr;  // of the product under way
  std::map<Key, Plan> plans;
  std::map<Key, cublasLtMatmulAlgo_t> fastest;  // by rows_alike()
  bool timing = true;

  Owner<cublasLtMatrixLayout_t> layout(const MatrixProduct& p,
                                       cudaDataType_t type,
                                       std::int64_t rows,
                                       std::int64_t columns,
                                       std::int64_t stride) const {
    cublasLtMatrixLayout_t made = nullptr;
    check(*lt,
          lt->MatrixLayoutCreate(&made,
                                 type,
                                 static_cast<std::uint64_t>(columns),
                                 static_cast<std::uint64_t>(rows),
                                 stride),
          p);
    return {made, lt->MatrixLayoutDestroy};
  }

  template <class Value>
  void set(const Plan& plan,
           cublasLtMatmulDescAttributes_t attribute,
           const Value& value,
           const MatrixProduct& p) const {
    check(
        *lt, lt->MatmulDescSetAttribute(plan.operation.get(), attribute, &value, sizeof value), p);
  }

  Plan describe_product(const MatrixProduct& p) const {
    cublasLtMatmulDesc_t operation = nullptr;
    check(*lt, lt->MatmulDescCreate(&operation, CUBLAS_COMPUTE_32F, CUDA_R_32F), p);
    Plan plan{.operation = {operation, lt->MatmulDescDestroy},
              .weight = layout(p, operand_type(p), p.out_features, p.in_features, p.in_features),
              .x = layout(p, operand_type(p), p.rows, p.in_features, p.x_stride),
              .before = layout(p, type_of(p.dtype), p.rows, p.out_features, p.dst_stride),
              .dst = layout(p, dst_type(p), p.rows, p.out_features, p.dst_stride)};
    set(plan, CUBLASLT_MATMUL_DESC_TRANSA, CUBLAS_OP_T, p);
    const bool gelu = p.epilogue == Epilogue::gelu_tanh;
    set(plan,
        CUBLASLT_MATMUL_DESC_EPILOGUE,
        p.bias != nullptr ? (gelu ? CUBLASLT_EPILOGUE_GELU_BIAS : CUBLASLT_EPILOGUE_BIAS)
                          : (gelu ? CUBLASLT_EPILOGUE_GELU : CUBLASLT_EPILOGUE_DEFAULT),
        p);
    if (p.bias != nullptr)
      set(plan, CUBLASLT_MATMUL_DESC_BIAS_DATA_TYPE, std::int32_t{type_of(p.dtype)}, p);
    if (p.narrow) set(plan, CUBLASLT_MATMUL_DESC_FAST_ACCUM, kFastSums, p);
    point(plan, p);
    return plan;
  }

  /// The plan at this product's vectors.
  void point(const Plan& plan, const MatrixProduct& p) const {
    if (p.bias != nullptr) set(plan, CUBLASLT_MATMUL_DESC_BIAS_POINTER, p.bias, p);
    if (p.dst_factor != nullptr) set(plan, CUBLASLT_MATMUL_DESC_D_SCALE_POINTER, p.dst_factor, p);
  }

  /// Algorithms that do not split the sums, best guess first.
  std::vector<cublasLtMatmulAlgo_t> propose(const Plan& plan, const MatrixProduct& p) const {
    cublasLtMatmulPreference_t made = nullptr;
    check(*lt, lt->MatmulPreferenceCreate(&made), p);
    const Owner<cublasLtMatmulPreference_t> preference(made, lt->MatmulPreferenceDestroy);
    const std::size_t bytes = kWorkspaceBytes;
    check(*lt,
          lt->MatmulPreferenceSetAttribute(
              made, CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, &bytes, sizeof bytes),
          p);
    const std::uint32_t unsplit = CUBLASLT_REDUCTION_SCHEME_NONE;
    check(*lt,
          lt->MatmulPreferenceSetAttribute(
              made, CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK, &unsplit, sizeof unsplit),
          p);
    std::array<cublasLtMatmulHeuristicResult_t, kProposals> results{};
    int count = 0;
    check(*lt,
          lt->MatmulAlgoGetHeuristic(handle.get(),
                                     plan.operation.get(),
                                     plan.weight.get(),
                                     plan.x.get(),
                                     plan.before.get(),
                                     plan.dst.get(),
                                     made,
                                     kProposals,
                                     results.data(),
                                     &count),
          p);
    std::vector<cublasLtMatmulAlgo_t> algorithms;
    for (int i = 0; i < count; ++i) {
      std::int32_t split = 1;
      std::size_t written = 0;
      const cublasLtMatmulAlgo_t& algorithm = results[static_cast<std::size_t>(i)].algo;
      check(*lt,
            lt->MatmulAlgoConfigGetAttribute(
                &algorithm, CUBLASLT_ALGO_CONFIG_SPLITK_NUM, &split, sizeof split, &written),
            p);
      if (split <= 1) algorithms.push_back(algorithm);
    }
    if (algorithms.empty())
      fail(ErrorCode::device, cat(describe(p), ": cuBLASLt proposes no algorithm"));
    return algorithms;
  }

  cublasStatus_t multiply(const Plan& plan,
                          const cublasLtMatmulAlgo_t& algorithm,
                          const MatrixProduct& p,
                          void* dst,
                          cudaStream_t stream) const {
    const float before = p.epilogue == Epilogue::add ? 1.0F : 0.0F;
    // What is not read may be anything, but not an e4m3 dst taken for 16 bits.
    const void* const summand = p.dst_factor != nullptr ? workspace : dst;
    return lt->Matmul(handle.get(),
                      plan.operation.get(),
                      &p.scale,
                      p.weight,
                      plan.weight.get(),
                      p.x,
                      plan.x.get(),
                      &before,
                      summand,
                      plan.before.get(),
                      dst,
                      plan.dst.get(),
                      &algorithm,
                      workspace,
                      kWorkspaceBytes,
                      stream);
  }

  /// Median milliseconds into scratch memory, infinite where the algorithm refuses.
  float time(const Plan& plan,
             const cublasLtMatmulAlgo_t& algorithm,
             const MatrixProduct& p,
             void* scratch,
             cudaStream_t stream) const {
    std::array<float, kTimedRuns> times{};
    const Event start, stop;
    for (float& elapsed : times) {
      cuda::check(cudaEventRecord(start.get(), stream), "matrix product");
      if (multiply(plan, algorithm, p, scratch, stream) != CUBLAS_STATUS_SUCCESS) {
        return std::numeric_limits<float>::infinity();
      }
      cuda::check(cudaEventRecord(stop.get(), stream), "matrix product");
      cuda::check(cudaEventSynchronize(stop.get()), "matrix product");
      cuda::check(cudaEventElapsedTime(&elapsed, start.get(), stop.get()), "matrix product");
    }
    std::nth_element(times.begin(), times.begin() + kTimedRuns / 2, times.end());
    return times[kTimedRuns / 2];
  }

  cublasLtMatmulAlgo_t choose(const Plan& plan,
                              const std::vector<cublasLtMatmulAlgo_t>& algorithms,
                              const MatrixProduct& p,
                              cudaStream_t stream) const {
    const DeviceMemory scratch(static_cast<std::size_t>(p.rows * p.dst_stride) * size_of(p.dtype));
    float best = std::numeric_limits<float>::infinity();
    cublasLtMatmulAlgo_t chosen = algorithms.front();
    for (const cublasLtMatmulAlgo_t& algorithm : algorithms) {
      const float elapsed = time(plan, algorithm, p, scratch.as<void>(), stream);
      if (elapsed < best) best = elapsed, chosen = algorithm;
    }
    return chosen;
  }

  /// Whether an algorithm that was chosen for a like product runs this one.
  bool fits(const Plan& plan, const cublasLtMatmulAlgo_t& algorithm) const {
    cublasLtMatmulHeuristicResult_t result{};
    const cublasStatus_t status = lt->MatmulAlgoCheck(handle.get(),
                                                      plan.operation.get(),
                                                      plan.weight.get(),
                                                      plan.x.get(),
                                                      plan.before.get(),
                                                      plan.dst.get(),
                                                      &algorithm,
                                                      &result);
    return status == CUBLAS_STATUS_SUCCESS && result.workspaceSize <= kWorkspaceBytes;
  }

  void run(const MatrixProduct& p, cudaStream_t stream) {
    const Key key = key_of(p, p.rows);
    if (const auto known = plans.find(key); known != plans.end()) {
      point(known->second, p);
      return check(*lt, multiply(known->second, known->second.algorithm, p, p.dst, stream), p);
    }
    Plan plan = describe_product(p);
    const bool captured = is_captured(stream);
    const Key alike = key_of(p, rows_alike(p.rows));
    if (const auto near = fastest.find(alike); near != fastest.end() && fits(plan, near->second)) {
      plan.algorithm = near->second;
    } else {
      const std::vector<cublasLtMatmulAlgo_t> proposed = propose(plan, p);
      const bool timed = timing && !captured && is_worth_timing(p);
      plan.algorithm = timed ? choose(plan, proposed, p, stream) : proposed.front();
    }
    check(*lt, multiply(plan, plan.algorithm, p, p.dst, stream), p);
    if (captured) return;
    fastest.insert_or_assign(alike, plan.algorithm);
    plans.emplace(key, std::move(plan));
  }
};

MatrixProducts::MatrixProducts(Workspace workspace) : state_(std::make_unique<State>()) {
  if (workspace == Workspace::own) state_->own_workspace = DeviceMemory(kWorkspaceBytes);
  cublasLtHandle_t handle = nullptr;
  check(*state_->lt, state_->lt->Create(&handle), {});
  state_->handle = {handle, state_->lt->Destroy};
}

MatrixProducts::~MatrixProducts() = default;

std::size_t MatrixProducts::workspace_bytes() {
  return kWorkspaceBytes;
}

void MatrixProducts::set_timing(bool on) {
  if (on && !state_->timing) {
    state_->plans.clear();
    state_->fastest.clear();
  }
  state_->timing = on;
}

void MatrixProducts::run(const MatrixProduct& product, cudaStream_t stream, void* workspace) {
  MatrixProduct p = product;
  if (p.x_stride == 0) p.x_stride = p.in_features;
  if (p.dst_stride == 0) p.dst_stride = p.out_features;
  constexpr std::int64_t kMost = std::int64_t{1} << 30;
  const std::int64_t alignment = p.narrow ? 16 : 8;
  const auto in_range = [](std::int64_t n) { return n > 0 && n < kMost; };
  const bool known = p.dtype == DType::f16 || p.dtype == DType::bf16 || p.dtype == DType::f32;
  SINTER_CHECK(known && in_range(p.rows) && in_range(p.in_features) && in_range(p.out_features) &&
                   p.x_stride >= p.in_features && p.dst_stride >= p.out_features &&
                   p.in_features % alignment == 0 && p.x_stride % alignment == 0 &&
                   p.dst_stride % (p.dst_factor != nullptr ? 16 : 8) == 0 &&
                   (!p.narrow || p.out_features % alignment == 0),
               ErrorCode::invalid_argument,
               describe(p),
               ": expected f32, f16 or bf16, at least one row, and channels and strides that are "
               "multiples of ",
               alignment,
               ", got strides of ",
               p.x_stride,
               " and ",
               p.dst_stride);
  SINTER_CHECK(p.dst_factor == nullptr || (p.narrow && p.epilogue != Epilogue::add),
               ErrorCode::invalid_argument,
               describe(p),
               ": expected e4m3 operands, and nothing to add to, for an e4m3 result");
  state_->workspace = workspace != nullptr ? workspace : state_->own_workspace.as<void>();
  SINTER_CHECK(state_->workspace != nullptr,
               ErrorCode::invalid_argument,
               describe(p),
               ": expected a workspace, got none");
  state_->run(p, stream);
}

}  // namespace sinter::cuda
