// Built as a shared module of its own (libsinter_dnn.so); see dnn_module.h.

#include "matting/dnn_module.h"

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <mutex>
#include <new>
#include <opencv2/core/utils/logger.hpp>
#include <opencv2/dnn.hpp>
#include <string>

namespace {

/// OpenCV prints what it throws; the caller reports it instead.
int swallow(int, const char*, const char*, const char*, int, void*) {
  return 0;
}

/// Keeps OpenCV silent. Its settings belong to the process: the first of several networks that run
/// side by side changes them, the last restores them.
class Quiet {
 public:
  Quiet() {
    const std::lock_guard lock(mutex_);
    if (running_++ > 0) return;
    level_ = cv::utils::logging::setLogLevel(cv::utils::logging::LOG_LEVEL_SILENT);
    before_ = cv::redirectError(swallow, nullptr, &before_data_);
  }
  ~Quiet() {
    const std::lock_guard lock(mutex_);
    if (--running_ > 0) return;
    cv::redirectError(before_, before_data_);
    cv::utils::logging::setLogLevel(level_);
  }
  Quiet(const Quiet&) = delete;
  Quiet& operator=(const Quiet&) = delete;

 private:
  static inline std::mutex mutex_;  // over what follows
  static inline int running_ = 0;
  static inline cv::utils::logging::LogLevel level_ = {};
  static inline cv::ErrorCallback before_ = nullptr;
  static inline void* before_data_ = nullptr;
};

int refuse(SinterDnnRun& run, std::string text) {
  // "> Node [MaxPool@ai.onnx]:(name) parse error: OpenCV(4.6.0) ...": what follows is of no use.
  text = text.substr(0, text.find(" parse error"));
  if (text.starts_with("> ")) text.erase(0, 2);
  constexpr std::size_t kMostText = 120;
  std::snprintf(run.message, sizeof(run.message), "%s", text.substr(0, kMostText).c_str());
  for (char& c : run.message) {
    if (c != 0 && (c < ' ' || c > '~')) c = ' ';
  }
  return kSinterDnnRefused;
}

int run_network(SinterDnnRun& run) {
  cv::dnn::Net net =
      cv::dnn::readNetFromONNX(reinterpret_cast<const char*>(run.model), run.model_bytes);
  if (net.empty()) return refuse(run, "it holds no layers");
  net.setPreferableBackend(cv::dnn::DNN_BACKEND_OPENCV);
  net.setPreferableTarget(cv::dnn::DNN_TARGET_CPU);
  const int shape[] = {1, 3, run.height, run.width};
  net.setInput(cv::Mat(4, shape, CV_32F, const_cast<float*>(run.input)));
  const cv::Mat output = net.forward(run.output_name);
  if (output.dims != 4 || output.type() != CV_32F || output.size[0] != 1 || output.size[1] < 1) {
    return refuse(run, "its first output is not [1, channels, height, width]");
  }
  run.output_height = output.size[2];
  run.output_width = output.size[3];
  const std::size_t count =
      static_cast<std::size_t>(run.output_height) * static_cast<std::size_t>(run.output_width);
  if (count == 0 || count > run.output_capacity) {
    return refuse(run, "its first output is larger than its input");
  }
  std::memcpy(run.output, output.ptr<float>(), count * sizeof(float));
  return kSinterDnnOk;
}

}  // namespace

__attribute__((visibility("default"))) int sinter_dnn_run(SinterDnnRun* run) {
  try {
    const Quiet quiet;
    return run_network(*run);
  } catch (const std::bad_alloc&) {
    return kSinterDnnNoMemory;
  } catch (const cv::Exception& error) {
    return refuse(*run, error.err);
  } catch (const std::exception& error) {
    return refuse(*run, error.what());
  }
}
