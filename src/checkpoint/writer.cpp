#include "checkpoint/writer.h"

#include <algorithm>
#include <numeric>

#include "checkpoint/json_events.h"
#include "checkpoint/problems.h"
#include "checkpoint/safetensors.h"
#include "checkpoint/temporary_file.h"
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

std::vector<TensorSpec> specs_of(const std::vector<TensorSource>& tensors) {
  std::vector<TensorSpec> specs;
  specs.reserve(tensors.size());
  for (const TensorSource& tensor : tensors) {
    const TensorSpec& spec =
        specs.emplace_back(TensorSpec{tensor.name, tensor.dtype, tensor.shape});
    SINTER_CHECK(tensor.bytes.size() == spec.byte_count(),
                 ErrorCode::invalid_argument,
                 "[checkpoint] ",
                 printable(tensor.name),
                 ": expected ",
                 spec.byte_count(),
                 " bytes, got ",
                 tensor.bytes.size());
  }
  return specs;
}

}  // namespace

std::vector<std::size_t> data_order(const std::vector<TensorSpec>& tensors) {
  std::vector<std::size_t> order(tensors.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return tensors[a].name < tensors[b].name;
  });
  for (std::size_t i = 0; i < order.size(); ++i) {
    const std::string& name = tensors[order[i]].name;
    SINTER_CHECK(name != "__metadata__",
                 ErrorCode::invalid_argument,
                 "[checkpoint] __metadata__: a tensor cannot have this name");
    SINTER_CHECK(i == 0 || name != tensors[order[i - 1]].name,
                 ErrorCode::invalid_argument,
                 "[checkpoint] ",
                 printable(name),
                 ": is to be written twice");
  }
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return rank_of(tensors[a].dtype) < rank_of(tensors[b].dtype);
  });
  return order;
}

std::string make_header(const std::vector<TensorSpec>& tensors,
                        const std::vector<std::size_t>& order,
                        const std::map<std::string, std::string>& metadata) {
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
  for (const std::size_t index : order) {
    const TensorSpec& tensor = tensors[index];
    json += cat(comma(), json_quoted(tensor.name), ":{\"dtype\":\"");
    json += cat(safetensors_name(tensor.dtype), "\",\"shape\":[");
    for (int axis = 0; axis < tensor.shape.rank(); ++axis) {
      json += cat(axis == 0 ? "" : ",", tensor.shape[axis]);
    }
    json += cat("],\"data_offsets\":[", offset, ",", offset + tensor.byte_count(), "]}");
    offset += tensor.byte_count();
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

void write_safetensors(const std::string& path,
                       const std::vector<TensorSource>& tensors,
                       const std::map<std::string, std::string>& metadata) {
  const std::vector<TensorSpec> specs = specs_of(tensors);
  const std::vector<std::size_t> order = data_order(specs);
  const std::string header = make_header(specs, order, metadata);
  TemporaryFile file(path);
  file.write(header);
  for (const std::size_t index : order) file.write(tensors[index].bytes);
  file.publish();
}

Buffer to_safetensors(const std::vector<TensorSource>& tensors,
                      const std::map<std::string, std::string>& metadata) {
  const std::vector<TensorSpec> specs = specs_of(tensors);
  const std::vector<std::size_t> order = data_order(specs);
  const std::string header = make_header(specs, order, metadata);
  std::size_t size = header.size();
  for (const TensorSource& tensor : tensors) size += tensor.bytes.size();
  Buffer file(size);
  std::byte* at = file.data();
  const auto append = [&at](std::span<const std::byte> bytes) {
    at = std::copy(bytes.begin(), bytes.end(), at);
  };
  append(std::as_bytes(std::span(header)));
  for (const std::size_t index : order) append(tensors[index].bytes);
  return file;
}

}  // namespace sinter::checkpoint
