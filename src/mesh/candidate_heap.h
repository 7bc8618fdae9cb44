#pragma once
// Edges waiting to be collapsed, cheapest first. Four children to a node, so that a node's children
// share a cache line (LaMarca and Ladner, "The Influence of Caches on the Performance of Heaps",
// 1996).

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace sinter::mesh {

struct Candidate {
  float cost;
  std::uint32_t u, v;  ///< ends of the edge, u < v
  /// Twice the sum of the ends' versions when this was made, plus one where the cost includes the
  /// shape of the faces that result.
  std::uint32_t tag;

  bool is_shaped() const { return (tag & 1) != 0; }

  /// Cheaper first; ties by vertex, so that the order is always the same.
  bool before(const Candidate& other) const {
    if (cost != other.cost) return cost < other.cost;
    if (u != other.u) return u < other.u;
    return v < other.v;
  }
};
static_assert(sizeof(Candidate) == 16);

class CandidateHeap {
 public:
  bool empty() const { return heap_.empty(); }
  const Candidate& top() const { return heap_.front(); }
  void clear() { heap_.clear(); }

  void push(const Candidate& candidate) {
    std::size_t at = heap_.size();
    heap_.push_back(candidate);
    while (at > 0 && candidate.before(heap_[(at - 1) / 4])) {
      heap_[at] = heap_[(at - 1) / 4];
      at = (at - 1) / 4;
    }
    heap_[at] = candidate;
  }

  void pop() {
    const Candidate last = heap_.back();
    heap_.pop_back();
    if (!heap_.empty()) sink(0, last);
  }

  /// Replaces the content.
  void assign(std::vector<Candidate> candidates) {
    heap_ = std::move(candidates);
    for (std::size_t at = heap_.size(); at-- > 0;) sink(at, Candidate(heap_[at]));
  }

 private:
  void sink(std::size_t at, const Candidate& candidate) {
    for (;;) {
      const std::size_t first = 4 * at + 1;
      if (first >= heap_.size()) break;
      std::size_t least = first;
      for (std::size_t child = first + 1; child < std::min(first + 4, heap_.size()); ++child) {
        if (heap_[child].before(heap_[least])) least = child;
      }
      if (!heap_[least].before(candidate)) break;
      heap_[at] = heap_[least];
      at = least;
    }
    heap_[at] = candidate;
  }

  std::vector<Candidate> heap_;
};

}  // namespace sinter::mesh
