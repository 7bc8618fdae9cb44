#include "checkpoint/official_config.h"

#include <gtest/gtest.h>

#include <map>

#include "published.h"
#include "support.h"

namespace sinter::checkpoint {
namespace {

/// The same values, in any order of the keys.
void expect_equal(const ConfigNode& a, const ConfigNode& b) {
  if (!a.is_mapping()) {
    EXPECT_EQ(a.to_yaml(), b.to_yaml()) << a.path();
    return;
  }
  EXPECT_EQ(a.keys().size(), b.keys().size()) << a.path();
  for (const std::string& key : a.keys()) {
    ASSERT_TRUE(b.has(key)) << a.path() << "." << key;
    expect_equal(a.child(key), b.child(key));
  }
}

std::string folder_of_variant(const std::string& variant) {
  if (variant == "base") return "hunyuan3d-dit-v2-0";
  if (variant == "fast" || variant == "turbo") return "hunyuan3d-dit-v2-0-" + variant;
  return "hunyuan3d-dit-v2-" + (variant == "2.1" ? "1" : variant);
}

TEST(OfficialConfig, IsThePublishedOne) {
  std::map<std::string, ConfigNode> published;
  for (const PublishedCheckpoint& one : published_checkpoints()) {
    published[one.folder] = one.config();
  }
  for (const std::string_view name : official_variants()) {
    const std::string variant(name), folder = folder_of_variant(variant);
    SCOPED_TRACE(variant);
    ASSERT_TRUE(published.contains(folder));
    expect_equal(published[folder], ConfigNode::parse(official_config(variant), variant));
  }
  EXPECT_EQ(official_variants().size(), 10U);
}

TEST(OfficialConfig, FastVaesAreThePublishedOnes) {
  const auto expect = [](const char* variant, const char* folder) {
    SCOPED_TRACE(variant);
    expect_equal(ConfigNode::load(cat(kPublishedFolder, "configs/", folder, ".yaml")),
                 ConfigNode::parse(official_fast_vae(variant), variant));
  };
  expect("turbo", "hunyuan3d-vae-v2-0-turbo");
  expect("mv-turbo", "hunyuan3d-vae-v2-0-turbo");
  expect("mini-turbo", "hunyuan3d-vae-v2-mini-turbo");
  for (const char* variant : {"base", "mini", "mv", "2.1", "fast"}) {
    EXPECT_EQ(official_fast_vae(variant), "") << variant;
  }
}

TEST(OfficialConfig, NamesTheVariantsThatThereAre) {
  expect_error(ErrorCode::invalid_argument,
               "[model] variant: expected one of base, fast, turbo, mini, mini-fast, mini-turbo, "
               "mv, mv-fast, mv-turbo, 2.1, got large",
               [] { official_config("large"); });
}

}  // namespace
}  // namespace sinter::checkpoint
