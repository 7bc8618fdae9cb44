#pragma once
// Golden data of tools/goldens/make_goldens.py: networks with random weights, and what the
// independent PyTorch modules make of them.

#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

#include "checkpoint/checkpoint.h"
#include "core/context.h"
#include "models/shape_model.h"

namespace sinter::models {

/// Values of the tensor called `name`: uniform in offset +- scale, the same in Python. See
/// tools/goldens/random_tensors.py.
void fill_random(std::string_view name, float offset, float scale, const Tensor& out);

/// A contiguous f32 tensor that owns its memory.
struct OwnedTensor {
  explicit OwnedTensor(const Shape& shape, float value = 0.0F);
  /// An input made from its name.
  OwnedTensor(std::string_view name, const Shape& shape, float scale = 1.0F);

  Tensor view() const { return view_; }
  operator Tensor() const { return view_; }  // NOLINT(google-explicit-constructor)

 private:
  Buffer memory_;
  Tensor view_;
};

std::string data_path(const std::string& file);
/// config.yaml of a released checkpoint ("hunyuan3d-dit-v2-0"), as text.
std::string released_config(const std::string& folder);

/// A tensor named in weights.txt.
struct GoldenWeight {
  std::string name;
  Shape shape;
  float offset = 0, scale = 0;
};
std::vector<GoldenWeight> read_weight_list(const std::string& bundle);

/// The weights of a list as an in-memory safetensors file, and those of a bundle.
checkpoint::Checkpoint random_checkpoint(const std::vector<GoldenWeight>& list,
                                         const std::string& name);
checkpoint::Checkpoint random_checkpoint(const std::string& bundle);
/// The bundle itself ("base", "distilled" or "v2-1"). Built once a process.
const ShapeModel& random_model(const std::string& bundle);

/// Expected tensors of a bundle, by name.
class Goldens {
 public:
  explicit Goldens(const std::string& bundle, const std::string& file = "activations");
  const checkpoint::Checkpoint& file() const { return file_; }
  bool has(const std::string& name) const { return file_.find(name) != nullptr; }
  std::vector<float> values(const std::string& name) const;

 private:
  checkpoint::Checkpoint file_;
};

/// ||a - b|| / ||b|| in double.
double relative_error(std::span<const float> a, std::span<const float> b);

/// Collects what a network taps, then compares each tensor with the golden of the same name behind
/// a prefix.
class Tapped {
 public:
  explicit Tapped(Context& ctx);
  /// Expects every name in `names` to have been tapped and to be within `limit`; prints the errors.
  void expect_near(const Goldens& goldens,
                   const std::string& prefix,
                   const std::vector<std::string>& names,
                   double limit) const;

 private:
  std::map<std::string, std::vector<float>> seen_;
};

void expect_near(std::span<const float> got,
                 const Goldens& goldens,
                 const std::string& name,
                 double limit);

}  // namespace sinter::models
