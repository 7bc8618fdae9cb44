#include "sampling/cache_config.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <limits>
#include <span>
#include <utility>

#include "checkpoint/problems.h"
#include "core/error.h"
#include "sampling/cache_document.h"
#include "sampling/cache_values.h"

// Longer than most: it is the table of all keys, with the check of each beside it.

namespace sinter::sampling {

namespace {

constexpr int kMostSteps = 1000;
constexpr double kMostTeaThreshold = 10;

/// Sections of the file and their keys. TaylorSeer has two spellings.
constexpr std::array<std::string_view, 4> kTopKeys = {
    "cache_forward", "comment", "enable_separate_cfg", "sinter"};
struct Section {
  std::string_view name;
  CacheMethod method;
  std::vector<std::string_view> keys;
};
const std::vector<Section>& sections() {
  static const std::vector<Section> all = {
      {"NoCache", CacheMethod::none, {"cache_name"}},
      {"FBCache",
       CacheMethod::first_block,
       {"cache_name", "rel_l1_thresh", "latent", "judge_input"}},
      {"TeaCache",
       CacheMethod::tea,
       {"cache_name", "rel_l1_thresh", "coefficients", "warmup", "latent", "judge_input"}},
      {"EasyCache", CacheMethod::easy, {"cache_name", "rel_l1_thresh", "warmup", "cutoff_steps"}},
      {"TaylorSeer",
       CacheMethod::taylor,
       {"cache_name", "n_derivatives", "skip_interval_steps", "warmup", "cutoff_steps", "offload"}},
  };
  return all;
}
constexpr std::array<std::string_view, 15> kOwnKeys = {"granularity",
                                                       "basis",
                                                       "abscissa",
                                                       "schedule",
                                                       "schedule_profile",
                                                       "steps",
                                                       "reference",
                                                       "max_consecutive",
                                                       "history_dtype",
                                                       "elide_zero_dt",
                                                       "decision",
                                                       "batch_policy",
                                                       "compat",
                                                       "calibration",
                                                       "distance_range"};
constexpr std::array<std::string_view, 4> kCalibrationKeys = {
    "model", "steps", "guidance", "solver"};

/// Fits that were published for other models, which have been copied into configurations of this
/// family: ali-vilab/TeaCache.
constexpr std::array<std::array<double, 5>, 9> kForeignFits = {{
    {733.226126, -401.131952, 67.5869174, -3.149878, 0.0961237896},
    {2396.76752, -1311.10545, 201.331979, -8.29855975, 0.137887774},
    {-52186.2437, 9230.41404, -528.275948, 13.6987616, -0.0499875664},
    {-5784.54975374, 5449.50911966, -1811.16591783, 256.27178429, -13.02252404},
    {-303318.725, 49053.7029, -2655.30556, 58.7365115, -0.315583525},
    {-302.331670, 223.948934, -52.5463970, 5.87348440, -0.201973289},
    {257151.496, -35422.9917, 1402.86849, -13.5890334, 0.132517977},
    {-114.36346466, 65.26524496, -18.82220707, 4.91518089, -0.23412683},
    {8107.05460, 2133.93892, -372.934672, 16.6203073, -0.0417769401},
}};

bool is_foreign(const std::vector<double>& coefficients) {
  constexpr double kClose = 1e-5;  // the values are printed with that many digits
  return std::any_of(kForeignFits.begin(), kForeignFits.end(), [&](const auto& fit) {
    return coefficients.size() == fit.size() &&
           std::equal(fit.begin(), fit.end(), coefficients.begin(), [](double a, double b) {
             return std::abs(a - b) <= kClose * std::abs(a);
           });
  });
}

/// Reads and checks the entries of one document.
class Reader : CacheValues {
 public:
  Reader(std::string_view text, const std::string& label)
      : CacheValues(read_json_entries(text, label)), label_(label) {
    config_.file = label;
  }

