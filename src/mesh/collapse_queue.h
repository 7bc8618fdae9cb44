#pragma once
// Edges waiting to be collapsed, the cheaper first. Costs that differ by less than a few per cent
// count as equal: then no order among edges has to be kept, the last one in comes out first, and
// what is near in space is done together.

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace sinter::mesh {

struct Candidate {
  float cost;          ///< not negative
  std::uint32_t u, v;  ///< ends of the edge, u < v
  /// Twice the sum of the ends' versions when this was made, plus one where the cost includes the
  /// shape of the faces that result.
  std::uint32_t tag;

  bool is_shaped() const { return (tag & 1) != 0; }
};
static_assert(sizeof(Candidate) == 16);

class CollapseQueue {
 public:
  bool empty() const { return size_ == 0; }

  void push(const Candidate& candidate) {
    const std::size_t rank = rank_of(candidate.cost);
    ranks_[rank].push_back(candidate);
    lowest_ = std::min(lowest_, rank);
    ++size_;
  }

  /// Removes one of the cheapest. Only where the queue is not empty.
  Candidate pop() {
    while (ranks_[lowest_].empty()) ++lowest_;
    const Candidate candidate = ranks_[lowest_].back();
    ranks_[lowest_].pop_back();
    --size_;
    return candidate;
  }

  /// Whether an edge of this cost would have to wait for others.
  bool would_wait(float cost) {
    if (empty()) return false;
    while (ranks_[lowest_].empty()) ++lowest_;
    return lowest_ < rank_of(cost);
  }

  /// Calls revise(candidate), which may change all but the cost, and drops those for which it
  /// returns false.
  template <class Revise>
  void revise(Revise&& revise) {
    for (auto& rank : ranks_) {
      size_ -= std::erase_if(rank, [&](Candidate& candidate) { return !revise(candidate); });
    }
  }

  void clear() {
    for (auto& rank : ranks_) rank.clear();
    size_ = 0;
    lowest_ = kRanks;
  }

 private:
  /// Bits of the significand that are told apart: 2^2 ranks for a factor of two.
  static constexpr int kBits = 2;
  static constexpr std::size_t kRanks = std::size_t{1} << (8 + kBits);

  static std::size_t rank_of(float cost) {
    return std::bit_cast<std::uint32_t>(cost) >> (23 - kBits);
  }

  std::vector<std::vector<Candidate>> ranks_ = std::vector<std::vector<Candidate>>(kRanks);
  std::size_t size_ = 0;
  std::size_t lowest_ = kRanks;  // no rank below has an edge
};

}  // namespace sinter::mesh
