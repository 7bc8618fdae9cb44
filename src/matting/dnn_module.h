#pragma once
// The border between sinter and the shared module that holds OpenCV's dnn library, which is loaded
// when a network is first asked for: its start costs every run of the program several milliseconds.
// Plain C: no exception and no type of either library crosses it.

#include <cstddef>
#include <cstdint>

extern "C" {

enum SinterDnnStatus {
  kSinterDnnOk = 0,
  kSinterDnnRefused = 1,  ///< the library cannot read or run the network
  kSinterDnnNoMemory = 2,
};

/// The network, its input [1, 3, height, width], and room for one channel of its output.
struct SinterDnnRun {
  const std::uint8_t* model;
  std::size_t model_bytes;
  const float* input;
  int height, width;
  const char* output_name;
  float* output;                    ///< channel 0 of the output, written row after row
  std::size_t output_capacity;      ///< in floats
  int output_height, output_width;  ///< set by the run
  char message[256];                ///< one line, set where the status is not Ok
};

using SinterDnnRunFunction = int(SinterDnnRun*);
/// The one symbol of the module.
SinterDnnRunFunction sinter_dnn_run;
}
