#include "sampling/cache_config.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <functional>

#include "core/error.h"
#include "sampling/cache_plan.h"
#include "sampling/cache_presets.h"

namespace sinter::sampling {
namespace {

const std::string kSeed = std::string(SINTER_SOURCE_DIR) + "/tests/sampling/cache_config.json";

/// The configuration of one method: its section's text, and the text of the object "sinter".
std::string text_of(const std::string& method,
                    const std::string& section,
                    const std::string& own = "") {
  return "{\"cache_forward\": \"" + method + "\", \"" + method + "\": {" + section + "}" +
         (own.empty() ? "" : ", \"sinter\": {" + own + "}") + "}";
}

void expect_error(const std::string& text, const std::vector<std::string>& words) {
  try {
    parse_cache_config(text, "c.json");
    ADD_FAILURE() << "accepted " << text;
  } catch (const Error& error) {
    for (const std::string& word : words) {
      EXPECT_NE(error.message().find(word), std::string::npos)
          << error.message() << " for " << text;
    }
    EXPECT_NE(error.message().find("c.json"), std::string::npos) << error.message();
    EXPECT_EQ(error.message().find('\n'), std::string::npos);
  }
}

CacheConfig taylor(int order, int period, int warmup, int cutoff) {
  return parse_cache_config(text_of("TaylorSeer",
                                    cat("\"n_derivatives\": ",
                                        order,
                                        ", \"skip_interval_steps\": ",
                                        period,
                                        ", \"warmup\": ",
                                        warmup,
                                        ", \"cutoff_steps\": ",
                                        cutoff)),
                            "c.json");
}

TEST(CacheConfig, ReadsTheReferencesFileWithItsComments) {
  const CacheConfig config = load_cache_config(kSeed);
  EXPECT_EQ(config.method, CacheMethod::none);
  EXPECT_TRUE(config.elide_zero_steps);
  EXPECT_EQ(config.history, HistoryType::automatic);
}

TEST(CacheConfig, TakesTheSectionOfTheMethod) {
  const CacheConfig seer =
      parse_cache_config(text_of("Taylorseer",
                                 "\"n_derivatives\": 2, \"cache_name\": \"TaylorSeer\"",
                                 "\"granularity\": \"velocity\", \"compat\": \"cann\""),
                         "c.json");
  EXPECT_EQ(seer.method, CacheMethod::taylor);
  EXPECT_EQ(seer.order, 2);
  EXPECT_EQ(seer.period, 4);
  EXPECT_EQ(seer.warmup, 1);
  EXPECT_EQ(seer.cutoff, 1);
  EXPECT_EQ(seer.granularity, Granularity::velocity);
  EXPECT_EQ(seer.basis, Basis::taylor);
  EXPECT_EQ(seer.max_consecutive, -1);
  // The reference keeps what each module gives.
  EXPECT_EQ(parse_cache_config(text_of("TaylorSeer", "", "\"compat\": \"cann\""), "c").granularity,
            Granularity::module);
  const CacheConfig first = parse_cache_config(text_of("FBCache", "\"rel_l1_thresh\": 0.5"), "c");
  EXPECT_EQ(first.threshold, 0.5);
  EXPECT_EQ(first.max_consecutive, 4);
  EXPECT_EQ(first.reference, Reference::last_computed);
  const CacheConfig tea = parse_cache_config(
      text_of("TeaCache", "\"coefficients\": [1, 0.5, 2e-1], \"rel_l1_thresh\": 1"), "c");
  EXPECT_EQ(tea.coefficients, (std::vector<double>{1, 0.5, 0.2}));
  EXPECT_EQ(tea.warmup, 2);
  const CacheConfig easy = parse_cache_config(text_of("EasyCache", ""), "c");
  EXPECT_EQ(easy.threshold, 0.025);
  EXPECT_EQ(easy.warmup, 5);
}

struct Row {
  const char *method, *key, *valid, *out_of_range, *wrong_type;
  const char* code;  ///< of the value that is out of range
};

TEST(CacheConfig, ChecksEveryKeyOfTheReference) {
  const Row rows[] = {
      {"FBCache", "cache_name", "\"FBCache\"", "\"TeaCache\"", "1", "E_NAME"},
      {"FBCache", "rel_l1_thresh", "0.99", "1", "\"0.05\"", "E_RANGE"},
      {"FBCache", "rel_l1_thresh", "0", "-0.01", "true", "E_RANGE"},
      {"FBCache", "latent", "\"latent\"", "\"img\"", "null", "E_CONST"},
      {"FBCache", "judge_input", "\"cache_latent\"", "\"latent\"", "[]", "E_CONST"},
      {"TeaCache", "cache_name", "\"TeaCache\"", "\"tea\"", "1", "E_NAME"},
      {"TeaCache", "rel_l1_thresh", "10", "10.5", "\"x\"", "E_RANGE"},
      {"TeaCache", "coefficients", "[1, 2.5]", "[]", "3", "E_LENGTH"},
      {"TeaCache",
       "coefficients",
       "[1,2,3,4,5,6,7,8]",
       "[1,2,3,4,5,6,7,8,9]",
       "[1, \"2\"]",
       "E_LENGTH"},
      {"TeaCache", "warmup", "0", "-1", "2.0", "E_RANGE"},
      {"TeaCache", "latent", "\"latent\"", "\"x\"", "1", "E_CONST"},
      {"TeaCache", "judge_input", "\"modulated_inp\"", "\"x\"", "1", "E_CONST"},
      {"TaylorSeer", "cache_name", "\"Taylorseer\"", "\"taylorseer\"", "1", "E_NAME"},
      {"TaylorSeer", "n_derivatives", "4", "5", "1.0", "E_RANGE"},
      {"TaylorSeer", "n_derivatives", "0", "-1", "\"1\"", "E_RANGE"},
      {"TaylorSeer", "skip_interval_steps", "1", "0", "null", "E_RANGE"},
      {"TaylorSeer", "warmup", "0", "-1", "false", "E_RANGE"},
      {"TaylorSeer", "cutoff_steps", "0", "-3", "1e0", "E_RANGE"},
      {"TaylorSeer", "offload", "true", "1", "\"no\"", "E_TYPE"},
      {"EasyCache", "rel_l1_thresh", "0.1", "-1", "{}", "E_RANGE"},
      {"EasyCache", "cache_name", "\"EasyCache\"", "\"Easy\"", "2", "E_NAME"},
      {"EasyCache", "warmup", "2", "1", "[2]", "E_RANGE"},
      {"EasyCache", "cutoff_steps", "0", "-1", "0.5", "E_RANGE"},
      {"NoCache", "cache_name", "\"NoCache\"", "\"None\"", "0", "E_NAME"},
  };
  for (const Row& row : rows) {
    const auto with = [&](const char* value) {
      std::string section = cat("\"", row.key, "\": ", value);
      const bool tea = std::string(row.method) == "TeaCache";
      if (tea && std::string(row.key) != "coefficients") section += ", \"coefficients\": [1, 0]";
      return text_of(row.method, section);
    };
    const std::string pointer = cat("/", row.method, "/", row.key);
    EXPECT_NO_THROW(parse_cache_config(with(row.valid), "c.json")) << pointer;
    expect_error(with(row.out_of_range), {pointer, row.code});
    expect_error(with(row.wrong_type), {pointer, "E_TYPE"});
    // A section that is not chosen is checked as well.
    std::string other = with(row.out_of_range);
    other.replace(other.find(row.method), std::string(row.method).size(), "NoCache");
    if (std::string(row.method) != "NoCache") expect_error(other, {pointer, row.code});
  }
}

TEST(CacheConfig, ChecksTheExtension) {
  const auto with = [](const std::string& own) { return text_of("TaylorSeer", "", own); };
  const std::pair<const char*, const char*> valid[] = {
      {"granularity", "\"module\""},
      {"granularity", "\"trunk\""},
      {"granularity", "\"velocity\""},
      {"basis", "\"taylor\""},
      {"basis", "\"newton\""},
      {"basis", "\"hermite\""},
      {"abscissa", "\"sigma\""},
      {"schedule", "[0, 3, 7]"},
      {"reference", "\"previous_step\""},
      {"max_consecutive", "-1"},
      {"history_dtype", "\"bf16\""},
      {"elide_zero_dt", "false"},
      {"decision", "\"schedule\""},
      {"batch_policy", "\"split\""},
      {"compat", "\"\""},
  };
  for (const auto& [key, value] : valid) {
    EXPECT_NO_THROW(parse_cache_config(with(cat("\"", key, "\": ", value)), "c.json")) << key;
  }
  const std::pair<const char*, const char*> wrong[] = {
      {"granularity", "\"block\""},
      {"basis", "1"},
      {"abscissa", "\"time\""},
      {"schedule", "[1, 2]"},
      {"schedule", "[0, 2, 2]"},
      {"schedule", "[0, 1.5]"},
      {"schedule", "[]"},
      {"schedule", "[0, 1000]"},
      {"reference", "\"first\""},
      {"max_consecutive", "-2"},
      {"history_dtype", "\"fp8\""},
      {"elide_zero_dt", "1"},
      {"decision", "\"device\""},
      {"batch_policy", "\"all\""},
      {"compat", "\"npu\""},
      {"steps", "0"},
      {"schedule_profile", "3"},
      {"calibration", "[]"},
  };
  for (const auto& [key, value] : wrong) {
    expect_error(with(cat("\"", key, "\": ", value)), {cat("/sinter/", key)});
  }
  expect_error(with("\"steps\": 5, \"schedule\": [0, 5]"), {"E_SCHEDULE", "at most 4"});
  expect_error(with("\"calibration\": {\"model\": \"a\"}"), {"/sinter/calibration/steps"});
  // Known, and not to be had: another code.
  for (const char* own : {"\"basis\": \"chebyshev\"", "\"basis\": \"dmd\""}) {
    try {
      parse_cache_config(with(own), "c.json");
      ADD_FAILURE();
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::unsupported) << error.message();
    }
  }
}

TEST(CacheConfig, NamesWhatIsWrongWithTheDocument) {
  expect_error("[]", {"expected an object", "E_TYPE"});
  expect_error("3", {"expected an object"});
  expect_error("{", {"not valid JSON"});
  expect_error("{\n \"cache_forward\": \"NoCache\",\n}", {"line 3", "column"});
  expect_error("{\"cache_forward\": \"NoCache\" /* open }", {"not valid JSON"});
  expect_error("{}", {"/cache_forward", "E_METHOD"});
  expect_error("{\"cache_forward\": \"TeeCache\"}", {"E_METHOD", "TeaCache"});
  expect_error("{\"cache_forward\": \"taylorseer\"}", {"E_METHOD", "TaylorSeer"});
  expect_error("{\"cache_forward\": 1}", {"/cache_forward", "E_TYPE"});
  expect_error("{\"cache_forward\": \"FBCache\"}", {"E_SECTION", "/FBCache"});
  expect_error("{\"cache_forward\": \"NoCache\", \"comment\": 3}", {"/comment", "E_TYPE"});
  expect_error("{\"cache_forward\": \"NoCache\", \"enable_separate_cfg\": 0}",
               {"/enable_separate_cfg", "E_TYPE"});
  EXPECT_NO_THROW(parse_cache_config(
      "{\"cache_forward\": \"NoCache\", \"enable_separate_cfg\": false}", "c.json"));
  expect_error("{\"cache_forward\": \"NoCache\", \"NoCache\": {\"warmup\": 1}}",
               {"/NoCache/warmup", "E_UNKNOWN"});
  expect_error("{\"cache_forward\": \"NoCache\", \"cache_forward\": \"NoCache\"}",
               {"/cache_forward", "twice"});
  expect_error(text_of("FBCache", "\"rel_l1_tresh\": 0.1"),
               {"E_UNKNOWN", "/FBCache/rel_l1_tresh", "rel_l1_thresh"});
  expect_error("{\"cache_forward\": \"NoCache\", \"FBCach\": {}}", {"E_UNKNOWN", "FBCache"});
  expect_error("{\"cache_forward\": \"NoCache\", \"FBCache\": 3}", {"/FBCache", "E_TYPE"});
  expect_error(text_of("TaylorSeer", "", "\"granulariti\": 1"), {"granularity"});
  expect_error("{\"cache_forward\": \"TaylorSeer\", \"TaylorSeer\": {}, \"Taylorseer\": {}}",
               {"/Taylorseer"});
  expect_error(text_of("FBCache", "\"rel_l1_thresh\": 1e999"), {"not valid JSON"});
  // Several at once.
  expect_error(text_of("TaylorSeer", "\"warmup\": -1, \"offload\": 0", "\"basis\": \"x\""),
               {"/TaylorSeer/warmup", "/TaylorSeer/offload", "/sinter/basis"});
}

TEST(CacheConfig, RefusesCombinations) {
  const auto separate = [](const std::string& method, const std::string& section) {
    std::string text = text_of(method, section);
    return text.insert(1, "\"enable_separate_cfg\": true, ");
  };
  expect_error(separate("TaylorSeer", ""), {"E_CFG_METHOD", "/enable_separate_cfg"});
  expect_error(separate("FBCache", ""), {"E_CFG_LAYOUT", "/enable_separate_cfg"});
  expect_error(text_of("FBCache", "", "\"granularity\": \"velocity\""), {"/sinter/granularity"});
  expect_error(text_of("FBCache", "", "\"granularity\": \"module\""), {"/sinter/granularity"});
  expect_error(text_of("EasyCache", "", "\"granularity\": \"trunk\""), {"/sinter/granularity"});
  EXPECT_NO_THROW(
      parse_cache_config(text_of("EasyCache", "", "\"granularity\": \"velocity\""), "c.json"));
  expect_error(text_of("FBCache", "", "\"schedule\": [0, 1]"), {"E_SCHEDULE"});
  expect_error(text_of("FBCache", "", "\"decision\": \"schedule\""), {"/sinter/decision"});
}

/// Codes of the warnings of a text, in order.
std::string warnings(const std::string& text) {
  std::string codes;
  for (const std::string& line : parse_cache_config(text, "c").warnings) {
    codes += line.substr(0, line.find(':')) + ";";
  }
  return codes;
}

TEST(CacheConfig, WarnsOfWhatDecidesNothing) {
  EXPECT_EQ(warnings(text_of("FBCache", "\"rel_l1_thresh\": 0")),
            "W_NEVER /FBCache/rel_l1_thresh;");
  EXPECT_EQ(warnings(text_of("TaylorSeer", "\"warmup\": 4, \"skip_interval_steps\": 1")),
            "W_ORDER /TaylorSeer/n_derivatives;W_NEVER /TaylorSeer/skip_interval_steps;");
  EXPECT_EQ(warnings(text_of("TaylorSeer",
                             "\"n_derivatives\": 1, \"warmup\": 1, \"skip_interval_steps\": 9")),
            "W_RANGE /TaylorSeer/skip_interval_steps;W_LADDER /TaylorSeer/warmup;");
  // Another model's polynomial is never below 0.0521, and for small distances 0.1 to 0.0521.
  const std::string video =
      "\"coefficients\": [733.226126, -401.131952, 67.5869174, -3.149878, 0.0961237896], "
      "\"rel_l1_thresh\": ";
  const std::string coefficients = "W_COEFF_MODEL /TeaCache/coefficients;";
  const auto with = [&](const char* threshold) {
    return warnings(text_of("TeaCache", video + threshold, "\"compat\": \"cann\""));
  };
  EXPECT_EQ(with("0.05"), coefficients + "W_NEVER /TeaCache/rel_l1_thresh;");
  EXPECT_EQ(with("0.1"), coefficients + "W_CONSTANT /TeaCache/rel_l1_thresh;");
  EXPECT_EQ(with("0.15"), coefficients);
  // A fit whose values differ does decide, within its range.
  EXPECT_EQ(warnings(text_of("TeaCache",
                             "\"coefficients\": [2, 0.01], \"rel_l1_thresh\": 0.1",
                             "\"distance_range\": [0.01, 0.04]")),
            "");
}

TEST(CacheConfig, RefusesTheFitOfAnotherModel) {
  const std::string video = "\"coefficients\": [733.226126, -401.131952, 67.5869174, ";
  for (const char* fourth : {"-3.149878", "-3.149879"}) {
    const std::string section = video + fourth + ", 0.0961237896]";
    expect_error(text_of("TeaCache", section), {"E_COEFF_MODEL", "/TeaCache/coefficients"});
    const CacheConfig config =
        parse_cache_config(text_of("TeaCache", section, "\"compat\": \"cann\""), "c");
    ASSERT_FALSE(config.warnings.empty());
    EXPECT_NE(config.warnings[0].find("W_COEFF_MODEL"), std::string::npos);
  }
  expect_error(text_of("TeaCache", ""), {"E_COEFF_MODEL"});
  // Reversed they are no one's.
  EXPECT_NO_THROW(parse_cache_config(
      text_of("TeaCache",
              "\"coefficients\": [0.0961237896, -3.149878, 67.5869174, -401.131952, 733.226126]"),
      "c"));
}

TEST(CacheConfig, LoadsAProfileBesideTheFile) {
  const auto folder = std::filesystem::path(::testing::TempDir()) / "sinter-cache-profile";
  std::filesystem::create_directories(folder);
  const auto write = [&](const char* name, const std::string& text) {
    std::ofstream(folder / name) << text;
    return (folder / name).string();
  };
  write("made.json",
        text_of("TaylorSeer",
                "",
                "\"schedule\": [0, 1, 5], \"steps\": 20, \"calibration\": {\"model\": \"m\", "
                "\"steps\": 20, \"guidance\": 5, \"solver\": \"euler\"}"));
  write("plain.json", text_of("TaylorSeer", ""));
  const std::string good =
      write("good.json", text_of("TaylorSeer", "", "\"schedule_profile\": \"made.json\""));
  const CacheConfig config = load_cache_config(good);
  EXPECT_EQ(config.schedule, (std::vector<int>{0, 1, 5}));
  EXPECT_EQ(config.schedule_steps, 20);
  EXPECT_EQ(config.calibration->model, "m");
  for (const char* name : {"plain.json", "none.json"}) {
    const std::string bad =
        write("bad.json", text_of("TaylorSeer", "", cat("\"schedule_profile\": \"", name, "\"")));
    EXPECT_THROW(load_cache_config(bad), Error) << name;
  }
  EXPECT_THROW(load_cache_config(folder.string()), Error);
  EXPECT_THROW(load_cache_config((folder / "missing.json").string()), Error);
  std::filesystem::remove_all(folder);
}

// The steps of a plan in which zero steps count like others.
std::vector<int> computed_steps(CacheConfig config, int steps) {
  config.elide_zero_steps = false;
  const auto plan = plan_steps(config, make_schedule({}, steps));
  std::vector<int> computed;
  for (int s = 0; s < steps; ++s) {
    if (plan[static_cast<std::size_t>(s)] == StepKind::computed) computed.push_back(s);
  }
  return computed;
}

TEST(CachePlan, CountsOfTheReference) {
  const int expected[] = {100, 52, 36, 28, 23, 20, 17};  // periods 1 to 7, warm-up 3, cutoff 0
  for (int period = 1; period <= 7; ++period) {
    const auto computed = computed_steps(taylor(1, period, 3, 0), 100);
    EXPECT_EQ(computed.size(), static_cast<std::size_t>(expected[period - 1])) << period;
  }
}

// Where others begin to count (docs/cache.md): the original and cache-dit one step earlier, which
// is a warm-up less; diffusers one later, which a schedule can say.
TEST(CachePlan, ConventionsOfOthers) {
  const int original[] = {51, 35, 27, 22, 19, 16}, diffusers[] = {51, 35, 27, 23, 19, 17};
  for (int period = 2; period <= 7; ++period) {
    const auto expect = [&](const std::vector<int>& computed, int first, int count) {
      std::vector<int> expected;
      for (int s = 0; s < 100; ++s) {
        if (s < 3 || (s - first) % period == 0) expected.push_back(s);
      }
      EXPECT_EQ(computed, expected) << period;
      EXPECT_EQ(expected.size(), static_cast<std::size_t>(count)) << period;
    };
    const auto at = static_cast<std::size_t>(period - 2);
    expect(computed_steps(taylor(1, period, 2, 0), 100), 2, original[at]);
    std::string steps = "0, 1, 2";
    for (int s = 4; s < 100; s += period) steps += cat(", ", s);
    expect(computed_steps(
               parse_cache_config(text_of("TaylorSeer",
                                          "\"warmup\": 0, \"cutoff_steps\": 0",
                                          cat("\"steps\": 100, \"schedule\": [", steps, "]")),
                                  "c"),
               100),
           4,
           diffusers[at]);
  }
}

TEST(CachePlan, SaysWhereNothingIsLeftOut) {
  const auto warned = [](const CacheConfig& config, int steps) {
    return !plan_warnings(config, plan_steps(config, make_schedule({}, steps))).empty();
  };
  EXPECT_TRUE(warned(taylor(1, 4, 6, 5), 11));
  EXPECT_FALSE(warned(taylor(1, 4, 6, 3), 11));
  EXPECT_TRUE(warned(parse_cache_config(text_of("EasyCache", "\"warmup\": 20"), "c"), 20));
  EXPECT_FALSE(warned(parse_cache_config(text_of("EasyCache", "\"warmup\": 12"), "c"), 20));
  EXPECT_FALSE(warned(find_cache("off"), 20));
}

TEST(CachePlan, DefaultsOfTheReference) {
  std::vector<int> expected = {0};
  for (int s = 1; s <= 97; s += 4) expected.push_back(s);
  expected.push_back(99);
  ASSERT_EQ(expected.size(), 27U);
  EXPECT_EQ(computed_steps(taylor(3, 4, 1, 1), 100), expected);
  // The last step has size zero, so nothing is computed for it.
  const auto plan = plan_steps(taylor(3, 4, 1, 1), make_schedule({}, 100));
  EXPECT_EQ(plan.back(), StepKind::elided);
  EXPECT_EQ(count(plan, StepKind::computed), 26);
  EXPECT_EQ(count(plan, StepKind::predicted), 73);
  EXPECT_EQ(count(plan, StepKind::elided), 1);
}

TEST(CachePlan, DynamicMethodsForceTheirEnds) {
  const CacheConfig config =
      parse_cache_config(text_of("EasyCache", "\"warmup\": 3, \"cutoff_steps\": 2"), "c");
  const auto plan = plan_steps(config, make_schedule({}, 12));
  using enum StepKind;
  EXPECT_EQ(plan,
            (std::vector<StepKind>{computed,
                                   computed,
                                   computed,
                                   decided,
                                   decided,
                                   decided,
                                   decided,
                                   decided,
                                   decided,
                                   decided,
                                   computed,
                                   elided}));
}

TEST(CachePlan, SchedulesAreForTheirSteps) {
  const CacheConfig config = parse_cache_config(
      text_of("TaylorSeer", "\"warmup\": 0, \"cutoff_steps\": 0", "\"schedule\": [0, 2, 5]"), "c");
  EXPECT_EQ(computed_steps(config, 7), (std::vector<int>{0, 2, 5}));
  EXPECT_THROW(plan_steps(config, make_schedule({}, 5)), Error);
  CacheConfig other = config;
  other.schedule_steps = 9;
  EXPECT_THROW(plan_steps(other, make_schedule({}, 7)), Error);
}

TEST(CachePlan, RefusesStepsThatDoNotFit) {
  const auto expect = [](const CacheConfig& config, int steps, const char* word) {
    try {
      plan_steps(config, make_schedule({}, steps));
      ADD_FAILURE() << word;
    } catch (const Error& error) {
      EXPECT_NE(error.message().find(word), std::string::npos) << error.message();
    }
  };
  expect(taylor(1, 4, 21, 0), 20, "warmup");
  expect(taylor(1, 4, 0, 21), 20, "cutoff_steps");
  expect(taylor(1, 21, 0, 0), 20, "skip_interval_steps");
  expect(taylor(1, 2, 0, 0), 8, "E_FEWSTEP");
  EXPECT_NO_THROW(plan_steps(find_cache("off"), make_schedule({}, 1)));
}

TEST(CachePresets, SpreadTheirEvaluations) {
  const std::pair<const char*, int> presets[] = {{"safe", 27}, {"fast", 19}, {"max", 10}};
  for (const auto& [name, evaluations] : presets) {
    const CacheConfig config = find_cache(name);
    for (const int steps : {28, 50, 100, 1000}) {
      const auto plan = plan_steps(config, make_schedule({}, steps));
      EXPECT_EQ(plan.front(), StepKind::computed);
      EXPECT_EQ(plan.back(), StepKind::elided);
      EXPECT_EQ(count(plan, StepKind::computed), std::min(evaluations, steps - 1)) << steps;
      // No gap is longer than another by more than a step.
      int gap = 0, least = steps, most = 0;
      for (const StepKind kind : plan) {
        if (kind != StepKind::predicted && gap > 0) {
          least = std::min(least, gap);
          most = std::max(most, gap);
          gap = 0;
        }
        ++gap;
      }
      EXPECT_LE(most - least, 1) << steps;
    }
    // Few steps are left alone.
    EXPECT_EQ(count(plan_steps(config, make_schedule({}, 5)), StepKind::predicted), 0);
  }
  EXPECT_EQ(find_cache("off").method, CacheMethod::none);
  EXPECT_THROW(find_cache("quick"), Error);
}

}  // namespace
}  // namespace sinter::sampling
