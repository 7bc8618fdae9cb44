#pragma once
// A set of named tensors in one or several files.

#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "checkpoint/model_file.h"
#include "checkpoint/safetensors.h"
#include "core/buffer.h"

namespace sinter::checkpoint {

/// A cheap value: copies share the mapping, and entries stay valid while one copy lives.
class Checkpoint {
 public:
  /// Opens one of
  ///  * a `.safetensors` file,
  ///  * a PyTorch checkpoint, `.ckpt`, `.bin`, `.pt` or `.pth`; see torch_file.h,
  ///  * the index of a sharded checkpoint, `*.index.json`, shards beside it,
  ///  * a model directory, where find_model_file() chooses by the variant.
  /// Every header is checked; no tensor data is read, except that tensors of a PyTorch checkpoint
  /// that are not row-major are copied. Names of other programs become the official ones, see
  /// use_official_names(). Raises Error: not_found, corrupt (all problems of a file in one line),
  /// unsupported, invalid_argument, io.
  static Checkpoint open(const std::string& path, const Variant& variant = {});

  /// A checkpoint that was never a file, for tests and generated weights: `bytes` is what a
  /// `.safetensors` file would hold (see to_safetensors()), `name` stands in messages.
  static Checkpoint from_bytes(Buffer bytes, const std::string& name);

  /// Names, dtypes and shapes without any data (the `bytes` of the entries are empty), for proving
  /// that a network binds every name of a key list; see read_key_list(). Raises
  /// ErrorCode::invalid_argument for a repeated name.
  static Checkpoint outline(std::vector<TensorEntry> entries, const std::string& name);
  /// False for an outline.
  bool has_data() const;

  /// Writes the data of one tensor, `byte_count()` bytes.
  using Produce = std::function<void(const TensorEntry&, std::span<std::byte>)>;
  /// A checkpoint of any size without a file: a tensor's data is computed when a Binder takes it,
  /// and forgotten when others have filled some hundred megabytes after it. `recipe` says what
  /// `produce` does in a line: it stands for the data in content_hash(). Raises
  /// ErrorCode::invalid_argument for a repeated name.
  static Checkpoint produced(std::vector<TensorEntry> entries,
                             const std::string& name,
                             const std::string& recipe,
                             Produce produce);
  /// Sees to it that the bytes of `entry`, one of entries(), hold its data; only needed where they
  /// are produced. They do for as long as no 200 MB of others were asked for.
  void produce(const TensorEntry& entry) const;

  /// The file that was opened: for a directory the file chosen in it. For messages.
  const std::string& path() const;
  /// `config.yaml` beside the file that was opened; empty where there is none.
  const std::string& config_path() const;
  /// What use_official_names() renamed; empty for most files.
  const std::vector<std::string>& renamed() const;
  /// Every file with tensors, in name order; TensorEntry::file counts in this list.
  const std::vector<std::string>& files() const;

  /// Every tensor, sorted by name.
  std::span<const TensorEntry> entries() const;
  /// The tensor of that name, or null.
  const TensorEntry* find(std::string_view name) const;
  /// The tensors whose names start with `prefix`, sorted by name.
  std::span<const TensorEntry> with_prefix(std::string_view prefix) const;
  /// `__metadata__` of the file; of several files the union, the first one winning.
  const std::map<std::string, std::string>& metadata() const;

  /// Bytes of all tensor data.
  std::size_t total_bytes() const;
  /// Elements of all tensors.
  std::size_t total_elements() const;
  /// The distinct dtypes, in the order of DType.
  std::vector<DType> dtypes() const;

  /// SHA-256 in lower-case hexadecimal, for provenance; reads every byte at each call. Of a single
  /// file it is what `sha256sum` prints; of a sharded one it is the hash of the lines that
  /// `sha256sum` prints for the shards in name order, without their directory; of a produced one
  /// that of its recipe and the list of its tensors.
  /// `poll`, where set, is called every few megabytes; to stop, it throws. `remembered`: a folder
  /// as that of RememberedHashes; a large file that it knows is not read.
  std::string content_hash(const std::function<void()>& poll = {},
                           const std::string& remembered = {}) const;

  /// See MappedFile::drop_pages. `entry` is one of entries().
  void drop_pages(const TensorEntry& entry) const { drop_pages(entry, entry.bytes); }
  /// The same for a part of its bytes.
  void drop_pages(const TensorEntry& entry, std::span<const std::byte> part) const;

 private:
  struct State;
  explicit Checkpoint(std::shared_ptr<const State> state) : state_(std::move(state)) {}
  std::shared_ptr<const State> state_;
};

}  // namespace sinter::checkpoint
