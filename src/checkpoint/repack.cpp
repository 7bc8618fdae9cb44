#include "checkpoint/repack.h"

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <utility>

#include "checkpoint/convert.h"
#include "checkpoint/float_cast.h"
#include "checkpoint/json_events.h"
#include "checkpoint/mapped_file.h"
#include "checkpoint/model_file.h"
#include "checkpoint/problems.h"
#include "checkpoint/temporary_file.h"
#include "checkpoint/writer.h"
#include "core/error.h"

namespace sinter::checkpoint {

namespace {

namespace fs = std::filesystem;

/// A tensor of the source, and what becomes of it.
struct Planned {
  const TensorEntry* entry;
  TensorSpec spec;
};

/// One file to be.
struct Shard {
  std::string path;
  std::vector<Planned> tensors;
};

template <class... Args>
[[noreturn]] void refuse(const Args&... args) {
  fail(ErrorCode::invalid_argument, "[convert] ", args...);
}

/// "model.fp16" and 2 of 3 -> "model.fp16-00002-of-00003.safetensors".
std::string shard_name(const std::string& stem, std::size_t index, std::size_t count) {
  if (count == 1) return cat(stem, kFileSuffix);
  char place[40];
  std::snprintf(place, sizeof(place), "-%05zu-of-%05zu", index + 1, count);
  return cat(stem, place, kFileSuffix);
}

class Repacker {
 public:
  Repacker(const ModelSource& source,
           const std::string& out,
           const RepackOptions& options,
           const RepackProgress& progress)
      : source_(source), options_(options), progress_(progress) {
    if (out.ends_with(kFileSuffix)) {
      folder_ = folder_of(out);
      stem_ = out.substr(folder_.size(), out.size() - folder_.size() - kFileSuffix.size());
      if (stem_.empty()) refuse(printable(out), ": expected a name in front of ", kFileSuffix);
    } else {
      if (out.empty()) refuse("expected a .safetensors file or a folder to write, got nothing");
      into_folder_ = true;
      folder_ = out.ends_with('/') ? out : out + "/";
    }
  }

  RepackResult run() {
    plan();
    check_targets();
    const bool made = into_folder_ && make_folder();
    try {
      write();
    } catch (...) {
      std::error_code ignored;
      if (made) fs::remove(folder_, ignored);  // only if empty
      throw;
    }
    return std::move(result_);
  }

 private:
  void plan();
  std::vector<Planned> planned_tensors() const;
  std::string config_text() const;
  void check_targets() const;
  bool make_folder() const;
  void write();
  void write_tensors(const Shard& shard, TemporaryFile& file);
  void write_tensor(const Planned& planned, TemporaryFile& file);
  std::string index_text() const;

