// Runs one network at a time on demand, so that compare_torch.py can alternate with PyTorch in one
// session. Reads job names from stdin, one a line, and answers each with its seconds:
//
//   bench_models MODEL INPUTS.safetensors THREADS
//     dit        one guided step of the transformer, conditions and modulations prepared
//     dit_plain  the same with the full unconditional context and modulations inside the step
//     query      the field at all points of the inputs
//     gemm       a product of 1024 x 1024 x 1024
//     save PATH  writes the outputs of the last dit and query as safetensors
//
// Inputs: latents [L, C], context [T, W], points [P, 3], all f32.

#include <chrono>
#include <cstdio>
#include <iostream>
#include <string>
#include <vector>

#include "checkpoint/writer.h"
#include "models/shape_model.h"
#include "ops/linear.h"

namespace {

using namespace sinter;  // NOLINT(google-build-using-namespace): a program of one file

constexpr std::int64_t kGemm = 1024;

/// f32 memory of a shape.
struct Owned {
  Buffer memory;
  Tensor view;
  explicit Owned(const Shape& shape)
      : memory(static_cast<std::size_t>(shape.elements()) * sizeof(float)),
        view{memory.data(), DType::f32, Device::cpu, shape, "bench"} {
    for (std::int64_t i = 0; i < view.elements(); ++i) {
      view.f32_mut()[i] = static_cast<float>(i % 17) / 8.0F - 1.0F;
    }
  }
};

class Bench {
 public:
  Bench(const std::string& model, const std::string& inputs, int threads)
      : inputs_(checkpoint::Checkpoint::open(inputs)),
        model_(models::ShapeModel::open(model)),
        dit_(model_.load_dit({.threads = threads})),
        vae_(model_.load_vae({.threads = threads})),
        latents_(input("latents")),
        context_(input("context")),
        points_(input("points")),
        velocity_(Shape{2, latents_.view.dim(0), latents_.view.dim(1)}),
        logits_(Shape{points_.view.dim(0)}),
        a_(Shape{kGemm, kGemm}),
        c_(Shape{kGemm, kGemm}),
        weight_(a_.view),
        memory_(remember()) {
    ctx_.threads = threads;
  }

  /// Seconds of one job.
  double run(const std::string& job) {
    ArenaScope scope(ctx_.arena());
    if (job == "query") {
      return time([&] { vae_->query(ctx_, memory_, points_.view, logits_.view); });
    }
    if (job == "gemm") return time([&] { ops::linear_into(ctx_, a_.view, weight_, c_.view); });
    SINTER_CHECK(job == "dit" || job == "dit_plain",
                 ErrorCode::invalid_argument,
                 "[bench] expected dit, dit_plain, query or gemm, got ",
                 job);
    const Switches saved = ctx_.switches;
    ctx_.switches.collapse_unconditional = ctx_.switches.modulation_table = job == "dit";
    const std::vector<float> times(50, 0.375F);
    const models::Denoise denoise =
        dit_->begin(ctx_, {.condition = context_.view, .times = times, .guidance = 5.0F});
    const double seconds = time([&] { denoise(ctx_, 1, latents_.view, velocity_.view); });
    ctx_.switches = saved;
    return seconds;
  }

  void save(const std::string& path) const {
    const auto source = [](const char* name, const Tensor& x) {
      return checkpoint::TensorSource{name, x.dtype, x.shape, std::as_bytes(x.span())};
    };
    checkpoint::write_safetensors(
        path, {source("velocity", velocity_.view), source("logits", logits_.view)});
  }

 private:
  Owned input(const std::string& name) const {
    const checkpoint::TensorEntry* entry = inputs_.find(name);
    SINTER_CHECK(entry != nullptr, ErrorCode::not_found, "[bench] inputs: no tensor ", name);
    Owned result(entry->shape);
    convert_to_float(entry->bytes.data(),
                     entry->dtype,
                     result.view.f32_mut(),
                     static_cast<std::size_t>(entry->shape.elements()));
    return result;
  }

  models::GeometryMemory remember() {
    ArenaScope scope(ctx_.arena());
    return vae_->remember(ctx_, vae_->decode(ctx_, latents_.view));
  }

  template <class Body>
  static double time(const Body& body) {
    const auto start = std::chrono::steady_clock::now();
    body();
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  }

  Context ctx_;
  checkpoint::Checkpoint inputs_;
  models::ShapeModel model_;
  models::Loaded<models::ShapeDenoiser> dit_;
  models::Loaded<models::ShapeVae> vae_;
  Owned latents_, context_, points_, velocity_, logits_, a_, c_;
  ops::LinearWeight weight_;
  models::GeometryMemory memory_;
};

void serve(Bench& bench) {
  for (std::string line; std::getline(std::cin, line);) {
    if (line.starts_with("save ")) {
      bench.save(line.substr(5));
      std::printf("saved\n");
    } else {
      std::printf("%.9f\n", bench.run(line));
    }
    std::fflush(stdout);
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) {
    std::fprintf(stderr, "usage: bench_models MODEL INPUTS.safetensors THREADS\n");
    return 2;
  }
  try {
    Bench bench(argv[1], argv[2], std::stoi(argv[3]));
    serve(bench);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
  return 0;
}
