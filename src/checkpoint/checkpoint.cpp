#include "checkpoint/checkpoint.h"

#include <algorithm>
#include <iterator>
#include <set>

#include "checkpoint/component_names.h"
#include "checkpoint/mapped_file.h"
#include "checkpoint/model_file.h"
#include "checkpoint/problems.h"
#include "checkpoint/produced_data.h"
#include "checkpoint/remembered_hashes.h"
#include "checkpoint/sha256.h"
#include "checkpoint/shard_index.h"
#include "checkpoint/torch_file.h"
#include "core/error.h"

namespace sinter::checkpoint {

namespace {

std::string_view text_of(std::span<const std::byte> bytes, const std::string& path) {
  SINTER_CHECK(bytes.size() <= kMaxHeaderBytes,
               ErrorCode::corrupt,
               "[checkpoint] ",
               path,
               ": expected an index of at most ",
               kMaxHeaderBytes,
               " bytes, got ",
               bytes.size());
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// An error of one shard as a part of a longer message.
std::string without_who(const std::string& message) {
  constexpr std::string_view kWho = "[checkpoint] ";
  return message.starts_with(kWho) ? message.substr(kWho.size()) : message;
}

}  // namespace

struct Checkpoint::State {
  std::string path;
  std::string config_path;
  std::vector<std::string> renamed;
  std::vector<std::string> files;
  std::vector<std::shared_ptr<const MappedFile>> mappings;  // parallel to files
  Buffer memory;                                            // instead of mappings
  std::vector<Buffer> copies;                               // of tensors not row-major in a file
  std::unique_ptr<ProducedData> produced;                   // instead of mappings, by entry
  Produce produce;
  std::string recipe;
  bool has_data = true;
  std::vector<TensorEntry> entries;
  std::map<std::string, std::string> metadata;

