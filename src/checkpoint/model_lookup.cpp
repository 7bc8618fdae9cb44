#include "checkpoint/model_lookup.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string_view>
#include <utility>
#include <vector>

#include "checkpoint/problems.h"
#include "core/error.h"

namespace sinter::checkpoint {

namespace {

namespace fs = std::filesystem;

/// One place, and what was found to be wrong with it.
struct Looked {
  std::string place;
  std::string why;
};

bool is_model_file(const std::string& name) {
  const bool index = name.find(".safetensors.index.") != std::string::npos;
  return name.starts_with("model.") && (name.ends_with(".safetensors") || name.ends_with(".ckpt") ||
                                        (index && name.ends_with(".json")));
}

/// Errors of the file system count as absence: the caller lists the place.
bool holds_model(const fs::path& folder) {
  std::error_code error;
  for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
    std::error_code broken_link;
    if (is_model_file(it->path().filename().string()) && it->is_regular_file(broken_link))
      return true;
  }
  return false;
}

/// Sub-folders that hold a model, sorted.
std::vector<std::string> models_below(const fs::path& folder) {
  std::vector<std::string> names;
  std::error_code error;
  for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
    if (holds_model(it->path())) names.push_back(it->path().filename().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

/// A part of a path that stays inside the folder it is appended to, and is fit for a message.
bool is_plain(std::string_view part) {
  return !part.empty() && part.size() <= 255 && part != "." && part != ".." &&
         part.find('/') == std::string_view::npos && printable(part) == part;
}

bool is_commit(const std::string& text) {
  return text.size() == 40 && text.find_first_not_of("0123456789abcdef") == std::string::npos;
}

std::vector<std::string> split(const std::string& path) {
  std::vector<std::string> parts;
  for (std::size_t begin = 0; begin <= path.size();) {
    const std::size_t slash = std::min(path.find('/', begin), path.size());
    if (slash > begin) parts.push_back(path.substr(begin, slash - begin));
    begin = slash + 1;
  }
  return parts;
}

/// "organisation/name", with the characters that the hub allows.
struct Repository {
  std::string organisation, name;
  std::string folder;  // what follows, with slashes

  static std::optional<Repository> parse(const std::string& text) {
    const auto allowed = [](char c) {
      return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
             c == '-' || c == '_' || c == '.';
    };
    if (text.starts_with('/') || text.starts_with('~')) return {};
    const std::vector<std::string> parts = split(text);
    if (parts.size() < 2 || !std::all_of(parts.begin(), parts.end(), is_plain)) return {};
    for (const std::string& part : {parts[0], parts[1]}) {
      if (!std::all_of(part.begin(), part.end(), allowed)) return {};
    }
    Repository repository{parts[0], parts[1], {}};
    for (std::size_t i = 2; i < parts.size(); ++i) {
      repository.folder += (i > 2 ? "/" : "") + parts[i];
    }
    return repository;
  }
};

class Lookup {
 public:
  Lookup(const ModelName& name, const ReadEnvironment& environment)
      : name_(name), environment_(environment) {
    check(!name.model.empty(), "expected the name or path of a model, got nothing");
    const std::vector<std::string> parts = split(name.folder);
    check(std::all_of(parts.begin(), parts.end(), is_plain) && !name.folder.starts_with('/'),
          "folder: expected a relative path without .., got ",
          printable(name.folder));
    check(is_plain(name.revision),
          "revision: expected a branch, tag or commit, got ",
          printable(name.revision));
  }

  std::string run() {
    std::error_code error;
    const fs::path direct = expanded(name_.model);
    if (name_.folder.empty() && fs::is_regular_file(direct, error)) return direct.string();
    if (const auto found = look_in(with_folder(direct))) return *found;
    if (const auto repository = Repository::parse(name_.model)) {
      if (const auto found = look_in_hy3dgen()) return *found;
      if (const auto found = look_in_hub(*repository)) return *found;
    }
    std::string places;
    for (const Looked& looked : looked_) {
      places += cat(places.empty() ? "" : "; ", looked.place, " (", looked.why, ")");
    }
    fail(ErrorCode::not_found,
         "[model] ",
         title(),
         ": not found on this machine, looked at ",
         places);
  }

 private:
  template <class... Args>
  void check(bool condition, const Args&... args) const {
    if (!condition) fail(ErrorCode::invalid_argument, "[model] ", title(), ": ", args...);
  }
  std::string title() const {
    return printable(name_.model) + (name_.folder.empty() ? "" : " " + printable(name_.folder));
  }

  std::optional<std::string> variable(const char* name) const {
    std::optional<std::string> value = environment_(name);
    if (value && value->empty()) value.reset();
    return value;
  }
  fs::path expanded(const std::string& path) const {
    const bool home = path == "~" || path.starts_with("~/");
    if (!home) return path;
    return variable("HOME").value_or("~") + path.substr(1);
  }
  fs::path below_cache(const char* name) const { return expanded("~/.cache") / name; }

  void refuse(const fs::path& place, std::string why) {
    looked_.push_back({printable(place.string()), std::move(why)});
  }
  fs::path with_folder(const fs::path& place) const {
    return name_.folder.empty() ? place : place / name_.folder;
  }

  /// The folder if it holds a model, or else its one sub-folder that does.
  std::optional<std::string> look_in(const fs::path& folder) {
    if (holds_model(folder)) return folder.string();
    std::error_code error;
    if (!fs::is_directory(folder, error)) {
      refuse(folder, "does not exist");
      return {};
    }
    const std::vector<std::string> below =
        name_.folder.empty() ? models_below(folder) : std::vector<std::string>();
    if (below.size() == 1) return (folder / below[0]).string();
    std::string all;
    for (const std::string& each : below) all += (all.empty() ? "" : ", ") + printable(each);
    check(below.empty(), folder.string(), " holds several models, name one of ", all);
    refuse(folder, "holds no model file");
    return {};
  }

  std::optional<std::string> look_in_hy3dgen() {
    const auto set = variable("HY3DGEN_MODELS");
    const fs::path base = set ? expanded(*set) : below_cache("hy3dgen");
    return look_in(with_folder(base / name_.model));
  }

  fs::path hub_cache() const {
    for (const char* direct : {"HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE"}) {
      if (const auto set = variable(direct)) return expanded(*set);
    }
    if (const auto home = variable("HF_HOME")) return expanded(*home) / "hub";
    if (const auto cache = variable("XDG_CACHE_HOME"))
      return expanded(*cache) / "huggingface" / "hub";
    return below_cache("huggingface") / "hub";
  }

  std::optional<std::string> look_in_hub(const Repository& repository) {
    const fs::path root =
        hub_cache() / cat("models--", repository.organisation, "--", repository.name);
    const fs::path reference = root / "refs" / name_.revision;
    std::string commit = name_.revision;
    if (!is_commit(commit)) {
      // anything longer than a commit and its line feed is not one
      char text[64] = {};
      std::ifstream file(reference);
      file.read(text, sizeof(text));
      commit.assign(text, static_cast<std::size_t>(file.gcount()));
      while (commit.ends_with('\n')) commit.pop_back();
    }
    if (!is_commit(commit)) {
      std::error_code error;
      refuse(reference, fs::exists(reference, error) ? "does not name a commit" : "does not exist");
      return {};
    }
    const fs::path snapshot = root / "snapshots" / commit;
    return look_in(
        with_folder(repository.folder.empty() ? snapshot : snapshot / repository.folder));
  }

  const ModelName& name_;
  const ReadEnvironment& environment_;
  std::vector<Looked> looked_;
};

}  // namespace

std::optional<std::string> process_environment(const std::string& name) {
  const char* value = std::getenv(name.c_str());
  return value == nullptr ? std::nullopt : std::optional<std::string>(value);
}

std::string find_model(const ModelName& name, const ReadEnvironment& environment) {
  try {
    return Lookup(name, environment).run();
  } catch (const std::bad_alloc&) {
    fail(ErrorCode::out_of_memory, "[model] out of memory");
  } catch (const fs::filesystem_error& error) {
    fail(ErrorCode::io, "[model] ", printable(name.model), ": ", error.code().message());
  }
}

}  // namespace sinter::checkpoint
