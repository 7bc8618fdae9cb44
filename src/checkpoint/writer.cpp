#include "checkpoint/writer.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <system_error>

#include "checkpoint/json_events.h"
#include "checkpoint/problems.h"
#include "checkpoint/safetensors.h"
#include "core/error.h"

namespace sinter::checkpoint {

namespace {

/// Rank of a dtype in the official order of the data, which never puts a smaller element before a
/// larger one.
int rank_of(DType dtype) {
  constexpr DType kOrder[] = {DType::i64,
                              DType::f64,
                              DType::f32,
                              DType::i32,
                              DType::bf16,
                              DType::f16,
                              DType::i16,
                              DType::i8,
                              DType::u8,
                              DType::boolean};
  return static_cast<int>(std::find(std::begin(kOrder), std::end(kOrder), dtype) - kOrder);
}

using Ordered = std::vector<const TensorSource*>;

Ordered checked_order(const std::vector<TensorSource>& tensors) {
  Ordered order;
  for (const TensorSource& tensor : tensors) {
    const auto bytes = static_cast<std::size_t>(tensor.shape.elements()) * size_of(tensor.dtype);
    SINTER_CHECK(tensor.bytes.size() == bytes,
                 ErrorCode::invalid_argument,
                 "[checkpoint] ",
                 printable(tensor.name),
                 ": expected ",
                 bytes,
                 " bytes, got ",
                 tensor.bytes.size());
    SINTER_CHECK(tensor.name != "__metadata__",
                 ErrorCode::invalid_argument,
                 "[checkpoint] __metadata__: a tensor cannot have this name");
    order.push_back(&tensor);
  }
  const auto by_name = [](const auto* a, const auto* b) { return a->name < b->name; };
  std::sort(order.begin(), order.end(), by_name);
  for (std::size_t i = 1; i < order.size(); ++i) {
    SINTER_CHECK(order[i]->name != order[i - 1]->name,
                 ErrorCode::invalid_argument,
                 "[checkpoint] ",
                 printable(order[i]->name),
                 ": is to be written twice");
  }
  std::stable_sort(order.begin(), order.end(), [](const auto* a, const auto* b) {
    return rank_of(a->dtype) < rank_of(b->dtype);
  });
  return order;
}

/// Length and JSON, padded with spaces to a multiple of 8.
std::string header_of(const Ordered& order, const std::map<std::string, std::string>& metadata) {
  std::string json = "{";
  const auto comma = [&json] { return json.ends_with('{') ? "" : ","; };
  if (!metadata.empty()) {
    json += "\"__metadata__\":{";
    for (const auto& [key, value] : metadata) {
      json += cat(comma(), json_quoted(key), ":", json_quoted(value));
    }
    json += "}";
  }
  std::size_t offset = 0;
  for (const TensorSource* tensor : order) {
    json += cat(comma(), json_quoted(tensor->name), ":{\"dtype\":\"");
    json += cat(safetensors_name(tensor->dtype), "\",\"shape\":[");
    for (int axis = 0; axis < tensor->shape.rank(); ++axis) {
      json += cat(axis == 0 ? "" : ",", tensor->shape[axis]);
    }
    json += cat("],\"data_offsets\":[", offset, ",", offset + tensor->bytes.size(), "]}");
    offset += tensor->bytes.size();
  }
  json += "}";
  json.resize((json.size() + 7) / 8 * 8, ' ');
  SINTER_CHECK(json.size() <= kMaxHeaderBytes,
               ErrorCode::invalid_argument,
               "[checkpoint] header: expected at most ",
               kMaxHeaderBytes,
               " bytes, got ",
               json.size());
  std::string header(8, '\0');
  for (std::size_t i = 0; i < 8; ++i) header[i] = static_cast<char>(json.size() >> (8 * i) & 255);
  return header + json;
}

/// A file under a temporary name that disappears unless it is kept.
class TemporaryFile {
 public:
  explicit TemporaryFile(const std::string& target)
      : target_(target), name_(cat(target, ".", ::getpid(), ".tmp")) {
    struct stat info {};
    SINTER_CHECK(::stat(target.c_str(), &info) != 0 || S_ISREG(info.st_mode),
                 ErrorCode::io,
                 "[checkpoint] ",
                 target,
                 ": cannot write: exists and is not a regular file");
    descriptor_ = ::open(name_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (descriptor_ < 0) fail_errno();
  }
  ~TemporaryFile() {
    if (descriptor_ >= 0) ::close(descriptor_);
    if (!kept_) ::unlink(name_.c_str());
  }
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;

  void write(std::span<const std::byte> bytes) {
    while (!bytes.empty()) {
      const ssize_t written = ::write(descriptor_, bytes.data(), bytes.size());
      if (written < 0 && errno == EINTR) continue;
      if (written < 0) fail_errno();
      bytes = bytes.subspan(static_cast<std::size_t>(written));
    }
  }
  /// Closes the file and gives it its name.
  void keep() {
    if (::close(std::exchange(descriptor_, -1)) != 0) fail_errno();
    if (::rename(name_.c_str(), target_.c_str()) != 0) fail_errno();
    kept_ = true;
  }

 private:
  [[noreturn]] void fail_errno() const {
    fail(ErrorCode::io,
         "[checkpoint] ",
         target_,
         ": cannot write: ",
         std::generic_category().message(errno));
  }

  std::string target_;
  std::string name_;
  int descriptor_ = -1;
  bool kept_ = false;
};

}  // namespace

void write_safetensors(const std::string& path,
                       const std::vector<TensorSource>& tensors,
                       const std::map<std::string, std::string>& metadata) {
  const Ordered order = checked_order(tensors);
  const std::string header = header_of(order, metadata);
  TemporaryFile file(path);
  file.write(std::as_bytes(std::span(header)));
  for (const TensorSource* tensor : order) file.write(tensor->bytes);
  file.keep();
}

Buffer to_safetensors(const std::vector<TensorSource>& tensors,
                      const std::map<std::string, std::string>& metadata) {
  const Ordered order = checked_order(tensors);
  const std::string header = header_of(order, metadata);
  std::size_t size = header.size();
  for (const TensorSource* tensor : order) size += tensor->bytes.size();
  Buffer file(size);
  std::byte* at = file.data();
  const auto append = [&at](std::span<const std::byte> bytes) {
    at = std::copy(bytes.begin(), bytes.end(), at);
  };
  append(std::as_bytes(std::span(header)));
  for (const TensorSource* tensor : order) append(tensor->bytes);
  return file;
}

}  // namespace sinter::checkpoint
