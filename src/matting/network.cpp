#include "matting/network.h"

#include <dlfcn.h>

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "io/file.h"
#include "io/pillow_resize.h"
#include "matting/dnn_module.h"
#include "matting/onnx_info.h"

namespace sinter::matting {
namespace {

constexpr std::size_t kMaxModelBytes = std::size_t{2} << 30;
constexpr int kMaxSide = 4096;
constexpr const char* kModule = "libsinter_dnn.so";

/// Beside the program or library that holds this code, where an installation puts it relative to
/// that, or where the loader looks.
SinterDnnRunFunction* load_module() {
  std::vector<std::string> places;
  Dl_info self{};
  std::error_code ignored;
  if (dladdr(reinterpret_cast<void*>(&network_matte), &self) != 0 && self.dli_fname != nullptr) {
    places.push_back(std::filesystem::path(self.dli_fname).parent_path().string());
  }
  places.push_back(std::filesystem::read_symlink("/proc/self/exe", ignored).parent_path().string());
  std::string last;
  for (const std::string& place : places) {
    for (const char* relative : {"", "sinter", "../sinter", "../lib/sinter"}) {
      const auto path = std::filesystem::path(place) / relative / kModule;
      if (!std::filesystem::exists(path, ignored)) continue;
      if (void* module = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL)) {
        return reinterpret_cast<SinterDnnRunFunction*>(dlsym(module, "sinter_dnn_run"));
      }
      last = dlerror();
    }
  }
  if (void* module = dlopen(kModule, RTLD_NOW | RTLD_LOCAL)) {
    return reinterpret_cast<SinterDnnRunFunction*>(dlsym(module, "sinter_dnn_run"));
  }
  if (last.empty()) last = dlerror();
  fail(ErrorCode::unsupported,
       "[matte] matting networks need ",
       kModule,
       ", which could not be loaded: ",
       last);
}

}  // namespace

NetworkForm network_form(std::span<const std::uint8_t> onnx, std::string_view name) {
  const OnnxInfo info = read_onnx_info(onnx, name);
  NetworkForm form;
  if (info.height != 0 && info.width != 0) {
    const bool sound =
        info.height >= 1 && info.width >= 1 && info.height <= kMaxSide && info.width <= kMaxSide;
    SINTER_CHECK(sound,
                 ErrorCode::unsupported,
                 "[matte] ",
                 name,
                 ": expected an input of 1..",
                 kMaxSide,
                 " pixels a side, got ",
                 info.width,
                 " x ",
                 info.height);
    form.height = static_cast<int>(info.height);
    form.width = static_cast<int>(info.width);
  }
  if (form.height == 1024 && form.width == 1024) {
    form.apply_sigmoid = !info.ends_in_sigmoid;
    if (info.ends_in_sigmoid) std::fill(std::begin(form.deviation), std::end(form.deviation), 1.0);
  }
  return form;
}

std::vector<float> network_input(const Image& image, const NetworkForm& form) {
  Image rgb(image.width, image.height, 3);
  for (int y = 0; y < image.height; ++y) {
    for (int x = 0; x < image.width; ++x) std::copy_n(image.at(x, y), 3, rgb.at(x, y));
  }
  const Image small = io::resize_pillow(rgb, form.width, form.height, io::PillowFilter::lanczos);
  const double most =
      std::max<double>(*std::max_element(small.pixels.begin(), small.pixels.end()), 1e-6);
  const std::size_t plane = small.pixels.size() / 3;
  std::vector<float> input(small.pixels.size());
  for (std::size_t i = 0; i < plane; ++i) {
    for (std::size_t c = 0; c < 3; ++c) {
      const double level = small.pixels[3 * i + c] / most;
      input[c * plane + i] = static_cast<float>((level - form.mean[c]) / form.deviation[c]);
    }
  }
  return input;
}

Image matte_from_output(std::span<const float> output,
                        int height,
                        int width,
                        const NetworkForm& form,
                        int result_width,
                        int result_height) {
  std::vector<float> values(output.begin(), output.end());
  if (form.apply_sigmoid) {
    for (float& value : values) value = 1 / (1 + std::exp(-value));
  }
  const auto [least, most] = std::minmax_element(values.begin(), values.end());
  const float low = *least;
  const float range = *most - low;
  Image matte(width, height, 1);
  // An output without any contrast has no subject.
  if (range > 0 && std::isfinite(range)) {
    std::transform(values.begin(), values.end(), matte.pixels.begin(), [&](float value) {
      return static_cast<std::uint8_t>((value - low) / range * 255);
    });
  }
  return io::resize_pillow(matte, result_width, result_height, io::PillowFilter::lanczos);
}

Image network_matte(const Image& image, const std::filesystem::path& onnx) {
  const std::string name = io::printable(onnx);
  const io::Bytes model = io::read_file(onnx, "matte", kMaxModelBytes);
  const NetworkForm form = network_form(model, name);
  const std::string output_name = read_onnx_info(model, name).first_output;
  const std::vector<float> input = network_input(image, form);
  std::vector<float> output(input.size() / 3);
  SinterDnnRun run{.model = model.data(),
                   .model_bytes = model.size(),
                   .input = input.data(),
                   .height = form.height,
                   .width = form.width,
                   .output_name = output_name.c_str(),
                   .output = output.data(),
                   .output_capacity = output.size(),
                   .output_height = 0,
                   .output_width = 0,
                   .message = {}};
  const int status = load_module()(&run);
  if (status == kSinterDnnNoMemory) {
    fail(ErrorCode::out_of_memory, "[matte] ", name, ": no memory to run the network");
  }
  if (status != kSinterDnnOk) {
    fail(ErrorCode::unsupported,
         "[matte] ",
         name,
         ": OpenCV's dnn module does not run this network (",
         run.message,
         ")");
  }
  output.resize(static_cast<std::size_t>(run.output_height) *
                static_cast<std::size_t>(run.output_width));
  return matte_from_output(
      output, run.output_height, run.output_width, form, image.width, image.height);
}

}  // namespace sinter::matting
