#pragma once
/// \file
/// From one picture to a mesh, or from several views of one object.
///
///     sinter::Engine engine("models/sinter-small");
///     sinter::Mesh mesh = engine.generate("chair.png", {}).mesh;
///     sinter::write_mesh("chair.glb", mesh);
///
///     sinter::Engine views("hunyuan3d-dit-v2-mv");
///     views.generate({{"front.png", sinter::View::front}, {"back.png", sinter::View::back}});

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "sinter/cache.h"
#include "sinter/mesh.h"
#include "sinter/noise.h"
#include "sinter/picture.h"
#include "sinter/progress.h"

namespace sinter {

/// How the decoder's field is sampled. The first two give the same surface; see
/// docs/volume-decoding.md for the exact promise.
enum class Decode {
  dense,         ///< every point of the grid
  hierarchical,  ///< only near the surface, coarse to fine: 2 to 5 % of the points at octree 384
  flashvdm,      ///< the reference's fast decode: near the surface, each part of space answered
                 ///< from the part of the shape that matters to it; close to the exact surface
};

/// Decode::flashvdm: what each part of space attends to.
enum class FlashVdmKeys {
  mean,   ///< a fixed number of keys for each head: those of the largest mean score
  merge,  ///< all keys with any weight worth mentioning, the same for every head
};

/// Decode::flashvdm: grid cells along an axis, level by level.
enum class FlashVdmLevels {
  own,       ///< the last level has the `octree` cells that were asked for
  upstream,  ///< the reference's sizes: 384 is decoded at 380, 256 at 252, 512 at 504
};

/// How steps follow the velocities that the network gives.
enum class Solver {
  euler,  ///< upstream's: first order
  ab2,    ///< Adams-Bashforth of two steps: second order at the same evaluations
};

/// Which side of the object a picture shows: the front, then each a quarter turn clockwise from the
/// one before, as the released models name them.
enum class View { front, left, back, right };

/// "front", "left", "back" or "right".
const char* to_string(View view);

struct Picture {
  std::string path;  ///< PNG, JPEG, WebP, BMP or TIFF; a cut-out is recentred, of
                     ///< others the background is removed first (RemoveBackground)
  View view = View::front;
  /// In place of the path: the bytes of such a file, or
  std::string bytes = {};
  /// width * height pixels of red, green, blue and straight alpha, rows from the top.
  std::vector<std::uint8_t> rgba = {};
  int width = 0, height = 0;
};

/// Defaults are those of the official pipeline, except that the decode is hierarchical.
struct GenerateOptions {
  /// Scheduler steps, 1..1000, or 1..100 for step-distilled models; empty takes what the model was
  /// made for: 50, or 30 and 5 for distilled ones (docs/models.md). The last step of flow-match
  /// Euler has size zero.
  std::optional<int> steps = {};
  /// How strictly to follow the picture; empty takes the model's own, 5. Negative turns guidance
  /// off; models that take the scale as an input accept 0..65 only.
  std::optional<double> guidance = {};
  Solver solver = Solver::euler;
  /// Which evaluations of the network are left out, and what stands in for them: "off", a preset
  /// "safe", "fast" or "max", or the path of a cache_config.json (docs/cache.md).
  std::string cache = "off";
  std::uint64_t seed = 1234;    ///< of the initial noise
  Noise noise = Noise::philox;  ///< the stream that the seed begins: sinter/noise.h
  int octree = 384;             ///< grid cells along each axis, 16..512
  Decode decode = Decode::hierarchical;
  FlashVdmKeys flashvdm_keys = FlashVdmKeys::mean;       ///< Decode::flashvdm only
  FlashVdmLevels flashvdm_levels = FlashVdmLevels::own;  ///< Decode::flashvdm only
  double level = 0.0;  ///< value of the field at which the surface lies; positive is inside
  double box = 1.01;   ///< half the side of the decoded cube, above 0 and at most 4
  /// Bring the mesh to this many faces (or one less), 4..2^26, as set_face_count() does; 0 keeps
  /// what the grid gave.
  std::int64_t faces = 0;
  bool remove_floaters =
      true;  ///< drop components with fewer than 0.5 % of the largest one's faces
  RemoveBackground remove_background = RemoveBackground::automatic;
  std::string matting_model =
      {};                       ///< ONNX file of a u2net-class network; empty: the built-in method
  std::string save_matte = {};  ///< PNG to write the picture's matte to; with views, each its own
};

/// One level of the volume decode.
struct FieldLevel {
  int cells = 0;             ///< along each axis
  std::int64_t queries = 0;  ///< points that the decoder was asked for
};

/// What became of a step of the sampler.
struct SampledStep {
  std::string kind;  ///< "computed", "predicted" or "elided"
  /// Caches that decide while the run goes on: what was measured in this step, and with it what had
  /// been accumulated since the last computed one; 0 elsewhere.
  double value = 0, accumulated = 0;
};

struct StageTime {
  std::string stage;
  double seconds = 0;
  /// Of the networks, set when the run is done, 0 for other stages: floating-point operations of
  /// the matrix products, two for a multiply-add; and the bytes that have to move at the least,
  /// each weight once for each evaluation, each value of the field once.
  double flop = 0, bytes = 0;
};

/// What a stage of a run was planned to hold on the GPU.
struct StageMemory {
  std::string stage;    ///< as in Metrics::stages
  std::string network;  ///< that it runs: "image encoder", "transformer", "VAE"; empty for none
  bool stays = false;   ///< the network is kept for the next run; otherwise freed after the stage
  std::uint64_t weight_bytes = 0;  ///< of this network and of those that stay
  std::uint64_t other_bytes = 0;   ///< activations, field, surface, workspaces
};

/// How a run was fitted into the GPU's memory, made before its work starts.
struct MemoryPlan {
  std::uint64_t budget_bytes = 0;   ///< 0 on the CPU, where nothing is planned
  std::uint64_t peak_bytes = 0;     ///< of the stage that needs most
  std::int64_t decoder_points = 0;  ///< that the geometry decoder works on at a time
  std::vector<StageMemory> stages;
};

/// What a run did, filled as it goes: after an error it holds the stages that were reached.
struct Metrics {
  std::vector<StageTime> stages;
  double seconds = 0;                    ///< whole run
  int steps = 0;                         ///< scheduler steps, asked for or the model's own
  double guidance = 0;                   ///< guidance scale, asked for or the model's own
  std::int64_t network_evaluations = 0;  ///< DiT forwards, each guidance half counted
  /// Steps that evaluated the network, whose velocity was forecast or reused, and of size zero.
  std::int64_t steps_computed = 0, steps_predicted = 0, steps_elided = 0;
  std::string solver = {};                  ///< "euler" or "ab2"
  std::string cache_method = {};            ///< "NoCache", "FBCache", ...
  std::uint64_t cache_bytes = 0;            ///< held from step to step for the cache and the solver
  std::uint64_t cache_offloaded_bytes = 0;  ///< of these, in the host's memory for a GPU
  std::int64_t cache_anomalies = 0;         ///< decisions whose value was not finite
  std::vector<SampledStep> sampled_steps = {};  ///< in order; set when sampling is done
  std::int64_t grid_points = 0;                 ///< of the grid that was decoded: (octree + 1)^3
  std::int64_t field_queries = 0;               ///< points that the decoder was asked for
  std::vector<FieldLevel> field_levels;         ///< coarse to fine, without what following added
  std::int64_t field_following_queries = 0;     ///< added by surface following
  std::int64_t field_following_rounds = 0;      ///< rounds of the surface-following pass
  std::int64_t vertices = 0, faces = 0, floaters_removed = 0;
  std::uint64_t weight_bytes = 0;       ///< of the checkpoint
  std::uint64_t peak_memory_bytes = 0;  ///< peak resident set of the process
  std::string device = {};              ///< "cpu" or "cuda"
  /// Most bytes that the run held on the GPU. What the driver and its libraries take for the
  /// process, about 0.9 GB, comes on top.
  std::uint64_t peak_device_memory_bytes = 0;
  /// Set when the first stage begins.
  MemoryPlan memory_plan = {};
};

/// What the machine does at most, measured: operations a second of a large matrix product, bytes
/// read and written a second of a large copy.
struct Ceilings {
  double flop_per_second = 0, bytes_per_second = 0;
};

struct GenerateResult {
  Mesh mesh;
  Provenance provenance;  ///< model and its hash, seed, options, sinter's version
};

struct EngineOptions {
  /// "fp16" chooses model.fp16.*, "none" model.*, "auto" the first of these two that is there.
  std::string variant = "auto";
  /// Configuration file in place of config.yaml beside the weights; empty for that one.
  std::string config;
  int threads = 0;  ///< CPU threads, 0 takes all cores; the result does not depend on it
  /// Where the networks run: "cpu", "cuda" or "cuda:N" (an NVIDIA GPU of compute capability 9.0),
  /// or "auto": the first GPU where there is one, else the CPU.
  std::string device = "auto";
  /// Type of weights and activations on a GPU, "fp16" or "bf16"; sums are f32. The CPU computes in
  /// f32.
  std::string dtype = "fp16";
  /// The large products of the shape transformer multiply 8-bit numbers (e4m3) on a GPU: sampling
  /// takes a quarter less time, and the shape differs more from the exact one (docs/gpu.md). Not on
  /// the CPU and not with 2.1: an error.
  bool fp8 = false;
  /// Keep the networks in memory between runs: the second run starts at once. Otherwise each is
  /// loaded when a run comes to it and freed after, so that the largest decides the memory needed.
  /// A GPU keeps as many as fit, those of the most bytes.
  bool keep_weights = false;
  /// Bytes that a run may hold on the GPU (beside what the driver itself takes); 0: what is free
  /// when the run starts, less a margin. The CPU ignores it. A run that does not fit raises
  /// ErrorCode::out_of_memory before it starts, and says what it needs.
  std::uint64_t vram_budget = 0;
  /// A stand-alone VAE (folder, repository or file) used instead of the model's own: one of the
  /// same latent space, for example the turbo VAE with its small geometry decoder. It also sets the
  /// number of latent tokens. Empty: the model's own.
  std::string vae = {};
  /// `model` is no file but a released variant, "base", "mini-turbo", "2.1" ..., and its weights
  /// are random, of the size of trained ones: for measuring. They are made when a network is loaded
  /// and take seconds. `vae` is then empty, or "fast" for the one that the reference pipeline takes
  /// for FlashVDM with step-distilled variants. A `config` stands for a variant of other sizes.
  bool random_weights = false;
  /// Folder that remembers the SHA-256 of large checkpoints, which every mesh names: reading
  /// gigabytes for it takes seconds, once. A hash counts while the file's inode, size and times are
  /// those that were hashed. Empty: nothing is remembered.
  std::string hash_folder = {};
  /// Receives warnings; default: dropped.
  std::function<void(const std::string&)> warn;
};

/// Holds a model. Not thread-safe: one engine, one run at a time; different engines do not see each
/// other.
class Engine {
 public:
  /// \param model a folder in the official layout, a checkpoint file (.safetensors, .ckpt, .bin,
  /// .pt, .pth, an index of shards), or the name of a Hugging Face repository that is already on
  /// this machine, "tencent/Hunyuan3D-2mini"; docs/model-files.md says where it is looked for.
  /// Nothing is ever downloaded. Reads headers and configuration only; weights are bound by the
  /// first generate(). Without config.yaml the configuration is derived from the weights and
  /// `options.warn` receives what was assumed.
  explicit Engine(const std::string& model, EngineOptions options = {});
  ~Engine();
  Engine(Engine&&) noexcept;
  Engine& operator=(Engine&&) noexcept;

