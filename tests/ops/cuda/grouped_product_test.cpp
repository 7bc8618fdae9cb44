#include "ops/cuda/grouped_product.h"

#include <array>

#include "core/error.h"
#include "ops/cuda/cuda_test.h"

namespace sinter::ops::cuda::test {
namespace {

class CudaGroupedProduct : public CudaTest {};

double exact(Activation activation, double x) {
  switch (activation) {
    case Activation::gelu_erf:
      return 0.5 * x * std::erfc(-x / std::sqrt(2.0));
    case Activation::silu:
      return x / (1.0 + std::exp(-x));
    default:
      return x;
  }
}

struct Sizes {
  std::vector<int> rows;  ///< of each group
  std::int64_t in, out;
  Activation activation;
  bool biased;
};

void expect_product(DType dtype, const Sizes& sizes) {
  SCOPED_TRACE(testing::Message() << to_string(dtype) << " " << sizes.in << " -> " << sizes.out);
  std::vector<int> first = {0};
  for (const int rows : sizes.rows) first.push_back(first.back() + rows);
  const std::int64_t rows = first.back();
  const DeviceArray<int> offsets(first);
  const DeviceRows x(dtype, rows, sizes.in, 1, 1.0F, {.gap = 24, .offset = 8});
  // What nobody writes stays NaN, the gaps too.
  DeviceRows dst(dtype, rows, sizes.out, {.gap = 16, .offset = 8});
  std::vector<DeviceRows> weights, biases;
  std::vector<GroupWeight> groups;
  const float deviation = 1.0F / std::sqrt(static_cast<float>(sizes.in));
  for (unsigned g = 0; g < sizes.rows.size(); ++g) {
    weights.emplace_back(dtype, sizes.out, sizes.in, 10 + g, deviation);
    biases.emplace_back(dtype, 1, sizes.out, 30 + g);
  }
  for (std::size_t g = 0; g < weights.size(); ++g) {
    groups.push_back({weights[g].pointer(0, 0), sizes.biased ? biases[g].pointer(0, 0) : nullptr});
  }
  grouped_product({.groups = groups,
                   .offsets = offsets.data(),
                   .rows = rows,
                   .in_features = sizes.in,
                   .out_features = sizes.out,
                   .x = x.pointer(0, 0),
                   .dst = dst.pointer(0, 0),
                   .x_stride = x.host.stride,
                   .dst_stride = dst.host.stride,
                   .activation = sizes.activation,
                   .dtype = dtype},
                  nullptr);
  const HostRows before = dst.host;
  dst.fetch();
  HostRows outside = dst.host;
  for (std::size_t g = 0; g < weights.size(); ++g) {
    for (int r = first[g]; r < first[g + 1]; ++r) {
      for (std::int64_t o = 0; o < sizes.out; ++o) {
        double sum = sizes.biased ? biases[g].at(0, o) : 0, size = std::abs(sum);
        for (std::int64_t i = 0; i < sizes.in; ++i) {
          const double term = x.at(r, i) * weights[g].at(o, i);
          sum += term;
          size += std::abs(term);
        }
        const double expected = exact(sizes.activation, sum);
        // One rounding of the result; of the f32 sum one each sixteen products, and what the
        // activation's fast exponential adds.
        const double limit = 1.01 * half_unit(dtype) * std::abs(expected) +
                             1e-7 * size * (1 + static_cast<double>(sizes.in) / 64) + 1e-6;
        ASSERT_NEAR(dst.at(r, o), expected, limit) << "group " << g << " row " << r << " " << o;
        std::memcpy(outside.bytes.data() + outside.index(r, o),
                    before.bytes.data() + before.index(r, o),
                    size_of(dtype));
      }
    }
  }
  EXPECT_TRUE(outside == before) << "written outside the rows";
}

TEST_F(CudaGroupedProduct, MatchesFloat64) {
  const std::array<Sizes, 5> cases = {{
      {{1}, 64, 8, Activation::none, true},
      {{0, 3, 0, 130, 128, 1, 0}, 192, 72, Activation::gelu_erf, true},
      {{257, 0, 64}, 64, 520, Activation::silu, false},
      {{5, 9, 2, 1, 7, 3, 4, 8, 6, 2, 1, 1, 9, 2, 3, 0}, 320, 256, Activation::none, false},
      {{300, 200}, 1024, 264, Activation::gelu_erf, true},
  }};
  for (const DType dtype : {DType::f16, DType::bf16}) {
    for (const Sizes& sizes : cases) expect_product(dtype, sizes);
  }
}

TEST_F(CudaGroupedProduct, RefusesWhatItCannotDo) {
  const DeviceRows x(DType::f16, 4, 64, 1), y(DType::f16, 4, 64, 2);
  const DeviceArray<int> offsets({0, 4});
  const std::vector<GroupWeight> one = {{x.pointer(0, 0), nullptr}};
  const GroupedProduct good{.groups = one,
                            .offsets = offsets.data(),
                            .rows = 4,
                            .in_features = 64,
                            .out_features = 8,
                            .x = x.pointer(0, 0),
                            .dst = y.pointer(0, 0),
                            .x_stride = 64,
                            .dst_stride = 64};
  EXPECT_NO_THROW(grouped_product(good, nullptr));
  const std::vector<GroupWeight> many(17, one[0]);
  GroupedProduct bad = good;
  bad.groups = many;
  EXPECT_THROW(grouped_product(bad, nullptr), Error);
  bad = good;
  bad.in_features = 32;
  EXPECT_THROW(grouped_product(bad, nullptr), Error);
  bad = good;
  bad.out_features = 9;
  EXPECT_THROW(grouped_product(bad, nullptr), Error);
  bad = good;
  bad.dtype = DType::f32;
  EXPECT_THROW(grouped_product(bad, nullptr), Error);
  bad = good;
  bad.x_stride = 65;
  EXPECT_THROW(grouped_product(bad, nullptr), Error);
  bad = good;
  bad.offsets = nullptr;
  EXPECT_THROW(grouped_product(bad, nullptr), Error);
}

}  // namespace
}  // namespace sinter::ops::cuda::test
