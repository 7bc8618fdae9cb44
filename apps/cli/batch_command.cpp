#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <filesystem>

#include "batch_items.h"
#include "batch_manifest.h"
#include "commands.h"
#include "interrupt.h"
#include "memory_report.h"
#include "shape_options.h"
#include "sinter/engine.h"
#include "sinter/error.h"
#include "sinter/file.h"
#include "sinter/version.h"
#include "text.h"

namespace sinter::cli {

namespace {

namespace fs = std::filesystem;

struct BatchArguments : ShapeArguments {
  std::string input, folder;
  bool resume = false, free_weights = false;
};

/// Everything that the bytes of an output depend on, but the picture.
Json describe_run(Engine& engine, const BatchArguments& arguments) {
  Json run = {{"sinter", SINTER_VERSION}};
  for (const auto& [name, value] : engine.provenance(arguments.options).entries) {
    std::visit([&, key = name](const auto& v) { run[key] = v; }, value);
  }
  const MeshWriteOptions& write = arguments.write;
  const auto axis = [](const std::optional<Axis>& a) {
    return a ? Json(static_cast<int>(*a)) : Json(nullptr);
  };
  run["write"] = {{"size_mm", write.size_mm},
                  {"up", axis(write.up)},
                  {"forward", axis(write.forward)},
                  {"metres_per_unit", write.metres_per_unit}};
  // As it reads back from the manifest, where 5.0 and 5 are one number.
  return Json::parse(run.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
}

/// The pictures by view, each with its path and its content's hash.
Json describe_pictures(const BatchItem& item) {
  Json pictures = Json::object();
  for (const Picture& picture : item.pictures) {
    pictures[to_string(picture.view)] = {{"path", picture.path},
                                         {"sha256", file_sha256(picture.path)}};
  }
  return pictures;
}

bool same_pictures(const Json& a, const Json& b) {
  if (!a.is_object() || a.size() != b.size()) return false;
  for (const auto& [view, picture] : b.items()) {
    if (!a.contains(view) || a[view].value("sha256", "") != picture["sha256"]) return false;
  }
  return true;
}

/// The items that are done, the time they took, and the line that says so.
class BatchProgress {
 public:
  BatchProgress(std::size_t items, bool quiet)
      : items_(items), quiet_(quiet), terminal_(isatty(STDERR_FILENO) == 1) {}

  void begin(const std::string& name) { name_ = name; }
  void end(double seconds) {
    seconds_ += seconds;
    ++timed_;
    ++ended_;
  }
  void skip() { ++ended_; }

  void show(const Progress& now) {
    constexpr double kRefresh = 0.1;  // seconds, as for a single run
    if (quiet_ || !terminal_) return;
    if (open_ && now.seconds >= shown_ && now.seconds - shown_ < kRefresh) return;
    shown_ = now.seconds;
    open_ = true;
    std::fprintf(stderr,
                 "\r\033[K%zu of %zu done   %s %3.0f %%%s",
                 ended_,
                 items_,
                 name_.c_str(),
                 100 * now.total,
                 rate(now.total).c_str());
    std::fflush(stderr);
  }

  /// One line about an item that ended.
  void tell(const std::string& text) {
    clear();
    if (quiet_) return;
    std::fprintf(stderr, "%zu/%zu %s%s\n", ended_, items_, text.c_str(), rate(0).c_str());
  }

  void clear() {
    if (open_) std::fputs("\r\033[K", stderr);
    open_ = false;
  }

 private:
  std::string rate(double of_current) const {
    if (timed_ == 0) return {};
    const double each = seconds_ / static_cast<double>(timed_);
    const double left = std::max(0.0, static_cast<double>(items_ - ended_) - of_current) * each;
    return "   " + seconds_text(each) + " an item, about " + seconds_text(left) + " left";
  }

  std::size_t items_, ended_ = 0, timed_ = 0;
  double seconds_ = 0;
  bool quiet_, terminal_, open_ = false;
  double shown_ = 0;
  std::string name_;
};

class Batch {
 public:
  Batch(const BatchArguments& arguments, std::vector<BatchItem> items)
      : arguments_(arguments),
        items_(std::move(items)),
        engine_(arguments.model_path(), arguments.engine),
        manifest_(arguments.folder),
        progress_(items_.size(), arguments.quiet),
        memory_(arguments.quiet),
        run_(describe_run(engine_, arguments)) {}

  /// Exit status.
  int operator()() {
    for (const BatchItem& item : items_) {
      if (interrupts() > 0) break;
      work(item);
    }
    progress_.clear();
    return report();
  }

 private:
  using Clock = std::chrono::steady_clock;

  std::string path_of(const BatchItem& item) const {
    return (fs::path(arguments_.folder) / item.output).string();
  }

  /// Made before, from the same pictures with the same options, and still there.
  bool is_done(const BatchItem& item, const Json& pictures) const {
    const Json& entry = manifest_.last(item.output);
    std::error_code error;
    const std::uintmax_t bytes = fs::file_size(path_of(item), error);
    return !error && entry.is_object() && entry.value("status", "") == "ok" &&
           entry.value("bytes", std::uintmax_t{0}) == bytes && entry.value("run", Json()) == run_ &&
           same_pictures(entry.value("pictures", Json()), pictures);
  }

  void work(const BatchItem& item) {
    progress_.begin(item.output);
    const Clock::time_point start = Clock::now();
    Json entry = {{"output", item.output}, {"status", "ok"}};
    try {
      const Json pictures = describe_pictures(item);
      if (arguments_.resume && is_done(item, pictures)) {
        ++skipped_;
        progress_.skip();
        return;
      }
      entry["pictures"] = pictures;
      entry["run"] = run_;
      make(item, entry);
      ++made_;
    } catch (const Error& error) {
      if (error.code() == ErrorCode::cancelled) return;
      add_failure(item, entry, error.code(), error.message());
    } catch (const std::bad_alloc&) {
      add_failure(item, entry, ErrorCode::out_of_memory, "out of memory");
    }
    const double seconds = std::chrono::duration<double>(Clock::now() - start).count();
    entry["seconds"] = seconds;
    manifest_.append(entry);
    progress_.end(seconds);
    const std::string status = entry["status"];
    progress_.tell(item.output + ": " +
                   (status == "ok" ? grouped(entry["faces"]) + " faces, " + seconds_text(seconds)
                                   : status + ": " + entry["error"].get<std::string>()));
  }

  void make(const BatchItem& item, Json& entry) {
    Metrics metrics;
    const ProgressCallback progress = [&](const Progress& now) {
      memory_.show(metrics.memory_plan);
      progress_.show(now);
      return interrupts() < 2;
    };
    const GenerateResult result =
        engine_.generate(item.pictures, arguments_.options, progress, &metrics);
    write_mesh(path_of(item), result.mesh, result.provenance, arguments_.write);
    entry["bytes"] = fs::file_size(path_of(item));
    entry["vertices"] = metrics.vertices;
    entry["faces"] = metrics.faces;
    entry["steps_computed"] = metrics.steps_computed;
    entry["steps_predicted"] = metrics.steps_predicted;
  }

  void add_failure(const BatchItem& item, Json& entry, ErrorCode code, const std::string& message) {
    entry["status"] = to_string(code);
    entry["error"] = message;
    failures_.push_back(item.output + ": " + message);
  }

  int report() const {
    const std::size_t ended = made_ + skipped_ + failures_.size();
    if (!arguments_.quiet) {
      std::printf("%s: %zu made, %zu there already, %zu failed, %zu left\n",
                  arguments_.folder.c_str(),
                  made_,
                  skipped_,
                  failures_.size(),
                  items_.size() - ended);
    }
    for (const std::string& failure : failures_) {
      std::fprintf(stderr, "sinter: failed: %s\n", failure.c_str());
    }
    if (ended < items_.size()) {
      throw Error(ErrorCode::cancelled,
                  "[batch] stopped with " + std::to_string(items_.size() - ended) +
                      " items left; to go on, give the same command with --resume");
    }
    return failures_.empty() ? 0 : kFindings;
  }

  const BatchArguments& arguments_;
  std::vector<BatchItem> items_;
  Engine engine_;
  BatchManifest manifest_;
  BatchProgress progress_;
  MemoryReport memory_;
  Json run_;
  std::size_t made_ = 0, skipped_ = 0;
  std::vector<std::string> failures_;
};

int run_batch(BatchArguments& arguments) {
  arguments.engine.keep_weights = !arguments.free_weights;
  if (arguments.write.format.empty()) arguments.write.format = "glb";
  std::vector<BatchItem> items = read_batch_items(arguments.input, "." + arguments.write.format);
  std::error_code error;
  fs::create_directories(arguments.folder, error);
  if (error) {
    throw Error(
        ErrorCode::io,
        "[batch] --out: expected a folder, got " + error.message() + " (" + arguments.folder + ")");
  }
  count_interrupts(2);
  return Batch(arguments, std::move(items))();
}

constexpr const char* kFooter =
    "A list names one item a line: a picture (relative to the list), or front=, left=, back=, "
    "right= with one each, and\n"
    "output=NAME where the mesh is not to have the first picture's name; quotes around a path keep "
    "blanks, # begins a\n"
    "comment. Meshes are GLB where --format says nothing. The first Ctrl-C lets the current item "
    "end, the second stops\n"
    "it, a third ends the program at once. OUT/manifest.jsonl has one line of JSON for each item "
    "that ended. Exit\n"
    "status 1: items failed; 8: stopped before the end.";

}  // namespace

void add_batch(CLI::App& app, int& status) {
  auto arguments = std::make_shared<BatchArguments>();
  CLI::App* command = app.add_subcommand("batch", "turn many pictures into meshes");
  command->add_option("input", arguments->input, "folder of pictures, or a file that lists them")
      ->required();
  command->add_option("--out", arguments->folder, "folder for the meshes; made where it is not")
      ->required();
  command->add_flag("--resume",
                    arguments->resume,
                    "leave out what is there already, made from the same pictures with the same "
                    "options");
  add_shape_options(*command, *arguments);
  command
      ->add_flag("--free-weights",
                 arguments->free_weights,
                 "load each network anew for each item: slower, less memory")
      ->group("Run");
  command->footer(kFooter);
  command->callback([arguments, &status] { status = run_batch(*arguments); });
}

}  // namespace sinter::cli