  CacheConfig read() {
    check_keys();
    read_method();
    read_own();
    for (const Section& section : sections()) read_section(section);
    check_together();
    if (!problems_.empty()) {
      fail(problems_.code(), "[cache] ", problems_.str(), " (", label_, ")");
    }
    return std::move(config_);
  }

 private:
  template <class... Parts>
  void warn(const char* code, const std::string& pointer, const Parts&... parts) {
    config_.warnings.push_back(cat(code, " ", pointer, ": ", parts...));
  }

  // ---- the document ----

  static const Section* section_of(std::string_view name) {
    const std::string_view wanted = name == "Taylorseer" ? "TaylorSeer" : name;
    for (const Section& section : sections()) {
      if (section.name == wanted) return &section;
    }
    return nullptr;
  }

  void check_keys() {
    for (const auto& [pointer, entry] : entries_) {
      const std::size_t slash = pointer.find('/', 1);
      const std::string top = pointer.substr(1, slash == std::string::npos ? slash : slash - 1);
      const std::string rest = slash == std::string::npos ? "" : pointer.substr(slash + 1);
      const Section* section = section_of(top);
      const bool object = entry.kind == JsonEntry::Kind::object;
      if (rest.empty()) {
        const bool known = std::count(kTopKeys.begin(), kTopKeys.end(), top) > 0;
        if (section == nullptr && !known) {
          std::vector<std::string_view> all(kTopKeys.begin(), kTopKeys.end());
          for (const Section& each : sections()) all.push_back(each.name);
          refuse_key(pointer, top, all);
        } else if ((section != nullptr || top == "sinter") && !object) {
          refuse("E_TYPE", pointer, "expected an object, got ", describe(entry));
        }
      } else if (section != nullptr) {
        if (std::count(section->keys.begin(), section->keys.end(), rest) == 0) {
          refuse_key(pointer, rest, section->keys);
        }
      } else if (top == "sinter") {
        check_own_key(pointer, rest, entry);
      }
      // Below an unknown key nothing more is said.
    }
    if (find("/Taylorseer") != nullptr && find("/TaylorSeer") != nullptr) {
      refuse("E_UNKNOWN", "/Taylorseer", "given beside /TaylorSeer, which is the same section");
    }
  }

  void check_own_key(const std::string& pointer, const std::string& key, const JsonEntry& entry) {
    constexpr std::string_view kInner = "calibration/";
    if (key.starts_with(kInner)) {
      const std::string inner = key.substr(kInner.size());
      if (std::count(kCalibrationKeys.begin(), kCalibrationKeys.end(), inner) == 0) {
        refuse_key(pointer, inner, kCalibrationKeys);
      }
    } else if (std::count(kOwnKeys.begin(), kOwnKeys.end(), key) == 0) {
      refuse_key(pointer, key, kOwnKeys);
    } else if (key == "calibration" && entry.kind != JsonEntry::Kind::object) {
      refuse("E_TYPE", pointer, "expected an object, got ", describe(entry));
    }
  }

  void read_method() {
    scalar<std::string>("/comment", "a string");
    if (find("/cache_forward") == nullptr) {
      refuse("E_METHOD", "/cache_forward", "expected the name of a method, got nothing");
      return;
    }
    const auto* name = scalar<std::string>("/cache_forward", "a string");
    if (name == nullptr) return;
    const Section* section = section_of(*name);
    if (section == nullptr) {
      std::vector<std::string_view> names;
      for (const Section& each : sections()) names.push_back(each.name);
      const auto nearest = std::min_element(names.begin(), names.end(), [&](auto a, auto b) {
        return distance(a, *name) < distance(b, *name);
      });
      refuse("E_METHOD",
             "/cache_forward",
             "expected one of ",
             joined(names),
             ", got \"",
             checkpoint::printable(*name),
             "\"; the nearest is ",
             *nearest);
      return;
    }
    config_.method = section->method;
    const bool there = find(cat("/", section->name)) != nullptr ||
                       (section->name == "TaylorSeer" && find("/Taylorseer") != nullptr);
    if (!there && section->method != CacheMethod::none) {
      refuse("E_SECTION", cat("/", section->name), "expected the section of the chosen method");
    }
    bool separate = false;
    flag("/enable_separate_cfg", separate);
    if (separate && config_.method == CacheMethod::taylor) {
      refuse("E_CFG_METHOD", "/enable_separate_cfg", "expected false with TaylorSeer, got true");
    } else if (separate) {
      refuse("E_CFG_LAYOUT",
             "/enable_separate_cfg",
             "expected false: these models evaluate both halves of guidance together, got true");
    }
  }

