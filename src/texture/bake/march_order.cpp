#include "texture/bake/march_order.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "cpu/threads.h"

namespace sinter::texture {
namespace {

constexpr float kFar = 1e6f;

/// A reached pixel in the order in which the front goes on from it: the nearest first, among equals
/// the one that came first. Distances are not negative, so their bits rise with them.
using Waiting = std::uint64_t;

Waiting waiting(float distance, std::uint32_t turn) {
  return std::uint64_t{std::bit_cast<std::uint32_t>(distance)} << 32 | turn;
}
float distance_of(Waiting w) {
  return std::bit_cast<float>(static_cast<std::uint32_t>(w >> 32));
}

class March {
 public:
  explicit March(MarchOrder& order)
      : order_(order), turns_(order.turns.get()), stride_(order.grid.stride()) {}

  void run(const std::vector<std::vector<std::uint32_t>>& starts) {
    for (const std::vector<std::uint32_t>& part : starts) {
      for (const std::uint32_t at : part) leave(at);
    }
    while (!front_.empty()) {
      take_nearest();
      for (next_ = 0; next_ < nearest_.size();) {
        leave(order_.places[static_cast<std::uint32_t>(nearest_[next_++]) - 1]);
      }
      nearest_.clear();
    }
  }

 private:
  /// Moves what is at most half a pixel behind the nearest from the front to `nearest_`. What is
  /// reached from a pixel is further than it by sqrt(1/2) at least, see arrival(), so none of that
  /// comes between; a queue sorted by halves of pixels gives what one sorted by each would.
  void take_nearest() {
    const float least = distance_of(*std::min_element(front_.begin(), front_.end()));
    std::size_t kept = 0;
    for (const Waiting w : front_) {
      if (distance_of(w) <= least + 0.5f) {
        nearest_.push_back(w);
      } else {
        front_[kept++] = w;
      }
    }
    front_.resize(kept);
    std::sort(nearest_.begin(), nearest_.end());
  }

  void leave(std::uint32_t at) {
    visit(at - stride_);
    visit(at - 1);
    visit(at + stride_);
    visit(at + 1);
  }

  void visit(std::uint32_t at) {
    if (turns_[at] != MarchOrder::kUnreached) return;
    const Neighbour up = neighbour(at - stride_), down = neighbour(at + stride_);
    const Neighbour left = neighbour(at - 1), right = neighbour(at + 1);
    const float reached = std::min(
        {arrival(up, left), arrival(down, left), arrival(up, right), arrival(down, right)});
    order_.places.push_back(at);
    distances_.push_back(reached);
    const auto turn = static_cast<std::uint32_t>(order_.places.size());
    turns_[at] = turn;
    const Waiting w = waiting(reached, turn);
    if (next_ < nearest_.size() && w < nearest_.back()) {
      // Beyond kFar only, where distances are cut off.
      const auto from = nearest_.begin() + static_cast<std::ptrdiff_t>(next_);
      nearest_.insert(std::upper_bound(from, nearest_.end(), w), w);
    } else {
      front_.push_back(w);
    }
  }

  struct Neighbour {
    float distance;
    bool unknown;
  };
  Neighbour neighbour(std::uint32_t at) const {
    const std::uint32_t turn = turns_[at];
    if (turn >= MarchOrder::kUnreached) return {kFar, true};
    return {turn == MarchOrder::kKnown ? 0 : distances_[turn - 1], false};
  }

  /// Of the front, from one neighbour above or below and one beside.
  static float arrival(const Neighbour& a, const Neighbour& b) {
    if (a.unknown) return 1 + (b.unknown ? std::min(a.distance, b.distance) : b.distance);
    if (b.unknown) return 1 + a.distance;
    const float apart = a.distance - b.distance;
    if (std::abs(apart) >= 1) return 1 + std::min(a.distance, b.distance);
    return (a.distance + b.distance + std::sqrt(2 - apart * apart)) * 0.5f;
  }

