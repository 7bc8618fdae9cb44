#include <chrono>
#include <cstdio>

#include "commands.h"
#include "interrupt.h"
#include "model_options.h"
#include "progress_line.h"
#include "sinter/convert.h"
#include "sinter/error.h"
#include "text.h"

namespace sinter::cli {

namespace {

struct ConvertArguments {
  std::string model, out;
  ConvertOptions options;
  bool quiet = false;
};

std::uint64_t parse_size(const std::string& text) {
  if (const auto bytes = parse_bytes(text)) return *bytes;
  throw Error(ErrorCode::invalid_argument,
              "[convert] max-shard-size: expected a size such as 5GB or 500MB, got '" + text + "'");
}

void convert(const ConvertArguments& arguments) {
  count_interrupts(1);
  ProgressLine line(arguments.quiet);
  const auto start = std::chrono::steady_clock::now();
  const auto progress = [&](std::uint64_t done, std::uint64_t total) {
    const double fraction = total == 0 ? 1 : static_cast<double>(done) / static_cast<double>(total);
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
    line.show({.stage = "convert",
               .stage_fraction = fraction,
               .total = fraction,
               .seconds = seconds.count(),
               .seconds_left = seconds.count() * (1 - fraction) / fraction});
    return interrupts() == 0;
  };
  const ConvertResult result =
      convert_model(arguments.model, arguments.out, arguments.options, progress);
  line.finish();
  for (const std::string& note : result.notes) {
    std::fprintf(stderr, "sinter: warning: %s\n", note.c_str());
  }
  if (arguments.quiet) return;
  for (const std::string& file : result.files) std::printf("%s\n", file.c_str());
  std::printf(
      "%s tensors, %s\n", grouped(result.tensors).c_str(), bytes_text(result.bytes).c_str());
}

}  // namespace

void add_convert(CLI::App& app, int&) {
  auto arguments = std::make_shared<ConvertArguments>();
  ConvertOptions& options = arguments->options;
  CLI::App* command =
      app.add_subcommand("convert", "write a model as safetensors: other type, shards, one part");
  command->add_option("model", arguments->model, kModelHelp)->required();
  command
      ->add_option("output",
                   arguments->out,
                   "NAME.safetensors, or a folder that then holds the model and its config.yaml")
      ->required();
  command
      ->add_option("--dtype",
                   options.dtype,
                   "keep, fp16, bf16 or fp32, rounded to nearest even; a number that fp16 cannot "
                   "hold is an error")
      ->capture_default_str();
  command
      ->add_option_function<std::string>(
          "--max-shard-size",
          [&options](const std::string& text) { options.max_shard_bytes = parse_size(text); },
          "cut into files of at most this size, 5GB or 500MB, with an index")
      ->default_str("one file");
  command
      ->add_option("--component",
                   options.component,
                   "model, vae or conditioner: only that network, under its own names")
      ->default_str("all");
  command->add_flag("--force", options.overwrite, "replace files that are there");
  command->add_flag("--quiet", arguments->quiet, "print errors and warnings only");
  add_model_options(*command, options.variant, options.config);
  command->callback([arguments] { convert(*arguments); });
}

}  // namespace sinter::cli
