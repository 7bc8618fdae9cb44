#include "checkpoint/model_lookup.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string_view>
#include <utility>
#include <vector>

#include "checkpoint/model_file.h"
#include "checkpoint/problems.h"
#include "checkpoint/torch_file.h"
#include "core/error.h"

namespace sinter::checkpoint {

namespace {

namespace fs = std::filesystem;

/// One place, and what was found to be wrong with it.
struct Looked {
  std::string place;
  std::string why;
};

/// Errors of the file system count as absence: the caller lists the place.
bool holds_model(const fs::path& folder) {
  std::error_code error;
  for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
    std::error_code broken_link;
    if (is_model_file_name(it->path().filename().string()) && it->is_regular_file(broken_link))
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

/// Folders of the plain models in the official repositories: what the official examples load, and
/// what a repository without a folder stands for.
struct OfficialFolder {
  std::string_view repository, folder;
};
constexpr std::array<OfficialFolder, 4> kOfficialFolders = {{
    {"tencent/Hunyuan3D-2", "hunyuan3d-dit-v2-0"},
    {"tencent/Hunyuan3D-2mini", "hunyuan3d-dit-v2-mini"},
    {"tencent/Hunyuan3D-2mv", "hunyuan3d-dit-v2-mv"},
    {"tencent/Hunyuan3D-2.1", "hunyuan3d-dit-v2-1"},
}};

/// "organisation/name[@revision][/folder][@revision]", with the characters that the hub allows.
struct Repository {
  std::string name;  // organisation/name
  std::string cached_name;
  std::string folder;
  std::optional<std::string> revision;

  static std::optional<Repository> parse(const std::string& text) {
    if (text.starts_with('/') || text.starts_with('~')) return {};
    Repository repository;
    std::string rest = text;
    if (const std::size_t at = rest.find('@'); at != std::string::npos) {
      // in front of the first slash behind the name, or else up to the end
      const bool behind_name =
          std::count(rest.begin(), rest.begin() + std::ptrdiff_t(at), '/') == 1;
      const std::size_t slash = rest.find('/', at);
      const std::size_t end = behind_name && slash != std::string::npos ? slash : rest.size();
      repository.revision = rest.substr(at + 1, end - at - 1);
      rest.erase(at, end - at);
    }
    const std::vector<std::string> parts = split(rest);
    if (parts.size() < 2 || !std::all_of(parts.begin(), parts.end(), is_plain)) return {};
    if (!is_hub_word(parts[0]) || !is_hub_word(parts[1])) return {};
    repository.name = parts[0] + "/" + parts[1];
    repository.cached_name = "models--" + parts[0] + "--" + parts[1];
    for (std::size_t i = 2; i < parts.size(); ++i) {
      repository.folder += (i > 2 ? "/" : "") + parts[i];
    }
    return repository;
  }

 private:
  static bool is_hub_word(const std::string& word) {
    return std::all_of(word.begin(), word.end(), [](char c) {
      return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
             c == '-' || c == '_' || c == '.';
    });
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
  }

  std::string run() {
    if (const auto found = look_in(with_folder(expanded(name_.model)))) return *found;
    std::string hint;
    if (const auto repository = named_repository()) {
      if (const auto found = look_in_hy3dgen(*repository)) return *found;
      if (const auto found = look_in_hub(*repository)) return *found;
      hint = "; fetch it with: " + fetch_command(*repository);
    }
    std::string places;
    for (const Looked& looked : looked_) {
      places += cat(places.empty() ? "" : "; ", looked.place, " (", looked.why, ")");
    }
    fail(ErrorCode::not_found,
         "[model] ",
         title(),
         ": not found on this machine, looked at ",
         places,
         hint);
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

  /// A checkpoint file, the folder if it holds a model, or else the sub-folder that does.
  std::optional<std::string> look_in(const fs::path& place) {
    std::error_code error;
    if (fs::is_regular_file(place, error) || holds_model(place)) return place.string();
    if (!fs::is_directory(place, error)) {
      refuse(place, fs::exists(place, error) ? "is no file or folder" : "does not exist");
      return {};
    }
    const std::vector<std::string> below =
        name_.folder.empty() ? models_below(place) : std::vector<std::string>();
    if (const auto chosen = choose(below)) return (place / *chosen).string();
    std::string all;
    for (const std::string& each : below) all += (all.empty() ? "" : ", ") + printable(each);
    check(below.empty(), printable(place.string()), " holds several models, name one of ", all);
    refuse(place, "holds no model file");
    return {};
  }

  /// The only folder, or the only one of a plain official model.
  static std::optional<std::string> choose(const std::vector<std::string>& folders) {
    if (folders.size() == 1) return folders[0];
    std::optional<std::string> chosen;
    for (const OfficialFolder& official : kOfficialFolders) {
      if (std::find(folders.begin(), folders.end(), official.folder) == folders.end()) continue;
      if (chosen) return {};
      chosen = std::string(official.folder);
    }
    return chosen;
  }

  /// Nothing where the model can only be a path.
  std::optional<Repository> named_repository() const {
    auto repository = Repository::parse(name_.model);
    if (!repository) return {};
    if (!name_.folder.empty()) {
      repository->folder += (repository->folder.empty() ? "" : "/") + name_.folder;
    }
    if (repository->revision) {
      const std::vector<std::string> parts = split(*repository->revision);
      check(!parts.empty() && std::all_of(parts.begin(), parts.end(), is_plain) &&
                !repository->revision->starts_with('/'),
            "revision: expected a branch, tag or commit behind @, got '",
            printable(*repository->revision),
            "'");
    }
    return repository;
  }

  std::string fetch_command(const Repository& repository) const {
    std::string folder = repository.folder;
    for (const OfficialFolder& official : kOfficialFolders) {
      if (folder.empty() && official.repository == repository.name) folder = official.folder;
    }
    std::string command = "huggingface-cli download " + repository.name;
    if (!folder.empty()) {
      const bool file = is_torch_path(folder) || folder.ends_with(kFileSuffix);
      command += file ? " " + folder : " --include \"" + folder + "/*\"";
    }
    if (repository.revision) command += " --revision " + *repository.revision;
    return command;
  }

  std::optional<std::string> look_in_hy3dgen(const Repository& repository) {
    if (repository.revision) return {};  // the folder has none
    const auto set = variable("HY3DGEN_MODELS");
    const fs::path base = set ? expanded(*set) : below_cache("hy3dgen");
    const fs::path root = base / repository.name;
    return look_in(repository.folder.empty() ? root : root / repository.folder);
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
    const fs::path root = hub_cache() / repository.cached_name;
    std::string commit = repository.revision.value_or("main");
    const fs::path reference = root / "refs" / commit;
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
    return look_in(repository.folder.empty() ? snapshot : snapshot / repository.folder);
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
