// How long a decode of the shipped model works between two looks at the caller's wish to stop.

#include <gtest/gtest.h>

#include <algorithm>
#include <ctime>
#include <string>

#include "models/golden.h"
#include "pipeline/volume.h"

namespace sinter::pipeline {
namespace {

#if defined(__SANITIZE_ADDRESS__)
constexpr double kSlower = 20;  // an unoptimised, checked build
#else
constexpr double kSlower = 1;
#endif
/// Seconds: what a caller is promised. Processor time of all threads together, so that neither
/// other programs nor the number of processors disturb the measurement.
constexpr double kPromise = 0.25 * kSlower;

double processor_seconds() {
  timespec now{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

struct Mode {
  const char* name;
  Decode decode;
  FlashVdmKeys keys;
};
constexpr Mode kModes[] = {{"dense", Decode::dense, FlashVdmKeys::mean},
                           {"hierarchical", Decode::hierarchical, FlashVdmKeys::mean},
                           {"mean", Decode::flashvdm, FlashVdmKeys::mean},
                           {"merge", Decode::flashvdm, FlashVdmKeys::merge}};

class Cancel : public testing::TestWithParam<Mode> {
 protected:
  static const models::ShapeModel& model() {
    static const auto shipped = models::ShapeModel::open(SINTER_SOURCE_DIR "/models/sinter-small");
    return shipped;
  }
};

TEST_P(Cancel, ComesSoonAtAnyThreadCount) {
  const auto vae = model().load_vae({.threads = 1});
  const models::OwnedTensor latents("input.latents", {128, 32}, 1.75F);
  GenerateOptions options;
  options.octree = 256;
  options.decode = GetParam().decode;
  options.flashvdm_keys = GetParam().keys;
  for (const int threads : {1, 2, 5}) {
    Context ctx;
    ctx.threads = threads;
    const models::GeometryMemory memory = vae->remember(ctx, vae->decode(ctx, latents));
    const double start = processor_seconds();
    double last = start, longest = 0;
    int looks = 0;
    const auto look = [&](double) {
      const double now = processor_seconds();
      longest = std::max(longest, now - last);
      last = now;
      ++looks;
      if (now - start > 0.8 * kSlower) throw Error(ErrorCode::cancelled, "cancelled");
    };
    ctx.poll = [&] { look(0); };
    mesh::SampleStats stats;
    EXPECT_THROW(sample_volume(ctx, *vae, memory, options, look, stats), Error);
    longest = std::max(longest, processor_seconds() - last);
    EXPECT_LT(longest, kPromise) << threads << " threads";
    EXPECT_GT(looks, 5);
    std::printf("    %d threads: %d looks, longest %.3f s\n", threads, looks, longest);
  }
}

INSTANTIATE_TEST_SUITE_P(Decodes, Cancel, testing::ValuesIn(kModes), [](const auto& mode) {
  return std::string(mode.param.name);
});

}  // namespace
}  // namespace sinter::pipeline
