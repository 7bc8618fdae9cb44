#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <functional>
#include <map>
#include <numeric>

#include "core/error.h"
#include "ops/decision.h"
#include "sampling/cache_presets.h"
#include "sampling/sampler.h"
#include "sampling/toy_reference.h"

namespace sinter::sampling {
namespace {

CacheConfig taylor(int order, int period, int warmup, Granularity granularity) {
  CacheConfig config;
  config.method = CacheMethod::taylor;
  config.order = order;
  config.period = period;
  config.warmup = warmup;
  config.granularity = granularity;
  config.max_consecutive = -1;
  return config;
}

CacheConfig dynamic(CacheMethod method, double threshold, int warmup = 1) {
  CacheConfig config;
  config.method = method;
  config.threshold = threshold;
  config.warmup = warmup;
  config.max_consecutive = 4;
  if (method == CacheMethod::tea) config.coefficients = {0.5, 0.9, 0.001};
  return config;
}

struct Outcome {
  std::vector<float> latents;
  SamplerReport report;
  std::vector<int> blocks;
};

/// Twenty steps, or others, of the toy network from start().
struct Runner {
  Schedule schedule = make_schedule({}, 21).without_zero_steps();
  Solver solver = Solver::euler;
  bool guided = true;
  Context ctx = {};

