// Reading config.yaml: the official form, types, messages, and hostile documents.

#include "checkpoint/config.h"

#include "checkpoint/support.h"

namespace sinter::checkpoint {
namespace {

ConfigNode parse(std::string_view text) {
  return ConfigNode::parse(text, "c.yaml");
}

void expect_corrupt(std::string_view text, std::string_view message) {
  SCOPED_TRACE(text.substr(0, 40));
  expect_error(ErrorCode::corrupt, cat("[config] c.yaml: ", message), [&] { parse(text); });
}

constexpr std::string_view kBundle = R"(
# the outline of an official bundle, with the anchor that 2.1 uses
model:
  target: hy3dshape.models.denoisers.HunYuanDiTPlain
  params: {input_size: &num_latents 4096, in_channels: 64, mlp_ratio: 4.0, qkv_bias: true,
           axes_dim: [64], use_pe: false}
vae:
  target: ShapeVAE
  params:
    num_latents: *num_latents
    scale_factor: 0.9990943042622529
    include_pi: false
    layer_norm_eps: 1.e-6
)";

TEST(Config, ReadsTheOfficialForm) {
  const ConfigNode root = parse(kBundle);
  EXPECT_EQ(root.child("model").target(), "HunYuanDiTPlain");
  EXPECT_EQ(root.child("vae").target(), "ShapeVAE");
  const ConfigNode model = root.child("model").child("params");
  EXPECT_EQ(model.required<std::int64_t>("in_channels"), 64);
  EXPECT_EQ(model.required<int>("in_channels"), 64);
  EXPECT_EQ(model.required<double>("mlp_ratio"), 4.0);
  EXPECT_EQ(model.required<double>("in_channels"), 64.0);
  EXPECT_TRUE(model.required<bool>("qkv_bias"));
  ASSERT_EQ(model.child("axes_dim").items().size(), 1u);
  EXPECT_EQ(model.child("axes_dim").items()[0].as<int>(), 64);
  const ConfigNode vae = root.child("vae").child("params");
  EXPECT_EQ(vae.path(), "vae.params");
  EXPECT_EQ(vae.required<int>("num_latents"), 4096);
  EXPECT_EQ(vae.required<double>("scale_factor"), 0.9990943042622529);
  EXPECT_EQ(vae.required<double>("layer_norm_eps"), 1e-6);
  EXPECT_FALSE(vae.required<bool>("include_pi"));
  EXPECT_EQ(
      vae.keys(),
      (std::vector<std::string>{"num_latents", "scale_factor", "include_pi", "layer_norm_eps"}));
}

TEST(Config, MissingKeysGiveTheDefault) {
  const ConfigNode root = parse(kBundle);
  EXPECT_EQ(root.find("scheduler").find("params").get("shift", 1.0), 1.0);
  EXPECT_EQ(root.find("scheduler").get("target", "none"), "none");
  EXPECT_EQ(ConfigNode().get<std::int64_t>("x", 7), 7);
  EXPECT_FALSE(root.has("scheduler"));
  EXPECT_TRUE(root.has("vae"));
  expect_error(ErrorCode::not_found,
               "[config] c.yaml: vae.params.width: expected a value, but the key is missing",
               [&] { root.child("vae").child("params").required<int>("width"); });
  expect_error(ErrorCode::not_found,
               "[config] c.yaml: model.conditioner: expected a value, but the key is missing",
               [&] { root.child("model").child("conditioner"); });
}

TEST(Config, NamesWrongTypes) {
  const ConfigNode root = parse(
      "a: {i: 3, r: 2.5, s: word, q: '3', b: yes, n: , l: [1, x], m: {}, big: 5000000000, "
      "huge: 99999999999999999999, inf: .inf, t: a.b.}");
  const ConfigNode a = root.child("a");
  const auto expect = [&](std::string_view message, const std::function<void()>& action) {
    expect_error(ErrorCode::corrupt, cat("[config] c.yaml: a.", message), action);
  };
  expect("r: expected an integer, found the number 2.5", [&] { a.get<std::int64_t>("r", 0); });
  expect("s: expected an integer, found the string \"word\"",
         [&] { a.required<std::int64_t>("s"); });
  expect("q: expected an integer, found the string \"3\"", [&] { a.required<std::int64_t>("q"); });
  expect("b: expected a finite number, found the truth value yes",
         [&] { a.required<double>("b"); });
  expect("n: expected true or false, found nothing", [&] { a.get("n", true); });
  expect("i: expected a string, found the number 3", [&] { a.required<std::string>("i"); });
  expect("l: expected an integer, found a list", [&] { a.required<std::int64_t>("l"); });
  expect("m: expected an integer, found a mapping", [&] { a.required<std::int64_t>("m"); });
  expect("big: expected an integer of 32 bits, found the number 5000000000",
         [&] { a.required<int>("big"); });
  EXPECT_EQ(a.required<std::int64_t>("big"), 5'000'000'000);
  expect("huge: expected an integer, found the number 99999999999999999999",
         [&] { a.required<std::int64_t>("huge"); });
  expect("inf: expected a finite number, found the number .inf",
         [&] { a.required<double>("inf"); });
  expect("l[1]: expected an integer, found the string \"x\"",
         [&] { a.child("l").items()[1].as<std::int64_t>(); });
  expect("i: expected a mapping, found the number 3", [&] { a.child("i").find("x"); });
  expect("m: expected a list, found a mapping", [&] { a.child("m").items(); });
  expect("l: expected a mapping, found a list", [&] { a.child("l").keys(); });
  expect("target: expected a class path, found \"a.b.\"",
         [&] { parse("a: {target: a.b.}").child("a").target(); });
}

TEST(Config, ReadsEveryFormOfANumber) {
  const ConfigNode root = parse(
      "{a: 1.e-6, b: .5, c: -3, d: +4, e: 1e3, f: -1.25E+2, g: 0, h: 5., i: on, j: OFF, k: No, "
      "l: 1.2.3, m: e5, n: nan, o: 0x10, p: +-1, q: !!str 12, r: \"\", s: !!int 3}");
  EXPECT_EQ(root.required<double>("a"), 1e-6);
  EXPECT_EQ(root.required<double>("b"), 0.5);
  EXPECT_EQ(root.required<int>("c"), -3);
  EXPECT_EQ(root.required<int>("d"), 4);
  EXPECT_EQ(root.required<double>("d"), 4.0);
  EXPECT_EQ(root.required<double>("e"), 1000.0);
  EXPECT_EQ(root.required<double>("f"), -125.0);
  EXPECT_EQ(root.required<int>("g"), 0);
  EXPECT_EQ(root.required<double>("h"), 5.0);
  EXPECT_TRUE(root.required<bool>("i"));
  EXPECT_FALSE(root.required<bool>("j"));
  EXPECT_FALSE(root.required<bool>("k"));
  for (const char* key : {"l", "m", "n", "o", "p", "q", "r"}) {
    EXPECT_NO_THROW(root.required<std::string>(key)) << key;
  }
  EXPECT_EQ(root.required<int>("s"), 3);
}

TEST(Config, RefusesWhatIsNotAMapping) {
  expect_corrupt("", "expected a mapping, found nothing");
  expect_corrupt("# only a comment\n", "expected a mapping, found nothing");
  expect_corrupt("- 1\n- 2\n", "expected a mapping, found a list");
  expect_corrupt("word", "expected a mapping, found the string \"word\"");
  expect_corrupt("a: 1\n---\nb: 2\n", "more than one document");
}

TEST(Config, RefusesBrokenYaml) {
  const auto expect = [](std::string_view text, std::string_view part) {
    SCOPED_TRACE(text);
    expect_error_with(ErrorCode::corrupt, part, [&] { parse(text); });
  };
  expect("a: [1, 2", "[config] c.yaml: line 1: not valid YAML: ");
  expect("a: 1\n b: 2\n", "[config] c.yaml: line 2: not valid YAML: ");
  expect("a: *nobody\n", "[config] c.yaml: line 1: not valid YAML: ");
  expect("a: \"open", "[config] c.yaml: line 1: not valid YAML: ");
  expect_corrupt("a: 1\nb: 2\na: 3\n", "line 3: the key a is given twice");
  expect_corrupt("? [1, 2]\n: 3\n", "line 1: a key that is a list or a mapping is not supported");
  expect_corrupt("a: &a {x: 1}\nb:\n  <<: *a\n", "line 3: merge keys (<<) are not supported");
  expect_corrupt("a: !!python/object:os.system x\n",
                 "line 1: tag tag:yaml.org,2002:python/object:os.system is not supported");
  expect_corrupt("a: !mine {b: 1}\n", "line 1: tag !mine is not supported");
}

TEST(Config, AliasBombsCostNothing) {
  // ten levels of ten: expanded, ten thousand million nodes
  std::string bomb = "a0: &a0 x\n";
  for (int i = 1; i <= 10; ++i) {
    bomb += cat("a", i, ": &a", i, " [");
    for (int j = 0; j < 10; ++j) bomb += cat(j > 0 ? ", *a" : "*a", i - 1);
    bomb += "]\n";
  }
  ConfigNode node = parse(bomb).child("a10");
  for (int i = 0; i < 9; ++i) node = node.items()[9];
  EXPECT_EQ(node.items()[0].as<std::string>(), "x");
  expect_corrupt("a: &a [1, *a]\n", "line 1: an alias inside its own anchor");
}

TEST(Config, BoundsDepthSizeAndCount) {
  const auto nested = [](int depth) {
    return cat("a: ",
               std::string(static_cast<std::size_t>(depth), '['),
               std::string(static_cast<std::size_t>(depth), ']'));
  };
  EXPECT_NO_THROW(parse(nested(kMaxConfigDepth - 1)));
  expect_corrupt(nested(kMaxConfigDepth), "line 1: nested more than 32 deep");
  expect_corrupt(nested(100'000), "line 1: nested more than 32 deep");
  expect_corrupt(std::string(kMaxConfigBytes + 1, ' '),
                 "expected at most 1000000 bytes, got 1000001");
  std::string wide;
  for (int i = 0; i < 6000; ++i) wide += cat("k", i, ": 1\n");
  expect_corrupt(wide, "line 5000: more than 10000 values");
}

TEST(Config, LoadsFilesAndNamesThem) {
  const TemporaryFolder folder;
  const std::string path = folder.write("config.yaml", "a: {b: x}\n");
  const ConfigNode root = ConfigNode::load(path);
  EXPECT_EQ(root.file(), path);
  expect_error(
      ErrorCode::corrupt,
      cat("[config] ", path, ": a.b: expected an integer of 32 bits, found the string \"x\""),
      [&] { root.child("a").required<int>("b"); });
  EXPECT_THROW(ConfigNode::load(folder.file("none.yaml")), Error);
  EXPECT_THROW(ConfigNode::load(folder.path()), Error);
}

}  // namespace
}  // namespace sinter::checkpoint
