#include "core/buffer.h"

#include <algorithm>
#include <cstdlib>

namespace sinter {

namespace {
constexpr std::size_t kAlignment = 64;
constexpr std::size_t kDeviceAlignment = 256;
constexpr std::size_t kChunkBytes = std::size_t{16} << 20;
constexpr std::size_t kDeviceChunkBytes = std::size_t{64} << 20;

std::size_t round_up(std::size_t bytes, std::size_t alignment = kAlignment) {
  return (bytes + alignment - 1) / alignment * alignment;
}
}  // namespace

void Buffer::Free::operator()(std::byte* block) const {
  if (allocator != nullptr) return allocator->free(block);
  std::free(block);
}

Buffer::Buffer(std::size_t bytes, Allocator* allocator) : size_(bytes) {
  if (bytes == 0) return;
  if (allocator != nullptr) {
    data_ = {static_cast<std::byte*>(allocator->allocate(bytes)), Free{allocator}};
    return;
  }
  SINTER_CHECK(bytes <= (std::size_t{1} << 62),
               ErrorCode::out_of_memory,
               "[buffer] cannot allocate ",
               bytes,
               " bytes");
  data_.reset(static_cast<std::byte*>(std::aligned_alloc(kAlignment, round_up(bytes))));
  SINTER_CHECK(
      data_ != nullptr, ErrorCode::out_of_memory, "[buffer] cannot allocate ", bytes, " bytes");
}

Tensor Arena::allocate(DType dtype, Shape shape, std::string_view name) {
  const bool host = allocator_ == nullptr;
  const std::size_t bytes = round_up(
      std::max<std::size_t>(1, static_cast<std::size_t>(shape.elements()) * size_of(dtype)),
      host ? kAlignment : kDeviceAlignment);
  while (chunk_ < chunks_.size() && offset_ + bytes > chunks_[chunk_].size()) {
    ++chunk_;
    offset_ = 0;
  }
  if (chunk_ == chunks_.size()) {
    chunks_.emplace_back(std::max(bytes, host ? kChunkBytes : kDeviceChunkBytes), allocator_);
  }
  const Device device = host ? Device::cpu : allocator_->device();
  Tensor tensor{chunks_[chunk_].data() + offset_, dtype, device, shape, name};
  offset_ += bytes;
  in_use_ += bytes;
  peak_ = std::max(peak_, in_use_);
  return tensor;
}

void Arena::rewind(const Mark& mark) {
  chunk_ = mark.chunk;
  offset_ = mark.offset;
  in_use_ = mark.in_use;
}

void Arena::release() {
  SINTER_CHECK(
      in_use_ == 0, ErrorCode::internal, "[arena] released while ", in_use_, " bytes are in use");
  chunks_.clear();
  chunk_ = offset_ = 0;
}

void Arena::reserve(std::size_t bytes) {
  const std::size_t size =
      round_up(std::max<std::size_t>(1, bytes), allocator_ ? kDeviceAlignment : kAlignment);
  if (in_use_ > 0 || chunks_.size() != 1 || chunks_.front().size() != size) {
    release();
    chunks_.emplace_back(size, allocator_);
  }
  peak_ = 0;
}

}  // namespace sinter
