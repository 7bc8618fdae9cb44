#include "checkpoint/model_lookup.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <map>

#include "support.h"

namespace sinter::checkpoint {
namespace {

namespace fs = std::filesystem;

const std::string kCommit = "9bcf302a9bcf302a9bcf302a9bcf302a9bcf302a";
constexpr const char* kRepository = "tencent/Hunyuan3D-2";
constexpr const char* kCached = "models--tencent--Hunyuan3D-2/";
constexpr const char* kFolder = "hunyuan3d-dit-v2-0";

/// A home folder with models in it, and the environment of its owner.
class ModelLookup : public testing::Test {
 protected:
  ModelLookup() { variables_["HOME"] = home_.path().substr(0, home_.path().size() - 1); }

  std::string path(const std::string& below) const { return home_.file(below); }
  void put(const std::string& below, const std::string& content = "x") const {
    fs::create_directories(fs::path(path(below)).parent_path());
    home_.write(below, content);
  }
  /// A model in the layout of the Hugging Face cache, where files are links.
  void put_in_hub(const std::string& cache, const std::string& revision = "main") const {
    const std::string root = cache + "/" + kCached;
    put(root + "refs/" + revision, kCommit);
    put(root + "blobs/0");
    const std::string folder = path(root + "snapshots/" + kCommit + "/" + kFolder);
    fs::create_directories(folder);
    fs::create_symlink("../../../blobs/0", folder + "/model.fp16.safetensors");
  }
  std::string in_hub(const std::string& cache) const {
    return path(cache + "/" + kCached + "snapshots/" + kCommit + "/" + kFolder);
  }
  std::string find(const std::string& model, const std::string& folder = "") const {
    return find_model({model, folder}, [&](const std::string& name) {
      const auto it = variables_.find(name);
      return it == variables_.end() ? std::nullopt : std::optional(it->second);
    });
  }

