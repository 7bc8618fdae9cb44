#include <cstdio>

#include "commands.h"
#include "sinter/inspect.h"

namespace sinter::cli {

void add_doctor(CLI::App& app, int& status) {
  CLI::App* command = app.add_subcommand(
      "doctor", "say what this machine has, what is missing and what would run where");
  command->callback([&status] {
    for (const MachineFact& fact : examine_machine()) {
      std::printf("%-4s %-18s %s\n", fact.ok ? "ok" : "!!", fact.name.c_str(), fact.value.c_str());
      if (!fact.ok) status = kFindings;
    }
  });
}

}  // namespace sinter::cli
