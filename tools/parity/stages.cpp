// Runs the networks of a model stage by stage on given tensors, for official_parity.py, which holds
// the outputs against those of the official code:
//
//   parity_stages MODEL INPUTS.safetensors OUTPUTS.safetensors [OPTION VALUE ...]
//
// Each stage has inputs of its own, so that its error is not that of the stages before it:
//   condition  image [V, 3, s, s], views 0 .. V - 1   -> condition [T, W]
//   step       given_condition [T, W], noise [L, C]   -> velocity [branches, L, C] at --time
//   steps      the same                               -> latents [L, C] after --steps
//   tokens     given_latents [L, C]                   -> tokens [L, W]
//   logits     given_latents, points [P, 3]           -> logits [P]
//   flashvdm   given_latents                          -> flashvdm [M, M, M]
//   mesh       image, noise                           -> grid [N, N, N], vertices, faces [., 3]
// mesh is the whole chain, dense at --octree (N - 1); flashvdm takes upstream's levels for it and
// mean keys, and is NaN where nothing was evaluated.
// All are f32 (faces i32). A run makes the stages of --stages, in this order, one network in memory
// at a time, and writes seconds.STAGE [1] beside each. --tap PREFIX also writes every inner tensor
// whose name starts so, as tap.NAME, for finding the layer where a difference begins.

#include <chrono>
#include <cstdio>
#include <cstring>
#include <map>
#include <string>
#include <vector>

#include "api/device.h"
#include "checkpoint/writer.h"
#include "mesh/marching_cubes.h"
#include "models/shape_model.h"
#include "ops/transfer.h"
#include "pipeline/sampling_settings.h"
#include "pipeline/volume.h"
#include "sampling/sampler.h"

namespace {

using namespace sinter;  // NOLINT(google-build-using-namespace): a program of one file

struct Options {
  std::string model, inputs, outputs;
  std::string stages = "condition,step,steps,tokens,logits,flashvdm,mesh";
  std::string vae, tap;
  std::string device = "cpu", dtype = "fp16";
  bool fp8 = false;
  int threads = 2, steps = 10, octree = 64;
  float time = 0.5F, guidance = 5.0F;
};

/// Tensors that are to be written, each with memory of its own.
class Outputs {
 public:
  void add(const std::string& name, const Tensor& x) {
    add(name, x.dtype, x.shape, std::span(static_cast<const std::byte*>(x.data), x.bytes()));
  }
  void add(const std::string& name,
           DType dtype,
           const Shape& shape,
           std::span<const std::byte> bytes) {
    Buffer copy(std::max<std::size_t>(1, bytes.size()));
    std::memcpy(copy.data(), bytes.data(), bytes.size());
    sources_.push_back({name, dtype, shape, {copy.data(), bytes.size()}});
    memory_.push_back(std::move(copy));
  }
  void write(const std::string& path) const { checkpoint::write_safetensors(path, sources_); }

 private:
  std::vector<Buffer> memory_;
  std::vector<checkpoint::TensorSource> sources_;
};

class Stages {
 public:
  explicit Stages(const Options& options)
      : options_(options),
        ctx_(open_context(options.device, options.dtype, options.fp8, {})),
        inputs_(checkpoint::Checkpoint::open(options.inputs)),
        model_(models::ShapeModel::open(options.model)) {
    if (!options.vae.empty()) model_.use_vae({.model = options.vae});
    ctx_.threads = options.threads;
    ctx_.switches = Switches::from_environment();
    if (options.tap.empty()) return;
    ctx_.tap = [this](std::string_view name, const Tensor& x) {
      if (name.starts_with(options_.tap)) outputs_.add(cat("tap.", name), x);
    };
  }

