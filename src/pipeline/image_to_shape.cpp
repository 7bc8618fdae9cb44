#include "pipeline/image_to_shape.h"

#include <algorithm>
#include <cmath>
#include <filesystem>

#include "core/check_range.h"
#include "io/image_file.h"
#include "io/preprocess.h"
#include "matting/cut_out.h"
#include "mesh/face_count.h"
#include "mesh/field.h"
#include "mesh/least_faces.h"
#include "ops/transfer.h"
#include "pipeline/memory_needs.h"
#include "pipeline/pictures.h"
#include "pipeline/run_monitor.h"
#include "pipeline/sampling_settings.h"
#include "pipeline/work_estimate.h"
#include "sampling/cache_presets.h"
#include "sampling/noise.h"
#include "sampling/sampler.h"

namespace sinter::pipeline {

namespace {

/// How a run steps: the schedule of the steps that are not of size zero, and what becomes of each.
struct Steps {
  Steps(const models::ShapeModel& model,
        const SamplingSettings& settings,
        const GenerateOptions& options,
        const Switches& switches)
      : schedule(sampling::make_schedule(
            sampling::SchedulerConfig::from(model.document().child("scheduler")), settings.steps)),
        cache(sampling::find_cache(options.cache)),
        solver(options.solver == Solver::ab2 ? sampling::Solver::ab2 : sampling::Solver::euler) {
    cache.elide_zero_steps = cache.elide_zero_steps && switches.elide_zero_steps;
    check_cache(cache, solver, model, settings);
    plan = sampling::plan_steps(cache, schedule);
    for (std::string& line : sampling::plan_warnings(cache, plan)) {
      cache.warnings.push_back(std::move(line));
    }
    if (cache.evaluations && sampling::count(plan, sampling::StepKind::predicted) > 0) {
      solver = sampling::Solver::ab2;
    }
    if (cache.elide_zero_steps) schedule = schedule.without_zero_steps();
    std::erase(plan, sampling::StepKind::elided);
  }

  sampling::Schedule schedule;
  sampling::CacheConfig cache;
  sampling::Solver solver;
  std::vector<sampling::StepKind> plan;
};

/// One run. Members are what travels from stage to stage; each function is one stage.
class Run {
 public:
  Run(Context& ctx,
      Networks& networks,
      ShapeExtractor& extractor,
      std::span<const Picture> pictures,
      const GenerateOptions& options,
      const ProgressCallback& progress,
      Metrics& metrics)
      : ctx_(ctx),
        networks_(networks),
        extractor_(extractor),
        model_(networks.model()),
        pictures_(checked_pictures(model_, pictures)),
        options_(options),
        metrics_(metrics),
        settings_(sampling_settings(model_, options)),
        steps_(model_, settings_, options, ctx.switches),
        monitor_(plan_stages(model_.config(),
                             ctx.switches,
                             steps_.schedule,
                             settings_.guided,
                             static_cast<std::int64_t>(pictures_.size()),
                             options),
                 progress,
                 metrics) {
    metrics_.steps = settings_.steps;
    metrics_.guidance = settings_.guidance;
    metrics_.solver = sampling::to_string(steps_.solver);
    metrics_.cache_method = sampling::to_string(steps_.cache.method);
    for (const std::string& warning : steps_.cache.warnings) {
      if (ctx_.log) ctx_.log(LogLevel::warning, cat("[cache] ", warning));
    }
    ctx_.poll = [this] { monitor_.poll(); };
  }
  ~Run() { ctx_.poll = {}; }
  Run(const Run&) = delete;
  Run& operator=(const Run&) = delete;

