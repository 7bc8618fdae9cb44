#pragma once
// A device other than the host, as far as loading weights and moving tensors needs it. The
// operators' part of the same object is ops::Backend.

#include <cstdint>
#include <functional>
#include <memory>

#include "core/buffer.h"

namespace sinter {

/// Work that was recorded once and can be queued again, as often as one likes: a CUDA graph.
class Recording {
 public:
  virtual ~Recording() = default;
  /// Queues it. What it reads and writes lies where it lay when it was recorded.
  virtual void replay() = 0;
};

/// How often the host took part, since the device was opened.
struct HostTraffic {
  std::int64_t allocations = 0;
  std::int64_t uploads = 0;
  std::int64_t waits = 0;  ///< downloads and synchronize(); not pace(), behind which work is queued

  friend bool operator==(const HostTraffic&, const HostTraffic&) = default;
};

/// Memory, copies and one queue of work. Not thread-safe.
class Accelerator : public Allocator {
 public:
  /// Fills dst, on the device, from src, on the host: f32, f16 or bf16 each, converted where they
  /// differ. Both [rows, columns] (a vector is one row); columns of dst beyond those of src are set
  /// to zero. src may be reused on return. Queued behind earlier work.
  virtual void upload(const Tensor& src, const Tensor& dst) = 0;
  /// Fills dst, on the host, from src, on the device: equal shapes; dst f32, or src's dtype. Waits
  /// for the values.
  virtual void download(const Tensor& src, const Tensor& dst) = 0;
  /// The queue as the vendor's library knows it: a cudaStream_t.
  virtual void* native_queue() const = 0;
  /// Makes this device the calling thread's.
  virtual void make_current() = 0;
  /// CPU threads that an upload may use.
  int threads = 1;
  /// Most bytes that were allocated at a time since reset_peak().
  virtual std::size_t peak_bytes() const = 0;
  virtual void reset_peak() = 0;
  /// Bytes that are allocated or could be: its own, and those free on the device.
  virtual std::size_t available_bytes() const = 0;
  /// Bytes that it holds for its own working, which peak_bytes() leaves out.
  virtual std::size_t overhead_bytes() const = 0;
  /// Waits, and gives memory that is kept for later but not in use back to the device.
  virtual void trim() = 0;
  /// Whether it may take time to find the fastest way of an operation, which pays in later runs; it
  /// does at first. Results do not depend on it.
  virtual void set_tuning(bool on) = 0;
  /// Keeps the host from running far ahead: waits until the work queued before the last but one
  /// call is done, so that the device never runs dry and a cancelled run stops soon.
  virtual void pace() = 0;
  /// Records what `work` queues instead of queueing it. `work` runs once, must have run before so
  /// that all memory is there, and may neither allocate from the device, upload nor wait. What it
  /// raises is passed on.
  virtual std::unique_ptr<Recording> record(const std::function<void()>& work) = 0;
  virtual HostTraffic traffic() const = 0;
  /// Waits until all queued work is done. Raises ErrorCode::device where any of it failed.
  virtual void synchronize() = 0;
};

/// Where a network's weights are to live, and in which type. The host's are f32.
struct Placement {
  Accelerator* accelerator = nullptr;  ///< null: the host
  DType dtype = DType::f32;            ///< of weights on the accelerator: f16 or bf16
  /// Weights that a network marks for it, and what they are multiplied with, are e4m3.
  bool fp8 = false;
  int threads = 1;  ///< CPU threads that converting and packing may use
};

}  // namespace sinter