  void run() {
    ArenaScope scope(ctx_.arena()), host_scope(ctx_.host().arena());
    timed("condition", [&] { add("condition", condition()); });
    timed("step", [&] { add("velocity", velocity(given_condition())); });
    timed("steps", [&] { add("latents", sample(given_condition())); });
    timed("tokens", [&] {
      const auto vae = model_.load_vae(ctx_.placement());
      add("tokens", vae->decode(ctx_, values("given_latents")));
    });
    timed("logits", [&] { logits(); });
    timed("flashvdm", [&] { flashvdm(); });
    timed("mesh", [&] { mesh(); });
    outputs_.write(options_.outputs);
  }

 private:
  template <class Body>
  void timed(const std::string& stage, const Body& body) {
    if (("," + options_.stages + ",").find("," + stage + ",") == std::string::npos) return;
    ArenaScope scope(ctx_.arena()), host_scope(ctx_.host().arena());
    const auto start = std::chrono::steady_clock::now();
    body();
    const std::chrono::duration<float> taken = std::chrono::steady_clock::now() - start;
    const float seconds = taken.count();
    outputs_.add(
        "seconds." + stage, DType::f32, {1}, std::as_bytes(std::span<const float, 1>(&seconds, 1)));
    std::printf("%s %.2f s\n", stage.c_str(), static_cast<double>(seconds));
  }

  /// Copies the tensor to the outputs, from the device where it is there.
  void add(const std::string& name, const Tensor& x) { outputs_.add(name, ops::to_host(ctx_, x)); }

  Tensor given_condition() { return ops::to_device(ctx_, input("given_condition")); }
  /// An input where the networks run, f32.
  Tensor values(const std::string& name) { return ops::to_device(ctx_, input(name), DType::f32); }

  /// On the host, f32.
  Tensor input(const std::string& name) {
    const checkpoint::TensorEntry* entry = inputs_.find(name);
    SINTER_CHECK(entry != nullptr,
                 ErrorCode::not_found,
                 "[parity] ",
                 options_.inputs,
                 ": expected a tensor ",
                 name,
                 ", found none");
    const Tensor x = ctx_.host().allocate(DType::f32, entry->shape, entry->name);
    convert_to_float(entry->bytes.data(), entry->dtype, x.f32_mut(), entry->elements());
    return x;
  }

  Tensor condition() {
    const Tensor pictures = input("image");
    std::vector<models::ViewImage> views;
    for (std::int64_t view = 0; view < pictures.dim(0); ++view) {
      const Tensor one = pictures.slice(view, view + 1);
      views.push_back({.image = one.reshape({one.dim(1), one.dim(2), one.dim(3)}), .view = view});
    }
    return model_.load_conditioner(ctx_.placement())->forward(ctx_, views);
  }

  bool guided() const { return !model_.config().guidance_embed(); }

  Tensor velocity(const Tensor& condition) {
    const Tensor noise = values("noise");
    const Tensor result =
        ctx_.allocate(DType::f32, {guided() ? 2 : 1, noise.dim(0), noise.dim(1)}, "velocity");
    const auto dit = model_.load_dit(ctx_.placement());
    const models::Denoise denoise = dit->begin(ctx_,
                                               {.condition = condition,
                                                .times = std::span(&options_.time, 1),
                                                .guidance = options_.guidance,
                                                .guided = guided()});
    denoise(ctx_, 0, noise, result);
    return result;
  }

  /// As pipeline::image_to_shape() samples.
  Tensor sample(const Tensor& condition) {
    const Tensor latents = values("noise");
    const auto schedule = sampling::make_schedule(
        sampling::SchedulerConfig::from(model_.document().child("scheduler")), options_.steps);
    const auto dit = model_.load_dit(ctx_.placement());
    const models::Denoise denoise = dit->begin(ctx_,
                                               {.condition = condition,
                                                .times = schedule.times(),
                                                .guidance = options_.guidance,
                                                .guided = guided()});
    sampling::sample(
        ctx_,
        schedule,
        {.guidance = options_.guidance, .guided = guided(), .recordable = dit->recordable(ctx_)},
        latents,
        denoise);
    return latents;
  }