  TemporaryFolder home_;
  std::map<std::string, std::string> variables_;
};

TEST_F(ModelLookup, APathIsTakenAsItIs) {
  for (const char* file : {"a/model.fp16.safetensors",
                           "b/model.safetensors",
                           "c/model.ckpt",
                           "d/model.fp16.safetensors.index.json",
                           "e/model.safetensors.index.fp16.json"}) {
    put(file);
    const std::string folder = path(std::string(file).substr(0, 1));
    EXPECT_EQ(find(folder), folder);
    EXPECT_EQ(find(path(file)), path(file));
  }
  put("repo/one/model.ckpt");
  put("repo/two/model.ckpt");
  put("repo/assets/picture.png");
  EXPECT_EQ(find(path("repo"), "two"), path("repo/two"));
  EXPECT_EQ(find("~/repo", "two"), path("repo/two"));
  EXPECT_EQ(find("~/a"), path("a"));
}

TEST_F(ModelLookup, TheOnlyModelBelow) {
  put("repo/one/model.ckpt");
  put("repo/assets/picture.png");
  put("repo/README.md");
  EXPECT_EQ(find(path("repo")), path("repo/one"));
  put("repo/two/model.ckpt");
  expect_error(ErrorCode::invalid_argument,
               "[model] " + path("repo") + ": " + path("repo") +
                   " holds several models, name one of one, two",
               [&] { find(path("repo")); });
  put("repo/model.ckpt");
  EXPECT_EQ(find(path("repo")), path("repo"));
}

// Without a folder a repository stands for its plain model, wherever it lies.
TEST_F(ModelLookup, TheOfficialDefaultFolder) {
  const std::vector<std::pair<std::string, std::string>> official = {
      {"tencent/Hunyuan3D-2", "hunyuan3d-dit-v2-0"},
      {"tencent/Hunyuan3D-2mini", "hunyuan3d-dit-v2-mini"},
      {"tencent/Hunyuan3D-2mv", "hunyuan3d-dit-v2-mv"},
      {"tencent/Hunyuan3D-2.1", "hunyuan3d-dit-v2-1"},
  };
  for (const auto& [repository, folder] : official) {
    expect_error_with(ErrorCode::not_found,
                      "; fetch it with: huggingface-cli download " + repository + " --include \"" +
                          folder + "/*\"",
                      [&, name = repository] { find(name); });
    const std::string root = ".cache/hy3dgen/" + repository;
    put(root + "/hunyuan3d-vae-x/model.fp16.safetensors");
    put(root + "/" + folder + "-turbo/model.fp16.safetensors");
    expect_error_with(ErrorCode::invalid_argument,
                      " holds several models, name one of " + folder + "-turbo, hunyuan3d-vae-x",
                      [&, name = repository] { find(name); });
    put(root + "/" + folder + "/model.fp16.ckpt");
    EXPECT_EQ(find(repository), path(root + "/" + folder));
    EXPECT_EQ(find(path(root)), path(root + "/" + folder));
    EXPECT_EQ(find(repository + "/" + folder + "-turbo"), path(root + "/" + folder + "-turbo"));
  }
  // no rule for a folder with two plain models
  put("both/hunyuan3d-dit-v2-0/model.ckpt");
  put("both/hunyuan3d-dit-v2-mini/model.ckpt");
  EXPECT_THROW(find(path("both")), Error);
}

TEST_F(ModelLookup, AFileOfARepository) {
  variables_["HF_HUB_CACHE"] = path("hub");
  const std::string root = "hub/models--Comfy-Org--repackaged/";
  put(root + "refs/main", kCommit);
  const std::string file = root + "snapshots/" + kCommit + "/split_files/dit_fp16.safetensors";
  put(file);
  EXPECT_EQ(find("Comfy-Org/repackaged/split_files/dit_fp16.safetensors"), path(file));
  expect_error_with(
      ErrorCode::not_found,
      "; fetch it with: huggingface-cli download Comfy-Org/repackaged split_files/vae.safetensors",
      [&] { find("Comfy-Org/repackaged/split_files/vae.safetensors"); });
}

TEST_F(ModelLookup, FolderOfTheOfficialLoader) {
  const std::string below = std::string(kRepository) + "/" + kFolder;
  put(".cache/hy3dgen/" + below + "/model.fp16.ckpt");
  EXPECT_EQ(find(kRepository, kFolder), path(".cache/hy3dgen/" + below));
  EXPECT_EQ(find(below), path(".cache/hy3dgen/" + below));
  EXPECT_EQ(find(kRepository), path(".cache/hy3dgen/" + below));
  put("mine/" + below + "/model.fp16.ckpt");
  variables_["HY3DGEN_MODELS"] = "~/mine";
  EXPECT_EQ(find(kRepository, kFolder), path("mine/" + below));
  variables_["HY3DGEN_MODELS"] = path("mine");
  EXPECT_EQ(find(kRepository, kFolder), path("mine/" + below));
  variables_["HY3DGEN_MODELS"] = "";
  EXPECT_EQ(find(kRepository, kFolder), path(".cache/hy3dgen/" + below));
}

// huggingface_hub/constants.py: each variable hides all that follow, also where the model is there.
TEST_F(ModelLookup, OrderOfTheHubCaches) {
  const std::vector<std::pair<std::string, std::string>> order = {
      {"", ".cache/huggingface/hub"},
      {"XDG_CACHE_HOME", "xdg"},
      {"HF_HOME", "hf"},
      {"HUGGINGFACE_HUB_CACHE", "old"},
      {"HF_HUB_CACHE", "new"},
  };
  for (const auto& [variable, folder] : order) {
    const std::string cache = variable == "XDG_CACHE_HOME" ? folder + "/huggingface/hub"
                              : variable == "HF_HOME"      ? folder + "/hub"
                                                           : folder;
    if (!variable.empty()) variables_[variable] = path(folder);
    expect_error_with(ErrorCode::not_found,
                      path(cache + "/" + kCached + "refs/main") + " (does not exist)",
                      [&] { find(kRepository, kFolder); });
    put_in_hub(cache);
    EXPECT_EQ(find(kRepository, kFolder), in_hub(cache));
    EXPECT_EQ(find(std::string(kRepository) + "/" + kFolder), in_hub(cache));
    EXPECT_EQ(find(kRepository), in_hub(cache));
  }
  // the official loader looks into its own folder first
  const std::string below = std::string(kRepository) + "/" + kFolder;
  put(".cache/hy3dgen/" + below + "/model.fp16.ckpt");
  EXPECT_EQ(find(kRepository, kFolder), path(".cache/hy3dgen/" + below));
}

TEST_F(ModelLookup, Revisions) {
  variables_["HF_HUB_CACHE"] = path("hub");
  put_in_hub("hub", "v2");
  EXPECT_THROW(find(kRepository, kFolder), Error);
  const std::string name = kRepository;
  EXPECT_EQ(find(name + "@v2", kFolder), in_hub("hub"));
  EXPECT_EQ(find(name + "@v2/" + kFolder), in_hub("hub"));
  EXPECT_EQ(find(name + "/" + kFolder + "@v2"), in_hub("hub"));
  EXPECT_EQ(find(name + "/" + kFolder + "@" + kCommit), in_hub("hub"));
  EXPECT_EQ(find(name + "@v2"), in_hub("hub"));
  // a revision is the hub's: the folder of the official loader has none
  put(".cache/hy3dgen/" + name + "/" + kFolder + "/model.ckpt");
  EXPECT_EQ(find(name + "@v2"), in_hub("hub"));
  EXPECT_NE(find(name), in_hub("hub"));
  fs::remove_all(path(".cache"));
  // pull requests have slashes in theirs
  put("hub/" + std::string(kCached) + "refs/refs/pr/3", kCommit);
  EXPECT_EQ(find(name + "/" + kFolder + "@refs/pr/3"), in_hub("hub"));
  expect_error_with(ErrorCode::not_found,
                    "; fetch it with: huggingface-cli download tencent/Hunyuan3D-2 --include "
                    "\"hunyuan3d-dit-v2-0/*\" --revision v9",
                    [&] { find(name + "@v9"); });
  put(std::string("hub/") + kCached + "refs/main", kCommit + "\n");
  EXPECT_EQ(find(kRepository, kFolder), in_hub("hub"));
  for (const std::string& reference :
       {std::string(), std::string("../../../../etc"), kCommit + kCommit, std::string(1000, 'a')}) {
    put(std::string("hub/") + kCached + "refs/main", reference);
    expect_error_with(
        ErrorCode::not_found,
        path(std::string("hub/") + kCached + "refs/main") + " (does not name a commit)",
        [&] { find(kRepository, kFolder); });
  }
}

TEST_F(ModelLookup, NamesEveryPlaceInOneLine) {
  variables_["HF_HUB_CACHE"] = path("hub");
  put(std::string("hub/") + kCached + "refs/main", kCommit);
  // a download that was interrupted: the link is there, the file is not
  const std::string snapshot = in_hub("hub");
  fs::create_directories(snapshot);
  fs::create_symlink("../../../blobs/gone", snapshot + "/model.fp16.safetensors");
  const std::string below = std::string(kRepository) + "/" + kFolder;
  expect_error(
      ErrorCode::not_found,
      "[model] tencent/Hunyuan3D-2 hunyuan3d-dit-v2-0: not found on this machine, looked at " +
          below + " (does not exist); " + path(".cache/hy3dgen/" + below) + " (does not exist); " +
          snapshot +
          " (holds no model file); fetch it with: huggingface-cli download tencent/Hunyuan3D-2 "
          "--include \"hunyuan3d-dit-v2-0/*\"",
      [&] { find(kRepository, kFolder); });
  // what is no repository name is only a path
  for (const char* model : {"chair", "./chair", "/no/such/folder", "a/../b", "we ird/name"}) {
    expect_error(ErrorCode::not_found,
                 cat("[model] ",
                     model,
                     ": not found on this machine, looked at ",
                     model,
                     " (does not exist)"),
                 [&] { find(model); });
  }
}

TEST_F(ModelLookup, WrongNames) {
  expect_error(ErrorCode::invalid_argument,
               "[model] : expected the name or path of a model, got nothing",
               [&] { find(""); });
  for (const char* folder : {"../x", "/etc", "a/../../b", "."}) {
    expect_error(
        ErrorCode::invalid_argument,
        cat("[model] m ", folder, ": folder: expected a relative path without .., got ", folder),
        [&] { find("m", folder); });
  }
  for (const char* revision : {"", "../../x", "..", "a\nb", "/etc"}) {
    expect_error_with(ErrorCode::invalid_argument,
                      "revision: expected a branch, tag or commit behind @, got '",
                      [&] { find(cat("m/n/f@", revision)); });
  }
}

TEST_F(ModelLookup, WithoutAHome) {
  variables_.clear();
  expect_error_with(ErrorCode::not_found,
                    "~/.cache/hy3dgen/tencent/Hunyuan3D-2 (does not exist)",
                    [&] { find(kRepository); });
}

TEST_F(ModelLookup, ReadsTheProcessEnvironment) {
  ::setenv("SINTER_LOOKUP_TEST", "value", 1);
  EXPECT_EQ(process_environment("SINTER_LOOKUP_TEST"), "value");
  ::unsetenv("SINTER_LOOKUP_TEST");
  EXPECT_EQ(process_environment("SINTER_LOOKUP_TEST"), std::nullopt);
}

}  // namespace
}  // namespace sinter::checkpoint
