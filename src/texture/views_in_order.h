#pragma once
// Views made side by side and used in the order of their list.
//
// What is added up view by view (colours, weights, which views bring nothing new) depends on the
// order of the views, and views are done in whatever order they are done: so results wait for their
// turn.

#include <algorithm>
#include <cstddef>
#include <optional>
#include <vector>

#include "mesh/parallel.h"

namespace sinter::texture {

/// Calls make(view, threads) for `count` views, as many at a time as there are threads, and
/// use(view, made) from the calling thread in rising order. At most `threads` results are held.
template <class Make, class Use>
void views_in_order(std::size_t count, int threads, Make&& make, Use&& use) {
  using Made = decltype(make(std::size_t{}, int{}));
  const auto side_by_side = static_cast<std::size_t>(std::max(threads, 1));
  for (std::size_t first = 0; first < count; first += side_by_side) {
    const std::size_t views = std::min(side_by_side, count - first);
    const int each = std::max(1, threads / static_cast<int>(views));
    std::vector<std::optional<Made>> made(views);
    mesh::parallel_blocks(static_cast<int>(views),
                          static_cast<std::int64_t>(views),
                          1,
                          [&](std::int64_t begin, std::int64_t) {
                            const auto i = static_cast<std::size_t>(begin);
                            made[i].emplace(make(first + i, each));
                          });
    for (std::size_t i = 0; i < views; ++i) {
      use(first + i, std::move(*made[i]));
      made[i].reset();
    }
  }
}

}  // namespace sinter::texture
