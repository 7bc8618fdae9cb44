#pragma once
// Lets a caller stop a long loop.

#include <cstdint>
#include <functional>

namespace sinter::mesh {

/// Called once a step; calls `poll`, where set, after every few thousand of them. `poll` throws to
/// stop, and must outlive this.
class PollSteps {
 public:
  explicit PollSteps(const std::function<void()>& poll) : poll_(poll) {}
  void operator()() {
    if (++steps_ % kSteps == 0 && poll_) poll_();
  }

 private:
  static constexpr std::uint32_t kSteps = 4096;
  const std::function<void()>& poll_;
  std::uint32_t steps_ = 0;
};

}  // namespace sinter::mesh
