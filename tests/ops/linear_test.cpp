#include "ops/linear.h"

#include <array>
#include <utility>
#include <vector>

#include "ops/test_support.h"

namespace sinter::ops::test {
namespace {

SINTER_OPS_TEST_SUITE(Linear);

double activate(double x, Activation activation) {
  switch (activation) {
    case Activation::gelu_erf:
      return 0.5 * x * std::erfc(-x / std::sqrt(2.0));
    case Activation::gelu_tanh:
      return x / (1.0 + std::exp(-2.0 * std::sqrt(2.0 / M_PI) * (x + 0.044715 * x * x * x)));
    case Activation::silu:
      return x / (1.0 + std::exp(-x));
    case Activation::none:
      break;
  }
  return x;
}

/// Element (row, o) in float64, and a bound of the rounding error of any order of summation.
struct Expected {
  double value;
  double bound;
};

Expected reference(const float* x,
                   Guarded& weight,
                   Guarded* bias,
                   std::int64_t o,
                   std::int64_t in,
                   Activation activation) {
  double sum = bias == nullptr ? 0.0 : (*bias)[o];
  double magnitude = std::abs(sum);
  for (std::int64_t i = 0; i < in; ++i) {
    sum += double{x[i]} * weight[o * in + i];
    magnitude += std::abs(double{x[i]} * weight[o * in + i]);
  }
  // n roundings of partial sums no larger than `magnitude`, half a unit in the last place each, at
  // most as if all fell the same way; in practice they cancel, hence the square root. The slope of
  // every activation is below 1.2.
  const double bound = magnitude * 6e-8 * (4.0 + 2.0 * std::sqrt(static_cast<double>(in)));
  return {activate(sum, activation), bound + 1e-7};
}

struct Size {
  std::int64_t rows, in, out;
};

// One row; rows around the height of the register tiles; a single column; widths that are no
// multiple of a panel; more than one block of depth; rows wide enough to be copied; blocks of rows.
const Size kSizes[] = {{1, 1, 1},
                       {1, 256, 256},
                       {2, 3, 5},
                       {13, 51, 33},
                       {14, 64, 32},
                       {15, 17, 31},
                       {29, 512, 64},
                       {31, 513, 65},
                       {7, 1037, 40},
                       {119, 600, 34},
                       {230, 64, 96},
                       {33, 255, 1},
                       {3, 5000, 2}};

TEST_P(Linear, MatchesFloat64) {
  for (const Size& size : kSizes) {
    SCOPED_TRACE(cat(size.rows, " x ", size.in, " -> ", size.out));
    Guarded x = random_values({size.rows, size.in}, 1);
    Guarded weight = random_values({size.out, size.in}, 2);
    Guarded bias = random_values({size.out}, 3);
    for (const bool with_bias : {true, false}) {
      const LinearWeight packed(weight.tensor(), with_bias ? bias.tensor() : Tensor{});
      Guarded y({size.rows, size.out});
      linear_into(ctx, x.tensor(), packed, y.tensor());
      EXPECT_TRUE(y.intact());
      for (std::int64_t r = 0; r < size.rows; ++r) {
        for (std::int64_t o = 0; o < size.out; ++o) {
          const Expected e = reference(x.data() + r * size.in,
                                       weight,
                                       with_bias ? &bias : nullptr,
                                       o,
                                       size.in,
                                       Activation::none);
          ASSERT_NEAR(y[r * size.out + o], e.value, e.bound) << "row " << r << " column " << o;
        }
      }
    }
  }
}

TEST_P(Linear, AppliesActivations) {
  Guarded x = random_values({17, 40}, 4, 0.4F), weight = random_values({45, 40}, 5, 0.4F);
  Guarded bias = random_values({45}, 6);
  const LinearWeight packed(weight.tensor(), bias.tensor());
  for (const Activation activation :
       {Activation::gelu_erf, Activation::gelu_tanh, Activation::silu}) {
    const Tensor y = linear(ctx, x.tensor(), packed, {activation});
    ASSERT_EQ(y.shape, Shape({17, 45}));
    for (std::int64_t r = 0; r < 17; ++r) {
      for (std::int64_t o = 0; o < 45; ++o) {
        const Expected e = reference(x.data() + r * 40, weight, &bias, o, 40, activation);
        ASSERT_NEAR(y.f32()[r * 45 + o], e.value, 1.2 * e.bound);
      }
    }
  }
}

TEST_P(Linear, ReadsAndWritesColumnSlices) {
  Guarded wide = random_values({21, 900}, 7), weight = random_values({70, 530}, 8);
  Guarded bias = random_values({70}, 9);
  const LinearWeight packed(weight.tensor(), bias.tensor());
  const std::vector<float> before = wide.copy();
  Guarded dst({21, 101});
  linear_into(ctx,
              columns(wide.tensor(), 111, 641),
              packed,
              columns(dst.tensor(), 13, 83),
              {Activation::gelu_tanh});
  EXPECT_TRUE(dst.intact());
  EXPECT_TRUE(same_bytes(wide.copy(), before));
  for (std::int64_t r = 0; r < 21; ++r) {
    for (std::int64_t c = 0; c < 101; ++c) {
      if (c < 13 || c >= 83) {
        ASSERT_TRUE(std::isnan(dst[r * 101 + c])) << "written outside the slice";
        continue;
      }
      const Expected e =
          reference(wide.data() + r * 900 + 111, weight, &bias, c - 13, 530, Activation::gelu_tanh);
      ASSERT_NEAR(dst[r * 101 + c], e.value, 1.2 * e.bound);
    }
  }
}

TEST_P(Linear, AddsGatedToTheResidual) {
  // The wide one spans several blocks of depth: the residual is added once, not once a block.
  for (const auto& [in, out] : {std::pair{50, 1}, {50, 37}, {50, 64}, {1100, 35}}) {
    Guarded x = random_values({19, in}, 10), weight = random_values({out, in}, 11);
    Guarded bias = random_values({out}, 12), gate = random_values({out}, 13);
    const LinearWeight packed(weight.tensor(), bias.tensor());
    for (const bool gated : {true, false}) {
      Guarded residual = random_values({19, out + 3}, 14);
      const std::vector<float> before = residual.copy();
      linear_add_gated_in_place(ctx,
                                columns(residual.tensor(), 2, 2 + out),
                                gated ? gate.tensor() : Tensor{},
                                x.tensor(),
                                packed);
      EXPECT_TRUE(residual.intact());
      for (std::int64_t r = 0; r < 19; ++r) {
        for (std::int64_t c = 0; c < out + 3; ++c) {
          const auto at = static_cast<std::size_t>(r * (out + 3) + c);
          const std::int64_t o = c - 2;
          if (o < 0 || o >= out) {
            ASSERT_EQ(residual[r * (out + 3) + c], before[at]);
            continue;
          }
          const Expected e = reference(x.data() + r * in, weight, &bias, o, in, Activation::none);
          const double factor = gated ? gate[o] : 1.0;
          const double expected = before[at] + factor * e.value;
          ASSERT_NEAR(residual[r * (out + 3) + c],
                      expected,
                      std::abs(factor) * e.bound + 2e-7 * (1.0 + std::abs(expected)));
        }
      }
    }
  }
}

TEST_P(Linear, KeepsLeadingAxes) {
  Guarded x = random_values({2, 3, 4, 5}, 15), weight = random_values({7, 5}, 16);
  const LinearWeight packed(weight.tensor());
  EXPECT_FALSE(packed.has_bias());
  EXPECT_EQ(linear(ctx, x.tensor(), packed).shape, Shape({2, 3, 4, 7}));
  EXPECT_EQ(linear(ctx, RowView(x.tensor()), packed).shape, Shape({24, 7}));
}

TEST_P(Linear, BytesDoNotDependOnThreadsNorOnOtherRows) {
  const Size sizes[] = {{230, 300, 70}, {5, 700, 300}, {129, 2100, 40}, {3500, 256, 1}};
  for (const Size& size : sizes) {
    SCOPED_TRACE(cat(size.rows, " x ", size.in, " -> ", size.out));
    Guarded x = random_values({size.rows, size.in}, 17);
    Guarded weight = random_values({size.out, size.in}, 18), bias = random_values({size.out}, 19);
    const LinearWeight packed(weight.tensor(), bias.tensor());
    const auto run = [&] {
      Guarded y({size.rows, size.out});
      linear_into(ctx, x.tensor(), packed, y.tensor(), {Activation::gelu_erf});
      return y.copy();
    };
    expect_same_for_any_threads(run);
    const std::vector<float> all = run();
    for (const std::int64_t row : {std::int64_t{0}, size.rows / 2, size.rows - 1}) {
      Guarded y({1, size.out});
      linear_into(ctx, x.tensor().slice(row, row + 1), packed, y.tensor(), {Activation::gelu_erf});
      const auto from = all.begin() + row * size.out;
      EXPECT_TRUE(same_bytes(y.copy(), {from, from + size.out})) << "row " << row;
    }
  }
}

TEST_P(Linear, ConvertsHalfPrecisionWeights) {
  Guarded x = random_values({4, 37}, 20), weight = random_values({35, 37}, 21);
  Guarded bias = random_values({35}, 22);
  for (const DType dtype : {DType::f16, DType::bf16}) {
    // At an odd address, as a mapped file may give it.
    std::vector<std::uint8_t> bytes(2 * 35 * 37 + 1), bias_bytes(2 * 35 + 1);
    const auto encode = [&](Guarded& values, std::vector<std::uint8_t>& dst, std::int64_t count) {
      for (std::int64_t i = 0; i < count; ++i) {
        const std::uint16_t bits =
            dtype == DType::f16 ? float_to_half(values[i]) : float_to_bfloat16(values[i]);
        values[i] = dtype == DType::f16 ? half_to_float(bits) : bfloat16_to_float(bits);
        std::memcpy(dst.data() + 1 + 2 * i, &bits, 2);
      }
    };
    encode(weight, bytes, 35 * 37);
    encode(bias, bias_bytes, 35);
    const Tensor raw{bytes.data() + 1, dtype, Device::cpu, {35, 37}, "half"};
    const Tensor raw_bias{bias_bytes.data() + 1, dtype, Device::cpu, {35}, "half bias"};
    const std::vector<float> converted =
        copy_of(linear(ctx, x.tensor(), LinearWeight(raw, raw_bias)));
    const std::vector<float> plain =
        copy_of(linear(ctx, x.tensor(), LinearWeight(weight.tensor(), bias.tensor())));
    EXPECT_TRUE(same_bytes(converted, plain)) << to_string(dtype);
  }
}

TEST_P(Linear, PacksTheSameWithAnyNumberOfThreads) {
  Guarded x = random_values({3, 300}, 23), weight = random_values({1001, 300}, 24);
  const std::vector<float> one =
      copy_of(linear(ctx, x.tensor(), LinearWeight(weight.tensor(), {}, {.threads = 1})));
  const std::vector<float> three =
      copy_of(linear(ctx, x.tensor(), LinearWeight(weight.tensor(), {}, {.threads = 3})));
  EXPECT_TRUE(same_bytes(one, three));
}

// Heights that are no multiple of what is packed at once, half and single precision mixed.
TEST_P(Linear, StacksWeights) {
  constexpr std::int64_t kIn = 37;
  Guarded x = random_values({5, kIn}, 1);
  Guarded first = random_values({6, kIn}, 2), second = random_values({33, kIn}, 3);
  Guarded bias = random_values({6 + 33 + 6}, 4), whole({45, kIn});
  std::vector<std::uint16_t> halves;
  for (std::int64_t i = 0; i < 6 * kIn; ++i) {
    halves.push_back(float_to_half(first[i]));
    first[i] = half_to_float(halves.back());
  }
  std::copy_n(first.data(), 6 * kIn, whole.data());
  std::copy_n(second.data(), 33 * kIn, whole.data() + 6 * kIn);
  std::copy_n(first.data(), 6 * kIn, whole.data() + 39 * kIn);
  const Tensor half{halves.data(), DType::f16, Device::cpu, {6, kIn}, "half"};
  const std::vector<Tensor> stack = {first.tensor(), second.tensor(), half};
  const LinearWeight one(whole.tensor(), bias.tensor());
  for (const int threads : {1, 3}) {
    const LinearWeight stacked(stack, bias.tensor(), {.threads = threads});
    EXPECT_TRUE(same_bytes(copy_of(linear(ctx, x.tensor(), stacked)),
                           copy_of(linear(ctx, x.tensor(), one))));
  }
  Guarded narrow = random_values({6, kIn - 1}, 5);
  const std::vector<Tensor> uneven = {first.tensor(), narrow.tensor()};
  expect_error(ErrorCode::invalid_argument, {"[linear] stacked weight", "37", "[6, 36]"}, [&] {
    const LinearWeight refused(uneven, {}, {});
  });
}

TEST_P(Linear, TakesEmptyInput) {
  Guarded weight = random_values({8, 4}, 25), x({0, 4});
  EXPECT_EQ(linear(ctx, x.tensor(), LinearWeight(weight.tensor())).shape, Shape({0, 8}));
}

/// Two streams with weights, gates and modulations of their own; norms of what was added up.
TEST_P(Linear, EndsTheBranchesOfTwoStreams) {
  constexpr std::int64_t kOut = 37;
  const std::array<std::int64_t, 2> rows = {3, 8}, in = {19, 64};
  std::vector<Guarded> weights, biases, xs, gates, shifts, scales;
  std::vector<LinearWeight> packed;
  for (unsigned s = 0; s < 2; ++s) {
    weights.push_back(random_values({kOut, in[s]}, 50 + s));
    biases.push_back(random_values({kOut}, 52 + s));
    xs.push_back(random_values({rows[s], in[s]}, 54 + s));
    gates.push_back(random_values({kOut}, 56 + s));
    shifts.push_back(random_values({kOut}, 58 + s));
    scales.push_back(random_values({kOut}, 60 + s));
    packed.emplace_back(weights[s].tensor(), biases[s].tensor());
  }
  Guarded residual = random_values({rows[0] + rows[1], kOut}, 62),
          normed({rows[0] + rows[1], kOut});
  Guarded before = residual;
  std::vector<BranchEnd> ends;
  for (std::size_t s = 0; s < 2; ++s) {
    ends.push_back({xs[s].tensor(),
                    &packed[s],
                    gates[s].tensor(),
                    {.shift = shifts[s].tensor(), .scale = scales[s].tensor(), .eps = 0}});
  }
  linear_add_gated_modulate(ctx, residual.tensor(), ends, normed.tensor());
  EXPECT_TRUE(residual.intact() && normed.intact());
  for (std::int64_t r = 0; r < rows[0] + rows[1]; ++r) {
    const std::size_t s = r < rows[0] ? 0 : 1;
    const float* const x = xs[s].data() + (r - (s == 0 ? 0 : rows[0])) * in[s];
    std::vector<double> sums, bounds;
    double mean = 0, variance = 0;
    for (std::int64_t o = 0; o < kOut; ++o) {
      const Expected e = reference(x, weights[s], &biases[s], o, in[s], Activation::none);
      sums.push_back(before[r * kOut + o] + gates[s][o] * e.value);
      bounds.push_back(std::abs(gates[s][o]) * e.bound);
      mean += sums.back() / kOut;
    }
    for (const double sum : sums) variance += (sum - mean) * (sum - mean) / kOut;
    for (std::int64_t o = 0; o < kOut; ++o) {
      const double sum = sums[static_cast<std::size_t>(o)];
      EXPECT_NEAR(residual[r * kOut + o],
                  sum,
                  bounds[static_cast<std::size_t>(o)] + 2e-7 * (1 + std::abs(sum)));
      const double expected =
          (1 + scales[s][o]) * (sum - mean) / std::sqrt(variance) + shifts[s][o];
      EXPECT_NEAR(normed[r * kOut + o], expected, 2e-5);
    }
  }
  ends.pop_back();
  expect_error(ErrorCode::invalid_argument, {"[linear]", "residual", "3", "11"}, [&] {
    linear_add_gated_modulate(ctx, residual.tensor(), ends, normed.tensor());
  });
}

TEST_P(Linear, RejectsWrongShapes) {
  Guarded weight = random_values({8, 4}, 26), bias = random_values({7}, 27);
  Guarded x = random_values({3, 5}, 28), good = random_values({3, 4}, 29), y({2, 8});
  const LinearWeight packed(weight.tensor());
  const auto bad = ErrorCode::invalid_argument;
  expect_error(bad, {"[linear]", "bias", "[8]", "[7]"}, [&] {
    LinearWeight(weight.tensor(), bias.tensor());
  });
  expect_error(bad, {"[linear]", "weight", "no tensor"}, [&] { LinearWeight(Tensor{}); });
  expect_error(bad, {"[linear]", "weight", "[7]"}, [&] { LinearWeight(bias.tensor()); });
  Tensor integers = weight.tensor();
  integers.dtype = DType::i32;
  expect_error(bad, {"[linear]", "i32"}, [&] { LinearWeight{integers}; });
  expect_error(bad, {"[linear]", "x", "of 4", "of 5"}, [&] { linear(ctx, x.tensor(), packed); });
  expect_error(bad, {"[linear]", "dst", "3 rows", "2 of 8"}, [&] {
    linear_into(ctx, good.tensor(), packed, y.tensor());
  });
  expect_error(bad, {"[linear]", "gate", "[8]", "[7]"}, [&] {
    Guarded residual({3, 8});
    linear_add_gated_in_place(ctx, residual.tensor(), bias.tensor(), good.tensor(), packed);
  });
  expect_error(
      bad, {"[linear]", "not been loaded"}, [&] { linear(ctx, good.tensor(), LinearWeight{}); });
  Tensor doubles = good.tensor();
  doubles.dtype = DType::f64;
  expect_error(bad, {"[linear]", "f64"}, [&] { linear(ctx, doubles, packed); });
  RowView elsewhere = good.tensor();
  elsewhere.device = Device::cuda;
  expect_error(bad, {"[linear]", "cuda"}, [&] {
    Guarded dst({3, 8});
    linear_into(ctx, elsewhere, packed, dst.tensor());
  });
}

}  // namespace
}  // namespace sinter::ops::test
