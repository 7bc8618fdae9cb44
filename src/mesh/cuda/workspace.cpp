#include "mesh/cuda/workspace.h"

#include <algorithm>

namespace sinter::mesh::cuda {
namespace {

constexpr std::size_t kAlignment = 256;
constexpr std::size_t kLeastBlock = std::size_t{16} << 20;

}  // namespace

void* Workspace::take_bytes(std::size_t bytes) {
  const std::size_t size = (std::max<std::size_t>(bytes, 1) + kAlignment - 1) & ~(kAlignment - 1);
  while (next_.block < blocks_.size() && next_.used + size > blocks_[next_.block].size()) {
    next_ = {next_.block + 1, 0};
  }
  if (next_.block == blocks_.size()) blocks_.emplace_back(std::max(size, kLeastBlock));
  void* piece = blocks_[next_.block].as<std::byte>() + next_.used;
  next_.used += size;
  return piece;
}

std::size_t Workspace::bytes() const {
  std::size_t sum = 0;
  for (const auto& block : blocks_) sum += block.size();
  return sum;
}

}  // namespace sinter::mesh::cuda
