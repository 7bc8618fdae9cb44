#pragma once
// Owners of memory: Buffer (one block) and Arena (many short-lived blocks, freed together); of the
// host, or of another device through its allocator.

#include <cstddef>
#include <memory>
#include <string_view>
#include <vector>

#include "core/tensor.h"

namespace sinter {

/// Gives memory of a device other than the host.
class Allocator {
 public:
  virtual ~Allocator() = default;
  virtual Device device() const = 0;
  /// At least one byte, aligned to 256. Raises ErrorCode::out_of_memory with the bytes asked for
  /// and those free.
  virtual void* allocate(std::size_t bytes) = 0;
  virtual void free(void* block) noexcept = 0;
};

/// A block of memory. On the host it is aligned to 64 bytes (a cache line, and the widest CPU
/// vector). Move only. Not initialised.
class Buffer {
 public:
  Buffer() = default;
  /// Raises ErrorCode::out_of_memory with the size asked for. Null stands for the host; any other
  /// allocator must outlive the buffer.
  explicit Buffer(std::size_t bytes, Allocator* allocator = nullptr);
  std::byte* data() const { return data_.get(); }
  std::size_t size() const { return size_; }

 private:
  struct Free {
    Allocator* allocator;
    Free() : allocator(nullptr) {}
    explicit Free(Allocator* owner) : allocator(owner) {}
    void operator()(std::byte* block) const;
  };
  std::unique_ptr<std::byte, Free> data_;
  std::size_t size_ = 0;
};

/// Bump allocator for activations. Blocks live until the ArenaScope in which they were taken ends.
/// Memory is kept for re-use, so a steady loop allocates from the system only in its first round.
/// Not thread-safe: one arena, one caller.
class Arena {
 public:
  /// Null stands for the host; any other allocator must outlive the arena.
  explicit Arena(Allocator* allocator = nullptr) : allocator_(allocator) {}
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;

  /// A view of uninitialised memory, aligned to 64 bytes (256 on a device).
  Tensor allocate(DType dtype, Shape shape, std::string_view name = {});

  /// Null for the host.
  Allocator* allocator() const { return allocator_; }
  std::size_t bytes_in_use() const { return in_use_; }
  std::size_t peak_bytes() const { return peak_; }
  /// Returns every block to the system. Only when nothing is in use.
  void release();
  /// Makes the memory one block of this size, which more than that is then added to, and counts the
  /// peak anew. Only when nothing is in use.
  void reserve(std::size_t bytes);

 private:
  friend class ArenaScope;
  struct Mark {
    std::size_t chunk, offset, in_use;
  };
  Mark mark() const { return {chunk_, offset_, in_use_}; }
  void rewind(const Mark& mark);

  Allocator* allocator_;
  std::vector<Buffer> chunks_;
  std::size_t chunk_ = 0;   // index of the chunk being filled
  std::size_t offset_ = 0;  // first free byte in it
  std::size_t in_use_ = 0;
  std::size_t peak_ = 0;
};

/// Frees on destruction everything allocated from the arena since construction. Scopes nest; a
/// tensor that must survive an inner scope is allocated before that scope opens and passed in as
/// the output.
class ArenaScope {
 public:
  explicit ArenaScope(Arena& arena) : arena_(arena), mark_(arena.mark()) {}
  ~ArenaScope() { arena_.rewind(mark_); }
  ArenaScope(const ArenaScope&) = delete;
  ArenaScope& operator=(const ArenaScope&) = delete;

 private:
  Arena& arena_;
  Arena::Mark mark_;
};

}  // namespace sinter
