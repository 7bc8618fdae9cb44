#pragma once
// Device memory for the steps of a computation, kept for the next one.

#include <cstddef>
#include <cstdint>
#include <vector>

#include "cuda/memory.h"

namespace sinter::mesh::cuda {

/// Hands out pieces of a few large blocks; never gives a block back before its own end. What uses
/// one workspace runs on one stream, whose order makes a piece safe to hand out again.
class Workspace {
 public:
  /// Not initialised, aligned to 256 bytes, valid until the innermost WorkspaceScope ends. Raises
  /// ErrorCode::out_of_memory.
  template <class T>
  T* take(std::int64_t count) {
    return static_cast<T*>(take_bytes(static_cast<std::size_t>(count) * sizeof(T)));
  }
  /// Held, in use or not.
  std::size_t bytes() const;

 private:
  friend class WorkspaceScope;
  struct Mark {
    std::size_t block = 0, used = 0;
  };
  void* take_bytes(std::size_t bytes);

  std::vector<sinter::cuda::DeviceMemory> blocks_;
  Mark next_;
};

/// What is taken while this lives is handed back at its end.
class WorkspaceScope {
 public:
  explicit WorkspaceScope(Workspace& workspace) : workspace_(workspace), mark_(workspace.next_) {}
  ~WorkspaceScope() { workspace_.next_ = mark_; }
  WorkspaceScope(const WorkspaceScope&) = delete;
  WorkspaceScope& operator=(const WorkspaceScope&) = delete;

 private:
  Workspace& workspace_;
  Workspace::Mark mark_;
};

}  // namespace sinter::mesh::cuda