  void read_own() {
    const auto at = [](std::string_view key) { return cat("/sinter/", key); };
    word(at("compat"),
         std::array{std::pair<std::string_view, bool>{"", false},
                    std::pair<std::string_view, bool>{"cann", true}},
         config_.cann);
    if (config_.cann) {
      config_.basis = Basis::taylor;
      config_.reference = Reference::previous_step;
      if (config_.method == CacheMethod::taylor) config_.granularity = Granularity::module;
    }
    word(at("granularity"),
         std::array{std::pair<std::string_view, Granularity>{"module", Granularity::module},
                    std::pair<std::string_view, Granularity>{"trunk", Granularity::trunk},
                    std::pair<std::string_view, Granularity>{"velocity", Granularity::velocity}},
         config_.granularity);
    word(at("basis"),
         std::array{std::pair<std::string_view, Basis>{"newton", Basis::newton},
                    std::pair<std::string_view, Basis>{"taylor", Basis::taylor},
                    std::pair<std::string_view, Basis>{"hermite", Basis::hermite}},
         config_.basis,
         "chebyshev dmd");
    word(at("abscissa"),
         std::array{std::pair<std::string_view, Abscissa>{"step", Abscissa::step},
                    std::pair<std::string_view, Abscissa>{"sigma", Abscissa::sigma}},
         config_.abscissa);
    word(at("reference"),
         std::array{
             std::pair<std::string_view, Reference>{"last_computed", Reference::last_computed},
             std::pair<std::string_view, Reference>{"previous_step", Reference::previous_step}},
         config_.reference);
    word(at("history_dtype"),
         std::array{std::pair<std::string_view, HistoryType>{"fp32", HistoryType::fp32},
                    std::pair<std::string_view, HistoryType>{"fp16", HistoryType::fp16},
                    std::pair<std::string_view, HistoryType>{"bf16", HistoryType::bf16}},
         config_.history);
    word(
        at("decision"),
        std::array{std::pair<std::string_view, DecisionPlace>{"host", DecisionPlace::host},
                   std::pair<std::string_view, DecisionPlace>{"device", DecisionPlace::device},
                   std::pair<std::string_view, DecisionPlace>{"schedule", DecisionPlace::schedule}},
        config_.decision);
    // Requests run one after the other here, so each decides for itself under any of them.
    bool ignored = false;
    word(at("batch_policy"),
         std::array{std::pair<std::string_view, bool>{"lockstep", true},
                    std::pair<std::string_view, bool>{"any_compute", true},
                    std::pair<std::string_view, bool>{"split", true}},
         ignored);
    flag(at("elide_zero_dt"), config_.elide_zero_steps);
    scalar<std::string>(at("schedule_profile"), "a string");
    if (find(at("steps")) != nullptr) {
      int steps = 0;
      integer(at("steps"), 1, kMostSteps, steps);
      config_.schedule_steps = steps;
    }
    read_schedule(at("schedule"));
    read_calibration();
    const auto range = numbers(at("distance_range"), 2, 2);
    if (range) {
      if (!(0 <= (*range)[0] && (*range)[0] < (*range)[1])) {
        refuse("E_RANGE", at("distance_range"), "expected two ascending distances from 0");
      }
      config_.distance_range = range;
    }
    config_.max_consecutive = kUnset;
    integer(at("max_consecutive"), -1, kMostSteps, config_.max_consecutive);
  }