  /// Before anything is allocated. Nothing is planned on the host.
  void fit_memory(std::uint64_t budget) {
    const std::shared_ptr<Accelerator>& accelerator = ctx_.accelerator();
    if (accelerator == nullptr) return;
    MemoryNeeds needs = memory_needs({.config = model_.config(),
                                      .switches = ctx_.switches,
                                      .steps = steps_.schedule.steps(),
                                      .guided = settings_.guided,
                                      .pictures = static_cast<std::int64_t>(pictures_.size()),
                                      .cache = steps_.cache,
                                      .solver = steps_.solver,
                                      .octree = options_.octree,
                                      .decode = options_.decode});
    needs.overhead = accelerator->overhead_bytes();
    if (budget == 0) budget = usual_budget(accelerator->available_bytes());
    RunMemory memory = plan_memory(needs, budget, networks_.keep(), networks_.there());
    if (networks_.set_stays(memory.stays)) accelerator->trim();
    ctx_.rows_at_once = memory.plan.decoder_points;
    ctx_.arena().reserve(memory.arena);
    accelerator->reset_peak();  // from here on: the run before may have had a larger arena
    metrics_.memory_plan = std::move(memory.plan);
  }

  Mesh operator()() {
    ArenaScope scope(ctx_.arena()), host_scope(ctx_.host().arena());
    const std::vector<models::ViewImage> images = prepare_images();
    const Tensor condition = encode_condition(images);
    sample_field(sample(condition));
    begin("surface");
    extractor_.extract(ctx_, options_);
    Mesh result = finish_mesh();
    monitor_.finish();
    note_work({.model = model_,
               .switches = ctx_.switches,
               .guided = settings_.guided,
               .pictures = static_cast<std::int64_t>(pictures_.size()),
               .decode = options_.decode},
              metrics_);
    return result;
  }

  /// Up to the end of sampling.
  sampling::Trajectory trajectory() {
    ArenaScope scope(ctx_.arena()), host_scope(ctx_.host().arena());
    sampling::Trajectory result;
    result.sigmas = steps_.schedule.sigmas;
    std::vector<float> before;
    const auto copy = [](Context& ctx, const Tensor& tensor) {
      ArenaScope copy_scope(ctx.host().arena());
      const std::span<const float> values = ops::to_host(ctx, tensor).span();
      return std::vector<float>(values.begin(), values.end());
    };
    const std::vector<models::ViewImage> images = prepare_images();
    sample(encode_condition(images),
           [&](Context& ctx, int step, const Tensor& velocity, const Tensor& input) {
             result.velocities.push_back(copy(ctx, velocity));
             if (!input.defined()) return;
             std::vector<float> now = copy(ctx, input);
             if (step > 0) result.input_changes.push_back(sampling::relative_change(now, before));
             before = std::move(now);
           });
    return result;
  }

 private:
  /// Of the bytes that a device could give, all but a margin for what is allocated beside the plan,
  /// by the driver and by others.
  static std::uint64_t usual_budget(std::uint64_t available) {
    constexpr std::uint64_t kShare = 20, kLeast = std::uint64_t{256} << 20;
    const std::uint64_t margin = std::max(available / kShare, kLeast);
    return available > margin ? available - margin : 0;
  }

  /// A device's work counts in the stage that queued it.
  void begin(const char* stage) {
    if (ctx_.accelerator()) ctx_.accelerator()->synchronize();
    monitor_.begin(stage);
  }

  /// Of several pictures each has its own: matte.png becomes matte-left.png.
  std::filesystem::path matte_path(View view) const {
    const std::filesystem::path path = options_.save_matte;
    if (pictures_.size() == 1) return path;
    return path.parent_path() /
           (path.stem().string() + "-" + to_string(view) + path.extension().string());
  }