  SamplerOptions options(const CacheConfig& cache) const {
    SamplerOptions result{.guidance = kGuidance, .guided = guided};
    result.solver = solver;
    result.cache = cache;
    result.plan = plan_steps(cache, schedule);
    return result;
  }
  Outcome operator()(const CacheConfig& cache,
                     const std::function<void(ToyNetwork&)>& prepare = {}) {
    const auto toy = std::make_shared<ToyNetwork>(schedule, guided ? 2 : 1);
    if (prepare) prepare(*toy);
    Outcome run{.latents = start(), .report = {}, .blocks = {}};
    const Tensor latents{
        .data = run.latents.data(), .shape = {kToyTokens, kToyChannels}, .name = "x"};
    run.report = sample(ctx, schedule, options(cache), latents, {whole(toy), toy});
    run.blocks = toy->blocks_run;
    EXPECT_EQ(ctx.arena().bytes_in_use(), 0U);
    return run;
  }
  static VelocityFn whole(const std::shared_ptr<ToyNetwork>& toy) {
    return [toy](Context& ctx, const ops::Step& step, const Tensor& x, const Tensor& v) {
      ArenaScope scope(ctx.arena());
      toy->prepare(ctx, x.dim(0));
      toy->embed(ctx, step, x);
      toy->run_blocks(ctx, step, 0, toy->blocks());
      toy->head(ctx, step, v);
    };
  }
};

// Twenty updates of values of size 1 and a few roundings of 6e-8 each, times the weights of a
// forecast and of guidance.
constexpr double kClose = 2e-5;

void expect_close(const std::vector<float>& got, const ExactToy::Values& expected) {
  for (std::size_t i = 0; i < got.size(); ++i) EXPECT_NEAR(got[i], expected[i], kClose) << i;
}

std::string kinds(const SamplerReport& report) {
  std::string text;
  for (const StepRecord& step : report.steps) text += step.kind == StepKind::computed ? 'C' : '.';
  return text;
}

TEST(CachedSampler, NothingLeftOutIsThePlainLoop) {
  for (const bool guided : {true, false}) {
    Runner runner{.guided = guided};
    const Outcome plain = runner({});
    expect_close(plain.latents,
                 ExactToy{runner.schedule, guided ? 2 : 1}.integrate([&](const auto& x, int step) {
                   return ExactToy{runner.schedule, guided ? 2 : 1}.velocity(x, step);
                 }));
    std::vector<CacheConfig> same = {taylor(1, 1, 0, Granularity::trunk),
                                     taylor(3, 1, 0, Granularity::velocity)};
    for (const auto method : {CacheMethod::first_block, CacheMethod::tea, CacheMethod::easy}) {
      same.push_back(dynamic(method, 0));
      same.push_back(dynamic(method, 0.9, 20));
      same.push_back(dynamic(method, 9));
      same.back().max_consecutive = 0;
    }
    for (const CacheConfig& config : same) {
      const Outcome run = runner(config);
      EXPECT_EQ(run.latents, plain.latents) << to_string(config.method);
      EXPECT_EQ(run.report.computed, 20);
      EXPECT_EQ(run.report.predicted, 0);
    }
  }
}

TEST(CachedSampler, ReusedVelocitiesAreLargerSteps) {
  Runner runner;
  for (const int period : {2, 3, 5}) {
    const Outcome run = runner(taylor(0, period, 2, Granularity::velocity));
    Runner merged;
    Schedule fewer;
    for (int step = 0; step < 20; ++step) {
      if (step < 2 || (step - 2) % period == 0) {
        fewer.sigmas.push_back(runner.schedule.sigmas[static_cast<std::size_t>(step)]);
      }
    }
    fewer.sigmas.push_back(1.0F);
    merged.schedule = fewer;
    const Outcome steps = merged(CacheConfig{});
    EXPECT_EQ(run.report.computed, fewer.steps());
    for (std::size_t i = 0; i < run.latents.size(); ++i) {
      EXPECT_NEAR(run.latents[i], steps.latents[i], 2e-6) << period;
    }
  }
}

TEST(CachedSampler, VelocitiesAreForecastAlongALine) {
  Runner runner;
  const ExactToy reference{runner.schedule};
  const CacheConfig config = taylor(1, 3, 2, Granularity::velocity);
  const Outcome run = runner(config);
  EXPECT_EQ(kinds(run.report), "CCC..C..C..C..C..C..");
  std::map<int, ExactToy::Values> known;
  expect_close(run.latents, reference.integrate([&](const auto& x, int step) {
    if (step < 2 || (step - 2) % 3 == 0) return known[step] = reference.velocity(x, step);
    const auto last = std::prev(known.end()), before = std::prev(last);
    ExactToy::Values v = last->second;
    const double k = static_cast<double>(step - last->first) / (last->first - before->first);
    for (std::size_t i = 0; i < v.size(); ++i) v[i] += k * (v[i] - before->second[i]);
    return v;
  }));
}

TEST(CachedSampler, TrunksAreForecastAndTheHeadSeesTheTime) {
  for (const int order : {0, 1, 2}) {
    Runner runner;
    const ExactToy reference{runner.schedule};
    const Outcome run = runner(taylor(order, 4, 3, Granularity::trunk));
    EXPECT_EQ(kinds(run.report), "CCCC...C...C...C...C");
    std::vector<std::pair<int, ExactToy::Values>> known;  // newest first
    expect_close(run.latents, reference.integrate([&](const auto& x, int step) {
      const double sigma = reference.sigma(step);
      if (step < 3 || (step - 3) % 4 == 0) {
        known.insert(known.begin(),
                     {step, reference.blocks(reference.embed(x), 0, kToyBlocks, sigma)});
        return reference.head(known.front().second, sigma);
      }
      // Neville's scheme: the polynomial through the newest order + 1.
      std::vector<ExactToy::Values> p;
      for (int j = 0; j <= order; ++j) p.push_back(known[static_cast<std::size_t>(j)].second);
      for (int level = 1; level <= order; ++level) {
        for (int j = 0; j + level <= order; ++j) {
          const double a = known[static_cast<std::size_t>(j)].first,
                       b = known[static_cast<std::size_t>(j + level)].first;
          auto& low = p[static_cast<std::size_t>(j)];
          const auto& high = p[static_cast<std::size_t>(j) + 1];
          for (std::size_t i = 0; i < low.size(); ++i) {
            low[i] = ((step - b) * low[i] + (a - step) * high[i]) / (a - b);
          }
        }
      }
      return reference.head(p[0], sigma);
    }));
    // Every computed step ran every block, every other none.
    for (int step = 0; step < 20; ++step) {
      const bool computed = step < 3 || (step - 3) % 4 == 0;
      EXPECT_EQ(run.blocks[static_cast<std::size_t>(step)], computed ? kToyBlocks : 0) << step;
    }
  }
}

TEST(CachedSampler, ModulesAreForecastAndTheGatesSeeTheTime) {
  Runner runner;
  const ExactToy reference{runner.schedule};
  const Outcome run = runner(taylor(1, 3, 2, Granularity::module));
  EXPECT_EQ(kinds(run.report), "CCC..C..C..C..C..C..");
  std::map<int, std::vector<ExactToy::Values>> known;  // outputs of each block
  expect_close(run.latents, reference.integrate([&](const auto& x, int step) {
    const double sigma = reference.sigma(step), gate = Toy<double>::gate(sigma);
    auto h = reference.embed(x);
    if (step < 2 || (step - 2) % 3 == 0) {
      for (int b = 0; b < kToyBlocks; ++b) {
        auto after = reference.blocks(h, b, b + 1, sigma);
        ExactToy::Values output = after;
        for (std::size_t i = 0; i < h.size(); ++i) output[i] = (after[i] - h[i]) / gate;
        known[step].push_back(output);
        h = after;
      }
      return reference.head(h, sigma);
    }
    const auto last = std::prev(known.end()), before = std::prev(last);
    const double k = static_cast<double>(step - last->first) / (last->first - before->first);
    for (std::size_t b = 0; b < kToyBlocks; ++b) {
      for (std::size_t i = 0; i < h.size(); ++i) {
        const double newest = last->second[b][i];
        h[i] += gate * (newest + k * (newest - before->second[b][i]));
      }
    }
    return reference.head(h, sigma);
  }));
  for (std::size_t step = 0; step < 20; ++step) {
    const bool computed = run.report.steps[step].kind == StepKind::computed;
    EXPECT_EQ(run.blocks[step], computed ? kToyBlocks : 0) << step;
  }
}

TEST(CachedSampler, FirstBlockDecides) {
  Runner runner;
  const ExactToy reference{runner.schedule};
  for (const double threshold : {0.15, 0.3}) {
    const Outcome run = runner(dynamic(CacheMethod::first_block, threshold, 2));
    ExactToy::Values residual, reference_change;
    std::string decisions;
    int reused = 0;
    expect_close(run.latents, reference.integrate([&](const auto& x, int step) {
      const double sigma = reference.sigma(step);
      const auto before = reference.embed(x);
      auto h = reference.blocks(before, 0, 1, sigma);
      ExactToy::Values added = h;
      for (std::size_t i = 0; i < h.size(); ++i) added[i] -= before[i];
      bool compute = step < 2 || reused == 4;
      if (!compute) {
        double size = 0;
        const double sum = change(added, reference_change, &size);
        compute = sum / size >= threshold;
      }
      decisions += compute ? 'C' : '.';
      if (compute) {
        const auto after = reference.blocks(h, 1, kToyBlocks, sigma);
        residual = after;
        for (std::size_t i = 0; i < h.size(); ++i) residual[i] -= h[i];
        reference_change = added;
        reused = 0;
        return reference.head(after, sigma);
      }
      ++reused;
      for (std::size_t i = 0; i < h.size(); ++i) h[i] += residual[i];
      return reference.head(h, sigma);
    }));
    EXPECT_EQ(kinds(run.report), decisions);
    EXPECT_GT(run.report.predicted, 3);
    EXPECT_GT(run.report.computed, 3);
    for (std::size_t step = 0; step < 20; ++step) {
      EXPECT_EQ(run.blocks[step], decisions[step] == 'C' ? kToyBlocks : 1) << step;
    }
  }
}

TEST(CachedSampler, ModulatedInputDecides) {
  Runner runner;
  const ExactToy reference{runner.schedule};
  const CacheConfig config = dynamic(CacheMethod::tea, 0.25, 2);
  const Outcome run = runner(config);
  ExactToy::Values residual, previous;
  std::string decisions;
  double accumulated = 0;
  int reused = 0;
  expect_close(run.latents, reference.integrate([&](const auto& x, int step) {
    const double sigma = reference.sigma(step);
    const auto before = reference.embed(x);
    ExactToy::Values input;
    for (std::size_t i = 0; i < kToyTokens * kToyWidth; ++i) {
      input.push_back(Toy<double>::modulated(before[i], sigma));
    }
    bool compute = step < 2 || reused == 4;
    if (step > 0) {
      double size = 0;
      const double sum = change(input, previous, &size), d = sum / size;
      accumulated += 0.5 * d * d + 0.9 * d + 0.001;
      compute = compute || accumulated >= 0.25;
    }
    previous = input;
    decisions += compute ? 'C' : '.';
    auto h = before;
    if (compute) {
      accumulated = reused = 0;
      h = reference.blocks(before, 0, kToyBlocks, sigma);
      residual = h;
      for (std::size_t i = 0; i < h.size(); ++i) residual[i] -= before[i];
    } else {
      ++reused;
      for (std::size_t i = 0; i < h.size(); ++i) h[i] += residual[i];
    }
    return reference.head(h, sigma);
  }));
  EXPECT_EQ(kinds(run.report), decisions);
  EXPECT_GT(run.report.predicted, 3);
  EXPECT_GT(run.report.computed, 3);
  for (std::size_t step = 0; step < 20; ++step) {
    EXPECT_EQ(run.blocks[step], decisions[step] == 'C' ? kToyBlocks : 0) << step;
  }
}

TEST(CachedSampler, LatentsDecide) {
  Runner runner;
  const ExactToy reference{runner.schedule};
  const Outcome run = runner(dynamic(CacheMethod::easy, 0.4, 3));
  ExactToy::Values previous, last_x, last_v;
  double rate = 0, accumulated = 0;
  int reused = 0;
  std::string decisions;
  expect_close(run.latents, reference.integrate([&](const auto& x, int step) {
    bool compute = step < 3 || reused == 4;
    if (step > 1) {
      double size = 0;
      change(x, last_v, &size);
      accumulated += rate * change(x, previous) / size;
      compute = compute || accumulated >= 0.4;
    }
    previous = x;
    decisions += compute ? 'C' : '.';
    ExactToy::Values v = x;
    if (compute) {
      v = reference.velocity(x, step);
      if (step > 0) rate = change(last_v, v) / change(last_x, x);
      last_x = x;
      last_v = v;
      accumulated = reused = 0;
    } else {
      ++reused;
      for (std::size_t i = 0; i < v.size(); ++i) v[i] += last_v[i] - last_x[i];
    }
    return v;
  }));
  EXPECT_EQ(kinds(run.report), decisions);
  EXPECT_GT(run.report.predicted, 3);
  EXPECT_GT(run.report.computed, 3);
}

TEST(CachedSampler, SecondOrderSolver) {
  // Against many small steps the error of halved steps falls by four, Euler's by two.
  const auto error = [](Solver solver, int steps) {
    Runner fine, coarse;
    coarse.solver = solver;
    fine.schedule = make_schedule({}, 961).without_zero_steps();
    fine.solver = Solver::ab2;
    coarse.schedule = make_schedule({}, steps + 1).without_zero_steps();
    const Outcome exact = fine(CacheConfig{}), run = coarse(CacheConfig{});
    double sum = 0;
    for (std::size_t i = 0; i < exact.latents.size(); ++i) {
      sum += std::abs(static_cast<double>(exact.latents[i]) - run.latents[i]);
    }
    return sum;
  };
  const double second = error(Solver::ab2, 20) / error(Solver::ab2, 40);
  const double first = error(Solver::euler, 20) / error(Solver::euler, 40);
  EXPECT_GT(second, 3.3);
  EXPECT_LT(second, 5.0);
  EXPECT_NEAR(first, 2.0, 0.3);
  EXPECT_LT(error(Solver::ab2, 20), error(Solver::euler, 20) / 3);
}

TEST(CachedSampler, SolverAndForecastTogetherAreLargerSecondOrderSteps) {
  Runner runner{.solver = Solver::ab2};
  const Outcome run = runner(taylor(1, 4, 2, Granularity::velocity));
  Runner merged{.solver = Solver::ab2};
  Schedule fewer;
  for (int step = 0; step < 20; ++step) {
    if (step < 2 || (step - 2) % 4 == 0) {
      fewer.sigmas.push_back(runner.schedule.sigmas[static_cast<std::size_t>(step)]);
    }
  }
  fewer.sigmas.push_back(1.0F);
  merged.schedule = fewer;
  const Outcome steps = merged(CacheConfig{});
  for (std::size_t i = 0; i < run.latents.size(); ++i) {
    EXPECT_NEAR(run.latents[i], steps.latents[i], 4e-6);
  }
}

TEST(CachedSampler, EveryRequestStartsAnew) {
  std::vector<CacheConfig> all = {taylor(2, 3, 2, Granularity::module),
                                  taylor(2, 3, 2, Granularity::trunk),
                                  taylor(2, 3, 2, Granularity::velocity)};
  for (const auto method : {CacheMethod::first_block, CacheMethod::tea, CacheMethod::easy}) {
    all.push_back(dynamic(method, 0.3, 2));
  }
  for (const CacheConfig& config : all) {
    Runner fresh, used;
    const Outcome expected = fresh(config);
    ASSERT_GT(expected.report.predicted, 0) << to_string(config.method);
    EXPECT_EQ(used(config).latents, expected.latents);
    // Stopped in the middle, and other numbers of steps, guidance and threads in between.
    EXPECT_THROW(used(config, [](ToyNetwork& toy) { toy.stop_at = 8; }), Error);
    const Schedule whole = used.schedule;
    used.schedule = make_schedule({}, 13).without_zero_steps();
    used(config);
    used.guided = false;
    used(config);
    used.guided = true;
    used.schedule = whole;
    used.ctx.threads = 3;
    const Outcome again = used(config);
    EXPECT_EQ(again.latents, expected.latents) << to_string(config.method);
    EXPECT_EQ(kinds(again.report), kinds(expected.report));
  }
}

TEST(CachedSampler, ValuesThatAreNotFiniteAreComputedAndCounted) {
  Runner runner;
  CacheConfig config = dynamic(CacheMethod::tea, 10, 2);
  config.max_consecutive = -1;
  const Outcome run = runner(config, [](ToyNetwork& toy) { toy.bad_input_at = 9; });
  EXPECT_EQ(run.report.anomalies, 2);  // as the input, and as the one before
  EXPECT_EQ(kinds(run.report), "CC.......CC.........");
}

TEST(CachedSampler, CountsWhatItHolds) {
  const CacheSizes sizes{kToyTokens, kToyChannels, 2, kToyWidth, kToyBlocks, DType::f32};
  std::vector<CacheConfig> all = {{},
                                  taylor(1, 3, 2, Granularity::module),
                                  taylor(2, 3, 2, Granularity::trunk),
                                  taylor(0, 3, 2, Granularity::velocity)};
  for (const auto method : {CacheMethod::first_block, CacheMethod::tea, CacheMethod::easy}) {
    all.push_back(dynamic(method, 0.3, 2));
  }
  for (const CacheConfig& config : all) {
    for (const Solver solver : {Solver::euler, Solver::ab2}) {
      Runner runner{.solver = solver};
      EXPECT_EQ(runner(config).report.cache_bytes, cache_bytes(config, solver, sizes))
          << to_string(config.method) << " " << to_string(solver);
    }
  }
  // TaylorSeer of order 1 at the base model's trunk, in the type of its activations.
  const CacheSizes base{3072, 64, 2, 1024, 64, DType::f16};
  EXPECT_EQ(cache_bytes(taylor(1, 5, 3, Granularity::trunk), Solver::euler, base),
            2U * 2 * 3072 * 1024 * 2);
  EXPECT_EQ(cache_bytes(taylor(1, 5, 3, Granularity::module), Solver::euler, base),
            64U * 2 * 2 * 3072 * 1024 * 2);
}

TEST(CachedSampler, NeedsPartsWhereAMethodLooksInside) {
  Runner runner;
  std::vector<float> x = start();
  const Tensor latents{.data = x.data(), .shape = {kToyTokens, kToyChannels}, .name = "x"};
  const auto toy = std::make_shared<ToyNetwork>(runner.schedule, 2);
  EXPECT_THROW(sample(runner.ctx,
                      runner.schedule,
                      runner.options(dynamic(CacheMethod::first_block, 0.1)),
                      latents,
                      Runner::whole(toy)),
               Error);
}

TEST(CachedSampler, RefusesAPlanForOtherSteps) {
  Runner runner;
  std::vector<float> x = start();
  const Tensor latents{.data = x.data(), .shape = {kToyTokens, kToyChannels}, .name = "x"};
  const auto toy = std::make_shared<ToyNetwork>(runner.schedule, 2);
  SamplerOptions options = runner.options({});
  options.plan.pop_back();
  EXPECT_THROW(sample(runner.ctx, runner.schedule, options, latents, Runner::whole(toy)), Error);
  options.plan.assign(20, StepKind::predicted);
  EXPECT_THROW(sample(runner.ctx, runner.schedule, options, latents, Runner::whole(toy)), Error);
}

// The rule alone.

int skipped(double threshold, int steps, int warmup, int tail) {
  ops::DecisionRule rule{.value = ops::DecisionRule::Value::polynomial, .accumulates = true};
  rule.coefficients[0] = 0.06F;
  rule.terms = 1;
  rule.threshold = static_cast<float>(threshold);
  rule.max_consecutive = 4;
  float state[ops::kDecisionCells] = {}, record[ops::kRecordCells] = {};
  const float sums[6] = {1, 20};
  int count = 0;
  for (int step = 0; step < steps; ++step) {
    const bool forced = step < warmup || step >= steps - tail;
    count += ops::decide_step(rule, sums, forced, state, record) == 0 ? 1 : 0;
  }
  return count;
}

TEST(DecisionRule, ConstantDistancesGiveAFixedPeriod) {
  EXPECT_EQ(skipped(0.1, 100, 2, 2), 48);
  EXPECT_EQ(skipped(0.2, 100, 2, 2), 72);
  EXPECT_EQ(skipped(0.05, 100, 2, 2), 0);
}

double polynomial(const std::vector<double>& coefficients, float distance) {
  ops::DecisionRule rule{.value = ops::DecisionRule::Value::polynomial};
  for (const double c : coefficients) rule.coefficients[rule.terms++] = static_cast<float>(c);
  float state[ops::kDecisionCells] = {}, record[ops::kRecordCells] = {};
  const float sums[6] = {distance, 1};
  ops::decide_step(rule, sums, false, state, record);
  return record[ops::kValue];
}

TEST(DecisionRule, PolynomialsHaveTheirHighestPowerFirst) {
  const std::vector<double> video = {733.226126, -401.131952, 67.5869174, -3.149878, 0.0961237896};
  const std::pair<float, double> expected[] = {
      {0.0F, 0.0961}, {0.0314F, 0.0521}, {0.1F, 0.1292}, {0.15F, 0.1617}};
  for (const auto& [distance, value] : expected) {
    EXPECT_NEAR(polynomial(video, distance), value, 6e-5) << distance;
  }
  EXPECT_NEAR(polynomial({1, -2}, 1.0F), 0, 0);  // not below zero
  EXPECT_NEAR(polynomial({2, 3}, 4.0F), 11, 1e-6);
}

}  // namespace
}  // namespace sinter::sampling