  void read_schedule(const std::string& pointer) {
    const JsonEntry* entry = find(pointer);
    if (entry == nullptr) return;
    if (entry->kind != JsonEntry::Kind::list) {
      refuse("E_TYPE", pointer, "expected a list of steps, got ", describe(*entry));
      return;
    }
    std::vector<int> steps;
    for (const JsonScalar& item : entry->list) {
      const auto step = as_integer(item);
      if (!step) {
        refuse("E_TYPE", pointer, "expected integers, got ", checkpoint::describe(item));
        return;
      }
      const int most = config_.schedule_steps.value_or(kMostSteps) - 1;
      const int least = steps.empty() ? 0 : steps.back() + 1;
      if (steps.empty() ? *step != 0 : *step < least || *step > most) {
        refuse("E_SCHEDULE",
               pointer,
               "expected ascending steps, the first 0 and the last at most ",
               most,
               ", got ",
               *step);
        return;
      }
      steps.push_back(static_cast<int>(*step));
    }
    if (steps.empty()) {
      refuse("E_SCHEDULE", pointer, "expected ascending steps, the first 0, got none");
      return;
    }
    config_.schedule = std::move(steps);
  }

  void read_calibration() {
    const JsonEntry* entry = find("/sinter/calibration");
    if (entry == nullptr || entry->kind != JsonEntry::Kind::object) return;
    CacheCalibration calibration;
    const std::string at = "/sinter/calibration/";
    if (const auto* model = scalar<std::string>(at + "model", "a string")) {
      calibration.model = *model;
    }
    if (const auto* solver = scalar<std::string>(at + "solver", "a string")) {
      calibration.solver = *solver;
    }
    integer(at + "steps", 1, kMostSteps, calibration.steps);
    number(at + "guidance", -1e3, 1e3, true, calibration.guidance);
    for (const std::string_view key : kCalibrationKeys) {
      if (find(cat(at, key)) == nullptr) {
        refuse("E_PROFILE", cat(at, key), "expected what the calibration was made from");
      }
    }
    config_.calibration = std::move(calibration);
  }

  /// Checks every section, takes the values of the chosen one.
  void read_section(const Section& section) {
    const std::string name = section.name == "TaylorSeer" && find("/TaylorSeer") == nullptr
                                 ? "Taylorseer"
                                 : std::string(section.name);
    const auto at = [&](std::string_view key) { return cat("/", name, "/", key); };
    CacheConfig own;  // values of a section that is not chosen are checked and dropped
    CacheConfig& config = section.method == config_.method ? config_ : own;
    if (section.method == CacheMethod::taylor) {
      const auto* label = scalar<std::string>(at("cache_name"), "a string");
      if (label != nullptr && *label != "TaylorSeer" && *label != "Taylorseer") {
        refuse("E_NAME",
               at("cache_name"),
               "expected \"TaylorSeer\", got \"",
               checkpoint::printable(*label),
               "\"");
      }
    } else {
      constant("E_NAME", at("cache_name"), section.name);
    }
    switch (section.method) {
      case CacheMethod::none:
        return;
      case CacheMethod::first_block:
        config.threshold = 0.05;
        number(at("rel_l1_thresh"), 0, 1, false, config.threshold);
        constant("E_CONST", at("latent"), "latent");
        constant("E_CONST", at("judge_input"), "cache_latent");
        return;
      case CacheMethod::tea:
        config.threshold = 0.1;
        config.warmup = 2;
        number(at("rel_l1_thresh"), 0, kMostTeaThreshold, true, config.threshold);
        integer(at("warmup"), 0, kMostSteps, config.warmup);
        constant("E_CONST", at("latent"), "latent");
        constant("E_CONST", at("judge_input"), "modulated_inp");
        config.coefficients = numbers(at("coefficients"), 1, 8).value_or(std::vector<double>{});
        return;
      case CacheMethod::easy:
        config.threshold = 0.025;
        config.warmup = 5;
        config.cutoff = 1;
        number(at("rel_l1_thresh"), 0, kMostTeaThreshold, true, config.threshold);
        integer(at("warmup"), 2, kMostSteps, config.warmup);
        integer(at("cutoff_steps"), 0, kMostSteps, config.cutoff);
        return;
      case CacheMethod::taylor:
        config.order = 3;
        config.period = 4;
        config.warmup = 1;
        config.cutoff = 1;
        integer(at("n_derivatives"), 0, 4, config.order);
        integer(at("skip_interval_steps"), 1, kMostSteps, config.period);
        integer(at("warmup"), 0, kMostSteps, config.warmup);
        integer(at("cutoff_steps"), 0, kMostSteps, config.cutoff);
        flag(at("offload"), config.offload);
        return;
    }
  }