  /// Each [3, size, size] in [-1, 1].
  std::vector<models::ViewImage> prepare_images() {
    begin("image");
    const io::PreprocessOptions preprocess = preprocess_options(model_);
    std::vector<models::ViewImage> images;
    for (const Picture& picture : pictures_) {
      const std::string name = picture_name(picture);
      const matting::CutOut subject = matting::cut_out(
          load_picture(picture, ctx_.poll),
          {.mode = options_.remove_background, .model = options_.matting_model, .poll = ctx_.poll},
          name);
      monitor_.poll();
      if (!options_.save_matte.empty()) {
        io::write_png(matte_path(picture.view), matting::matte_of(subject));
      }
      const Image image = io::preprocess_image(subject.picture, preprocess, name);
      monitor_.poll();
      const Tensor tensor = io::image_to_tensor(ctx_.host(), image);
      images.push_back({.image = tensor.reshape({3, preprocess.size, preprocess.size}),
                        .view = static_cast<std::int64_t>(picture.view)});
    }
    return images;
  }

  /// [views * T, condition width].
  Tensor encode_condition(std::span<const models::ViewImage> images) {
    begin("condition");
    const auto conditioner = networks_.conditioner(ctx_.placement(), ctx_.poll);
    return conditioner->forward(ctx_, images);
  }

  /// Noise to data, [L, latent channels].
  Tensor sample(const Tensor& condition_tokens, const sampling::ObserveFn& observe = {}) {
    begin("sample");
    const auto& config = model_.config();
    const auto guidance = static_cast<float>(settings_.guidance);
    const auto dit = networks_.dit(ctx_.placement(), ctx_.poll);
    const Tensor noise =
        ctx_.host().allocate(DType::f32, {config.vae.num_latents, config.vae.embed_dim}, "latents");
    sampling::fill_noise(options_.noise, options_.seed, noise);
    const Tensor latents = ops::to_device(ctx_, noise, DType::f32);

    ArenaScope scope(ctx_.arena());
    const models::Denoise denoise = dit->begin(ctx_,
                                               {.condition = condition_tokens,
                                                .times = steps_.schedule.times(),
                                                .guidance = guidance,
                                                .guided = settings_.guided});
    metrics_.steps_elided = settings_.steps - steps_.schedule.steps();
    const sampling::SamplerReport report = sampling::sample(
        ctx_,
        steps_.schedule,
        {.guidance = guidance,
         .guided = settings_.guided,
         .recordable = dit->recordable(ctx_),
         .solver = steps_.solver,
         .cache = steps_.cache,
         .plan = steps_.plan},
        latents,
        {denoise, denoise.parts()},
        [&](int done, int total) {
          const auto end = steps_.plan.begin() + done;
          metrics_.steps_computed =
              std::count(steps_.plan.begin(), end, sampling::StepKind::computed);
          monitor_.advance(static_cast<double>(done) / total);
        },
        observe);
    note_steps(report);
    return latents;
  }

  void note_steps(const sampling::SamplerReport& report) {
    metrics_.steps_computed = report.computed;
    metrics_.steps_predicted = report.predicted;
    metrics_.network_evaluations = std::int64_t{report.computed} * (settings_.guided ? 2 : 1);
    metrics_.cache_bytes = report.cache_bytes;
    metrics_.cache_offloaded_bytes = report.offloaded_bytes;
    metrics_.cache_anomalies = report.anomalies;
    for (const sampling::StepRecord& step : report.steps) {
      metrics_.sampled_steps.push_back({sampling::to_string(step.kind), step.value, step.total});
    }
    metrics_.sampled_steps.resize(static_cast<std::size_t>(settings_.steps), {.kind = "elided"});
  }

  models::GeometryMemory decode_latents(const models::ShapeVae& vae, const Tensor& latents) {
    ArenaScope scope(ctx_.arena());
    return vae.remember(ctx_, vae.decode(ctx_, latents));
  }

