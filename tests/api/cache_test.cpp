// Requests that leave evaluations out: none knows of another, whatever happened before it.

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <ostream>
#include <string>
#include <vector>

#include "sinter/engine.h"
#include "sinter/error.h"

namespace sinter {
namespace {

constexpr int kSteps = 16;

struct Method {
  const char* name;
  bool decides;  ///< while the run goes on
  const char* text;

  friend void PrintTo(const Method& method, std::ostream* stream) { *stream << method.name; }
};

// Limits that random weights are on both sides of.
const Method kMethods[] = {
    {"FBCache", true, R"({"cache_forward": "FBCache", "FBCache": {"rel_l1_thresh": 0.95}})"},
    {"TeaCache",
     true,
     R"({"cache_forward": "TeaCache", "TeaCache": {"rel_l1_thresh": 0.4, "coefficients": [1, 0.01]}})"},
    {"EasyCache",
     true,
     R"({"cache_forward": "EasyCache", "EasyCache": {"rel_l1_thresh": 3, "warmup": 3}})"},
    {"TaylorSeer", false, R"({"cache_forward": "TaylorSeer", "TaylorSeer": {"n_derivatives": 2}})"},
    {"module",
     false,
     R"({"cache_forward": "TaylorSeer", "TaylorSeer": {"n_derivatives": 1, "offload": true},
         "sinter": {"granularity": "module"}})"},
    {"velocity",
     false,
     R"({"cache_forward": "TaylorSeer", "TaylorSeer": {}, "sinter": {"granularity": "velocity"}})"},
};

/// What can be told apart of a run.
struct Outcome {
  std::vector<std::array<float, 3>> positions;
  std::vector<std::string> kinds;
  std::vector<double> values;

  friend bool operator==(const Outcome&, const Outcome&) = default;
  friend void PrintTo(const Outcome& run, std::ostream* stream) {
    for (const std::string& kind : run.kinds) *stream << kind[0];
    for (const double value : run.values) *stream << ' ' << value;
  }
};

class CachedRequests : public testing::TestWithParam<Method> {
 protected:
  void SetUp() override {
    folder_ = std::filesystem::path(testing::TempDir()) / (std::string("cache-") + GetParam().name);
    std::filesystem::create_directories(folder_);
    options_.cache = (folder_ / "c.json").string();
    std::ofstream(options_.cache) << GetParam().text;
    options_.steps = kSteps;
    options_.octree = 16;
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  /// A transformer of the 2.0 family that runs in a moment.
  static Engine small() {
    EngineOptions options;
    options.random_weights = true;
    options.config = std::string(SINTER_SOURCE_DIR) + "/tests/models/data/variants/base.yaml";
    options.threads = 1;
    options.device = "cpu";
    options.keep_weights = true;
    return Engine("base", options);
  }
  static std::string picture(const char* name) {
    return std::string(SINTER_SOURCE_DIR) + "/examples/images/" + name;
  }
  Outcome run(Engine& engine, const char* name) {
    const GenerateResult made = engine.generate(picture(name), options_, {}, &metrics_);
    Outcome result{.positions = made.mesh.positions, .kinds = {}, .values = {}};
    for (const SampledStep& step : metrics_.sampled_steps) {
      result.kinds.push_back(step.kind);
      result.values.insert(result.values.end(), {step.value, step.accumulated});
      // Not known yet in the first step; compared as a number all the same.
      for (double& value : result.values) value = std::isfinite(value) ? value : -1;
    }
    return result;
  }
  Outcome alone(const char* name) {
    Engine engine = small();
    return run(engine, name);
  }

  std::filesystem::path folder_;
  GenerateOptions options_;
  Metrics metrics_;
};

TEST_P(CachedRequests, AreAsTheyAreAlone) {
  const Outcome mug = alone("mug.png"), car = alone("car.png");
  ASSERT_TRUE(mug.positions != car.positions);
  Engine engine = small();
  EXPECT_EQ(run(engine, "car.png"), car);
  EXPECT_EQ(run(engine, "mug.png"), mug);
  EXPECT_EQ(run(engine, "mug.png"), mug);
  // Stopped in the middle; then other steps, another guidance, another method.
  const auto stop = [](const Progress& now) {
    return std::string(now.stage) != "sample" || now.stage_fraction < 0.5;
  };
  EXPECT_THROW(engine.generate(picture("car.png"), options_, stop), Error);
  EXPECT_EQ(run(engine, "mug.png"), mug);
  GenerateOptions other = options_;
  other.steps = kSteps + 5;
  other.guidance = -1;
  engine.generate(picture("car.png"), other);
  other.cache = "off";
  engine.generate(picture("car.png"), other);
  EXPECT_EQ(run(engine, "car.png"), car);
}

TEST_P(CachedRequests, SayWhatBecameOfTheirSteps) {
  const Outcome mug = alone("mug.png");
  const auto counted = [&](const char* kind) {
    return std::count(mug.kinds.begin(), mug.kinds.end(), kind);
  };
  ASSERT_EQ(mug.kinds.size(), static_cast<std::size_t>(kSteps));
  EXPECT_EQ(mug.kinds.back(), "elided");
  EXPECT_GT(counted("predicted"), 0) << testing::PrintToString(mug);
  EXPECT_GT(counted("computed"), 3);
  EXPECT_EQ(metrics_.steps_computed, counted("computed"));
  EXPECT_EQ(metrics_.steps_predicted, counted("predicted"));
  EXPECT_EQ(metrics_.steps_elided, 1);
  EXPECT_EQ(metrics_.network_evaluations, 2 * counted("computed"));
  EXPECT_GT(metrics_.cache_bytes, 0U);
  EXPECT_EQ(metrics_.cache_offloaded_bytes, 0U);  // the CPU has nowhere to move it
  EXPECT_EQ(metrics_.cache_anomalies, 0);
  const bool any = std::any_of(
      metrics_.sampled_steps.begin(), metrics_.sampled_steps.end(), [](const SampledStep& step) {
        return std::isfinite(step.value) && step.value > 0;
      });
  EXPECT_EQ(any, GetParam().decides);
}

// What changes a step's kind and nothing else, and what changes no kind, change no bit.
TEST_P(CachedRequests, ThatLeaveNothingOutAreThePlainRun) {
  Engine engine = small();
  const Outcome cached = run(engine, "mug.png");
  options_.cache = "off";
  const Outcome plain = run(engine, "mug.png");
  EXPECT_FALSE(plain == cached);
  for (const char* text : {R"({"cache_forward": "NoCache"})",
                           R"({"cache_forward": "NoCache", "sinter": {"elide_zero_dt": false}})",
                           R"({"cache_forward": "FBCache", "FBCache": {"rel_l1_thresh": 0}})",
                           R"({"cache_forward": "EasyCache", "EasyCache": {"warmup": 16}})",
                           R"({"cache_forward": "TaylorSeer", "TaylorSeer":
                               {"skip_interval_steps": 1}})"}) {
    options_.cache = (folder_ / "plain.json").string();
    std::ofstream(options_.cache) << text;
    EXPECT_TRUE(run(engine, "mug.png").positions == plain.positions) << text;
    const bool elides = std::string(text).find("elide") == std::string::npos;
    EXPECT_EQ(metrics_.steps_elided, elides ? 1 : 0) << text;
    EXPECT_EQ(metrics_.steps_computed, kSteps - metrics_.steps_elided) << text;
  }
}

INSTANTIATE_TEST_SUITE_P(Methods,
                         CachedRequests,
                         testing::ValuesIn(kMethods),
                         [](const auto& method) { return std::string(method.param.name); });

}  // namespace
}  // namespace sinter
