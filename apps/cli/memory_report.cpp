#include "memory_report.h"

#include <cstdio>
#include <nlohmann/json.hpp>

#include "text.h"

namespace sinter::cli {

namespace {

std::string network_text(const StageMemory& stage) {
  if (stage.network.empty()) return "no network";
  return stage.network + (stage.stays ? ", stays" : ", freed after");
}

}  // namespace

void MemoryReport::show(const MemoryPlan& plan) {
  if (quiet_ || shown_ || plan.budget_bytes == 0) return;
  shown_ = true;
  std::fprintf(stderr,
               "memory     at most %s of %s on the GPU; decoder: %s points at a time\n",
               bytes_text(plan.peak_bytes).c_str(),
               bytes_text(plan.budget_bytes).c_str(),
               grouped(plan.decoder_points).c_str());
  for (const StageMemory& stage : plan.stages) {
    std::fprintf(stderr,
                 "  %-9s  %-27s  weights %8s  all else %8s\n",
                 stage.stage.c_str(),
                 network_text(stage).c_str(),
                 bytes_text(stage.weight_bytes).c_str(),
                 bytes_text(stage.other_bytes).c_str());
  }
}

nlohmann::ordered_json plan_json(const MemoryPlan& plan) {
  nlohmann::ordered_json stages = nlohmann::ordered_json::array();
  for (const StageMemory& stage : plan.stages) {
    stages.push_back({{"stage", stage.stage},
                      {"network", stage.network},
                      {"stays", stage.stays},
                      {"weight_bytes", stage.weight_bytes},
                      {"other_bytes", stage.other_bytes}});
  }
  return {{"budget_bytes", plan.budget_bytes},
          {"peak_bytes", plan.peak_bytes},
          {"decoder_points", plan.decoder_points},
          {"stages", stages}};
}

}  // namespace sinter::cli
