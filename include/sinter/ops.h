#pragma once
/// \file
/// The fused operators of diffusion models, on plain tensors and the caller's stream.
///
/// Each operator is a struct that names its operands, a predicate and a kernel:
///
///     fused::NormScaleShift norm{.x = x, .scale = scale, .shift = shift, .y = y};
///     if (fused::refusal(norm).empty()) fused::run(norm, {.stream = stream});
///
/// refusal() says in one line what was expected and what came, or nothing where run() will do the
/// work; it reads no memory behind the operands, so it may be asked while a graph is captured.
/// run() raises ErrorCode::invalid_argument with the same line, queues its work on the stream and
/// returns; it allocates nothing, waits for nothing and never copies an operand. On the host it
/// returns when the work is done.
///
/// Operands lie on one device. Elements are f32, f16 or bf16. Sums and statistics are f32, whatever
/// the elements. Unless an operator says otherwise, an output may be the same array as an input of
/// the same shape, strides and type, and must not overlap one otherwise.

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>

namespace sinter::fused {

enum class ElementType : std::uint8_t { f32, f16, bf16, i32, i64 };
/// "f32", ... Static.
const char* to_string(ElementType type);

inline constexpr int kHost = -1;

/// Elements somewhere, with strides: element (i, j, ...) is data[i * strides[0] + j * strides[1] +
/// ...]. Owns nothing. Operands that an operator may go without are left as they are made here:
/// without data.
struct Array {
  static constexpr int kMaxRank = 6;
  void* data = nullptr;
  ElementType type = ElementType::f32;
  int device = kHost;  ///< kHost, or the number of a CUDA device
  int rank = 0;
  std::array<std::int64_t, kMaxRank> shape{};
  std::array<std::int64_t, kMaxRank> strides{};  ///< in elements
  bool present() const { return data != nullptr || rank > 0; }
};

/// Where a result is rounded to the element type.
enum class Rounding : std::uint8_t {
  /// After every operation of the unfused chain, as PyTorch's eager operators do it: the same bits
  /// as that chain on the same device, statistics included. docs/operators.md lists the PyTorch
  /// versions it was checked against. On the host the rounding points are the same, but statistics
  /// and transcendental
  /// functions may differ from PyTorch's in the last bit before rounding.
  exact,
  /// Once, at the end. Nearer to the true result than `exact`.
  fast,
};

struct Execution {
  void* stream = nullptr;  ///< cudaStream_t; null is the default stream. Ignored on the host.
  int threads = 0;         ///< on the host; 0: all. Results do not depend on it.
};

// Vectors that modulate rows. For x [B, S, D] one of
//   [1]                    one number for all
//   [D], [1, D], [1, 1, D] one vector for all
//   [B, D], [B, 1, D]      one a sample
//   [1, S, D], [B, S, D]   one a token
//   [B, F, 1, D], [1, F, 1, D]  one a frame: F divides S, frame of token s is s / (S / F)
// and for x [S, D] the same without B; for x of another rank [1] or [D]. Their elements may be of
// another type than x's; then the arithmetic that they take part in is in the wider of the two
// types (f32 for f16 with bf16), as PyTorch promotes.

enum class NormKind : std::uint8_t { layer, rms };

/// layer: n = (x - mean) / sqrt(mean((x - mean)^2) + eps) [* weight + bias]
/// rms:   n = x / sqrt(mean(x^2) + eps) [* weight]
///        y = n * (1 + scale) + shift
/// over the last axis, and with a residual before it
///        sum = residual + gate * x,  and n is the norm of the rounded sum.
///
/// exact rounds: gate * x, the sum; n to norm_type; for rms with a weight also the norm before the
/// weight (Hunyuan3D's RMSNorm) unless weight_in_f32; 1 + scale; the product; the sum with shift;
/// each to the type that PyTorch promotes the operands to, then y to its own.
///
/// Sources: SGLang's fused scale-shift norms; PyTorch's layer_norm; Hunyuan3D-2's hunyuan3ddit.py.
struct NormScaleShift {
  NormKind kind = NormKind::layer;
  Array
      x;  ///< [B, S, D], [S, D], or another rank with rows at one stride; the last axis contiguous
  Array residual{}, gate{};  ///< residual like x; gate a modulating vector, or absent for 1
  Array weight{}, bias{};    ///< [D], both or none; rms: no bias. x's type or f32
  Array scale{}, shift{};    ///< modulating vectors, both or none
  Array y;                   ///< like x
  Array sum{};               ///< like x, present where residual is; may be residual or x
  float eps = 1e-6F;
  ElementType norm_type{};  ///< of n where exact: x's type, or f32 for a norm computed in f32 (Wan)
  bool weight_in_f32 = false;  ///< rms, exact: one rounding after the weight (torch.nn.RMSNorm)
  Rounding rounding = Rounding::exact;
};

/// Which elements of a head vector turn together.
enum class RotaryPairs : std::uint8_t {
  interleaved,  ///< (2 i, 2 i + 1): HunyuanVideo, Wan, FLUX
  halves,       ///< (i, i + rotary / 2): GPT-NeoX
};

/// In place on queries and keys: the RMS norm of each head vector (or of the whole row), then the
/// rotation of its first `rotary` elements,
///     (a, b) -> (a cos - b sin, b cos + a sin).
/// exact rounds the norm before the weight, after it, and after the rotation (which itself is in
/// f32, as diffusers has it). On a device heads start at multiples of 16 bytes, d is a multiple of
/// 8 of at most 1024, and a whole row has at most 16384 elements.
struct QueryKeyNorm {
  Array q, k;  ///< [B, S, H, d], any strides but 1 innermost; k may have other heads, or be absent
  bool normalize = true;         ///< false: rotation alone
  bool whole_row = false;        ///< statistics over H * d, weights [H * d] (Wan)
  bool weight_in_f32 = false;    ///< see NormScaleShift
  Array q_weight{}, k_weight{};  ///< [d], of q's type or f32; both or none
  float eps = 1e-6F;
  Array table{};      ///< f32 [positions, rotary]: cosines, then sines, rotary / 2 each; absent: no
                      ///< rotation
  Array positions{};  ///< i32 or i64 [S]: row of the table; absent: the token's number. A position
                      ///< outside the table leaves the token as it is.
  std::int64_t first_token = 0;  ///< tokens before it are not rotated
  std::int64_t tokens = -1;      ///< tokens from first_token on that are rotated; -1: all
  RotaryPairs pairs = RotaryPairs::interleaved;
  Rounding rounding = Rounding::exact;
};

/// The table that QueryKeyNorm reads, for a grid of F x H x W tokens, w fastest: with dims (a, b,
/// c), which sum to the head's dim, axis n of them turns by position / theta^(2 i / dims[n]).
/// Angles are computed in f64, stored f32. Row r is token first + r of the grid (sequence
/// parallelism). Source: Su et al., RoFormer; HunyuanVideo's posemb_layers.py; Wan's model.py.
struct RotaryTable {
  std::array<std::int64_t, 3> grid{};  ///< F, H, W
  std::array<int, 3> dims{};           ///< even; (16, 56, 56) HunyuanVideo, (44, 42, 42) Wan
  double theta = 10000.0;              ///< 256 HunyuanVideo, 10000 Wan
  std::int64_t first = 0;
  Array table;  ///< f32 [tokens, sum of dims], contiguous
};

/// y = residual + gate * x. exact rounds the product, then the sum.
struct GatedAdd {
  Array x, residual;  ///< see NormScaleShift
  Array gate;         ///< a modulating vector
  Array y;            ///< like x
  Rounding rounding = Rounding::exact;
};

/// Group norm over [N, C, ...] and, unless told otherwise, SiLU:
///     z = (x - mean) / sqrt(var + eps) * weight[c] + bias[c],  y = z * sigmoid(z).
/// exact rounds z, and, as PyTorch does, eps, mean and 1 / sqrt(var + eps) to x's type.
/// Channels-first (contiguous) or channels-last (C innermost) by x's strides; y has the same. On a
/// device exact takes channels-first alone. Needs scratch memory: scratch_bytes().
struct GroupNormSilu {
  Array x;             ///< rank 2 to 5
  Array weight, bias;  ///< [C], of x's type or f32; both or none
  Array y;
  std::int64_t groups = 32;
  float eps = 1e-5F;
  bool silu = true;
  void* scratch = nullptr;  ///< on x's device, aligned to 256 bytes; what stands in it is
                            ///< overwritten. Null where scratch_bytes() is 0.
  Rounding rounding = Rounding::exact;
};
/// Bytes that `scratch` must have; 0 for what refusal() refuses. Depends on shapes, types and
/// device alone.
std::size_t scratch_bytes(const GroupNormSilu& norm);

enum class ActivationKind : std::uint8_t {
  gelu,       ///< x / 2 (1 + erf(x / sqrt 2))
  gelu_tanh,  ///< x / 2 (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3)))
  fast_gelu,  ///< x sigmoid(1.702 x), up to 0.0207 from gelu: CLIP's quick_gelu
  silu,       ///< x sigmoid(x)
};

/// y = f(x), or f(x) * multiplier: SiLU-mul and GELU-mul, whose two halves are two views. exact
/// rounds f(x) before the product.
struct Activate {
  ActivationKind kind = ActivationKind::gelu_tanh;
  Array x;             ///< any rank; the last axis is contiguous, and rows at one stride
  Array multiplier{};  ///< like x, or absent
  Array y;             ///< like x
  Rounding rounding = Rounding::exact;
};

/// y = f(x weight^T + bias) as one product whose end is the activation; one rounding, at the end.
/// On a device by cuBLASLt, which ends with gelu_tanh alone and wants multiples of 8 channels; run
/// a shape once before capturing it, so that it is planned by then.
struct LinearActivate {
  Array x;       ///< [..., K], contiguous
  Array weight;  ///< [N, K], contiguous
  Array bias{};  ///< [N], or absent
  Array y;       ///< [..., N], contiguous
  ActivationKind kind = ActivationKind::gelu_tanh;
  void* scratch = nullptr;  ///< scratch_bytes() of the device's memory, aligned to 256 bytes
};
std::size_t scratch_bytes(const LinearActivate& linear);

/// a_i = scale * t * exp(-ln(max_period) i / (half - shift)), half = dim / 2;
/// y = [cos a | sin a], or [sin a | cos a], in f32 with the operations of diffusers'
/// get_timestep_embedding, the same bits on a device. Hunyuan3D takes max_period = scale = 1000 and
/// rounds the result to t's type.
struct TimestepEmbedding {
  Array t;  ///< [B], f32, f16 or bf16
  Array y;  ///< [B, dim], contiguous; dim even
  float max_period = 10000.0F;
  float scale = 1.0F;
  float shift = 0.0F;        ///< diffusers' downscale_freq_shift
  bool cosine_first = true;  ///< diffusers' flip_sin_to_cos
};

/// What a causal 3-D convolution reads: the last `cache` frames before x, then x, zeros around.
///     y [B, C, front + T, H + 2 rows, W + 2 columns]
/// where the first `front` frames are zeros, as many as are left of them after the cache's frames.
/// On a device y starts at a multiple of 16 bytes.
struct CausalPad {
  Array x;        ///< [B, C, T, H, W], contiguous
  Array cache{};  ///< [B, C, T', H, W] with T' <= front, or absent
  Array y;
  std::int64_t front = 2, rows = 1, columns = 1;
};

/// Empty where run() will do the work, else what was expected and what came, in one line.
std::string refusal(const NormScaleShift& op);
std::string refusal(const QueryKeyNorm& op);
std::string refusal(const RotaryTable& op);
std::string refusal(const GatedAdd& op);
std::string refusal(const GroupNormSilu& op);
std::string refusal(const Activate& op);
std::string refusal(const LinearActivate& op);
std::string refusal(const TimestepEmbedding& op);
std::string refusal(const CausalPad& op);

/// Raises ErrorCode::invalid_argument with refusal()'s line where that is not empty,
/// ErrorCode::device where the device does not take the work.
void run(const NormScaleShift& op, const Execution& execution = {});
void run(const QueryKeyNorm& op, const Execution& execution = {});
void run(const RotaryTable& op, const Execution& execution = {});
void run(const GatedAdd& op, const Execution& execution = {});
void run(const GroupNormSilu& op, const Execution& execution = {});
void run(const Activate& op, const Execution& execution = {});
void run(const LinearActivate& op, const Execution& execution = {});
void run(const TimestepEmbedding& op, const Execution& execution = {});
void run(const CausalPad& op, const Execution& execution = {});

}  // namespace sinter::fused
