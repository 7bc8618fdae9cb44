#include "checkpoint/model_file.h"

#include <sys/stat.h>

#include <vector>

#include "core/error.h"

namespace sinter::checkpoint {

namespace {

bool is_directory(const std::string& path) {
  struct stat info {};
  return ::stat(path.c_str(), &info) == 0 && S_ISDIR(info.st_mode);
}

std::vector<std::string> candidates(std::string_view variant) {
  std::vector<std::string> names;
  if (!variant.empty()) {
    names.push_back(cat("model.", variant, kFileSuffix));
    names.push_back(cat("model.", variant, kFileSuffix, ".index.json"));
    names.push_back(cat("model", kFileSuffix, ".index.", variant, ".json"));
  }
  names.push_back(cat("model", kFileSuffix));
  names.push_back(cat("model", kFileSuffix, ".index.json"));
  if (!variant.empty()) names.push_back(cat("model.", variant, ".ckpt"));
  names.push_back("model.ckpt");
  return names;
}

}  // namespace

bool path_exists(const std::string& path) {
  struct stat info {};
  return ::stat(path.c_str(), &info) == 0;
}

std::string folder_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string::npos ? "" : path.substr(0, slash + 1);
}

std::string find_model_file(const std::string& path, std::string_view variant) {
  if (!is_directory(path)) return path;
  const std::string folder = path.ends_with('/') ? path : path + "/";
  std::string looked_for;
  for (const std::string& name : candidates(variant)) {
    if (path_exists(folder + name)) return folder + name;
    looked_for += (looked_for.empty() ? "" : ", ") + name;
  }
  fail(ErrorCode::not_found, "[checkpoint] ", path, ": no model file, looked for ", looked_for);
}

}  // namespace sinter::checkpoint
