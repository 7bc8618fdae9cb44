#include "checkpoint/safetensors.h"

#include <algorithm>
#include <numeric>

#include "checkpoint/json_events.h"
#include "checkpoint/problems.h"
#include "checkpoint/safetensors_header.h"
#include "core/error.h"

namespace sinter::checkpoint {

namespace {

constexpr std::size_t kLengthBytes = 8;

/// The JSON text of the header; everything behind it is data.
std::string_view header_text(std::span<const std::byte> file, std::string_view label) {
  SINTER_CHECK(file.size() >= kLengthBytes,
               ErrorCode::corrupt,
               "[checkpoint] ",
               label,
               ": not a safetensors file: expected at least 8 bytes, got ",
               file.size());
  std::uint64_t length = 0;
  for (std::size_t i = 0; i < kLengthBytes; ++i) {
    length |= std::to_integer<std::uint64_t>(file[i]) << (8 * i);
  }
  SINTER_CHECK(length <= kMaxHeaderBytes,
               ErrorCode::corrupt,
               "[checkpoint] ",
               label,
               ": header length: expected at most ",
               kMaxHeaderBytes,
               " bytes, got ",
               length);
  SINTER_CHECK(length <= file.size() - kLengthBytes,
               ErrorCode::corrupt,
               "[checkpoint] ",
               label,
               ": header length: expected at most the ",
               file.size() - kLengthBytes,
               " bytes that follow, got ",
               length);
  return {reinterpret_cast<const char*>(file.data()) + kLengthBytes, length};
}

/// Entries are sorted by name, so a repeated name stands beside its twin.
void check_names(const std::vector<TensorEntry>& entries, Problems& problems) {
  for (std::size_t i = 1; i < entries.size() && !problems.enough(); ++i) {
    const bool first_repeat =
        entries[i].name == entries[i - 1].name && (i < 2 || entries[i - 2].name != entries[i].name);
    if (first_repeat) problems.add(cat(printable(entries[i].name), " is given twice"));
  }
}

/// The data section must be covered exactly once. Holes are only reported where every tensor has a
/// sound range, since a rejected tensor leaves one.
void check_layout(const std::vector<TensorEntry>& entries,
                  std::span<const std::byte> data,
                  bool report_holes,
                  Problems& problems) {
  std::vector<std::uint32_t> order(entries.size());
  std::iota(order.begin(), order.end(), 0u);
  const auto begin_of = [&](std::uint32_t i) { return entries[i].bytes.data() - data.data(); };
  const auto end_of = [&](std::uint32_t i) {
    return begin_of(i) + static_cast<std::ptrdiff_t>(entries[i].bytes.size());
  };
  std::sort(order.begin(), order.end(), [&](std::uint32_t a, std::uint32_t b) {
    return std::pair(begin_of(a), end_of(a)) < std::pair(begin_of(b), end_of(b));
  });
  std::ptrdiff_t covered = 0;
  std::uint32_t last = 0;  // the entry that reaches up to `covered`
  for (const std::uint32_t i : order) {
    if (problems.enough()) return;
    if (begin_of(i) < covered) {
      problems.add(cat(
          printable(entries[i].name), " overlaps ", printable(entries[last].name), " in the data"));
    } else if (begin_of(i) > covered && report_holes) {
      problems.add(cat(begin_of(i) - covered,
                       " bytes of data before ",
                       printable(entries[i].name),
                       " belong to no tensor"));
    }
    if (end_of(i) >= covered) {
      covered = end_of(i);
      last = i;
    }
  }
  const auto size = static_cast<std::ptrdiff_t>(data.size());
  if (covered < size && report_holes) {
    problems.add(cat("the last ", size - covered, " bytes of data belong to no tensor"));
  }
}

}  // namespace

SafetensorsHeader parse_safetensors(std::span<const std::byte> file, std::string_view label) {
  const std::string_view text = header_text(file, label);
  const std::span<const std::byte> data = file.subspan(kLengthBytes + text.size());
  SINTER_CHECK(text.starts_with('{'),
               ErrorCode::corrupt,
               "[checkpoint] ",
               label,
               ": not a safetensors file: the header does not start with '{'");
  SafetensorsHeader header;
  Problems problems;
  try {
    HeaderHandler handler(data, header, problems, label);
    parse_json(text, cat(label, ": header"), handler);
    handler.finish();
    std::sort(header.entries.begin(), header.entries.end(), [](const auto& a, const auto& b) {
      return a.name < b.name;
    });
    const bool every_tensor_sound = problems.empty();
    check_names(header.entries, problems);
    check_layout(header.entries, data, every_tensor_sound, problems);
  } catch (const std::bad_alloc&) {
    fail(ErrorCode::out_of_memory, "[checkpoint] ", label, ": header: out of memory");
  }
  problems.raise_if_enough(label);
  problems.raise(label);
  return header;
}

}  // namespace sinter::checkpoint
