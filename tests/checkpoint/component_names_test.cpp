#include "checkpoint/component_names.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "checkpoint/key_list.h"
#include "support.h"

namespace sinter::checkpoint {
namespace {

using Names = std::vector<std::string>;

std::vector<TensorEntry> entries_of(const Names& names) {
  std::vector<TensorEntry> entries;
  for (const std::string& name : names) entries.push_back({name, DType::f16, {2}, {}, 0});
  return entries;
}

Names names_of(const std::vector<TensorEntry>& entries) {
  Names names;
  for (const TensorEntry& entry : entries) names.push_back(entry.name);
  return names;
}

Names official(const Names& names) {
  std::vector<TensorEntry> entries = entries_of(names);
  use_official_names(entries, "f");
  return names_of(entries);
}

constexpr const char* kPatches = "embeddings.patch_embeddings.projection.weight";

TEST(ComponentNames, OfficialFilesStayAsTheyAre) {
  for (const char* list : {"v2-0", "v2-1", "v2-mini-turbo", "vae-v2-0", "vae-v2-0-withencoder"}) {
    const std::string path = cat(SINTER_SOURCE_DIR, "/tests/checkpoint/keys/", list, ".txt");
    std::vector<TensorEntry> entries = read_key_list(path);
    Names before = names_of(entries);
    std::sort(before.begin(), before.end());
    EXPECT_TRUE(use_official_names(entries, list).empty()) << list;
    EXPECT_EQ(names_of(entries), before) << list;
  }
}

// Every released list, renamed the way another program names it, comes back as it was.
TEST(ComponentNames, NamesOfOtherPrograms) {
  struct Program {
    const char *wrapper, *transformer, *vae, *encoder;
  };
  for (const Program& program :
       {Program{"", "model.diffusion_model.", "vae.", "conditioner.main_image_encoder.model."},
        Program{"", "model.diffusion_model.", "first_stage_model.", "clip_vision."},
        Program{"", "model.model.", "vae.", "image_encoder."},
        Program{"", "net.", "shape_vae.", "main_image_encoder.model."},
        Program{"", "", "vae.", "conditioner.main_image_encoder.model."},
        Program{"", "diffusion_model.", "first_stage_model.", "conditioner."},
        Program{"_forward_module.",
                "model.",
                "first_stage_model.",
                "cond_stage_model.main_image_encoder.model."},
        Program{"module.", "model.", "vae.", "conditioner.main_image_encoder.model."}}) {
    for (const char* list : {"v2-0", "v2-1"}) {
      SCOPED_TRACE(cat(list, " ", program.wrapper, program.transformer, " ", program.vae));
      const std::string path = cat(SINTER_SOURCE_DIR, "/tests/checkpoint/keys/", list, ".txt");
      std::vector<TensorEntry> entries = read_key_list(path);
      Names expected = names_of(entries);
      std::sort(expected.begin(), expected.end());
      for (TensorEntry& entry : entries) {
        for (const auto& [from, to] : {std::pair{kTransformerPrefix, program.transformer},
                                       std::pair{kVaePrefix, program.vae},
                                       std::pair{kEncoderPrefix, program.encoder}}) {
          if (!entry.name.starts_with(from)) continue;
          entry.name = cat(program.wrapper, to, entry.name.substr(from.size()));
          break;
        }
      }
      EXPECT_FALSE(use_official_names(entries, "f").empty());
      EXPECT_EQ(names_of(entries), expected);
    }
  }
}

TEST(ComponentNames, OneNetworkAlone) {
  EXPECT_EQ(official({"latent_in.weight", "double_blocks.0.x"}),
            (Names{"model.double_blocks.0.x", "model.latent_in.weight"}));
  EXPECT_EQ(official({kPatches, "layernorm.bias"}),
            (Names{cat(kEncoderPrefix, kPatches), cat(kEncoderPrefix, "layernorm.bias")}));
  EXPECT_EQ(official({"post_kl.weight", "transformer.x"}),
            (Names{"post_kl.weight", "transformer.x"}));
  EXPECT_EQ(official({"module.a", "module.b"}), (Names{"a", "b"}));
  EXPECT_EQ(official({"module.a", "other"}), (Names{"module.a", "other"}));
  EXPECT_EQ(official({}), Names{});
}

TEST(ComponentNames, SaysWhatItDid) {
  std::vector<TensorEntry> entries = entries_of({"model.diffusion_model.latent_in.weight"});
  EXPECT_EQ(use_official_names(entries, "f"), Names{"model.diffusion_model.* is read as model.*"});
}

TEST(ComponentNames, TwoTensorsForOneName) {
  std::vector<TensorEntry> entries =
      entries_of({"model.diffusion_model.latent_in.weight", "model.diffusion_model.a", "model.a"});
  expect_error(ErrorCode::corrupt,
               "[checkpoint] f: two tensors for model.a, under names of different programs",
               [&] { use_official_names(entries, "f"); });
}

}  // namespace
}  // namespace sinter::checkpoint
