// What a model takes: steps and guidance where nothing is asked for, their limits, its pictures.

#include <gtest/gtest.h>

#include <functional>

#include "checkpoint/published.h"
#include "pipeline/pictures.h"
#include "pipeline/sampling_settings.h"

namespace sinter::pipeline {
namespace {

models::ShapeModel released(const std::string& folder) {
  for (const checkpoint::PublishedCheckpoint& one : checkpoint::published_checkpoints()) {
    if (one.folder == folder) return {one.outline(), one.config()};
  }
  throw Error(ErrorCode::not_found, folder);
}

void expect_error(const std::vector<std::string>& parts, const std::function<void()>& action) {
  try {
    action();
    ADD_FAILURE() << "accepted; expected an error about " << parts.front();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::invalid_argument) << error.what();
    for (const std::string& part : parts) {
      EXPECT_NE(error.message().find(part), std::string::npos) << part << ": " << error.what();
    }
  }
}

TEST(SamplingSettings, EveryReleasedModelHasItsOwn) {
  struct Case {
    const char* folder;
    int steps;
    bool guided;
  };
  for (const Case& c : {
           Case{"hunyuan3d-dit-v2-0", 50, true},
           Case{"hunyuan3d-dit-v2-0-fast", 30, false},
           Case{"hunyuan3d-dit-v2-0-turbo", 5, false},
           Case{"hunyuan3d-dit-v2-mini", 50, true},
           Case{"hunyuan3d-dit-v2-mini-fast", 30, false},
           Case{"hunyuan3d-dit-v2-mini-turbo", 5, false},
           Case{"hunyuan3d-dit-v2-mv", 50, true},
           Case{"hunyuan3d-dit-v2-mv-fast", 30, false},
           Case{"hunyuan3d-dit-v2-mv-turbo", 5, false},
           Case{"hunyuan3d-dit-v2-1", 50, true},
       }) {
    SCOPED_TRACE(c.folder);
    const SamplingSettings settings = sampling_settings(released(c.folder), {});
    EXPECT_EQ(settings.steps, c.steps);
    EXPECT_EQ(settings.guidance, 5.0);
    EXPECT_EQ(settings.guided, c.guided);
  }
}

TEST(SamplingSettings, WhatIsAskedForWins) {
  const auto settings =
      sampling_settings(released("hunyuan3d-dit-v2-0"), {.steps = 7, .guidance = 2.5});
  EXPECT_EQ(settings.steps, 7);
  EXPECT_EQ(settings.guidance, 2.5);
  EXPECT_TRUE(settings.guided);
  EXPECT_TRUE(sampling_settings(released("hunyuan3d-dit-v2-0"), {.guidance = 0.0}).guided);
  EXPECT_FALSE(sampling_settings(released("hunyuan3d-dit-v2-0"), {.guidance = -1.0}).guided);
}

TEST(SamplingSettings, RefusesMoreStepsThanTheConsistencyScheduleHas) {
  const models::ShapeModel turbo = released("hunyuan3d-dit-v2-0-turbo");
  EXPECT_EQ(sampling_settings(turbo, {.steps = 100}).steps, 100);
  expect_error({"[generate] steps", "1..100", "got 101", "hunyuan3d-dit-v2-0-turbo.yaml"},
               [&] { sampling_settings(turbo, {.steps = 101}); });
  EXPECT_EQ(sampling_settings(released("hunyuan3d-dit-v2-0-fast"), {.steps = 101}).steps, 101);
}

TEST(SamplingSettings, RefusesGuidanceThatADistilledModelCannotTake) {
  const models::ShapeModel fast = released("hunyuan3d-dit-v2-0-fast");
  EXPECT_EQ(sampling_settings(fast, {.guidance = 65.0}).guidance, 65.0);
  EXPECT_EQ(sampling_settings(fast, {.guidance = 0.0}).guidance, 0.0);
  for (const double value : {-1.0, 65.5, 100.0}) {
    expect_error({"[generate] guidance", "0..65", cat(value), "hunyuan3d-dit-v2-0-fast.yaml"},
                 [&] { sampling_settings(fast, {.guidance = value}); });
  }
}

TEST(Pictures, StandInTheModelsOrder) {
  const models::ShapeModel model = released("hunyuan3d-dit-v2-mv");
  const std::vector<Picture> given = {
      {"d", View::right}, {"b", View::left}, {"a", View::front}, {"c", View::back}};
  std::string order;
  for (const Picture& picture : checked_pictures(model, given)) order += picture.path;
  EXPECT_EQ(order, "abcd");
  // any one of them alone
  for (const Picture& picture : given) {
    EXPECT_EQ(checked_pictures(model, std::span(&picture, 1)).at(0).path, picture.path);
  }
}

TEST(Pictures, WrongViewsAreNamed) {
  const models::ShapeModel several = released("hunyuan3d-dit-v2-mv");
  const models::ShapeModel single = released("hunyuan3d-dit-v2-0");
  using List = std::vector<Picture>;
  const auto check = [](const models::ShapeModel& model, const List& pictures) {
    return [&model, pictures] { checked_pictures(model, pictures); };
  };
  expect_error({"picture: expected at least one"}, check(several, {}));
  expect_error({"picture: expected at least one"}, check(single, {}));
  expect_error({"each view once", "left"},
               check(several, {{"a", View::left}, {"b", View::front}, {"c", View::left}}));
  expect_error({"each view once", "front"}, check(single, {{"a"}, {"b"}}));
  expect_error({"front, left, back or right", "4"}, check(several, {{"a", static_cast<View>(4)}}));
  expect_error({"front, left, back or right", "-1"},
               check(several, {{"a", static_cast<View>(-1)}}));
  expect_error({"single view", "back", "hunyuan3d-dit-v2-0.yaml"},
               check(single, {{"a", View::back}}));
  expect_error({"single view", "right"}, check(single, {{"a"}, {"b", View::right}}));
  EXPECT_EQ(checked_pictures(single, List{{"a"}}).size(), 1U);
}

TEST(Pictures, TheProcessorBelongsToTheConditioner) {
  EXPECT_EQ(preprocess_options(released("hunyuan3d-dit-v2-mv")).size, 512);
  EXPECT_EQ(preprocess_options(released("hunyuan3d-dit-v2-mini-turbo")).size, 1022);
  const checkpoint::PublishedCheckpoint mixed{"hunyuan3d-dit-v2-0", "v2-0", {}};
  std::ifstream file(checkpoint::kPublishedFolder + "configs/" + mixed.folder + ".yaml");
  std::ostringstream text;
  text << file.rdbuf();
  std::string edited = text.str();
  edited.insert(edited.find("ImageProcessorV2"), "MV");
  const models::ShapeModel model(mixed.outline(), checkpoint::ConfigNode::parse(edited, "c.yaml"));
  EXPECT_THROW(preprocess_options(model), Error);
}

}  // namespace
}  // namespace sinter::pipeline
