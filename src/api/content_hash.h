#pragma once
// The hash of a checkpoint, computed beside the run that will note it: reading gigabytes takes
// longer than a run on a GPU.

#include <atomic>
#include <functional>
#include <future>
#include <memory>
#include <string>

#include "checkpoint/checkpoint.h"

namespace sinter {

class ContentHash {
 public:
  /// \param remembered see Checkpoint::content_hash().
  ContentHash(checkpoint::Checkpoint checkpoint, std::string remembered)
      : checkpoint_(std::move(checkpoint)), remembered_(std::move(remembered)) {}
  /// Stops the thread within some milliseconds.
  ~ContentHash();
  ContentHash(const ContentHash&) = delete;
  ContentHash& operator=(const ContentHash&) = delete;

  /// Begins on a thread of its own, unless it has begun.
  void start();
  /// Checkpoint::content_hash(), by the thread where there is one. `poll`, where set, is called
  /// every few megabytes or milliseconds; to stop waiting, it throws. Raises content_hash()'s
  /// errors; the next call then begins anew.
  const std::string& get(const std::function<void()>& poll);

 private:
  checkpoint::Checkpoint checkpoint_;
  std::string remembered_;
  std::atomic<bool> stop_ = false;
  std::future<std::string> running_;
  std::string value_;  // empty until it is known
};

}  // namespace sinter
