#include "checkpoint/random_values.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <vector>

#include "checkpoint/float_cast.h"
#include "core/error.h"

namespace sinter::checkpoint {

namespace {

constexpr int kSums = 4 * 255 + 1;
constexpr double kMiddle = 4 * 255 / 2.0;

/// Deviation of the sum of four bytes: each has a variance of (256^2 - 1) / 12.
double sum_deviation() {
  return std::sqrt(4 * (256.0 * 256.0 - 1) / 12);
}

/// The output function of SplitMix64 (Steele, Lea, Flood: "Fast splittable pseudorandom number
/// generators", 2014) over a counter: 64 bits, for two elements.
std::uint64_t mix(std::uint64_t counter) {
  std::uint64_t z = counter * 0x9e3779b97f4a7c15u;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

/// Sums of the low and of the high four bytes, 0 .. kSums - 1.
struct Pair {
  std::uint32_t even, odd;
};
Pair sums(std::uint64_t bits) {
  const std::uint64_t two = (bits & 0x00ff00ff00ff00ffu) + ((bits >> 8) & 0x00ff00ff00ff00ffu);
  const std::uint64_t four = two + (two >> 16);
  return {static_cast<std::uint32_t>(four & 0xffffu),
          static_cast<std::uint32_t>((four >> 32) & 0xffffu)};
}

template <class Bits>
void fill_from(const std::byte* table_bytes,
               std::byte* out,
               std::size_t count,
               std::uint64_t start,
               [[maybe_unused]] int threads) {
  std::array<Bits, kSums> table;
  std::memcpy(table.data(), table_bytes, sizeof(table));
  const auto pairs = static_cast<std::int64_t>(count / 2);
#pragma omp parallel for num_threads(threads) schedule(static)
  for (std::int64_t i = 0; i < pairs; ++i) {
    const Pair pair = sums(mix(start + static_cast<std::uint64_t>(i)));
    const std::array<Bits, 2> values = {table[pair.even], table[pair.odd]};
    std::memcpy(out + static_cast<std::size_t>(i) * sizeof(values), values.data(), sizeof(values));
  }
  if (count % 2 != 0) {
    const Bits last = table[sums(mix(start + count / 2)).even];
    std::memcpy(out + (count - 1) * sizeof(Bits), &last, sizeof(Bits));
  }
}

}  // namespace

std::uint64_t random_start(std::string_view name, std::uint64_t seed) {
  std::uint64_t hash = 0xcbf29ce484222325u ^ mix(seed);  // FNV-1a
  for (const char c : name) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3u;
  return mix(hash);
}

double random_value(std::uint64_t start, std::uint64_t i) {
  const Pair pair = sums(mix(start + i / 2));
  return ((i % 2 == 0 ? pair.even : pair.odd) - kMiddle) / sum_deviation();
}

void fill_random(std::span<std::byte> out,
                 DType dtype,
                 std::uint64_t start,
                 double mean,
                 double deviation,
                 int threads) {
  SINTER_CHECK(is_floating(dtype),
               ErrorCode::invalid_argument,
               "[random] expected a floating dtype, got ",
               to_string(dtype));
  std::array<double, kSums> exact;
  for (int sum = 0; sum < kSums; ++sum) {
    exact[static_cast<std::size_t>(sum)] = mean + deviation * (sum - kMiddle) / sum_deviation();
  }
  std::vector<std::byte> table(kSums * size_of(dtype));
  cast_floats(std::as_bytes(std::span(exact)), DType::f64, table.data(), dtype);
  const std::size_t count = out.size() / size_of(dtype);
  switch (size_of(dtype)) {
    case 2:
      return fill_from<std::uint16_t>(table.data(), out.data(), count, start, threads);
    case 4:
      return fill_from<std::uint32_t>(table.data(), out.data(), count, start, threads);
    default:
      return fill_from<std::uint64_t>(table.data(), out.data(), count, start, threads);
  }
}

}  // namespace sinter::checkpoint
