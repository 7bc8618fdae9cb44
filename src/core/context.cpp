#include "core/context.h"

namespace sinter {

Context& Context::host() {
  if (accelerator_ == nullptr) return *this;
  if (host_ == nullptr) host_ = std::make_unique<Context>();
  host_->threads = threads;
  host_->switches = switches;
  host_->log = log;
  host_->tap = tap;
  host_->cancel = cancel;
  host_->poll = poll;
  return *host_;
}

}  // namespace sinter