  void logits() {
    const Tensor points = input("points");
    const auto vae = model_.load_vae(ctx_.placement());
    const auto memory = vae->remember(ctx_, vae->decode(ctx_, values("given_latents")));
    const Tensor logits = ctx_.host().allocate(DType::f32, {points.dim(0)}, "logits");
    vae->query(ctx_, memory, points, logits);
    outputs_.add("logits", logits);
  }

  void flashvdm() {
    const auto vae = model_.load_vae(ctx_.placement());
    const auto memory = vae->remember(ctx_, vae->decode(ctx_, values("given_latents")));
    add_grid("flashvdm", decode(*vae, memory, Decode::flashvdm));
  }

  mesh::Field decode(const models::ShapeVae& vae,
                     const models::GeometryMemory& memory,
                     Decode how) {
    GenerateOptions options;
    options.octree = options_.octree;
    options.decode = how;
    options.flashvdm_levels = FlashVdmLevels::upstream;
    mesh::SampleStats stats;
    return pipeline::sample_volume(
        ctx_, vae, memory, options, [](double) {}, stats);
  }

  /// NaN where the field was not evaluated.
  void add_grid(const std::string& name, const mesh::Field& field) {
    const int side = field.grid().points();
    const Tensor grid = ctx_.host().allocate(DType::f32, {side, side, side}, name);
    std::int64_t next = 0;
    for (int x = 0; x < side; ++x) {
      for (int y = 0; y < side; ++y) {
        for (int z = 0; z < side; ++z) grid.f32_mut()[next++] = field.at({x, y, z});
      }
    }
    outputs_.add(name, grid);
  }

  void mesh() {
    const Tensor latents = sample(condition());
    const auto vae = model_.load_vae(ctx_.placement());
    const auto memory = vae->remember(ctx_, vae->decode(ctx_, latents));
    const mesh::Field field = decode(*vae, memory, Decode::dense);
    add_grid("grid", field);
    const Mesh surface = mesh::marching_cubes(field, {.threads = options_.threads});
    outputs_.add("vertices",
                 DType::f32,
                 {static_cast<std::int64_t>(surface.positions.size()), 3},
                 std::as_bytes(std::span(surface.positions)));
    outputs_.add("faces",
                 DType::i32,
                 {static_cast<std::int64_t>(surface.faces.size()), 3},
                 std::as_bytes(std::span(surface.faces)));
  }

  Options options_;
  Context ctx_;
  checkpoint::Checkpoint inputs_;
  models::ShapeModel model_;
  Outputs outputs_;
};

Options parse(int argc, char** argv) {
  SINTER_CHECK(
      argc >= 4 && argc % 2 == 0,
      ErrorCode::invalid_argument,
      "usage: parity_stages MODEL INPUTS OUTPUTS [--stages LIST] [--vae MODEL] [--threads N] "
      "[--steps N] [--time T] [--guidance G] [--octree N] [--tap PREFIX] "
      "[--device cpu|cuda[:N]] [--dtype fp16|bf16] [--fp8 0|1]");
  Options options;
  options.model = argv[1];
  options.inputs = argv[2];
  options.outputs = argv[3];
  for (int i = 4; i < argc; i += 2) {
    const std::string name = argv[i], value = argv[i + 1];
    if (name == "--stages") {
      options.stages = value;
    } else if (name == "--vae") {
      options.vae = value;
    } else if (name == "--device") {
      options.device = value;
    } else if (name == "--dtype") {
      options.dtype = value;
    } else if (name == "--fp8") {
      options.fp8 = value == "1";
    } else if (name == "--tap") {
      options.tap = value;
    } else if (name == "--threads") {
      options.threads = std::stoi(value);
    } else if (name == "--steps") {
      options.steps = std::stoi(value);
    } else if (name == "--octree") {
      options.octree = std::stoi(value);
    } else if (name == "--time") {
      options.time = std::stof(value);
    } else if (name == "--guidance") {
      options.guidance = std::stof(value);
    } else {
      fail(ErrorCode::invalid_argument, "[parity] unknown option ", name);
    }
  }
  return options;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    Stages(parse(argc, argv)).run();
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
  return 0;
}
