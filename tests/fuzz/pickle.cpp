// The reader of pickles, and what makes tensors of them: whatever the bytes, an Error or a graph
// that can be walked and tensors that lie in their storages.
//
// A storage has as many bytes as its key says, so that inputs can have storages of any size.

#include "checkpoint/pickle.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <set>

#include "checkpoint/torch_globals.h"
#include "checkpoint/torch_state.h"
#include "core/error.h"

namespace {

using namespace sinter::checkpoint;

constexpr std::size_t kCopyLimit = 4096;
constexpr std::array<std::byte, 1000> kStorage{};

std::optional<std::span<const std::byte>> find_storage(std::string_view key) {
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  if (key.empty() || !std::all_of(key.begin(), key.end(), is_digit)) return {};
  std::size_t bytes = 0;
  for (const char c : key)
    bytes = (bytes * 10 + static_cast<std::size_t>(c - '0')) % kStorage.size();
  return std::span(kStorage).first(bytes);
}

/// Visits every value that the root leads to.
void walk(const Pickle& pickle) {
  std::set<const PickleValue*> seen = {&pickle.root()};
  std::vector<const PickleValue*> open = {&pickle.root()};
  while (!open.empty()) {
    const PickleValue& value = *open.back();
    open.pop_back();
    for (const PickleRef ref : pickle.items(value)) {
      if (seen.insert(&pickle[ref]).second) open.push_back(&pickle[ref]);
    }
  }
}

bool inside(std::span<const std::byte> part, std::span<const std::byte> whole) {
  return part.data() >= whole.data() && part.data() + part.size() <= whole.data() + whole.size();
}

void check_tensors(const TorchTensors& tensors) {
  std::size_t copied = 0;
  for (const sinter::Buffer& copy : tensors.copies) copied += copy.size();
  if (copied > kCopyLimit) abort();
  for (std::size_t i = 0; i < tensors.entries.size(); ++i) {
    const TensorEntry& entry = tensors.entries[i];
    if (i > 0 && entry.name <= tensors.entries[i - 1].name) abort();
    if (entry.bytes.size() != entry.byte_count()) abort();
    bool found = entry.bytes.empty() || inside(entry.bytes, kStorage);
    for (const sinter::Buffer& copy : tensors.copies) {
      found = found || inside(entry.bytes, {copy.data(), copy.size()});
    }
    if (!found) abort();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::span<const std::byte> bytes = std::as_bytes(std::span(data, size));
  try {
    walk(Pickle::parse(bytes, torch_globals(), "f"));
    check_tensors(read_torch_state(bytes, find_storage, kCopyLimit, "f"));
  } catch (const sinter::Error& error) {
    if (error.message().find('\n') != std::string::npos) abort();
    if (error.code() == sinter::ErrorCode::internal) abort();
  }
  return 0;
}
