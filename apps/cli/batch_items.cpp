#include "batch_items.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <string_view>

#include "sinter/error.h"

namespace sinter::cli {

namespace {

namespace fs = std::filesystem;

[[noreturn]] void fail(ErrorCode code, const std::string& what, const std::string& where) {
  throw Error(code, "[batch] " + what + " (" + where + ")");
}

bool is_picture(const fs::path& path) {
  constexpr std::array<std::string_view, 7> kExtensions = {
      ".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff"};
  std::string extension = path.extension().string();
  for (char& c : extension) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return std::find(kExtensions.begin(), kExtensions.end(), extension) != kExtensions.end();
}

std::vector<BatchItem> items_of_folder(const std::string& folder, const std::string& extension) {
  std::vector<fs::path> pictures;
  std::error_code error;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end;
       entry.increment(error)) {
    std::error_code ignored;
    const fs::path name = entry->path().filename();
    if (name.native().front() == '.' || !entry->is_regular_file(ignored)) continue;
    if (is_picture(name)) pictures.push_back(entry->path());
  }
  if (error)
    fail(ErrorCode::io, "input: expected a readable folder, got " + error.message(), folder);
  if (pictures.empty()) {
    fail(ErrorCode::not_found,
         "input: expected pictures (.png, .jpg, .webp, .bmp, .tif), found none",
         folder);
  }
  std::sort(pictures.begin(), pictures.end());
  std::map<std::string, int> uses;
  for (const fs::path& picture : pictures) ++uses[picture.stem().string()];
  std::vector<BatchItem> items;
  for (const fs::path& picture : pictures) {
    const bool alone = uses[picture.stem().string()] == 1;
    const fs::path name = alone ? picture.stem() : picture.filename();
    items.push_back({name.string() + extension, {{.path = picture.string()}}});
  }
  return items;
}

/// Fields of a line: separated by blanks, with quotes around any part of a field.
std::vector<std::string> split(const std::string& line, const std::string& where) {
  std::vector<std::string> fields;
  bool quoted = false, open = false;
  for (const char c : line) {
    if (c == '"') {
      quoted = !quoted;
      if (!open) fields.emplace_back();
      open = true;
    } else if (!quoted && (c == ' ' || c == '\t' || c == '\r')) {
      open = false;
    } else {
      if (!open) fields.emplace_back();
      open = true;
      fields.back() += c;
    }
  }
  if (quoted) fail(ErrorCode::corrupt, "line: expected a closing quote", where);
  return fields;
}

BatchItem item_of_line(const std::vector<std::string>& fields,
                       const fs::path& folder,
                       const std::string& extension,
                       const std::string& where) {
  BatchItem item;
  bool views = false;
  for (const std::string& field : fields) {
    const std::size_t equals = field.find('=');
    const std::string key = field.substr(0, equals == std::string::npos ? 0 : equals);
    if (key == "output") {
      item.output = field.substr(equals + 1);
      continue;
    }
    Picture picture{.path = (folder / field).string()};  // a path may hold an equals sign
    for (const View view : {View::front, View::left, View::back, View::right}) {
      if (key != to_string(view)) continue;
      picture = {.path = (folder / field.substr(equals + 1)).string(), .view = view};
      views = true;
    }
    item.pictures.push_back(picture);
  }
  if (item.pictures.empty()) fail(ErrorCode::corrupt, "line: expected a picture", where);
  if (item.pictures.size() > 1 && !views) {
    fail(ErrorCode::corrupt,
         "line: expected one picture, or front=, left=, back=, right= before each; a path with "
         "blanks wants quotes",
         where);
  }
  if (item.output.empty()) item.output = fs::path(item.pictures.front().path).stem().string();
  if (item.output.find('/') != std::string::npos) {
    fail(ErrorCode::corrupt,
         "output: expected a name without a folder, got '" + item.output + "'",
         where);
  }
  if (fs::path(item.output).extension() != extension) item.output += extension;
  return item;
}

std::vector<BatchItem> items_of_list(const std::string& path, const std::string& extension) {
  std::ifstream file(path);
  if (!file)
    fail(ErrorCode::not_found, "input: expected a folder or a list file, found none", path);
  std::vector<BatchItem> items;
  std::set<std::string> outputs;
  std::string line;
  for (int number = 1; std::getline(file, line); ++number) {
    const std::string where = path + ", line " + std::to_string(number);
    // A picture or a program has none of this; a list has nothing else.
    if (line.find('\0') != std::string::npos || line.size() > 65536) {
      fail(ErrorCode::corrupt, "input: expected a list of pictures, one a line", where);
    }
    const std::vector<std::string> fields = split(line, where);
    if (fields.empty() || fields.front().starts_with('#')) continue;
    items.push_back(item_of_line(fields, fs::path(path).parent_path(), extension, where));
    if (!outputs.insert(items.back().output).second) {
      fail(ErrorCode::corrupt,
           "output: expected another name than '" + items.back().output +
               "', which an earlier line has",
           where);
    }
  }
  if (items.empty()) fail(ErrorCode::not_found, "input: expected pictures, found none", path);
  return items;
}

}  // namespace

std::vector<BatchItem> read_batch_items(const std::string& input, const std::string& extension) {
  std::error_code ignored;
  return fs::is_directory(input, ignored) ? items_of_folder(input, extension)
                                          : items_of_list(input, extension);
}

}  // namespace sinter::cli