  MarchOrder& order_;
  std::uint32_t* turns_;
  std::uint32_t stride_;
  std::vector<float> distances_;
  std::vector<Waiting> front_, nearest_;
  std::size_t next_ = 0;
};

/// By Pixel.
constexpr std::uint32_t kFirstTurns[] = {
    MarchOrder::kKnown, MarchOrder::kUnreached, MarchOrder::kOutside};

void set_first_turns(std::span<const Pixel> pixels, MarchOrder& order, int threads) {
  const MarchGrid& grid = order.grid;
  order.turns = std::make_unique_for_overwrite<std::uint32_t[]>(grid.size());
  constexpr int kMargin = MarchGrid::kMargin;
  const int last = grid.height + kMargin;
  cpu::parallel_ranges(threads, last + kMargin, [&](std::int64_t begin, std::int64_t end, int) {
    for (int y = static_cast<int>(begin) - kMargin; y < static_cast<int>(end) - kMargin; ++y) {
      std::uint32_t* const row = order.turns.get() + grid.at(-kMargin, y);
      const bool inside = y >= 0 && y < grid.height;
      std::fill_n(row, inside ? kMargin : static_cast<int>(grid.stride()), MarchOrder::kOutside);
      if (!inside) continue;
      const Pixel* const given =
          pixels.data() + static_cast<std::size_t>(y) * static_cast<std::size_t>(grid.width);
      for (int x = 0; x < grid.width; ++x) {
        row[kMargin + x] = kFirstTurns[static_cast<std::size_t>(given[x])];
      }
    }
  });
  std::fill_n(order.turns.get() + grid.at(-kMargin, last), kMargin, MarchOrder::kOutside);
}

/// The known pixels beside wanted ones, rows from the top, in parts that follow each other.
std::vector<std::vector<std::uint32_t>> find_starts(const MarchOrder& order, int threads) {
  std::vector<std::vector<std::uint32_t>> parts(static_cast<std::size_t>(std::max(threads, 1)));
  const MarchGrid& grid = order.grid;
  const std::uint32_t stride = grid.stride();
  cpu::parallel_ranges(threads, grid.height, [&](std::int64_t begin, std::int64_t end, int part) {
    std::vector<std::uint8_t> starts(static_cast<std::size_t>(grid.width));
    for (int y = static_cast<int>(begin); y < static_cast<int>(end); ++y) {
      const std::uint32_t first = grid.at(0, y);
      const std::uint32_t* const row = order.turns.get() + first;
      const auto wanted = [](std::uint32_t turn) { return turn == MarchOrder::kUnreached ? 1 : 0; };
      std::uint8_t any = 0;
      for (std::uint32_t x = 0; x < starts.size(); ++x) {  // no branch: compilers make it wide
        const std::uint32_t* const at = row + x;
        const int beside =
            wanted(*(at - stride)) | wanted(at[-1]) | wanted(at[1]) | wanted(at[stride]);
        const auto start = static_cast<std::uint8_t>(*at == MarchOrder::kKnown ? beside : 0);
        starts[x] = start;
        any |= start;
      }
      if (any == 0) continue;
      for (std::uint32_t x = 0; x < starts.size(); ++x) {
        if (starts[x] != 0) parts[static_cast<std::size_t>(part)].push_back(first + x);
      }
    }
  });
  return parts;
}

}  // namespace

MarchOrder march_order(std::span<const Pixel> pixels, int width, int height, int threads) {
  MarchOrder order{{width, height}, {}, {}, 0};
  set_first_turns(pixels, order, threads);
  const auto wanted = std::count(pixels.begin(), pixels.end(), Pixel::wanted);
  order.places.reserve(static_cast<std::size_t>(wanted));
  March(order).run(find_starts(order, threads));
  order.unreached = wanted - static_cast<std::int64_t>(order.places.size());
  return order;
}

}  // namespace sinter::texture