  /// \param pictures any subset of the views, each once, in any order; one picture, the front, for
  /// models that know a single view. \param metrics filled on every path, errors included, where
  /// not null.
  GenerateResult generate(const std::vector<Picture>& pictures,
                          const GenerateOptions& options = {},
                          const ProgressCallback& progress = {},
                          Metrics* metrics = nullptr);

  /// The same with one picture, the front.
  GenerateResult generate(const std::string& image_path,
                          const GenerateOptions& options = {},
                          const ProgressCallback& progress = {},
                          Metrics* metrics = nullptr);

  /// Samples each picture (the front of an object) with every step computed, and makes a cache
  /// configuration for runs of this model with these options from what it sees. Options of the
  /// surface do not matter. Raises ErrorCode::unsupported where no useful fit exists.
  CacheFit fit_cache(const std::vector<std::string>& pictures,
                     const GenerateOptions& options,
                     const CacheFitOptions& fit,
                     const ProgressCallback& progress = {});

  /// What generate() with these options notes on a mesh: all that the mesh depends on, but the
  /// pictures. Reads the whole checkpoint, for its hash, where no run has. Raises
  /// ErrorCode::invalid_argument for options out of range.
  Provenance provenance(const GenerateOptions& options);

  /// Of where this engine's networks run. Takes about a second.
  Ceilings measure_ceilings();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace sinter
