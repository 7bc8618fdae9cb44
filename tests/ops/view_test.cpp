#include "ops/view.h"

#include "ops/test_support.h"

namespace sinter::ops::test {
namespace {

TEST(View, TensorBecomesItsRows) {
  Guarded values = random_values({2, 3, 5}, 1);
  const RowView rows = values.tensor();
  EXPECT_EQ(rows.rows, 6);
  EXPECT_EQ(rows.columns, 5);
  EXPECT_EQ(rows.row_stride, 5);
  EXPECT_EQ(rows.data, values.data());
  const RowView slice = columns(rows, 1, 4);
  EXPECT_EQ(slice.data, values.data() + 1);
  EXPECT_EQ(slice.columns, 3);
  EXPECT_EQ(slice.row_stride, 5);
}

TEST(View, HeadsFollowTheLayout) {
  Guarded values = random_values({4, 24}, 2);
  const HeadView k = heads_of(values.tensor(), 2, 4, 4, 12);
  EXPECT_EQ(k.tokens, 4);
  EXPECT_EQ(k.data, values.data() + 4);
  EXPECT_EQ(k.token_stride, 24);
  EXPECT_EQ(k.head_stride, 12);
  const HeadView last = tokens_of(k, 3, 4);
  EXPECT_EQ(last.tokens, 1);
  EXPECT_EQ(last.data, values.data() + 3 * 24 + 4);
  const HeadList both{k, last};
  EXPECT_EQ(both.tokens(), 5);
  EXPECT_EQ(both.heads(), 2);
  EXPECT_EQ(both.dim(), 4);
}

TEST(View, RejectsWhatLiesOutside) {
  Guarded values = random_values({4, 24}, 3), scalar = random_values({1}, 4);
  const RowView rows = values.tensor();
  const auto bad = ErrorCode::invalid_argument;
  expect_error(bad, {"[columns]", "24 columns", "3..25"}, [&] { columns(rows, 3, 25); });
  expect_error(bad, {"[columns]", "5..4"}, [&] { columns(rows, 5, 4); });
  expect_error(bad, {"[columns]", "-1..4"}, [&] { columns(rows, -1, 4); });
  expect_error(bad, {"[heads_of]", "24 columns"}, [&] { heads_of(rows, 2, 4, 9, 12); });
  expect_error(bad, {"[heads_of]", "24 columns"}, [&] { heads_of(rows, 7, 4); });
  expect_error(bad, {"[heads_of]", "without overlap"}, [&] { heads_of(rows, 2, 4, 0, 3); });
  expect_error(bad, {"[heads_of]"}, [&] { heads_of(rows, std::int64_t{1} << 62, 4, 0, 8); });
  expect_error(bad, {"[heads_of]"}, [&] { heads_of(rows, 0, 4); });
  const HeadView view = heads_of(rows, 2, 4);
  expect_error(bad, {"[tokens_of]", "4 tokens", "2..5"}, [&] { tokens_of(view, 2, 5); });
  expect_error(bad, {"1 to 4 segments", "got 5"}, [&] { HeadList{view, view, view, view, view}; });
  Tensor half = values.tensor();
  half.dtype = DType::f16;
  expect_error(bad, {"[rows]", "f16"}, [&] { RowView{half}; });
  Tensor none = scalar.tensor();
  none.shape = Shape{};
  expect_error(bad, {"[rows]", "at least one axis"}, [&] { RowView{none}; });
}

}  // namespace
}  // namespace sinter::ops::test