  const ModelSource& source_;
  const RepackOptions& options_;
  const RepackProgress& progress_;
  std::string folder_;  // with its slash, or empty
  std::string stem_;    // of the file names
  bool into_folder_ = false;
  std::vector<Shard> shards_;
  std::string index_path_;   // empty for one file
  std::string config_path_;  // empty where none is written
  std::uint64_t done_ = 0, total_ = 0;
  std::vector<std::byte> buffer_;
  RepackResult result_;
};

std::vector<Planned> Repacker::planned_tensors() const {
  const Checkpoint& checkpoint = source_.checkpoint;
  const std::string& component = options_.component;
  std::span<const TensorEntry> entries = checkpoint.entries();
  std::size_t prefix = 0;
  if (!component.empty()) {
    if (component != "model" && component != "vae" && component != "conditioner") {
      refuse("component: expected model, vae or conditioner, got '", printable(component), "'");
    }
    // a stand-alone VAE has no prefix, and is all there is
    const bool alone = component == "vae" && checkpoint.find("post_kl.weight") != nullptr;
    if (!alone) {
      entries = checkpoint.with_prefix(component + ".");
      prefix = component.size() + 1;
    }
    SINTER_CHECK(!entries.empty(),
                 ErrorCode::not_found,
                 "[convert] ",
                 checkpoint.path(),
                 ": holds no ",
                 component);
  }
  std::vector<Planned> tensors;
  tensors.reserve(entries.size());
  for (const TensorEntry& entry : entries) {
    const DType dtype = options_.dtype && is_floating(entry.dtype) ? *options_.dtype : entry.dtype;
    tensors.push_back({&entry, {entry.name.substr(prefix), dtype, entry.shape}});
  }
  return tensors;
}

/// Cuts the tensors, in the order of their names, into files.
void Repacker::plan() {
  std::vector<Planned> tensors = planned_tensors();
  if (into_folder_) {
    const bool half = std::all_of(tensors.begin(), tensors.end(), [](const Planned& planned) {
      return !is_floating(planned.spec.dtype) || planned.spec.dtype == DType::f16;
    });
    stem_ = half ? "model.fp16" : "model";
    if (!config_text().empty()) config_path_ = folder_ + "config.yaml";
  }
  shards_.emplace_back();
  std::uint64_t filled = 0;
  for (Planned& planned : tensors) {
    const std::uint64_t bytes = planned.spec.byte_count();
    const std::uint64_t limit = options_.max_shard_bytes;
    if (limit != 0 && filled != 0 && bytes > limit - std::min(limit, filled)) {
      shards_.emplace_back();
      filled = 0;
    }
    filled += bytes;
    total_ += planned.entry->bytes.size();
    result_.bytes += bytes;
    ++result_.tensors;
    shards_.back().tensors.push_back(std::move(planned));
  }
  for (std::size_t i = 0; i < shards_.size(); ++i) {
    shards_[i].path = folder_ + shard_name(stem_, i, shards_.size());
  }
  if (shards_.size() > 1) index_path_ = cat(folder_, stem_, kFileSuffix, ".index.json");
}

/// Empty where there is none to be written.
std::string Repacker::config_text() const {
  const ConfigNode& config = source_.config;
  if (!config.defined()) return "";
  if (options_.component.empty() || !config.has(options_.component)) {
    if (!source_.derived_config.empty()) return source_.derived_config;
    // word for word, with its comments
    const auto file = MappedFile::open(config.file());
    return {reinterpret_cast<const char*>(file->bytes().data()), file->bytes().size()};
  }
  return config.child(options_.component).to_yaml();
}

/// Refuses what would be lost, or would hide what is written, before any work is done.
void Repacker::check_targets() const {
  std::vector<std::string> targets;
  for (const Shard& shard : shards_) targets.push_back(shard.path);
  for (const std::string& path : {index_path_, config_path_}) {
    if (!path.empty()) targets.push_back(path);
  }
  for (const std::string& path : targets) {
    if (!options_.overwrite && path_exists(path)) {
      refuse(printable(path), ": is there already, and is replaced only with --force");
    }
  }
  if (!into_folder_) return;
  std::error_code error;
  for (fs::directory_iterator it(folder_, error), end; !error && it != end; it.increment(error)) {
    const std::string name = it->path().filename().string();
    const bool ours = std::find(targets.begin(), targets.end(), folder_ + name) != targets.end();
    if (is_model_file_name(name) && !ours) {
      refuse(
          printable(folder_), ": holds another model, ", printable(name), "; name another folder");
    }
  }
}

/// True where it was not there.
bool Repacker::make_folder() const {
  std::error_code error;
  const bool made = fs::create_directory(folder_.substr(0, folder_.size() - 1), error);
  SINTER_CHECK(!error && fs::is_directory(folder_, error),
               ErrorCode::io,
               "[convert] ",
               printable(folder_),
               ": cannot make the folder: ",
               error ? error.message() : "a file has its name");
  return made;
}

void Repacker::write() {
  std::vector<TemporaryFile> files;
  const auto add_text = [&](const std::string& path, const std::string& text) {
    if (path.empty()) return;
    files.emplace_back(path).write(text);
    files.back().close();
    result_.files.push_back(path);
  };
  for (const Shard& shard : shards_) {
    TemporaryFile& file = files.emplace_back(shard.path);
    write_tensors(shard, file);
    file.close();
    result_.files.push_back(shard.path);
  }
  add_text(index_path_, index_path_.empty() ? "" : index_text());
  add_text(config_path_, config_path_.empty() ? "" : config_text());
  // an index appears after all its shards
  for (TemporaryFile& file : files) file.publish();
}

void Repacker::write_tensors(const Shard& shard, TemporaryFile& file) {
  std::vector<TensorSpec> specs;
  for (const Planned& planned : shard.tensors) specs.push_back(planned.spec);
  const std::vector<std::size_t> order = data_order(specs);
  file.write(make_header(specs, order, source_.checkpoint.metadata()));
  for (const std::size_t index : order) write_tensor(shard.tensors[index], file);
}

void Repacker::write_tensor(const Planned& planned, TemporaryFile& file) {
  constexpr std::size_t kElements = std::size_t{1} << 20;  // at a time
  const TensorEntry& entry = *planned.entry;
  const std::size_t width = size_of(entry.dtype), new_width = size_of(planned.spec.dtype);
  const std::size_t chunk = kElements * width;
  for (std::size_t at = 0; at < entry.bytes.size(); at += chunk) {
    const auto part = entry.bytes.subspan(at, std::min(chunk, entry.bytes.size() - at));
    if (planned.spec.dtype == entry.dtype) {
      file.write(part);
    } else {
      buffer_.resize(kElements * new_width);
      const auto overflow = cast_floats(part, entry.dtype, buffer_.data(), planned.spec.dtype);
      if (overflow) {
        refuse(printable(entry.name),
               ": ",
               overflow->value,
               " at ",
               coordinates(static_cast<std::int64_t>(at / width + overflow->index), entry.shape),
               " is beyond the range of ",
               to_string(planned.spec.dtype),
               planned.spec.dtype == DType::f16 ? "; bf16 and fp32 hold it" : "; fp32 holds it");
      }
      file.write(std::span(buffer_).first(part.size() / width * new_width));
    }
    source_.checkpoint.drop_pages(entry, part);
    done_ += part.size();
    SINTER_CHECK(!progress_ || progress_(done_, total_), ErrorCode::cancelled, "cancelled");
  }
}

std::string Repacker::index_text() const {
  std::string text = cat("{\n  \"metadata\": {\"total_size\": ", result_.bytes, "},\n");
  text += "  \"weight_map\": {";
  const char* comma = "";
  for (const Shard& shard : shards_) {
    const std::string file = json_quoted(shard.path.substr(folder_.size()));
    for (const Planned& planned : shard.tensors) {
      text += cat(comma, "\n    ", json_quoted(planned.spec.name), ": ", file);
      comma = ",";
    }
  }
  return text + "\n  }\n}\n";
}

}  // namespace

RepackResult repack(const ModelSource& source,
                    const std::string& out,
                    const RepackOptions& options,
                    const RepackProgress& progress) {
  try {
    return Repacker(source, out, options, progress).run();
  } catch (const std::bad_alloc&) {
    fail(ErrorCode::out_of_memory, "[convert] ", printable(out), ": out of memory");
  } catch (const fs::filesystem_error& error) {
    fail(ErrorCode::io, "[convert] ", printable(out), ": ", error.code().message());
  }
}

}  // namespace sinter::checkpoint
