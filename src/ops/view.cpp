#include "ops/view.h"

#include "ops/check.h"

namespace sinter::ops {

namespace {

void* offset(void* data, DType dtype, std::int64_t elements) {
  return static_cast<std::byte*>(data) + elements * static_cast<std::int64_t>(size_of(dtype));
}

/// That [begin, end) lies within `count` rows, columns or tokens.
void check_part(const char* who,
                const char* what,
                std::int64_t begin,
                std::int64_t end,
                std::int64_t count,
                std::string_view name) {
  SINTER_CHECK(begin >= 0 && begin <= end && end <= count,
               ErrorCode::invalid_argument,
               "[",
               who,
               "] expected a range within ",
               count,
               " ",
               what,
               ", got ",
               begin,
               "..",
               end,
               origin(name));
}

}  // namespace

RowView::RowView(const Tensor& tensor) {
  check_values("rows", "tensor", tensor);
  data = tensor.data;
  dtype = tensor.dtype;
  columns = tensor.shape.back();
  rows = columns == 0 ? 0 : tensor.elements() / columns;
  row_stride = columns;
  device = tensor.device;
  name = tensor.name;
}

RowView rows_of(const RowView& rows, std::int64_t begin, std::int64_t end) {
  check_part("rows", "rows", begin, end, rows.rows, rows.name);
  RowView view = rows;
  view.data = offset(rows.data, rows.dtype, begin * rows.row_stride);
  view.rows = end - begin;
  return view;
}

RowView columns(const RowView& rows, std::int64_t begin, std::int64_t end) {
  check_part("columns", "columns", begin, end, rows.columns, rows.name);
  RowView view = rows;
  view.data = offset(rows.data, rows.dtype, begin);
  view.columns = end - begin;
  return view;
}

HeadView heads_of(const RowView& rows,
                  std::int64_t heads,
                  std::int64_t dim,
                  std::int64_t first,
                  std::int64_t stride) {
  SINTER_CHECK(heads > 0 && dim > 0 && first >= 0 && stride >= dim && first <= rows.columns &&
                   dim <= rows.columns && stride <= rows.columns && heads <= rows.columns &&
                   first + (heads - 1) * stride + dim <= rows.columns,
               ErrorCode::invalid_argument,
               "[heads_of] ",
               heads,
               " heads of ",
               dim,
               " at column ",
               first,
               ", ",
               stride,
               " apart: expected to fit into ",
               rows.columns,
               " columns without overlap",
               origin(rows.name));
  HeadView view;
  view.data = offset(rows.data, rows.dtype, first);
  view.dtype = rows.dtype;
  view.tokens = rows.rows;
  view.heads = heads;
  view.dim = dim;
  view.token_stride = rows.row_stride;
  view.head_stride = stride;
  view.device = rows.device;
  view.name = rows.name;
  return view;
}

HeadView heads_of(const RowView& rows, std::int64_t heads, std::int64_t dim) {
  return heads_of(rows, heads, dim, 0, dim);
}

HeadView tokens_of(const HeadView& view, std::int64_t begin, std::int64_t end) {
  check_part("tokens_of", "tokens", begin, end, view.tokens, view.name);
  HeadView part = view;
  part.data = offset(view.data, view.dtype, begin * view.token_stride);
  part.tokens = end - begin;
  return part;
}

HeadList::HeadList(const HeadView& view) : count_(1) {
  segments_[0] = view;
}

HeadList::HeadList(std::initializer_list<HeadView> views) {
  SINTER_CHECK(views.size() >= 1 && views.size() <= kMaxSegments,
               ErrorCode::invalid_argument,
               "[attention] expected 1 to ",
               kMaxSegments,
               " segments, got ",
               views.size());
  const HeadView& head = *views.begin();
  for (const HeadView& view : views) {
    SINTER_CHECK(view.heads == head.heads && view.dim == head.dim && view.device == head.device &&
                     view.dtype == head.dtype,
                 ErrorCode::invalid_argument,
                 "[attention] segment ",
                 count_,
                 ": expected ",
                 head.heads,
                 " heads of ",
                 head.dim,
                 " as in segment 0, got ",
                 view.heads,
                 " of ",
                 view.dim,
                 origin(view.name));
    segments_[count_++] = view;
  }
}

std::int64_t HeadList::tokens() const {
  std::int64_t total = 0;
  for (const HeadView& view : segments()) total += view.tokens;
  return total;
}

}  // namespace sinter::ops
