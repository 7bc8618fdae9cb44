// bench_cancel MODEL PICTURE [OCTREE [FACES [THREADS]]]: how long a run may go on after the caller
// has asked it to stop. That is the longest stretch between two looks at the caller's wish, which a
// run that is not stopped shows stage by stage, and then the time to return, which runs stopped at
// each stage's middle show. Then the writing of the mesh, which is not interrupted.
//
// Seconds are processor time of all threads, which other programs disturb little; with one thread,
// the default, they are what an idle core takes.

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <map>
#include <string>
#include <vector>

#include "sinter/engine.h"
#include "sinter/error.h"

namespace {

using namespace sinter;

double now() {
  timespec time{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

struct Stage {
  double longest = 0;    ///< between looks
  double after = 0;      ///< where in the stage the longest began, 0..1
  double seconds = 0;    ///< of the whole stage
  double to_return = 0;  ///< from the callback's refusal
};

/// A run that is not stopped. A stretch belongs to the stage that it began in.
void watch(Engine& engine,
           const Picture& picture,
           const GenerateOptions& options,
           std::vector<std::string>& order,
           std::map<std::string, Stage>& stages,
           Mesh& mesh) {
  double last = now(), fraction = 0;
  std::string current = "start";
  order = {current};
  const auto end_stretch = [&] {
    const double seconds = now() - last;
    Stage& stage = stages[current];
    stage.seconds += seconds;
    if (seconds > stage.longest) {
      stage.longest = seconds;
      stage.after = fraction;
    }
  };
  const auto look = [&](const Progress& progress) {
    end_stretch();
    if (current != progress.stage) order.push_back(current = progress.stage);
    fraction = progress.stage_fraction;
    last = now();
    return true;
  };
  mesh = engine.generate({picture}, options, look).mesh;
  end_stretch();
}

/// Stopped in the middle of the stage; 0 where the run was not.
double seconds_to_return(Engine& engine,
                         const Picture& picture,
                         const GenerateOptions& options,
                         const std::string& stage) {
  double asked = 0;
  const auto stop = [&](const Progress& progress) {
    const bool there = progress.stage == stage && progress.stage_fraction >= 0.5;
    if (there) asked = now();
    return !there;
  };
  try {
    engine.generate({picture}, options, stop);
  } catch (const Error& error) {
    if (error.code() != ErrorCode::cancelled) throw;
    return now() - asked;
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) try {
  if (argc < 3) {
    std::fprintf(stderr, "usage: bench_cancel MODEL PICTURE [OCTREE [FACES [THREADS]]]\n");
    return 2;
  }
  GenerateOptions options;
  options.octree = argc > 3 ? std::atoi(argv[3]) : 384;
  options.faces = argc > 4 ? std::atoll(argv[4]) : 40000;
  options.steps = 5;
  if (const char* decode = std::getenv("DECODE")) {
    if (std::string(decode) == "dense") options.decode = Decode::dense;
    if (std::string(decode) == "flashvdm") options.decode = Decode::flashvdm;
  }
  EngineOptions settings;
  settings.threads = argc > 5 ? std::atoi(argv[5]) : 1;
  const Picture picture{.path = argv[2]};

  std::vector<std::string> order;
  std::map<std::string, Stage> stages;
  Mesh mesh;
  constexpr int kRuns = 1;
  for (int run = 0; run < kRuns; ++run) {
    Engine engine(argv[1], settings);  // a new one, so that each run hashes the model
    watch(engine, picture, options, order, stages, mesh);
  }
  settings.keep_weights = true;
  Engine engine(argv[1], settings);
  for (const std::string& name : order) {
    if (name == "start") continue;
    stages[name].to_return = seconds_to_return(engine, picture, options, name);
  }
  std::printf("%-10s %14s %12s %14s %14s\n",
              "stage",
              "ms in all",
              "longest, ms",
              "at fraction",
              "return, ms");
  for (const std::string& name : order) {
    const Stage& stage = stages[name];
    std::printf("%-10s %14.0f %12.1f %14.2f %14.2f\n",
                name.c_str(),
                1e3 * stage.seconds / kRuns,
                1e3 * stage.longest,
                stage.after,
                1e3 * stage.to_return);
  }
  for (const char* format : {"glb", "obj", "ply", "stl", "3mf", "usdz"}) {
    MeshWriteOptions write;
    write.format = format;
    const double start = now();
    const std::size_t bytes = encode_mesh(mesh, write).size();
    std::printf("write %-4s %14.0f   %zu faces, %zu bytes\n",
                format,
                1e3 * (now() - start),
                mesh.faces.size(),
                bytes);
  }
  return 0;
} catch (const sinter::Error& error) {
  std::fprintf(stderr, "bench_cancel: %s\n", error.what());
  return exit_code(error.code());
}
