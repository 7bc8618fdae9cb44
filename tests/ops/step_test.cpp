#include "ops/step.h"

#include "ops/test_support.h"

namespace sinter::ops::test {
namespace {

SINTER_OPS_TEST_SUITE(Steps);

TEST_P(Steps, SelectsARowOnTheHost) {
  Guarded table = random_values({4, 6}, 70);
  for (std::int64_t step = 0; step < 4; ++step) {
    const Tensor row = select_row(ctx, table.tensor(), step);
    ASSERT_EQ(row.shape, (Shape{6}));
    EXPECT_EQ(row.data, table.data() + step * 6);
    advance(ctx, step);
  }
}

TEST_P(Steps, RefusesStepsOutsideTheTable) {
  Guarded table = random_values({4, 6}, 71);
  for (const std::int64_t step : {-1, 4}) {
    expect_error(ErrorCode::invalid_argument, {"[select_row]", "[4, 6]"}, [&] {
      select_row(ctx, table.tensor(), step);
    });
  }
}

}  // namespace
}  // namespace sinter::ops::test
