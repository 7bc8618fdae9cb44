// The command line: parses, runs one command, prints one line for whatever goes wrong.

#include <csignal>
#include <cstdio>
#include <exception>
#include <new>
#include <string>

#include "commands.h"
#include "sinter/error.h"
#include "sinter/version.h"

#ifdef __GLIBC__
#include <malloc.h>
#endif

namespace {

constexpr const char* kFooter =
    "Exit status: 0 done, 1 the subject was found wanting (mesh-check, inspect, doctor, batch), 2 "
    "a wrong "
    "option or argument,\n"
    "3 not found, 4 corrupt file, 5 unsupported, 6 input or output failed, 7 out of memory, 8 "
    "cancelled, 9 device\n"
    "failure, 10 a defect in sinter. 'sinter COMMAND --help' lists a command's options.";

int report(sinter::ErrorCode code, const std::string& message) {
  std::fprintf(stderr, "sinter: %s\n", message.c_str());
  return sinter::exit_code(code);
}

/// CLI11 wraps some messages over several lines; a person reads one.
std::string one_line(std::string text) {
  for (char& c : text) {
    if (c == '\n') c = ' ';
  }
  while (!text.empty() && text.back() == ' ') text.pop_back();
  return text;
}

}  // namespace

int main(int argc, char** argv) {
  // A reader that goes away is reported by the write that fails, not by a signal.
  std::signal(SIGPIPE, SIG_IGN);
#ifdef __GLIBC__
  // Large blocks go back to the system when they are freed. Left alone, glibc raises the limit from
  // which they do with every such block, and a long batch grows by what lies between its holes.
  mallopt(M_MMAP_THRESHOLD, 256 * 1024);
#endif
  CLI::App app("sinter: one picture in, a sound 3D mesh out", "sinter");
  app.set_version_flag("--version", "sinter " SINTER_VERSION);
  app.require_subcommand(1);
  app.footer(kFooter);
  int status = 0;
  try {
    sinter::cli::add_generate(app, status);
    sinter::cli::add_batch(app, status);
    sinter::cli::add_matte(app, status);
    sinter::cli::add_inspect(app, status);
    sinter::cli::add_convert(app, status);
    sinter::cli::add_compare(app, status);
    sinter::cli::add_mesh_check(app, status);
    sinter::cli::add_mesh_convert(app, status);
    sinter::cli::add_render(app, status);
    sinter::cli::add_maps(app, status);
    sinter::cli::add_unwrap(app, status);
    sinter::cli::add_bake(app, status);
    sinter::cli::add_bench(app, status);
    sinter::cli::add_cache_fit(app, status);
    sinter::cli::add_cache_plan(app, status);
    sinter::cli::add_doctor(app, status);
    app.parse(argc, argv);
    return status;
  } catch (const CLI::Success& success) {
    return app.exit(success);
  } catch (const CLI::ParseError& error) {
    return report(sinter::ErrorCode::invalid_argument,
                  one_line(error.what()) + " (see sinter --help)");
  } catch (const sinter::Error& error) {
    return report(error.code(), error.message());
  } catch (const std::bad_alloc&) {
    return report(sinter::ErrorCode::out_of_memory, "out of memory");
  } catch (const std::exception& error) {
    return report(sinter::ErrorCode::internal, std::string("defect: ") + error.what());
  }
}
