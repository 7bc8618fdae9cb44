#pragma once
// Which pictures a model takes, and how they become its input.

#include <span>
#include <string>
#include <vector>

#include "io/preprocess.h"
#include "models/shape_model.h"
#include "sinter/engine.h"

namespace sinter::pipeline {

/// The pictures by ascending view. Raises ErrorCode::invalid_argument, naming the view, where there
/// is none, one comes twice or is none of View's, and where the model takes a single view and is
/// given more, or another than the front.
std::vector<Picture> checked_pictures(const models::ShapeModel& model,
                                      std::span<const Picture> pictures);

/// How messages name the picture: by its path.
std::string picture_name(const Picture& picture);

/// From the file, its bytes or the pixels. Raises ErrorCode::invalid_argument where not exactly one
/// of the three is given or the pixels are not width x height, else what io::read_image() raises.
Image load_picture(const Picture& picture, const std::function<void()>& poll = {});

/// The `image_processor` section of config.yaml. Raises ErrorCode::unsupported for another class
/// than the one that belongs to the conditioner: ImageProcessorV2, or MVImageProcessorV2 for
/// several views, which prepares each picture as the former does.
io::PreprocessOptions preprocess_options(const models::ShapeModel& model);

}  // namespace sinter::pipeline
