#pragma once
// Steps that draw on what is near them, done by many threads as if one after another.

#include <algorithm>
#include <atomic>
#include <thread>
#include <vector>

#include "cpu/threads.h"
#include "texture/bake/march_order.h"

namespace sinter::texture {

/// Calls step(place) for every place of an order, each after all those of lower turns at most
/// `reach` rows and columns away and before those of higher ones. A step that reads nothing beyond
/// that and writes its own place therefore finds what it would find if all were done in the order
/// of their turns (by induction over the turns), whatever the threads do, and none reads what
/// another writes at that time. Parts of the picture that are further from each other do not wait
/// for each other at all.
///
/// The picture is cut into stripes of columns, whose places are done in their order, each stripe by
/// one thread at a time. A thread leaves a stripe where the next place has to wait for a
/// neighbouring one and takes another. The lowest turn of all waits for nothing, so some stripe can
/// always go on, even if there is one thread only. Fronts run down both sides of their gaps, and so
/// do the stripes, next to each other.
class InTurns {
 public:
  InTurns(const MarchOrder& order, int reach, int threads)
      : order_(order), reach_(reach), threads_(std::max(threads, 1)) {
    // Some for each thread to choose from; not so narrow that most places are near a border.
    constexpr int kNarrowest = 64;
    width_ = std::max({order.grid.width / (4 * threads_), kNarrowest, reach});
    stripes_ = std::vector<Stripe>(
        static_cast<std::size_t>((order.grid.width + width_ - 1) / std::max(width_, 1)));
  }

  template <class Step>
  void run(Step&& step) {
    if (threads_ == 1 || stripes_.size() < 2) {
      for (const std::uint32_t place : order_.places) step(place);
      return;
    }
    deal();
    cpu::parallel_ranges(threads_, threads_, [&](std::int64_t begin, std::int64_t, int) {
      const std::size_t count = stripes_.size();
      const std::size_t first =
          static_cast<std::size_t>(begin) * count / static_cast<std::size_t>(threads_);
      while (left_.load(std::memory_order_relaxed) > 0) {
        bool moved = false;
        for (std::size_t k = 0; k < count; ++k) {
          const std::size_t s = (first + k) % count;
          Stripe& stripe = stripes_[s];
          if (stripe.next.load(std::memory_order_relaxed) == kDone ||
              stripe.taken.exchange(true, std::memory_order_acquire)) {
            continue;
          }
          moved |= go_on(s, step);
          stripe.taken.store(false, std::memory_order_release);
        }
        if (!moved) std::this_thread::yield();
      }
    });
  }

 private:
  static constexpr std::uint32_t kDone = ~std::uint32_t{0};

  struct alignas(64) Stripe {
    std::atomic<std::uint32_t> next{0};  ///< turn of the first place that is not done
    std::atomic<bool> taken{false};
    /// Places, in pieces that follow each other; which one is next.
    std::vector<std::vector<std::uint32_t>> pieces;
    std::size_t piece = 0, in_piece = 0;
  };

  /// Every place to its stripe.
  void deal() {
    for (Stripe& stripe : stripes_) stripe.pieces.resize(static_cast<std::size_t>(threads_));
    const auto count = static_cast<std::int64_t>(order_.places.size());
    cpu::parallel_ranges(threads_, count, [&](std::int64_t begin, std::int64_t end, int part) {
      for (std::int64_t i = begin; i < end; ++i) {
        const std::uint32_t place = order_.places[static_cast<std::size_t>(i)];
        const auto s = static_cast<std::size_t>(order_.grid.x(place) / width_);
        stripes_[s].pieces[static_cast<std::size_t>(part)].push_back(place);
      }
    });
    left_ = static_cast<int>(stripes_.size());
    for (Stripe& stripe : stripes_) settle(stripe);
  }

  /// Skips empty pieces and says which turn is next.
  void settle(Stripe& stripe) {
    while (stripe.piece < stripe.pieces.size() &&
           stripe.in_piece == stripe.pieces[stripe.piece].size()) {
      ++stripe.piece;
      stripe.in_piece = 0;
    }
    const bool done = stripe.piece == stripe.pieces.size();
    stripe.next.store(done ? kDone : order_.turns[stripe.pieces[stripe.piece][stripe.in_piece]],
                      std::memory_order_release);
    if (done) left_.fetch_sub(1, std::memory_order_relaxed);
  }

  /// Does what is next in a stripe up to where it has to wait. Returns whether anything was done.
  template <class Step>
  bool go_on(std::size_t s, Step&& step) {
    Stripe& stripe = stripes_[s];
    bool moved = false;
    while (stripe.piece < stripe.pieces.size()) {
      const std::uint32_t place = stripe.pieces[stripe.piece][stripe.in_piece];
      if (has_to_wait(s, place)) break;
      step(place);
      moved = true;
      ++stripe.in_piece;
      settle(stripe);
    }
    return moved;
  }

  bool has_to_wait(std::size_t s, std::uint32_t place) const {
    const int x = order_.grid.x(place), left = static_cast<int>(s) * width_;
    const int before = left - (x - reach_), after = x + reach_ + 1 - (left + width_);
    return (before > 0 && s > 0 && waits_for(stripes_[s - 1], place, -reach_, before)) ||
           (after > 0 && s + 1 < stripes_.size() &&
            waits_for(stripes_[s + 1], place, reach_ + 1 - after, after));
  }

  /// Whether `stripe`, which has `columns` columns from `place` + `dx` on, has a lower turn there
  /// that is not done.
  bool waits_for(const Stripe& stripe, std::uint32_t place, int dx, int columns) const {
    const std::uint32_t turn = order_.turns[place];
    const std::uint32_t next = stripe.next.load(std::memory_order_acquire);
    if (next > turn) return false;
    for (int dy = -reach_; dy <= reach_; ++dy) {
      const std::uint32_t first = order_.grid.beside(place, dx, dy);
      for (std::uint32_t at = first; at < first + static_cast<std::uint32_t>(columns); ++at) {
        if (order_.turns[at] < turn && order_.turns[at] >= next) return true;
      }
    }
    return false;
  }

  const MarchOrder& order_;
  int reach_, threads_, width_ = 0;
  std::vector<Stripe> stripes_;
  std::atomic<int> left_{0};
};

}  // namespace sinter::texture