  // ---- what depends on several values ----

  void check_together() {
    const bool dynamic = config_.dynamic();
    constexpr int kMostReused = 4;
    if (config_.max_consecutive == kUnset) config_.max_consecutive = dynamic ? kMostReused : -1;
    if (config_.method != CacheMethod::taylor && config_.schedule) {
      refuse("E_SCHEDULE", "/sinter/schedule", "expected with TaylorSeer only");
    }
    if (dynamic && config_.decision == DecisionPlace::schedule) {
      refuse("E_VALUE",
             "/sinter/decision",
             "expected host or device with ",
             to_string(config_.method),
             ", whose decisions depend on the run, got \"schedule\"");
    }
    if (!dynamic &&
        (config_.decision == DecisionPlace::host || config_.decision == DecisionPlace::device)) {
      refuse("E_VALUE",
             "/sinter/decision",
             "expected schedule with ",
             to_string(config_.method),
             ", which decides nothing");
    }
    if (dynamic && find("/sinter/granularity") != nullptr) {
      const bool velocity = config_.method == CacheMethod::easy;
      if (config_.granularity != (velocity ? Granularity::velocity : Granularity::trunk)) {
        refuse("E_VALUE",
               "/sinter/granularity",
               "expected ",
               velocity ? "velocity" : "trunk",
               " with ",
               to_string(config_.method));
      }
    }
    if (config_.method == CacheMethod::tea) check_tea();
    if (config_.method == CacheMethod::taylor) check_taylor();
    if (dynamic && config_.threshold == 0) {
      warn("W_NEVER", cat("/", to_string(config_.method), "/rel_l1_thresh"), "0 reuses no step");
    }
  }

  void check_tea() {
    const std::string pointer = "/TeaCache/coefficients";
    if (config_.coefficients.empty()) {
      if (find(pointer) == nullptr) {
        refuse("E_COEFF_MODEL",
               pointer,
               "expected a fit for this model: there is none to fall back to; make one with "
               "'sinter cache-fit'");
      }
      return;
    }
    if (is_foreign(config_.coefficients)) {
      const char* text =
          "these are another model's, with which the distance says nothing here; make a fit for "
          "this model with 'sinter cache-fit'";
      config_.cann ? warn("W_COEFF_MODEL", pointer, text) : refuse("E_COEFF_MODEL", pointer, text);
    }
    if (config_.threshold > 1) warn("W_RANGE", "/TeaCache/rel_l1_thresh", "above 1");
    warn_of_polynomial();
    config_.cutoff = config_.cann ? config_.warmup : 1;
  }

  /// Least and greatest value of the polynomial over distances up to `most`.
  std::pair<double, double> polynomial_range(double most) const {
    constexpr int kPlaces = 500;
    std::pair<double, double> range = {std::numeric_limits<double>::infinity(), 0};
    for (int i = 0; i <= kPlaces; ++i) {
      double d = most * i / kPlaces, value = 0;
      if (config_.distance_range) {
        d = std::clamp(d, config_.distance_range->front(), config_.distance_range->back());
      }
      for (const double c : config_.coefficients) value = value * d + c;
      value = config_.cann ? std::abs(value) : std::max(value, 0.0);
      range = {std::min(range.first, value), std::max(range.second, value)};
    }
    return range;
  }

