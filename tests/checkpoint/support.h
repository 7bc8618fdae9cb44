#pragma once
// What the tests of this room share: temporary folders, hand-made files, expected errors.

#include <gtest/gtest.h>

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <functional>
#include <random>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "checkpoint/writer.h"
#include "core/error.h"

namespace sinter::checkpoint {

/// A folder of its own for each test, removed with it.
class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "sinter-test-XXXXXX").string();
    EXPECT_NE(::mkdtemp(name.data()), nullptr);
    path_ = name + "/";
  }
  ~TemporaryFolder() { std::filesystem::remove_all(path_); }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  /// With a slash at the end.
  const std::string& path() const { return path_; }
  std::string file(const std::string& name) const { return path_ + name; }
  std::string write(const std::string& name, std::string_view content) const {
    std::ofstream(file(name), std::ios::binary) << content;
    return file(name);
  }

 private:
  std::string path_;
};

inline std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

/// A safetensors file from its parts, right or wrong.
inline std::string raw_file(std::string_view header, std::size_t data_bytes) {
  std::string file(8, '\0');
  for (std::size_t i = 0; i < 8; ++i) file[i] = static_cast<char>(header.size() >> (8 * i) & 255);
  file += header;
  for (std::size_t i = 0; i < data_bytes; ++i) file += static_cast<char>(i * 7 + 1);
  return file;
}

inline void expect_error(ErrorCode code,
                         std::string_view message,
                         const std::function<void()>& action) {
  try {
    action();
    FAIL() << "no error, expected: " << message;
  } catch (const Error& error) {
    EXPECT_EQ(error.message(), message);
    EXPECT_STREQ(to_string(error.code()), to_string(code));
  }
}

/// As expect_error(), for messages with parts that the test does not choose.
inline void expect_error_with(ErrorCode code,
                              std::string_view part,
                              const std::function<void()>& action) {
  try {
    action();
    FAIL() << "no error, expected: " << part;
  } catch (const Error& error) {
    EXPECT_NE(error.message().find(part), std::string::npos) << error.message();
    EXPECT_EQ(error.message().find('\n'), std::string::npos) << error.message();
    EXPECT_STREQ(to_string(error.code()), to_string(code));
  }
}

/// Owner of random weights that were never a file.
class RandomTensors {
 public:
  explicit RandomTensors(std::uint32_t seed = 1) : random_(seed) {}

  RandomTensors& add(const std::string& name, const Shape& shape, DType dtype = DType::f32);
  /// The values of an f32 tensor, to be changed before file() is called.
  std::span<float> values(const std::string& name);
  const std::vector<TensorSource>& sources() const { return sources_; }
  Buffer file() const { return to_safetensors(sources_); }

 private:
  std::mt19937 random_;
  std::vector<Buffer> memory_;
  std::vector<TensorSource> sources_;
};

inline RandomTensors& RandomTensors::add(const std::string& name, const Shape& shape, DType dtype) {
  std::normal_distribution<float> normal(0.0f, 1.0f);
  const auto count = static_cast<std::size_t>(shape.elements());
  const Buffer& memory = memory_.emplace_back(count * size_of(dtype));
  for (std::size_t i = 0; i < count; ++i) {
    const float value = normal(random_);
    if (dtype == DType::f32) {
      reinterpret_cast<float*>(memory.data())[i] = value;
    } else if (dtype == DType::f16) {
      reinterpret_cast<std::uint16_t*>(memory.data())[i] = float_to_half(value);
    } else {
      memory.data()[i * size_of(dtype)] = static_cast<std::byte>(i % 2);
      for (std::size_t b = 1; b < size_of(dtype); ++b) memory.data()[i * size_of(dtype) + b] = {};
    }
  }
  sources_.push_back({name, dtype, shape, {memory.data(), memory.size()}});
  return *this;
}

inline std::span<float> RandomTensors::values(const std::string& name) {
  for (std::size_t i = 0; i < sources_.size(); ++i) {
    if (sources_[i].name == name) {
      return {reinterpret_cast<float*>(memory_[i].data()), memory_[i].size() / sizeof(float)};
    }
  }
  return {};
}

}  // namespace sinter::checkpoint
