#include "ops/cuda/key_selection.h"

#include <numeric>

#include "core/error.h"
#include "ops/cuda/cuda_test.h"

namespace sinter::ops::cuda::test {
namespace {

class CudaKeySelection : public CudaTest {};

const DType kHalves[] = {DType::f16, DType::bf16};

/// Keys, then values, as a device packs them.
struct Keys {
  DType dtype;
  std::int64_t keys, heads, dim;
  DeviceRows packed;

  Keys(DType type, std::int64_t n, std::int64_t h, std::int64_t d, unsigned seed)
      : dtype(type), keys(n), heads(h), dim(d), packed(type, 2 * n, h * d, seed, 0.5F) {}
  ChoiceKeys view() const { return {packed.pointer(0, 0), dtype, keys, heads, dim}; }
  double key(std::int64_t n, std::int64_t head, std::int64_t i) const {
    return packed.at(n, head * dim + i);
  }
};

/// Whole numbers from -2 to 2, whose products add up without rounding in any order, so that many
/// scores are equal.
void set_whole(DeviceRows& rows, unsigned seed) {
  std::mt19937 random(seed);
  for (std::int64_t r = 0; r < rows.rows; ++r) {
    for (std::int64_t c = 0; c < rows.columns; ++c)
      rows.host.set(r, c, static_cast<float>(random() % 5) - 2.0F);
  }
  rows.upload();
}

RowGroups groups_of(const std::vector<int>& sizes) {
  RowGroups groups{.count = static_cast<int>(sizes.size())};
  for (int g = 0; g < groups.count; ++g)
    groups.first[g + 1] = groups.first[g] + sizes[static_cast<std::size_t>(g)];
  return groups;
}

TEST_F(CudaKeySelection, MeanMatchesFloat64) {
  const RowGroups groups = groups_of({1, 300, 7, 64, 5});
  const std::int64_t rows = groups.first[groups.count];
  for (const DType dtype : kHalves) {
    for (const auto& [heads, dim] : {std::pair{3, 64}, std::pair{2, 128}, std::pair{5, 24}}) {
      // Queries as the first of two parts of each head.
      const DeviceRows q(dtype, rows, 2 * heads * dim, 7, 1.0F, {8, 16});
      const ChoiceKeys like{q.pointer(0, 0), dtype, 1, heads, dim};
      DeviceRows mean(DType::f32, groups.count, heads * dim);
      mean_queries(static_cast<float*>(mean.pointer(0, 0)),
                   {q.pointer(0, 0), q.host.stride, 2 * dim},
                   like,
                   groups,
                   nullptr);
      // 300 values up to 5, each addition rounded.
      expect_rows(mean, 300 * 5 * half_unit(DType::f32), [&](std::int64_t g, std::int64_t column) {
        double sum = 0;
        for (int row = groups.first[g]; row < groups.first[g + 1]; ++row)
          sum += q.at(row, column / dim * 2 * dim + column % dim);
        return sum / (groups.first[g + 1] - groups.first[g]);
      });
    }
  }
}

struct Size {
  std::int64_t keys, count;
};
const Size kSizes[] = {{1, 1}, {5, 2}, {33, 33}, {512, 256}, {3072, 1024}, {4096, 1}, {8192, 2730}};

std::vector<std::int32_t> top_on_device(const Keys& keys,
                                        const DeviceRows& mean,
                                        std::int64_t groups,
                                        std::int64_t count) {
  DeviceArray<std::int32_t> index(
      std::vector<std::int32_t>(static_cast<std::size_t>(groups * keys.heads * count), -1));
  cuda::top_keys(index.data(),
                 static_cast<const float*>(mean.pointer(0, 0)),
                 keys.view(),
                 groups,
                 count,
                 nullptr);
  return index.fetch();
}

/// The keys of the largest products, of equal ones the first, in float64.
std::vector<std::int32_t> top_by_sorting(const Keys& keys,
                                         const DeviceRows& mean,
                                         std::int64_t groups,
                                         std::int64_t count) {
  std::vector<std::int32_t> index;
  for (std::int64_t g = 0; g < groups; ++g) {
    for (std::int64_t head = 0; head < keys.heads; ++head) {
      std::vector<double> score(static_cast<std::size_t>(keys.keys));
      std::vector<std::int32_t> order(score.size());
      std::iota(order.begin(), order.end(), 0);
      for (std::int64_t key = 0; key < keys.keys; ++key) {
        double sum = 0;
        for (std::int64_t i = 0; i < keys.dim; ++i)
          sum += keys.key(key, head, i) * mean.at(g, head * keys.dim + i);
        score[static_cast<std::size_t>(key)] = std::isnan(sum) ? -INFINITY : sum;
      }
      std::stable_sort(order.begin(), order.end(), [&](std::int32_t a, std::int32_t b) {
        return score[static_cast<std::size_t>(a)] > score[static_cast<std::size_t>(b)];
      });
      order.resize(static_cast<std::size_t>(count));
      std::sort(order.begin(), order.end());
      index.insert(index.end(), order.begin(), order.end());
    }
  }
  return index;
}

TEST_F(CudaKeySelection, TopKeysAmongEqualsAreTheFirst) {
  unsigned seed = 1;
  for (const DType dtype : kHalves) {
    for (const Size& size : kSizes) {
      for (const std::int64_t dim : {64, 128, 24}) {
        SCOPED_TRACE(cat(to_string(dtype), " ", size.count, " of ", size.keys, ", ", dim));
        const std::int64_t groups = 3;
        Keys keys(dtype, size.keys, 2, dim, ++seed);
        set_whole(keys.packed, ++seed);
        DeviceRows mean(DType::f32, groups, 2 * dim);
        set_whole(mean, ++seed);
        for (std::int64_t i = 0; i < dim; ++i) mean.host.set(1, i, 0.0F);  // all of a head equal
        mean.upload();
        EXPECT_EQ(top_on_device(keys, mean, groups, size.count),
                  top_by_sorting(keys, mean, groups, size.count));
      }
    }
  }
}

TEST_F(CudaKeySelection, TopKeysHaveTheLargestProducts) {
  unsigned seed = 200;
  for (const DType dtype : kHalves) {
    for (const Size& size : kSizes) {
      SCOPED_TRACE(cat(to_string(dtype), " ", size.count, " of ", size.keys));
      const std::int64_t heads = 3, dim = 64;
      const Keys keys(dtype, size.keys, heads, dim, ++seed);
      const DeviceRows mean(DType::f32, 1, heads * dim, ++seed, 0.3F);
      const std::vector<std::int32_t> index = top_on_device(keys, mean, 1, size.count);
      for (std::int64_t head = 0; head < heads; ++head) {
        const auto begin = index.begin() + head * size.count, end = begin + size.count;
        ASSERT_TRUE(std::is_sorted(begin, end));
        ASSERT_EQ(std::adjacent_find(begin, end), end);
        double least = 1e9, most = -1e9;
        for (std::int64_t key = 0; key < size.keys; ++key) {
          double score = 0;
          for (std::int64_t i = 0; i < dim; ++i)
            score += keys.key(key, head, i) * mean.at(0, head * dim + i);
          const bool in = std::binary_search(begin, end, static_cast<std::int32_t>(key));
          (in ? least : most) = in ? std::min(least, score) : std::max(most, score);
        }
        EXPECT_GE(least, most - 1e-5);  // 64 products of order 1 in f32
      }
    }
  }
}

TEST_F(CudaKeySelection, NaNComesLast) {
  for (const DType dtype : kHalves) {
    Keys keys(dtype, 700, 1, 64, 3);
    for (std::int64_t key = 0; key < 700; key += 3) keys.packed.host.set(key, 5, std::nanf(""));
    keys.packed.upload();
    const DeviceRows mean(DType::f32, 1, 64, 4);
    // All others are among the 600, so that no rounding decides.
    EXPECT_EQ(top_on_device(keys, mean, 1, 600), top_by_sorting(keys, mean, 1, 600));
    const DeviceRows broken(DType::f32, 1, 64);  // NaN
    std::vector<std::int32_t> first(600);
    std::iota(first.begin(), first.end(), 0);
    EXPECT_EQ(top_on_device(keys, broken, 1, 600), first);
  }
}

TEST_F(CudaKeySelection, MarksKeysWithWeightForSomeQuery) {
  constexpr double kThreshold = 1e-3;
  const RowGroups groups = groups_of({1, 9, 3});
  const std::int64_t rows = groups.first[groups.count], dim = 64;
  std::int64_t on = 0, off = 0;
  for (const DType dtype : kHalves) {
    for (const auto& [count, heads] : {std::pair{1, 2},
                                       std::pair{40, 3},
                                       std::pair{512, 2},
                                       std::pair{3072, 2},
                                       std::pair{8192, 1}}) {
      SCOPED_TRACE(cat(to_string(dtype), " ", count));
      const Keys keys(dtype, count, heads, dim, 11);
      const DeviceRows q(dtype, rows, heads * dim, 12, 0.5F);
      const auto size = static_cast<std::size_t>(groups.count * count);
      DeviceArray<std::uint8_t> marked{std::vector<std::uint8_t>(size)};
      DeviceArray<std::int32_t> index{std::vector<std::int32_t>(size, -1)};
      DeviceArray<std::int32_t> counts{std::vector<std::int32_t>(3, -1)};
      cuda::mark_attended_keys(marked.data(),
                               {q.pointer(0, 0), q.host.stride, dim},
                               keys.view(),
                               groups,
                               static_cast<float>(kThreshold),
                               nullptr);
      cuda::marked_keys(index.data(), counts.data(), marked.data(), count, groups.count, nullptr);
      marked.fetch(), index.fetch(), counts.fetch();

      for (int g = 0; g < groups.count; ++g) {
        std::vector<double> largest(static_cast<std::size_t>(count));
        for (int row = groups.first[g]; row < groups.first[g + 1]; ++row) {
          std::vector<double> mean(largest.size());
          for (std::int64_t head = 0; head < heads; ++head) {
            std::vector<double> weight(largest.size());
            for (std::int64_t key = 0; key < count; ++key) {
              double dot = 0;
              for (std::int64_t i = 0; i < dim; ++i)
                dot += q.at(row, head * dim + i) * keys.key(key, head, i);
              weight[static_cast<std::size_t>(key)] = std::exp(dot);
            }
            const double sum = std::accumulate(weight.begin(), weight.end(), 0.0);
            for (std::size_t key = 0; key < mean.size(); ++key)
              mean[key] += weight[key] / sum / static_cast<double>(heads);
          }
          for (std::size_t key = 0; key < mean.size(); ++key)
            largest[key] = std::max(largest[key], mean[key]);
        }
        const auto first = static_cast<std::ptrdiff_t>(g) * count;
        std::vector<std::int32_t> listed;
        for (std::int32_t key = 0; key < count; ++key) {
          const bool mark = marked.host[static_cast<std::size_t>(first + key)] != 0;
          if (mark) listed.push_back(key);
          const double weight = largest[static_cast<std::size_t>(key)];
          if (std::abs(weight / kThreshold - 1) < 1e-4) continue;  // rounding may decide
          ASSERT_EQ(mark, weight > kThreshold) << "group " << g << " key " << key;
          ++(mark ? on : off);
        }
        ASSERT_EQ(counts.host[static_cast<std::size_t>(g)], std::ssize(listed));
        ASSERT_TRUE(std::equal(listed.begin(), listed.end(), index.host.begin() + first));
      }
    }
  }
  EXPECT_GT(on, 1000);
  EXPECT_GT(off, 1000);
}

TEST_F(CudaKeySelection, GatheredKeysAreTheListedOnes) {
  for (const DType dtype : kHalves) {
    for (const std::int64_t all_heads_alike : {0, 1}) {
      const std::int64_t n = 333, heads = 3, dim = 64, width = heads * dim, most = 200;
      const Keys keys(dtype, n, heads, dim, 21);
      std::mt19937 random(22);
      std::vector<std::int32_t> list(static_cast<std::size_t>(3 * heads * most));
      for (std::int32_t& key : list) key = static_cast<std::int32_t>(random() % 333);
      const DeviceArray<std::int32_t> index(list);
      ChosenKeys chosen{.groups = 3};
      std::vector<DeviceRows> results;
      for (const int count : {200, 1, 77}) {
        const auto g = static_cast<std::size_t>(results.size());
        results.emplace_back(dtype, 2 * count, width);
        chosen.to[g] = results[g].pointer(0, 0);
        chosen.count[g] = count;
      }
      const std::int64_t head_stride = all_heads_alike != 0 ? 0 : most;
      cuda::gather_keys(chosen, keys.view(), index.data(), heads * most, head_stride, nullptr);
      for (std::int64_t g = 0; g < 3; ++g) {
        DeviceRows& result = results[static_cast<std::size_t>(g)];
        result.fetch();
        const std::int64_t count = chosen.count[g];
        for (std::int64_t row = 0; row < 2 * count; ++row) {
          for (std::int64_t c = 0; c < width; ++c) {
            const std::int64_t at = g * heads * most + c / dim * head_stride + row % count;
            const std::int64_t key = list[static_cast<std::size_t>(at)];
            ASSERT_EQ(result.at(row, c), keys.packed.at(row < count ? key : n + key, c))
                << "group " << g << " row " << row << " column " << c;
          }
        }
      }
    }
  }
}

// Refused before anything is asked of a device.
TEST(CudaKeySelectionLimits, AreKept) {
  alignas(16) static std::uint8_t memory[16];
  const ChoiceKeys good{memory, DType::f16, 512, 2, 64};
  const auto refused = [](const ChoiceKeys& keys, std::int64_t groups, std::int64_t count) {
    try {
      cuda::top_keys(nullptr, nullptr, keys, groups, count, nullptr);
    } catch (const Error& error) {
      return error.code() == ErrorCode::invalid_argument;
    }
    return false;
  };
  ChoiceKeys many = good, narrow = good, wide = good, floats = good, crooked = good;
  many.keys = 8193;
  narrow.dim = 12;
  wide.dim = 264;
  floats.dtype = DType::f32;
  crooked.data = memory + 2;
  for (const ChoiceKeys& keys : {many, narrow, wide, floats, crooked})
    EXPECT_TRUE(refused(keys, 1, 1));
  EXPECT_TRUE(refused(good, 0, 1));
  EXPECT_TRUE(refused(good, 65, 1));
  EXPECT_TRUE(refused(good, 1, 0));
  EXPECT_TRUE(refused(good, 1, 513));
}

}  // namespace
}  // namespace sinter::ops::cuda::test
