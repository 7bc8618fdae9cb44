#pragma once
// Memory for tensor data that is computed when it is wanted and forgotten soon after, so that a
// checkpoint of gigabytes which is nowhere on disk needs megabytes.

#include <cstddef>
#include <deque>
#include <mutex>
#include <span>
#include <vector>

namespace sinter::checkpoint {

/// A reserved range of addresses in which every block has its place for good; only the blocks
/// that were filled last hold memory. Thread-safe.
class ProducedData {
 public:
  /// Blocks of these sizes, each at a page boundary. `resident` bytes of them at most hold memory
  /// at a time, or the one filled last. Raises ErrorCode::out_of_memory where the system has not
  /// that many addresses.
  ProducedData(std::span<const std::size_t> sizes, std::size_t resident);
  ~ProducedData();
  ProducedData(const ProducedData&) = delete;
  ProducedData& operator=(const ProducedData&) = delete;

  /// Where block `index` lies, filled or not.
  std::span<std::byte> block(std::size_t index) const;

  /// Calls fill(block(index)) unless the block is filled already, and forgets the blocks that were
  /// filled longest ago until `resident` is kept to: those then read as zeros.
  template <class Fill>
  void fill(std::size_t index, Fill&& fill) {
    const std::lock_guard lock(mutex_);
    if (filled_[index]) return;
    make_room(block(index).size());
    fill(block(index));
    filled_[index] = true;
    order_.push_back(index);
  }

 private:
  void make_room(std::size_t bytes);

  std::vector<std::size_t> offsets_, sizes_;
  std::size_t reserved_ = 0, resident_;
  std::byte* base_ = nullptr;
  std::mutex mutex_;
  std::vector<bool> filled_;
  std::deque<std::size_t> order_;  // of the filled blocks, oldest first
  std::size_t held_ = 0;
};

}  // namespace sinter::checkpoint
