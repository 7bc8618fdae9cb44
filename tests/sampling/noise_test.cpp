#include "sampling/noise.h"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <limits>
#include <map>
#include <string>
#include <vector>

#include "core/buffer.h"
#include "core/dtype.h"
#include "sampling/philox.h"
#include "sampling/torch_cuda_noise.h"
#include "sampling/torch_noise.h"

namespace sinter::sampling {
namespace {

using Words = std::array<std::uint32_t, 4>;

// The known-answer vectors published with Random123 (tests/kat_vectors, philox 4x32 10).
TEST(Philox, KnownAnswers) {
  EXPECT_EQ(philox4x32_10({0, 0, 0, 0}, {0, 0}),
            (Words{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  constexpr std::uint32_t kOnes = 0xffffffff;
  EXPECT_EQ(philox4x32_10({kOnes, kOnes, kOnes, kOnes}, {kOnes, kOnes}),
            (Words{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  EXPECT_EQ(
      philox4x32_10({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}),
      (Words{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

std::vector<float> normal(std::uint64_t seed, std::uint64_t stream, std::size_t count) {
  std::vector<float> values(count, std::numeric_limits<float>::quiet_NaN());
  fill_normal_philox(seed, stream, values);
  return values;
}

// The documented mapping from words to values, evaluated in long double.
TEST(Philox, NormalFollowsTheDocumentedTransform) {
  const std::uint64_t seed = 0x123456789abcdef0, stream = 0xfedcba9876543210;
  const std::vector<float> values = normal(seed, stream, 32);
  for (std::uint32_t block = 0; block < 8; ++block) {
    const Words words = philox4x32_10({block, 0, 0x76543210, 0xfedcba98}, {0x9abcdef0, 0x12345678});
    for (std::size_t pair = 0; pair < 2; ++pair) {
      const long double u0 = (words[2 * pair] + 0.5L) / 4294967296.0L;
      const long double u1 = (words[2 * pair + 1] + 0.5L) / 4294967296.0L;
      const long double radius = std::sqrt(-2.0L * std::log(u0));
      const long double angle = 2.0L * std::acos(-1.0L) * u1;
      const std::size_t i = 4 * block + 2 * pair;
      // One rounding to float of a value computed in double: half an ulp and a little.
      const float tolerance = 1.2e-7F * static_cast<float>(radius);
      EXPECT_NEAR(values[i], static_cast<float>(radius * std::cos(angle)), tolerance);
      EXPECT_NEAR(values[i + 1], static_cast<float>(radius * std::sin(angle)), tolerance);
    }
  }
}

TEST(Philox, MomentsAreNormal) {
  constexpr std::size_t kCount = 1 << 18;
  double m1 = 0, m2 = 0, m3 = 0, m4 = 0;
  for (const float value : normal(7, 0, kCount)) {
    const double x = value;
    m1 += x;
    m2 += x * x;
    m3 += x * x * x;
    m4 += x * x * x * x;
  }
  const double n = kCount, sigma = 1.0 / std::sqrt(n);
  // Four standard errors of each sample moment (variances 1, 2, 15, 96).
  EXPECT_NEAR(m1 / n, 0.0, 4 * sigma);
  EXPECT_NEAR(m2 / n, 1.0, 4 * std::sqrt(2.0) * sigma);
  EXPECT_NEAR(m3 / n, 0.0, 4 * std::sqrt(15.0) * sigma);
  EXPECT_NEAR(m4 / n, 3.0, 4 * std::sqrt(96.0) * sigma);
}

TEST(Philox, StreamsDifferAndPrefixesAgree) {
  const std::vector<float> full = normal(1, 0, 103);
  const std::vector<float> prefix = normal(1, 0, 41);
  EXPECT_TRUE(std::equal(prefix.begin(), prefix.end(), full.begin()));
  EXPECT_NE(full, normal(2, 0, 103));
  EXPECT_NE(full, normal(1, 1, 103));
}

struct TorchCase {
  std::uint64_t seed;
  std::vector<float> first;
};

void expect_prefix(const TorchCase& c, void (*fill)(std::uint64_t, std::span<float>)) {
  std::vector<float> values(32, std::numeric_limits<float>::quiet_NaN());
  fill(c.seed, values);
  for (std::size_t i = 0; i < c.first.size(); ++i) {
    // Goldens are printed with eight digits; half precision has eleven bits.
    EXPECT_NEAR(values[i], c.first[i], 1e-6F) << "seed " << c.seed << " element " << i;
  }
}

TEST(TorchNoise, HalfChainReproducesTheStreamOfTorch1) {
  expect_prefix({12345,
                 {-0.33447266F,
                  -0.16967773F,
                  0.12597656F,
                  -0.25585938F,
                  -1.4609375F,
                  -0.66650391F,
                  -2.1113281F,
                  -0.27075195F,
                  -0.65185547F,
                  1.625F,
                  -1.421875F,
                  0.25439453F,
                  -0.55371094F,
                  -1.4199219F,
                  -3.0664062F,
                  0.58251953F}},
                fill_normal_torch_half);
  expect_prefix({0,
                 {-0.90087891F,
                  0.48120117F,
                  1.1982422F,
                  0.90527344F,
                  0.79980469F,
                  -0.25488281F,
                  -1.8876953F,
                  -0.18334961F}},
                fill_normal_torch_half);
  expect_prefix({1234,
                 {0.42919922F,
                  -0.48168945F,
                  0.94140625F,
                  -0.92333984F,
                  -1.2050781F,
                  1.5058594F,
                  0.44433594F,
                  -2.9804688F}},
                fill_normal_torch_half);
}

// torch 2.15: torch.randn(..., dtype=torch.float16, generator=torch.Generator().manual_seed(s)).
TEST(TorchNoise, ReproducesTheStreamOfTorch2) {
  expect_prefix({12345,
                 {-1.4794921875F,
                  0.4873046875F,
                  -3.013671875F,
                  0.44384765625F,
                  0.35986328125F,
                  -0.0123443603515625F,
                  0.218505859375F,
                  -1.28125F,
                  2.412109375F,
                  1.9990234375F,
                  0.78466796875F,
                  -1.01953125F,
                  -0.2105712890625F,
                  0.626953125F,
                  0.931640625F,
                  0.186767578125F}},
                fill_normal_torch);
  expect_prefix({0,
                 {-1.1259765625F,
                  -1.15234375F,
                  -0.25048828125F,
                  -0.433837890625F,
                  0.8486328125F,
                  0.69189453125F,
                  -0.31591796875F,
                  -2.115234375F}},
                fill_normal_torch);
}

// Sums over the noise of 3072 x 64 latents. About one value in 10^5 may differ by one
// half-precision ulp (at most 2e-3): 2 values of 196,608, hence the tolerances.
TEST(TorchNoise, SumsOverAllLatents) {
  struct Sums {
    void (*fill)(std::uint64_t, std::span<float>);
    double sum, squares;
  };
  for (const Sums& expected : {Sums{fill_normal_torch_half, 227.93448, 196880.2299},
                               Sums{fill_normal_torch, 244.5046744942665, 195715.17759279246}}) {
    std::vector<float> values(3072 * 64);
    expected.fill(12345, values);
    double sum = 0, squares = 0;
    for (const double x : values) {
      sum += x;
      squares += x * x;
    }
    EXPECT_NEAR(sum, expected.sum, 0.02);
    EXPECT_NEAR(squares, expected.squares, 0.05);
  }
}

TEST(TorchNoise, RefusesOtherLengths) {
  std::vector<float> values(17);
  EXPECT_THROW(fill_normal_torch(0, values), Error);
  EXPECT_THROW(fill_normal_torch_half(0, {}), Error);
}

TEST(Noise, KindsAreNamedAndDistinct) {
  const std::map<Noise, std::string> names = {{Noise::philox, "philox"},
                                              {Noise::torch_cpu, "torch-cpu"},
                                              {Noise::torch_cpu_fp32, "torch-cpu-fp32"},
                                              {Noise::torch_cuda, "torch-cuda"}};
  EXPECT_EQ(kNoises.size(), names.size());
  Arena arena;
  std::vector<std::vector<float>> drawn;
  for (const Noise kind : kNoises) {
    EXPECT_EQ(to_string(kind), names.at(kind));
    const Tensor out = arena.allocate(DType::f32, {4, 8});
    std::fill_n(out.f32_mut(), 32, std::numeric_limits<float>::quiet_NaN());
    fill_noise(kind, 99, out);
    const std::vector<float> values(out.span().begin(), out.span().end());
    for (const float value : values) {
      EXPECT_TRUE(std::isfinite(value));
      if (kind == Noise::philox) continue;
      EXPECT_EQ(value, half_to_float(float_to_half(value)));
    }
    for (const auto& other : drawn) EXPECT_NE(values, other);
    drawn.push_back(values);
  }
}

// The names promise a release: the goldens of the spec's release and of a recent one.
TEST(Noise, TorchKindsStandForTheirReleases) {
  Arena arena;
  const Tensor out = arena.allocate(DType::f32, {16});
  fill_noise(Noise::torch_cpu, 12345, out);
  EXPECT_NEAR(out.f32()[0], -0.33447266F, 1e-6F);
  fill_noise(Noise::torch_cpu_fp32, 12345, out);
  EXPECT_NEAR(out.f32()[0], -1.4794921875F, 1e-6F);
}

// The layout of a launch written from its description, element by element, in long double.
float torch_cuda_element(std::uint64_t seed,
                         std::size_t index,
                         std::size_t count,
                         std::size_t card) {
  const std::size_t threads = std::min((count + 255) / 256 * 256, card);
  const auto thread = static_cast<std::uint32_t>(index % threads);
  const std::size_t nth = index / threads;
  const Words words =
      philox4x32_10({static_cast<std::uint32_t>(nth / 4), 0, thread, 0},
                    {static_cast<std::uint32_t>(seed), static_cast<std::uint32_t>(seed >> 32)});
  const std::size_t pair = nth % 4 / 2;
  const long double u0 = (words[2 * pair] + 0.5L) / 4294967296.0L;
  const long double u1 = (words[2 * pair + 1] + 0.5L) / 4294967296.0L;
  const long double radius = std::sqrt(-2.0L * std::log(u0));
  const long double angle = 2.0L * std::acos(-1.0L) * u1;
  return static_cast<float>(radius * (nth % 2 == 0 ? std::sin(angle) : std::cos(angle)));
}

TEST(TorchCudaNoise, FollowsTheLayoutOfALaunch) {
  struct Case {
    std::uint64_t seed;
    std::size_t count, card;
  };
  // One element a thread; a part of a block; more than four elements a thread; odd counts.
  for (const Case& c : {Case{1234, 2048, kTorchCudaThreads},
                        Case{0xfedcba9876543210, 1, 512},
                        Case{7, 5003, 512},
                        Case{8, 2 * 4 * 256, 256},
                        Case{9, 1537, 512}}) {
    std::vector<float> values(c.count, std::numeric_limits<float>::quiet_NaN());
    fill_normal_torch_cuda(c.seed, static_cast<std::uint32_t>(c.card), values);
    for (std::size_t i = 0; i < c.count; ++i) {
      // The words lose 2^-25 of themselves in fp32: 2e-7 of an angle of up to 2 pi times a radius
      // of up to 6.7, and as much of u, whose logarithm's root is steepest near u = 1.
      EXPECT_NEAR(values[i], torch_cuda_element(c.seed, i, c.count, c.card), 2e-5F) << i;
    }
  }
  std::vector<float> values(8);
  EXPECT_THROW(fill_normal_torch_cuda(0, 100, values), Error);
  EXPECT_THROW(fill_normal_torch_cuda(0, 0, values), Error);
}

// torch.randn(3072 * 64, device="cuda", dtype=float32) of PyTorch 2.11 on an H200, as printed by
// tools/parity/torch_cuda_noise.py.
TEST(TorchCudaNoise, GivesTheValuesOfACard) {
  struct Golden {
    std::uint64_t seed;
    std::array<float, 8> first;
  };
  for (const Golden& golden : {Golden{0,
                                      {-0.92466241F,
                                       -0.42534423F,
                                       -2.6438458F,
                                       0.14518386F,
                                       -0.1208664F,
                                       -0.57972574F,
                                       -0.62285101F,
                                       -0.3283869F}},
                               Golden{1234,
                                      {-1.6164905F,
                                       0.56845516F,
                                       -0.51022482F,
                                       -0.9113394F,
                                       -1.1555164F,
                                       -0.22615087F,
                                       -1.2891326F,
                                       1.065382F}},
                               Golden{9223372036854775813U,
                                      {0.016947232F,
                                       -0.42557034F,
                                       -0.98943347F,
                                       1.1291658F,
                                       1.4512361F,
                                       0.52134448F,
                                       -0.52646041F,
                                       -0.3862375F}}}) {
    std::vector<float> values(3072 * 64);
    fill_normal_torch_cuda(golden.seed, kTorchCudaThreads, values);
    for (std::size_t i = 0; i < golden.first.size(); ++i) {
      EXPECT_NEAR(values[i], golden.first[i], 4e-6F) << golden.seed << ", " << i;  // see the header
    }
  }
}

}  // namespace
}  // namespace sinter::sampling