  void sample_field(const Tensor& latents) {
    begin("latents");
    const auto network = networks_.vae(ctx_.placement(), ctx_.poll);
    const models::ShapeVae& vae = *network;
    const models::GeometryMemory memory = decode_latents(vae, latents);
    begin("volume");
    mesh::SampleStats stats;
    extractor_.sample(
        ctx_,
        vae,
        memory,
        options_,
        [this](double fraction) { monitor_.advance(fraction); },
        stats);
    metrics_.grid_points = stats.grid_points;
    metrics_.field_queries = stats.queries;
    metrics_.field_following_queries = stats.following_queries;
    metrics_.field_following_rounds = stats.following_rounds;
    const auto points = std::cbrt(static_cast<double>(stats.grid_points));
    const int resolution = static_cast<int>(std::lround(points)) - 1;
    for (const mesh::SampleLevel& level : stats.levels) {
      const int cells = (resolution + level.stride - 1) / level.stride;
      metrics_.field_levels.push_back({cells, level.queries});
    }
  }

  Mesh finish_mesh() {
    begin("mesh");
    monitor_.poll();
    Mesh result = extractor_.finish(ctx_, options_, metrics_.floaters_removed);
    monitor_.poll();
    if (options_.faces > 0) {
      const mesh::SimplifyResult counted =
          mesh::set_face_count(result,
                               {.target_faces = options_.faces,
                                .progress = [this](double fraction) { monitor_.advance(fraction); },
                                .poll = ctx_.poll});
      if (!counted.reached_target && ctx_.log) {
        const std::int64_t least = mesh::least_faces(result);
        ctx_.log(LogLevel::warning,
                 cat("the mesh has ",
                     counted.faces,
                     " faces, not ",
                     options_.faces,
                     least > options_.faces
                         ? cat(": no mesh with its handles and pieces has fewer than ", least)
                         : ": its shape allows no other number near it"));
      }
    }
    metrics_.vertices = static_cast<std::int64_t>(result.positions.size());
    metrics_.faces = static_cast<std::int64_t>(result.faces.size());
    return result;
  }

  Context& ctx_;
  Networks& networks_;
  ShapeExtractor& extractor_;
  const models::ShapeModel& model_;
  std::vector<Picture> pictures_;
  const GenerateOptions& options_;
  Metrics& metrics_;
  SamplingSettings settings_;
  Steps steps_;
  RunMonitor monitor_;
};

}  // namespace

void check_options(const GenerateOptions& options) {
  if (options.steps) check_range("generate", "steps", *options.steps, 1, 1000);
  check_range(
      "generate", "octree", options.octree, mesh::Grid::kMinResolution, mesh::Grid::kMaxResolution);
  if (options.guidance) check_range("generate", "guidance", *options.guidance, -1e3, 1e3);
  check_range("generate", "level", options.level, -1e3, 1e3);
  check_range("generate", "faces", options.faces, std::int64_t{0}, mesh::kMostFaces);
  constexpr double kLargestBox = 4;
  SINTER_CHECK(options.box > 0 && options.box <= kLargestBox,
               ErrorCode::invalid_argument,
               "[generate] box: expected above 0 and at most ",
               kLargestBox,
               ", got ",
               options.box);
  SINTER_CHECK(options.faces == 0 || options.faces >= 4,
               ErrorCode::invalid_argument,
               "[generate] faces: expected 0 (keep all) or at least 4, got ",
               options.faces);
}

Mesh image_to_shape(Context& ctx,
                    Networks& networks,
                    ShapeExtractor& extractor,
                    std::span<const Picture> pictures,
                    const GenerateOptions& options,
                    std::uint64_t budget,
                    const ProgressCallback& progress,
                    Metrics& metrics) {
  Run run(ctx, networks, extractor, pictures, options, progress, metrics);
  run.fit_memory(budget);
  return run();
}

sampling::Trajectory record_trajectory(Context& ctx,
                                       Networks& networks,
                                       ShapeExtractor& extractor,
                                       std::span<const Picture> pictures,
                                       const GenerateOptions& options,
                                       std::uint64_t budget,
                                       const ProgressCallback& progress) {
  GenerateOptions plain = options;
  plain.cache = "off";
  Metrics unused;
  Run run(ctx, networks, extractor, pictures, plain, progress, unused);
  run.fit_memory(budget);
  return run.trajectory();
}

}  // namespace sinter::pipeline