  /// A threshold with which the distance decides nothing.
  void warn_of_polynomial() {
    const std::string pointer = "/TeaCache/rel_l1_thresh";
    constexpr double kLargest = 0.5, kUsual = 0.05;  // distances from step to step
    if (config_.threshold <= polynomial_range(kLargest).first) {
      return warn("W_NEVER", pointer, "the polynomial is nowhere below it: no step is reused");
    }
    const auto [least, most] = polynomial_range(kUsual);
    if (least > 0 && std::ceil(config_.threshold / least) == std::ceil(config_.threshold / most)) {
      warn("W_CONSTANT",
           pointer,
           "distances up to ",
           kUsual,
           " all give one computed step in ",
           std::ceil(config_.threshold / least),
           ", whatever the input");
    }
  }

  void check_taylor() {
    const std::string at = "/TaylorSeer/";
    if (config_.order > 2) warn("W_ORDER", at + "n_derivatives", "orders above 2 forecast noise");
    if (config_.period == 1 && !config_.schedule) {
      warn("W_NEVER", at + "skip_interval_steps", "1 skips no step");
    }
    if (config_.period > 8) warn("W_RANGE", at + "skip_interval_steps", "above 8");
    if (config_.warmup < config_.order + 1) {
      warn("W_LADDER",
           at + "warmup",
           "fewer than n_derivatives + 1: the first forecasts are of a lower order");
    }
  }

  static constexpr int kUnset = -2;
  std::string label_;
  CacheConfig config_;
};

std::string read_text(const std::string& path) {
  std::error_code error;
  const bool folder = std::filesystem::is_directory(path, error);
  std::ifstream file(path, std::ios::binary);
  const std::string name = checkpoint::printable(path);
  SINTER_CHECK(file && !folder,
               std::filesystem::exists(path, error) ? ErrorCode::io : ErrorCode::not_found,
               "[cache] file: expected a configuration that can be read, got ",
               folder                                 ? "a folder"
               : std::filesystem::exists(path, error) ? "none"
                                                      : "nothing",
               " (E_FILE, ",
               name,
               ")");
  std::string text(kMaxCacheConfigBytes + 1, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(file.gcount()));
  return text;
}

}  // namespace

const char* to_string(CacheMethod method) {
  for (const Section& section : sections()) {
    if (section.method == method) return section.name.data();
  }
  return "?";
}

CacheConfig parse_cache_config(std::string_view text, const std::string& label) {
  try {
    return Reader(text, checkpoint::printable(label)).read();
  } catch (const std::bad_alloc&) {
    fail(ErrorCode::out_of_memory, "[cache] ", checkpoint::printable(label), ": out of memory");
  }
}

CacheConfig load_cache_config(const std::string& path) {
  const std::string text = read_text(path);
  CacheConfig config = parse_cache_config(text, path);
  const JsonEntries entries = read_json_entries(text, path);
  const auto profile = entries.find("/sinter/schedule_profile");
  if (profile == entries.end()) return config;
  const auto name = std::get<std::string>(profile->second.scalar);
  const auto beside = std::filesystem::path(path).parent_path() / name;
  const CacheConfig made = parse_cache_config(read_text(beside.string()), beside.string());
  SINTER_CHECK(
      made.schedule && made.calibration && !config.schedule && config.method == CacheMethod::taylor,
      ErrorCode::invalid_argument,
      "[cache] E_PROFILE /sinter/schedule_profile: expected, with TaylorSeer and without "
      "a schedule of its own, a file with a schedule and what it was made from, got \"",
      checkpoint::printable(name),
      "\" (",
      checkpoint::printable(path),
      ")");
  config.schedule = made.schedule;
  config.schedule_steps = made.schedule_steps;
  config.calibration = made.calibration;
  return config;
}

}  // namespace sinter::sampling
