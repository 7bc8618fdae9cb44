#include "checkpoint/model_file.h"

#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <vector>

#include "checkpoint/problems.h"
#include "core/error.h"

namespace sinter::checkpoint {

namespace {

bool is_directory(const std::string& path) {
  struct stat info {};
  return ::stat(path.c_str(), &info) == 0 && S_ISDIR(info.st_mode);
}

std::vector<std::string> candidates(const Variant& variant) {
  const std::vector<std::string> middles = !variant ? std::vector<std::string>{".fp16", ""}
                                           : variant->empty() ? std::vector<std::string>{""}
                                                              : std::vector{"." + *variant};
  std::vector<std::string> names;
  for (const std::string& middle : middles) {
    names.push_back(cat("model", middle, kFileSuffix));
    names.push_back(cat("model", middle, kFileSuffix, ".index.json"));
    if (!middle.empty()) names.push_back(cat("model", kFileSuffix, ".index", middle, ".json"));
  }
  for (const char* suffix : {".ckpt", ".bin"}) {
    for (const std::string& middle : middles) names.push_back(cat("model", middle, suffix));
  }
  return names;
}

/// ", there are: model.fp16.safetensors, model.ckpt", or nothing.
std::string others_in(const std::string& folder) {
  std::vector<std::string> names;
  std::error_code error;
  for (std::filesystem::directory_iterator it(folder, error), end; !error && it != end;
       it.increment(error)) {
    const std::string name = it->path().filename().string();
    if (is_model_file_name(name)) names.push_back(printable(name));
  }
  std::sort(names.begin(), names.end());
  std::string all;
  for (const std::string& name : names) all += (all.empty() ? ", there are: " : ", ") + name;
  return all;
}

}  // namespace

Variant parse_variant(const std::string& text) {
  constexpr const char* kAllowed =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.";
  SINTER_CHECK(!text.empty() && text.find_first_not_of(kAllowed) == std::string::npos,
               ErrorCode::invalid_argument,
               "[model] variant: expected auto, none or a word such as fp16, got '",
               printable(text),
               "'");
  if (text == "auto") return {};
  return text == "none" ? "" : text;
}

bool path_exists(const std::string& path) {
  struct stat info {};
  return ::stat(path.c_str(), &info) == 0;
}

std::string folder_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string::npos ? "" : path.substr(0, slash + 1);
}

bool is_model_file_name(std::string_view name) {
  const bool index = name.ends_with(".json") && name.find(".safetensors.index.") != name.npos;
  return name.starts_with("model.") && (name.ends_with(kFileSuffix) || name.ends_with(".ckpt") ||
                                        name.ends_with(".bin") || index);
}

std::string find_model_file(const std::string& path, const Variant& variant) {
  if (!is_directory(path)) return path;
  const std::string folder = path.ends_with('/') ? path : path + "/";
  std::string looked_for;
  for (const std::string& name : candidates(variant)) {
    if (path_exists(folder + name)) return folder + name;
    looked_for += (looked_for.empty() ? "" : ", ") + name;
  }
  fail(ErrorCode::not_found,
       "[checkpoint] ",
       path,
       ": no model file, looked for ",
       looked_for,
       others_in(folder));
}

}  // namespace sinter::checkpoint