  void add_file(const std::string& file);
  void add_shards();
  void sort();
  void refuse_repeated() const;
  /// The first entry (they are sorted) whose name is not before this one.
  std::vector<TensorEntry>::const_iterator at_or_after(std::string_view name) const {
    return std::lower_bound(
        entries.begin(), entries.end(), name, [](const TensorEntry& entry, std::string_view key) {
          return entry.name < key;
        });
  }
  std::span<const std::byte> bytes_of(std::size_t file) const {
    return mappings.empty() ? std::span<const std::byte>(memory.data(), memory.size())
                            : mappings[file]->bytes();
  }
};

/// Maps one file and appends its tensors. Nothing is added where it raises.
void Checkpoint::State::add_file(const std::string& file) {
  std::shared_ptr<const MappedFile> mapping = MappedFile::open(file);
  SafetensorsHeader header;
  if (is_torch_path(file)) {
    TorchTensors tensors = parse_torch_file(mapping->bytes(), file);
    header.entries = std::move(tensors.entries);
    std::move(tensors.copies.begin(), tensors.copies.end(), std::back_inserter(copies));
  } else {
    header = parse_safetensors(mapping->bytes(), file);
  }
  const auto index = static_cast<std::uint32_t>(files.size());
  for (TensorEntry& entry : header.entries) {
    entry.file = index;
    entries.push_back(std::move(entry));
  }
  metadata.merge(header.metadata);
  files.push_back(file);
  mappings.push_back(std::move(mapping));
}

void Checkpoint::State::sort() {
  std::stable_sort(
      entries.begin(), entries.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
}

/// Of sorted entries.
void Checkpoint::State::refuse_repeated() const {
  for (std::size_t i = 1; i < entries.size(); ++i) {
    SINTER_CHECK(entries[i].name != entries[i - 1].name,
                 ErrorCode::invalid_argument,
                 "[checkpoint] ",
                 path,
                 ": ",
                 printable(entries[i].name),
                 " is given twice");
  }
}

/// Opens every shard that the index names, then compares index and shards name by name.
void Checkpoint::State::add_shards() {
  const auto index = MappedFile::open(path);
  const auto weight_map = parse_shard_index(text_of(index->bytes(), path), path);
  std::set<std::string> shards;
  for (const auto& [tensor, shard] : weight_map) shards.insert(shard);

  Problems problems;
  const std::string folder = folder_of(path);
  std::set<std::string> unreadable;
  for (const std::string& shard : shards) {
    try {
      add_file(folder + shard);
    } catch (const Error& error) {
      unreadable.insert(shard);
      problems.add(without_who(error.message()), error.code());
    }
  }
  sort();
  const auto shard_of = [&](const TensorEntry& entry) {
    return files[entry.file].substr(folder.size());
  };
  for (std::size_t i = 0; i < entries.size(); ++i) {
    const std::string shard = shard_of(entries[i]);
    const auto listed = weight_map.find(entries[i].name);
    if (i > 0 && entries[i].name == entries[i - 1].name) {
      problems.add(
          cat(printable(entries[i].name), ": in both ", shard_of(entries[i - 1]), " and ", shard));
    } else if (listed == weight_map.end()) {
      problems.add(cat(printable(entries[i].name), ": in ", shard, " but not in the index"));
    }
  }
  for (const auto& [tensor, shard] : weight_map) {
    if (unreadable.contains(shard)) continue;
    auto it = at_or_after(tensor);
    while (it != entries.end() && it->name == tensor && shard_of(*it) != shard) ++it;
    if (it == entries.end() || it->name != tensor)
      problems.add(cat(printable(tensor), ": not in ", shard, ", where the index puts it"));
  }
  problems.raise(path);
}

Checkpoint Checkpoint::open(const std::string& path, const Variant& variant) {
  try {
    auto state = std::make_shared<State>();
    state->path = find_model_file(path, variant);
    const std::string& file = state->path;
    if (file.ends_with(".json")) {
      state->add_shards();
    } else {
      SINTER_CHECK(file.ends_with(kFileSuffix) || is_torch_path(file) || !path_exists(file),
                   ErrorCode::unsupported,
                   "[checkpoint] ",
                   file,
                   ": expected a .safetensors, .ckpt, .bin, .pt or .pth file, an .index.json or a "
                   "model directory");
      state->add_file(file);
    }
    state->renamed = use_official_names(state->entries, file);
    const std::string config = folder_of(file) + "config.yaml";
    if (path_exists(config)) state->config_path = config;
    return Checkpoint(std::move(state));
  } catch (const std::bad_alloc&) {
    fail(ErrorCode::out_of_memory, "[checkpoint] ", path, ": out of memory");
  }
}

Checkpoint Checkpoint::from_bytes(Buffer bytes, const std::string& name) {
  auto state = std::make_shared<State>();
  state->path = name;
  state->files = {name};
  state->memory = std::move(bytes);
  SafetensorsHeader header = parse_safetensors(state->bytes_of(0), name);
  state->entries = std::move(header.entries);
  state->metadata = std::move(header.metadata);
  return Checkpoint(std::move(state));
}

Checkpoint Checkpoint::outline(std::vector<TensorEntry> entries, const std::string& name) {
  auto state = std::make_shared<State>();
  state->path = name;
  state->files = {name};
  state->has_data = false;
  state->entries = std::move(entries);
  for (TensorEntry& entry : state->entries) {
    entry.bytes = {};
    entry.file = 0;
  }
  state->sort();
  state->refuse_repeated();
  return Checkpoint(std::move(state));
}

Checkpoint Checkpoint::produced(std::vector<TensorEntry> entries,
                                const std::string& name,
                                const std::string& recipe,
                                Produce produce) {
  constexpr std::size_t kResident = std::size_t{256} << 20;
  auto state = std::make_shared<State>();
  state->path = name;
  state->files = {name};
  state->entries = std::move(entries);
  state->produce = std::move(produce);
  state->recipe = recipe;
  state->sort();
  state->refuse_repeated();
  std::vector<std::size_t> sizes;
  for (const TensorEntry& entry : state->entries) sizes.push_back(entry.byte_count());
  state->produced = std::make_unique<ProducedData>(sizes, kResident);
  for (std::size_t i = 0; i < sizes.size(); ++i) {
    state->entries[i].bytes = state->produced->block(i);
    state->entries[i].file = 0;
  }
  return Checkpoint(std::move(state));
}

void Checkpoint::produce(const TensorEntry& entry) const {
  if (state_->produced == nullptr) return;
  state_->produced->fill(static_cast<std::size_t>(&entry - state_->entries.data()),
                         [&](std::span<std::byte> out) { state_->produce(entry, out); });
}

bool Checkpoint::has_data() const {
  return state_->has_data;
}

const std::string& Checkpoint::path() const {
  return state_->path;
}

const std::string& Checkpoint::config_path() const {
  return state_->config_path;
}

const std::vector<std::string>& Checkpoint::renamed() const {
  return state_->renamed;
}

const std::vector<std::string>& Checkpoint::files() const {
  return state_->files;
}

std::span<const TensorEntry> Checkpoint::entries() const {
  return state_->entries;
}

const std::map<std::string, std::string>& Checkpoint::metadata() const {
  return state_->metadata;
}

const TensorEntry* Checkpoint::find(std::string_view name) const {
  const auto it = state_->at_or_after(name);
  return it != state_->entries.end() && it->name == name ? &*it : nullptr;
}

std::span<const TensorEntry> Checkpoint::with_prefix(std::string_view prefix) const {
  const auto first = state_->at_or_after(prefix);
  const auto last = std::find_if_not(first, state_->entries.end(), [&](const auto& entry) {
    return entry.name.starts_with(prefix);
  });
  return {first, last};
}

std::size_t Checkpoint::total_bytes() const {
  std::size_t total = 0;
  for (const TensorEntry& entry : entries()) total += entry.byte_count();
  return total;
}

std::size_t Checkpoint::total_elements() const {
  std::size_t total = 0;
  for (const TensorEntry& entry : entries()) total += entry.elements();
  return total;
}

std::vector<DType> Checkpoint::dtypes() const {
  std::set<DType> found;
  for (const TensorEntry& entry : entries()) found.insert(entry.dtype);
  return {found.begin(), found.end()};
}

std::string Checkpoint::content_hash(const std::function<void()>& poll,
                                     const std::string& remembered) const {
  SINTER_CHECK(has_data(), ErrorCode::internal, "[checkpoint] ", path(), ": has no data to hash");
  constexpr std::size_t kChunk = std::size_t{8} << 20;
  if (state_->produced != nullptr) {
    std::string text = state_->recipe + "\n";
    for (const TensorEntry& entry : entries()) {
      text += cat(entry.name, " ", to_string(entry.dtype), " ", entry.shape, "\n");
    }
    Sha256 hash;
    hash.update(std::as_bytes(std::span(text)));
    return hash.finish();
  }
  const RememberedHashes known(remembered);
  const auto read_hash = [&](std::size_t file) {
    const std::span<const std::byte> bytes = state_->bytes_of(file);
    Sha256 hash;
    for (std::size_t at = 0; at < bytes.size(); at += kChunk) {
      const auto part = bytes.subspan(at, std::min(kChunk, bytes.size() - at));
      hash.update(part);
      // a hash of gigabytes must not make gigabytes resident
      if (!state_->mappings.empty()) state_->mappings[file]->drop_pages(part);
      if (poll) poll();
    }
    return hash.finish();
  };
  const auto hash_of = [&](std::size_t file) {
    if (state_->mappings.empty()) return read_hash(file);
    const MappedFile& mapped = *state_->mappings[file];
    if (const auto hash = known.find(mapped)) return *hash;
    const std::string hash = read_hash(file);
    known.remember(mapped, hash);
    return hash;
  };
  if (path().ends_with(".json")) {
    std::string listing;
    for (std::size_t file = 0; file < files().size(); ++file) {
      listing += cat(hash_of(file), "  ", files()[file].substr(folder_of(path()).size()), "\n");
    }
    Sha256 hash;
    hash.update(std::as_bytes(std::span(listing)));
    return hash.finish();
  }
  return hash_of(0);
}

void Checkpoint::drop_pages(const TensorEntry& entry, std::span<const std::byte> part) const {
  if (!state_->mappings.empty()) state_->mappings[entry.file]->drop_pages(part);
}

}  // namespace sinter::checkpoint
