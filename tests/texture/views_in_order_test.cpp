#include "texture/views_in_order.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <numeric>
#include <thread>
#include <utility>

#include "core/error.h"
#include "texture/bake/scatter.h"

namespace sinter::texture {
namespace {

using std::chrono::milliseconds;

/// Views that are done in the opposite order to that of their list.
TEST(ViewsInOrder, AreUsedInTheOrderOfTheListWhenTheyAreDoneInAnother) {
  constexpr std::size_t kViews = 7;
  for (const int threads : {1, 2, 3, 7, 16}) {
    std::atomic<int> ticket{0};
    std::vector<int> done(kViews);
    std::vector<std::size_t> used;
    views_in_order(
        kViews,
        threads,
        [&](std::size_t view, int) {
          std::this_thread::sleep_for(milliseconds(20 * (kViews - view)));
          done[view] = ticket++;
          return view * view;
        },
        [&](std::size_t view, std::size_t made) {
          EXPECT_EQ(made, view * view);
          used.push_back(view);
        });
    std::vector<std::size_t> expected(kViews);
    std::iota(expected.begin(), expected.end(), std::size_t{0});
    EXPECT_EQ(used, expected) << threads;
    // Otherwise the test would not test what it says.
    EXPECT_EQ(done.front() > 0, threads > 1) << threads;
  }
}

/// Which views a merge leaves out depends on their order: the second of two that show the same is
/// too late, whichever is done first.
TEST(ViewsInOrder, AMergeDoesNotDependOnWhatIsDoneFirst) {
  const auto view = [](float level) {
    ScatteredView result;
    result.colour.assign(64, {level, level, level});
    result.cosine.assign(64, 1);
    return result;
  };
  for (const bool first_is_slow : {false, true}) {
    ViewMerge merge(8);
    std::vector<std::size_t> skipped;
    views_in_order(
        2,
        2,
        [&](std::size_t i, int) {
          if ((i == 0) == first_is_slow) std::this_thread::sleep_for(milliseconds(60));
          return view(i == 0 ? 0.25f : 0.75f);
        },
        [&](std::size_t i, const ScatteredView& made) {
          if (!merge.add(made, 1, 1)) skipped.push_back(i);
        });
    EXPECT_EQ(skipped, std::vector<std::size_t>{1});
    EXPECT_EQ(merge.finish().colour[9][0], 0.25f);
  }
}

TEST(ViewsInOrder, HoldsNoMoreThanThereAreThreadsAndRaisesWhatAViewRaises) {
  std::atomic<int> held{0}, most{0};
  struct Token {
    std::atomic<int>* held = nullptr;
    Token() = default;
    explicit Token(std::atomic<int>& counter) : held(&counter) { ++counter; }
    Token(Token&& other) noexcept : held(std::exchange(other.held, nullptr)) {}
    Token& operator=(Token&&) = delete;
    ~Token() {
      if (held != nullptr) --*held;
    }
  };
  views_in_order(
      10,
      3,
      [&](std::size_t, int) {
        Token token(held);
        most = std::max(most.load(), held.load());
        return token;
      },
      [](std::size_t, const Token&) {});
  EXPECT_LE(most, 3);
  EXPECT_EQ(held, 0);
  const auto failing = [](std::size_t view, int) {
    if (view == 2) fail(ErrorCode::io, "view 2");
    return view;
  };
  std::vector<std::size_t> used;
  EXPECT_THROW(
      views_in_order(4, 2, failing, [&](std::size_t view, std::size_t) { used.push_back(view); }),
      Error);
  EXPECT_EQ(used, (std::vector<std::size_t>{0, 1}));
}

}  // namespace
}  // namespace sinter::texture
