#include "api/content_hash.h"

#include <chrono>
#include <system_error>

#include "core/error.h"

namespace sinter {

ContentHash::~ContentHash() {
  stop_ = true;  // the future's own destructor waits
}

void ContentHash::start() {
  if (!value_.empty() || running_.valid()) return;
  const auto stop_where_asked = [this] {
    if (stop_) fail(ErrorCode::cancelled, "cancelled");
  };
  try {
    running_ = std::async(std::launch::async, [this, stop_where_asked] {
      return checkpoint_.content_hash(stop_where_asked, remembered_);
    });
  } catch (const std::system_error&) {
    // without a thread get() computes it
  }
}

const std::string& ContentHash::get(const std::function<void()>& poll) {
  if (!value_.empty()) return value_;
  if (!running_.valid()) return value_ = checkpoint_.content_hash(poll, remembered_);
  constexpr auto kInterval = std::chrono::milliseconds(20);
  while (running_.wait_for(kInterval) != std::future_status::ready) {
    if (poll) poll();
  }
  return value_ = running_.get();
}

}  // namespace sinter
