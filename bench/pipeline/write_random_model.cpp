// write_random_model VARIANT FOLDER [vae]: a released model of random weights, of the size of
// trained ones, as a folder in the official layout: for measuring what loading costs. With `vae`
// the stand-alone VAE that the variant has for FlashVDM.

#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "checkpoint/official_config.h"
#include "checkpoint/writer.h"
#include "core/error.h"
#include "models/random_weights.h"
#include "models/shape_model.h"

namespace {

using namespace sinter;

constexpr std::uint64_t kSeed = 1;

std::vector<checkpoint::TensorEntry> tensors_of(const checkpoint::ConfigNode& config, bool vae) {
  if (vae) return models::vae_tensors(models::ShapeVaeConfig::from(config));
  return models::bundle_tensors(models::ShapeModelConfig::from(config));
}

void write(const std::string& variant, const std::filesystem::path& folder, bool vae) {
  const std::string text =
      vae ? checkpoint::official_fast_vae(variant) : checkpoint::official_config(variant);
  const auto config = checkpoint::ConfigNode::parse(text, variant);
  const int threads = static_cast<int>(std::max(1U, std::thread::hardware_concurrency()));
  const checkpoint::Checkpoint weights =
      models::random_weights(tensors_of(config, vae), variant, kSeed, threads);
  std::vector<Buffer> blocks;
  std::vector<checkpoint::TensorSource> sources;
  for (const checkpoint::TensorEntry& entry : weights.entries()) {
    weights.produce(entry);
    const Buffer& block = blocks.emplace_back(entry.bytes.size());
    std::memcpy(block.data(), entry.bytes.data(), entry.bytes.size());
    sources.push_back({entry.name, entry.dtype, entry.shape, {block.data(), block.size()}});
  }
  std::filesystem::create_directories(folder);
  checkpoint::write_safetensors((folder / "model.fp16.safetensors").string(), sources);
  std::ofstream(folder / "config.yaml") << text;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) {
    std::fprintf(stderr, "usage: write_random_model VARIANT FOLDER [vae]\n");
    return 2;
  }
  try {
    write(argv[1], argv[2], argc > 3 && std::string(argv[3]) == "vae");
  } catch (const Error& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
  return 0;
}
