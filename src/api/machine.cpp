// What this machine has, found without starting any work.

#include <sys/statvfs.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>

#include "core/error.h"
#include "sinter/inspect.h"
#include "sinter/version.h"

#ifdef SINTER_WITH_CUDA
#include "ops/cuda/backend.h"
#endif

namespace sinter {

namespace {

std::string gigabytes(double bytes) {
  const auto tenths = static_cast<long>(bytes / 1e8 + 0.5);
  return cat(tenths / 10, ".", tenths % 10, " GB");
}

/// A line "Key:   value kB" of /proc/meminfo in bytes; negative where absent.
double memory_bytes(const std::string& key) {
  std::ifstream file("/proc/meminfo");
  std::string name, unit;
  double kibibytes = 0;
  while (file >> name >> kibibytes) {
    std::getline(file, unit);
    if (name == key + ":") return kibibytes * 1024;
  }
  return -1;
}

std::string processor_name() {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);) {
    const std::size_t colon = line.find(": ");
    if (line.rfind("model name", 0) == 0 && colon != std::string::npos)
      return line.substr(colon + 2);
  }
  return "unknown";
}

MachineFact vector_units() {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx512f")) return {"vector units", "AVX-512"};
  if (__builtin_cpu_supports("avx2")) {
    return {"vector units", "AVX2 (AVX-512 would be about twice as fast)"};
  }
  return {"vector units", "neither AVX2 nor AVX-512: everything runs, slowly", false};
#else
  return {"vector units", "not x86-64: portable code, slow", false};
#endif
}

MachineFact memory() {
  const double total = memory_bytes("MemTotal");
  const double available = memory_bytes("MemAvailable");
  if (total < 0) return {"memory", "unknown: /proc/meminfo cannot be read", false};
  constexpr double kNeeded = 1.5e9;  // the shipped model at octree 384, with room to spare
  const bool enough = available >= kNeeded;
  return {"memory",
          cat(gigabytes(available),
              " available of ",
              gigabytes(total),
              enough ? "" : "; the shipped model wants 1.5 GB"),
          enough};
}

MachineFact accelerator() {
  int devices = 0;
  while (std::filesystem::exists(cat("/dev/nvidia", devices))) ++devices;
  if (devices == 0) return {"accelerator", "no NVIDIA device; every stage runs on the CPU"};
#ifdef SINTER_WITH_CUDA
  try {
    const ops::cuda::Gpu gpu = ops::cuda::describe_gpu(0);
    const std::string name = cat(gpu.name, ", ", gigabytes(static_cast<double>(gpu.memory)));
    if (gpu.supported()) return {"accelerator", cat(name, "; networks run there")};
    return {"accelerator",
            cat(name,
                ", not used: compute capability ",
                gpu.major,
                ".",
                gpu.minor,
                ", this build is for 9.0"),
            false};
  } catch (const Error& error) {
    return {"accelerator", cat(devices, " NVIDIA device(s), not used: ", error.what()), false};
  }
#else
  return {"accelerator",
          cat(devices, " NVIDIA device(s), not used: this build has no CUDA back end")};
#endif
}

}  // namespace

std::vector<MachineFact> examine_machine() {
  const unsigned cores = std::thread::hardware_concurrency();
  std::vector<MachineFact> facts = {
      {"sinter", SINTER_VERSION},
      {"processor", processor_name()},
      {"cores", cat(cores)},
      vector_units(),
      memory(),
      accelerator(),
  };
  for (const char* stage :
       {"image", "condition", "sample", "latents", "volume", "surface", "mesh"}) {
    facts.push_back(
        {cat("stage ", stage), cat("CPU, ", cores, cores == 1 ? " thread" : " threads")});
  }
  return facts;
}

}  // namespace sinter
