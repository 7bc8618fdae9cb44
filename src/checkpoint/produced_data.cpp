#include "checkpoint/produced_data.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>

#include "core/error.h"

namespace sinter::checkpoint {

ProducedData::ProducedData(std::span<const std::size_t> sizes, std::size_t resident)
    : sizes_(sizes.begin(), sizes.end()), resident_(resident), filled_(sizes.size()) {
  const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  for (const std::size_t size : sizes) {
    offsets_.push_back(reserved_);
    reserved_ += (std::max<std::size_t>(size, 1) + page - 1) / page * page;
  }
  if (reserved_ == 0) return;
  void* range = ::mmap(nullptr,
                       reserved_,
                       PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
                       -1,
                       0);
  SINTER_CHECK(range != MAP_FAILED,
               ErrorCode::out_of_memory,
               "[checkpoint] cannot reserve ",
               reserved_,
               " bytes of addresses");
  base_ = static_cast<std::byte*>(range);
}

ProducedData::~ProducedData() {
  if (base_ != nullptr) ::munmap(base_, reserved_);
}

std::span<std::byte> ProducedData::block(std::size_t index) const {
  return {base_ + offsets_[index], sizes_[index]};
}

void ProducedData::make_room(std::size_t bytes) {
  while (!order_.empty() && held_ + bytes > resident_) {
    const std::span<std::byte> oldest = block(order_.front());
    filled_[order_.front()] = false;
    order_.pop_front();
    held_ -= oldest.size();
    ::madvise(oldest.data(), std::max<std::size_t>(oldest.size(), 1), MADV_DONTNEED);
  }
  held_ += bytes;
}

}  // namespace sinter::checkpoint
