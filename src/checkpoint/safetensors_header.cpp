#include "checkpoint/safetensors_header.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "core/error.h"

namespace sinter::checkpoint {

namespace {

constexpr std::string_view kMetadata = "__metadata__";

constexpr std::pair<std::string_view, DType> kDTypes[] = {
    {"F64", DType::f64},
    {"F32", DType::f32},
    {"F16", DType::f16},
    {"BF16", DType::bf16},
    {"I64", DType::i64},
    {"I32", DType::i32},
    {"I16", DType::i16},
    {"I8", DType::i8},
    {"U8", DType::u8},
    {"BOOL", DType::boolean},
};

std::optional<DType> dtype_of(std::string_view name) {
  for (const auto& [text, dtype] : kDTypes) {
    if (text == name) return dtype;
  }
  return std::nullopt;
}

const char* field_name(int field) {
  constexpr const char* kNames[] = {"", "dtype", "shape", "data_offsets"};
  return kNames[field];
}

}  // namespace

std::string_view safetensors_name(DType dtype) {
  for (const auto& [text, known] : kDTypes) {
    if (known == dtype) return text;
  }
  fail(ErrorCode::internal, "[checkpoint] dtype without a safetensors name");
}

void HeaderHandler::fault(std::string text, ErrorCode code) {
  raw_.faulty = true;
  problems_.add(cat(printable(raw_.name), ": ", text), code);
}

/// The value of the current key has a type that the format does not allow there.
void HeaderHandler::wrong_type(const std::string& found) {
  switch (at_) {
    case At::start:
      fail(ErrorCode::corrupt,
           "[checkpoint] ",
           label_,
           ": header: expected a JSON object, found ",
           found);
    case At::root:
      problems_.add(cat(printable(key_), ": expected an object, found ", found));
      return;
    case At::metadata:
      problems_.add(cat(kMetadata, ".", printable(key_), ": expected a string, found ", found));
      return;
    case At::tensor:
    case At::list:
      if (field_ == Field::dtype) return fault(cat("dtype: expected a string, found ", found));
      if (!raw_.faulty) {  // once for a list of wrong elements
        fault(cat(field_name(static_cast<int>(field_)),
                  ": expected a list of integers from 0 to 2^63 - 1, found ",
                  found));
      }
  }
}

void HeaderHandler::begin_object() {
  if (skipped_ > 0) {
    ++skipped_;
  } else if (at_ == At::start) {
    at_ = At::root;
  } else if (at_ == At::root) {
    at_ = key_ == kMetadata ? At::metadata : At::tensor;
    raw_ = Raw{};
    raw_.name = key_;
    if (at_ == At::metadata && std::exchange(metadata_seen_, true)) {
      problems_.add(cat(kMetadata, " is given twice"));
    }
  } else {
    if (at_ != At::tensor || field_ != Field::other) wrong_type("an object");
    skipped_ = 1;
  }
}

void HeaderHandler::begin_array() {
  if (skipped_ > 0) {
    ++skipped_;
  } else if (at_ == At::tensor && (field_ == Field::shape || field_ == Field::offsets)) {
    at_ = At::list;
  } else {
    if (at_ != At::tensor || field_ != Field::other) wrong_type("a list");
    skipped_ = 1;
  }
}

void HeaderHandler::end_object() {
  if (skipped_ > 0) {
    --skipped_;
    return;
  }
  if (at_ == At::tensor) finish_tensor();
  at_ = At::root;
}

void HeaderHandler::end_array() {
  if (skipped_ > 0) {
    --skipped_;
    return;
  }
  at_ = At::tensor;
}

void HeaderHandler::key(std::string& name) {
  if (skipped_ > 0) return;
  problems_.raise_if_enough(label_);
  key_ = std::move(name);
  if (at_ != At::tensor) return;
  field_ = key_ == "dtype"          ? Field::dtype
           : key_ == "shape"        ? Field::shape
           : key_ == "data_offsets" ? Field::offsets
                                    : Field::other;
  bool& seen = raw_.seen[static_cast<int>(field_)];
  if (seen && field_ != Field::other) fault(cat(key_, " is given twice"));
  seen = true;
}

void HeaderHandler::scalar(const JsonScalar& value) {
  if (skipped_ > 0) return;
  if (at_ == At::list) return list_element(value);
  if (at_ == At::tensor && field_ == Field::other) return;
  const auto* text = std::get_if<std::string>(&value);
  if (text != nullptr && at_ == At::tensor && field_ == Field::dtype) {
    raw_.dtype = *text;
  } else if (text != nullptr && at_ == At::metadata) {
    if (!header_.metadata.emplace(key_, *text).second) {
      problems_.add(cat(kMetadata, ".", printable(key_), " is given twice"));
    }
  } else {
    wrong_type(describe(value));
  }
}

void HeaderHandler::list_element(const JsonScalar& value) {
  const auto* number = std::get_if<std::uint64_t>(&value);
  if (number == nullptr || *number > static_cast<std::uint64_t>(INT64_MAX)) {
    return wrong_type(describe(value));
  }
  if (field_ == Field::offsets) {
    if (raw_.offsets.size() < 3) raw_.offsets.push_back(*number);
  } else if (raw_.shape.size() <= Shape::kMaxRank) {
    raw_.shape.push_back(static_cast<std::int64_t>(*number));
  }
}

bool HeaderHandler::check_extents() {
  if (raw_.shape.size() > Shape::kMaxRank) {
    fault(cat("shape: more than ", Shape::kMaxRank, " dimensions are not supported"),
          ErrorCode::unsupported);
    return false;
  }
  std::int64_t product = 1;
  bool overflow = false;
  for (const std::int64_t extent : raw_.shape) {
    overflow = overflow || __builtin_mul_overflow(product, extent, &product);
  }
  // no tensor is larger than an address space; this also keeps bytes = elements * 8 from
  // overflowing
  if (overflow || product > (std::int64_t{1} << 59)) {
    fault("shape: the number of elements overflows");
    return false;
  }
  return true;
}

bool HeaderHandler::check_range(std::size_t bytes) {
  if (raw_.offsets.size() != 2) {
    fault("data_offsets: expected 2 numbers");
    return false;
  }
  const std::uint64_t begin = raw_.offsets[0];
  const std::uint64_t end = raw_.offsets[1];
  const std::string range = cat("data_offsets [", begin, ", ", end, ")");
  if (begin > end) {
    fault(cat(range, ": the end lies before the begin"));
  } else if (end > data_.size()) {
    raw_.faulty = true;
    ++past_end_;
    data_needed_ = std::max(data_needed_, end);
  } else if (end - begin != bytes) {
    fault(cat(range,
              ": expected ",
              bytes,
              " bytes for ",
              raw_.dtype,
              " ",
              Shape(raw_.shape.data(), raw_.shape.size()),
              ", got ",
              end - begin));
  }
  return !raw_.faulty;
}

void HeaderHandler::finish_tensor() {
  for (int field = 1; field < 4; ++field) {
    if (!raw_.seen[field]) fault(cat(field_name(field), " is missing"));
  }
  if (raw_.faulty) return;
  const std::optional<DType> dtype = dtype_of(raw_.dtype);
  if (!dtype) {
    return fault(cat("dtype ", printable(raw_.dtype), " is not supported"), ErrorCode::unsupported);
  }
  if (!check_extents()) return;
  TensorEntry entry;
  entry.shape = Shape(raw_.shape.data(), raw_.shape.size());
  const auto bytes = static_cast<std::size_t>(entry.shape.elements()) * size_of(*dtype);
  if (!check_range(bytes)) return;
  entry.name = std::move(raw_.name);
  entry.dtype = *dtype;
  entry.bytes = data_.subspan(raw_.offsets[0], bytes);
  header_.entries.push_back(std::move(entry));
}

void HeaderHandler::finish() {
  if (past_end_ == 0) return;
  problems_.add(cat("cut short: expected ",
                    data_needed_,
                    " bytes of data, got ",
                    data_.size(),
                    ", so ",
                    past_end_,
                    past_end_ == 1 ? " tensor lies" : " tensors lie",
                    " past the end"));
}

}  // namespace sinter::checkpoint
