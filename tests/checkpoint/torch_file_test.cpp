#include "checkpoint/torch_file.h"

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <string>

#include "checkpoint/checkpoint.h"
#include "checkpoint/pickle.h"
#include "checkpoint/zip_archive.h"
#include "support.h"
#include "torch_builder.h"

namespace sinter::checkpoint {
namespace {

using namespace std::string_literals;

const std::string kFolder = SINTER_SOURCE_DIR "/tests/checkpoint/torch/";

std::string read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  EXPECT_TRUE(file) << path;
  return {std::istreambuf_iterator<char>(file), {}};
}

TorchTensors parse(const std::string& file) {
  return parse_torch_file(bytes_of(file), "t.ckpt");
}

/// Names, dtypes, shapes and bytes, all in one text.
std::string content_of(std::span<const TensorEntry> entries) {
  std::string all;
  for (const TensorEntry& entry : entries) {
    EXPECT_EQ(entry.bytes.size(), entry.byte_count()) << entry.name;
    all += cat(entry.name, ' ', to_string(entry.dtype), ' ', entry.shape, ' ');
    all.append(reinterpret_cast<const char*>(entry.bytes.data()), entry.bytes.size());
    all += '\n';
  }
  return all;
}

/// One tensor "w" of a hand-made file.
std::string file_with(const std::string& tensor, const std::vector<std::string>& storages) {
  return torch_file(op::pickle(op::dictionary({{"w", tensor}})), storages);
}

// What PyTorch wrote, against what the official safetensors library wrote for the same tensors.
class TorchFixture : public testing::TestWithParam<const char*> {};

TEST_P(TorchFixture, HoldsTheSameTensors) {
  const std::string name = kFolder + GetParam();
  const Checkpoint expected = Checkpoint::open(name + ".safetensors");
  const std::string file = read_file(name + ".ckpt");
  const TorchTensors tensors = parse(file);
  ASSERT_EQ(tensors.entries.size(), expected.entries().size());
  for (std::size_t i = 0; i < tensors.entries.size(); ++i) {
    const TensorEntry& want = expected.entries()[i];
    const TensorEntry& got = tensors.entries[i];
    EXPECT_EQ(got.name, want.name);
    EXPECT_EQ(got.dtype, want.dtype) << want.name;
    EXPECT_EQ(got.shape, want.shape) << want.name;
    ASSERT_EQ(got.bytes.size(), want.bytes.size()) << want.name;
    EXPECT_TRUE(std::equal(got.bytes.begin(), got.bytes.end(), want.bytes.begin())) << want.name;
  }
}

INSTANTIATE_TEST_SUITE_P(All,
                         TorchFixture,
                         testing::Values("dtypes",
                                         "views",
                                         "bundle",
                                         "wrapped",
                                         "protocol2",
                                         "protocol3",
                                         "protocol4",
                                         "protocol5",
                                         "no_checksum"),
                         [](const auto& param) { return std::string(param.param); });

TEST(TorchFile, FixturesThatAreRefused) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"legacy",
       "the format of PyTorch before 1.6 is not supported; convert it with PyTorch: "
       "torch.save(torch.load('OLD', map_location='cpu', weights_only=True), 'NEW')"},
      {"float8", "scale: dtype torch.float8_e4m3fn is not supported"},
      {"complex", "phase: the elements of torch.ComplexFloatStorage are not supported"},
      {"six_dimensions", "deep: shape: more than 5 dimensions are not supported"},
      {"tensor", "expected a dictionary of tensors, got one tensor"},
      {"script",
       "zip archive: script/code/__torch__/torch/nn/modules/linear.py: expected stored bytes as "
       "torch.save writes them, got compression method 8 (a TorchScript program, or packed by "
       "another tool)"},
  };
  for (const auto& [name, message] : cases) {
    const std::string file = read_file(kFolder + name + ".ckpt");
    expect_error(ErrorCode::unsupported, "[checkpoint] t.ckpt: " + message, [&] { parse(file); });
  }
}

// Only tensors that do not lie row by row cost memory.
TEST(TorchFile, MapsAndCopies) {
  const std::string file = read_file(kFolder + "views.ckpt");
  const TorchTensors tensors = parse(file);
  const auto inside = [&](const TensorEntry& entry) {
    const auto* at = reinterpret_cast<const char*>(entry.bytes.data());
    return at >= file.data() && at + entry.bytes.size() <= file.data() + file.size();
  };
  std::size_t copied = 0;
  for (const TensorEntry& entry : tensors.entries) {
    const std::string& name = entry.name;
    const bool rows = name == "base" || name == "again" || name == "rows" || name == "element" ||
                      name == "tail" || name == "no.rows" || name.starts_with("tied") ||
                      name == "frozen";
    EXPECT_EQ(entry.bytes.empty() || inside(entry), rows) << name;
    copied += rows ? 0 : entry.bytes.size();
  }
  std::size_t owned = 0;
  for (const Buffer& copy : tensors.copies) owned += copy.size();
  EXPECT_EQ(owned, copied);
}

TEST(TorchFile, OpensLikeAnyCheckpoint) {
  const TemporaryFolder folder;
  const std::string views = read_file(kFolder + "views.ckpt");
  const std::string expected = content_of(parse(views).entries);
  for (const char* name : {"a.ckpt", "a.bin", "a.pt", "a.pth"}) {
    const std::string path = folder.write(name, views);
    const Checkpoint checkpoint = Checkpoint::open(path);
    EXPECT_EQ(checkpoint.path(), path);
    EXPECT_EQ(checkpoint.files(), std::vector<std::string>{path});
    EXPECT_EQ(content_of(checkpoint.entries()), expected);
    for (const TensorEntry& entry : checkpoint.entries()) checkpoint.drop_pages(entry);
    EXPECT_EQ(content_of(checkpoint.entries()), expected);
    EXPECT_EQ(checkpoint.content_hash().size(), 64u);
  }
}

TEST(TorchFile, FoundInAModelFolder) {
  const TemporaryFolder folder;
  const auto put = [&](const std::string& from, const std::string& name) {
    folder.write(name, read_file(kFolder + from));
  };
  put("wrapped.ckpt", "model.ckpt");
  EXPECT_EQ(Checkpoint::open(folder.path()).path(), folder.file("model.ckpt"));
  put("bundle.ckpt", "model.fp16.ckpt");
  EXPECT_EQ(Checkpoint::open(folder.path()).path(), folder.file("model.fp16.ckpt"));
  EXPECT_EQ(Checkpoint::open(folder.path(), "").path(), folder.file("model.ckpt"));
  EXPECT_NE(Checkpoint::open(folder.path()).find("model.norm.running_mean"), nullptr);
  EXPECT_EQ(Checkpoint::open(folder.path()).with_prefix("vae.").size(), 1u);
  put("bundle.safetensors", "model.safetensors");
  EXPECT_EQ(Checkpoint::open(folder.path()).path(), folder.file("model.safetensors"));
}

TEST(TorchFile, NotATorchFile) {
  const std::string tar = std::string(257, 'x') + "ustar" + std::string(300, '\0');
  struct Case {
    std::string file;
    ErrorCode code;
    std::string message;
  };
  const std::vector<Case> cases = {
      {"", ErrorCode::corrupt, "expected a zip archive written by torch.save, got an empty file"},
      {"<html>",
       ErrorCode::corrupt,
       "expected a zip archive written by torch.save, got something else"},
      {op::pickle("N"),
       ErrorCode::corrupt,
       "expected a zip archive written by torch.save, got something else"},
      {tar,
       ErrorCode::unsupported,
       "a tar archive is not supported; unpack it, or if PyTorch before 0.2 wrote it, and you "
       "trust "
       "who did, convert it with PyTorch: "
       "torch.save(torch.load('OLD', map_location='cpu', weights_only=False), 'NEW')"},
      {"version https://git-lfs.github.com/spec/v1\noid sha256:0\n",
       ErrorCode::corrupt,
       "only the placeholder of a file in Git LFS; fetch the file with: git lfs pull"},
      {zip_file({{.name = "a/b", .content = "c"}}),
       ErrorCode::unsupported,
       "a zip archive, but not one written by torch.save: it has no data.pkl"},
      {zip_file({{.name = "data.pkl", .content = "c"}, {.name = "a/b/data.pkl"}}),
       ErrorCode::unsupported,
       "a zip archive, but not one written by torch.save: it has no data.pkl"},
      {zip_file({{.name = "a/data.pkl", .content = "c"}, {.name = "b/data.pkl"}}),
       ErrorCode::corrupt,
       "expected one data.pkl, got a/data.pkl and b/data.pkl"},
      {zip_file({{.name = std::string(300, 'f') + "/data.pkl", .content = "c"}}),
       ErrorCode::corrupt,
       "the folder in the archive has a name of 301 bytes"},
      {torch_file(op::pickle("}"), {}, "big"),
       ErrorCode::unsupported,
       "byteorder: expected little, got big"},
      {torch_file(op::pickle("}"), {}, "middle"),
       ErrorCode::corrupt,
       "byteorder: expected little, got middle"},
  };
  for (const Case& each : cases) {
    expect_error(each.code, "[checkpoint] t.ckpt: " + each.message, [&] { parse(each.file); });
  }
}

TEST(TorchFile, NoByteOrderMeansLittle) {
  const std::string pickle = op::pickle(
      op::dictionary({{"w", op::tensor(op::storage("IntStorage", "0", 1), 0, {1}, {1})}}));
  const std::string file = torch_file(pickle, {"\1\2\3\4"}, "");
  EXPECT_EQ(content_of(parse(file).entries), "w i32 [1] \1\2\3\4\n");
}

TEST(TorchFile, PickleThatWantsToRun) {
  const std::string evil = op::dictionary(
      {{"w", op::call(op::global("os", "system"), op::tuple({op::text("touch /tmp/x")}))}});
  const std::string file = torch_file(op::pickle(evil));
  expect_error(ErrorCode::unsupported,
               "[checkpoint] t.ckpt: pickle: refused, because it names os.system, which no weights "
               "need; nothing was run (byte 10)",
               [&] { parse(file); });
}

TEST(TorchFile, FaultyTensors) {
  const auto storage = op::storage("FloatStorage", "0", 6);
  const auto whole = [&](const std::string& from) { return op::tensor(from, 0, {6}, {1}); };
  const auto view =
      [&](std::int64_t offset, std::vector<std::int64_t> size, std::vector<std::int64_t> stride) {
        return op::tensor(storage, offset, size, stride);
      };
  const auto rebuild = [](const std::string& arguments) {
    return op::call(op::global("torch._utils", "_rebuild_tensor_v2"), arguments);
  };
  const auto id = [&](const std::string& persistent) { return whole(persistent + "Q"); };
  constexpr std::int64_t kHuge = INT64_MAX;
  const auto outside = [](const std::string& shape, const std::string& from) {
    return "w: elements outside of the storage: shape " + shape + " from element " + from + " of 6";
  };
  const std::vector<std::pair<std::string, std::string>> cases = {
      {view(0, {7}, {1}), outside("[7]", "0")},
      {view(1, {6}, {1}), outside("[6]", "1")},
      {view(-1, {2}, {1}), outside("[2]", "-1")},
      {view(6, {}, {}), outside("[]", "6")},
      {view(kHuge, {2}, {1}), outside("[2]", "9223372036854775807")},
      {view(0, {2, 3}, {4, 1}), outside("[2, 3]", "0")},
      {view(0, {2}, {kHuge}), outside("[2]", "0")},
      {view(0, {3}, {kHuge}), outside("[3]", "0")},
      {view(0, {2, 2}, {kHuge, kHuge}), outside("[2, 2]", "0")},
      {view(0, {-1}, {1}), "w: negative extent or stride -1"},
      {view(5, {2}, {-1}), "w: negative extent or stride -1"},
      {view(0, {std::int64_t{1} << 40, std::int64_t{1} << 40}, {0, 0}),
       "w: shape: the number of elements overflows"},
      {view(0, {std::int64_t{1} << 60}, {0}), "w: shape: the number of elements overflows"},
      {view(0, {std::int64_t{1} << 62, 0, 4}, {0, 0, 0}),
       "w: shape: the number of elements overflows"},
      {view(0, {2}, {}), "w: expected offset, extents and as many strides"},
      {whole(op::storage("FloatStorage", "1", 6)), "w: storage 1 is not in the file"},
      {whole(op::storage("FloatStorage", "../byteorder", 6)),
       "w: storage ../byteorder is not in the file"},
      {whole(op::storage("FloatStorage", std::string(65, '0'), 6)),
       "w: expected the id of a storage"},
      {whole(op::storage("FloatStorage", "0", 7)),
       "w: storage 0: expected 7 elements of 4 bytes, got 24 bytes"},
      {whole(op::storage("HalfStorage", "0", 6)),
       "w: storage 0: expected 6 elements of 2 bytes, got 24 bytes"},
      {whole(op::storage("FloatStorage", "0", -1)),
       "w: storage 0: expected -1 elements of 4 bytes, got 24 bytes"},
      {whole(op::storage("FloatStorage", "0", (std::int64_t{1} << 62) + 6)),
       "w: storage 0: expected 4611686018427387910 elements of 4 bytes, got 24 bytes"},
      {whole(op::storage("UntypedStorage", "0", 24)), "w: a tensor without a dtype"},
      {whole(op::storage("float32", "0", 6)), "w: expected a storage class"},
      {whole("N"), "w: expected a storage, got None"},
      {id("N"), "w: expected the id of a storage"},
      {id(op::tuple({op::text("module"),
                     op::global("torch", "FloatStorage"),
                     op::text("0"),
                     op::text("cpu"),
                     "K\6"})),
       "w: expected the id of a storage"},
      {id(op::tuple({op::text("storage"), "N", op::text("0"), op::text("cpu"), "K\6"})),
       "w: expected the id of a storage"},
      {id(op::tuple({op::text("storage")})), "w: expected the id of a storage"},
      {rebuild(")"), "w: a tensor with 0 arguments"},
      {rebuild("(" + storage + "NNN\x89}NNt"), "w: a tensor with 8 arguments"},
      {rebuild("(" + storage + "NNN\x89}t"), "w: expected offset, extents and as many strides"},
      {rebuild("(" + storage + "K\0K\6\x85]\x89}t"s),
       "w: expected offset, extents and as many strides"},
      {rebuild("(" + storage + "K\0N\x85N\x85\x89}t"s), "w: an extent is None"},
      {op::call(op::global("torch._utils", "_rebuild_parameter"), "N\x85"),
       "w: a parameter with 1 arguments"},
      {op::call(op::global("torch._utils", "_rebuild_parameter"), "(N\x88}t"),
       "w: a parameter of None"},
      {op::call(op::global("torch._utils", "_rebuild_parameter"),
                "(" + op::call(op::global("torch", "Size"), ")") + "\x88}t"),
       "w: a parameter of something else than a tensor"},
      {op::call(op::global("torch._utils", "_rebuild_tensor_v3"),
                "(" + op::storage("UntypedStorage", "0", 24) + "K\0K\6\x85K\1\x85\x89}Nt"s),
       "w: expected a dtype, got None"},
  };
  for (const auto& [tensor, message] : cases) {
    const std::string file = file_with(tensor, {std::string(24, 'd')});
    expect_error(ErrorCode::corrupt, "[checkpoint] t.ckpt: " + message, [&, m = message] {
      SCOPED_TRACE(m);
      parse(file);
    });
  }
}

// torch writes dtypes without a storage class of their own like this.
TEST(TorchFile, UntypedStorage) {
  const std::string tensor =
      op::call(op::global("torch._utils", "_rebuild_tensor_v3"),
               "(" + op::storage("UntypedStorage", "0", 24) + "K\2K\2\x85K\1\x85\x89}" +
                   op::global("torch", "int16") + "t");
  const std::string file = file_with(tensor, {"abcdefghijklmnopqrstuvwx"});
  EXPECT_EQ(content_of(parse(file).entries), "w i16 [2] efgh\n");
}

TEST(TorchFile, ConjugateViewsAreRefused) {
  const std::string storage = op::storage("FloatStorage", "0", 6);
  const auto with = [&](const std::string& metadata) {
    return file_with(op::call(op::global("torch._utils", "_rebuild_tensor_v2"),
                              "(" + storage + "K\0K\6\x85K\1\x85\x89}"s + metadata + "t"),
                     {std::string(24, 'd')});
  };
  EXPECT_NO_THROW(parse(with("N")));
  EXPECT_NO_THROW(parse(with("}")));
  expect_error(ErrorCode::unsupported,
               "[checkpoint] t.ckpt: w: conjugate, negative or custom views are not supported",
               [&] { parse(with("}" + op::text("neg") + "\x88s")); });
}

TEST(TorchFile, FaultyDictionaries) {
  const std::string tensor = op::tensor(op::storage("ByteStorage", "0", 1), 0, {1}, {1});
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"N", "expected a dictionary of tensors, got None"},
      {"]" + tensor + "a", "expected a dictionary of tensors, got a list"},
      {"}", "expected a dictionary of tensors, got one without any tensor"},
      {op::dictionary({{"epoch", "K\1"}}),
       "expected a dictionary of tensors, got one without any tensor"},
      {op::dictionary({{"model", "}"}}),
       "expected a dictionary of tensors, got one without any tensor"},
      {op::dictionary({{"state_dict", "N"}}), "expected a dictionary of tensors, got None"},
      {op::dictionary({{"net", op::dictionary({{"w", tensor}})}}),
       "net: expected a tensor, got a dictionary"},
      {op::dictionary({{"model", op::dictionary({{"w", "]"}})}}),
       "model.w: expected a tensor, got a list"},
      {op::dictionary({{"a", tensor}, {"b", op::storage("ByteStorage", "0", 1)}}),
       "b: expected a tensor, got a stored object"},
  };
  for (const auto& [state, message] : cases) {
    const std::string file = torch_file(op::pickle(state), {"b"});
    expect_error_with(
        ErrorCode::unsupported, "[checkpoint] t.ckpt: " + message, [&] { parse(file); });
  }
  const std::vector<std::pair<std::string, std::string>> corrupt = {
      {op::dictionary({{"a", tensor}, {"b", tensor}, {"a", tensor}}), "a is given twice"},
      {"}(" + op::text("a") + "q\1" + tensor + "h\1" + tensor + "u", "a is given twice"},
      {op::dictionary({{"model", op::dictionary({{"w", tensor}})}, {"vae", "N"}}),
       "vae: expected a dictionary, got None"},
      {"}K\1" + tensor + "s", ": a tensor whose name is not text but an integer"},
      {op::dictionary({{"x", op::tensor(op::storage("ByteStorage", "9", 1), 0, {1}, {1})},
                       {"y", op::tensor(op::storage("ByteStorage", "0", 1), 0, {2}, {1})}}),
       "2 problems: x: storage 9 is not in the file; y: elements outside of the storage: shape [2] "
       "from element 0 of 1"},
  };
  for (const auto& [state, message] : corrupt) {
    const std::string file = torch_file(op::pickle(state), {"b"});
    expect_error(ErrorCode::corrupt, "[checkpoint] t.ckpt: " + message, [&] { parse(file); });
  }
}

// A view with strides of 0 has as many elements as it says; the file does not grow by it.
TEST(TorchFile, ExpandedTensorsAreBounded) {
  const auto expanded = [](std::int64_t count) {
    const std::string storage = op::storage("ByteStorage", "0", 1);
    return file_with(op::tensor(storage, 0, {count}, {0}), {"b"});
  };
  EXPECT_EQ(content_of(parse(expanded(5)).entries), "w u8 [5] bbbbb\n");
  for (const std::int64_t count : {std::int64_t{10000}, std::int64_t{1} << 50}) {
    const std::string file = expanded(count);
    expect_error(ErrorCode::unsupported,
                 "[checkpoint] t.ckpt: w: tensors that do not lie row by row take more memory than "
                 "the whole file",
                 [&] { parse(file); });
  }
  // small views that add up
  op::Pairs many;
  for (int i = 0; i < 200; ++i) {
    const std::string storage = op::storage("ByteStorage", "0", 1);
    many.emplace_back(std::to_string(i), op::tensor(storage, 0, {10000}, {0}));
  }
  const std::string file = torch_file(op::pickle(op::dictionary(many)), {"b"});
  const std::size_t fit = file.size() / 10000;
  expect_error_with(
      ErrorCode::unsupported, cat("t.ckpt: ", 200 - fit, " problems: "), [&] { parse(file); });
}

// One long name under which very many tensors stand costs the file 4 bytes a tensor.
TEST(TorchFile, RepeatedLongNames) {
  constexpr std::size_t kMany = 100000;
  const std::string tensor = op::tensor(op::storage("ByteStorage", "0", 1), 0, {1}, {1});
  std::string state =
      "}(" + op::text(std::string(kMany, 'n')) + "r\1\0\0\0"s + tensor + "r\2\0\0\0"s;
  for (std::size_t i = 0; i < kMany; ++i) state += "h\1h\2";
  const std::string file = torch_file(op::pickle(state + "u"), {"b"});
  expect_error_with(ErrorCode::corrupt, "t.ckpt: 100000 problems: nnnn", [&] { parse(file); });
}

/// Ranges of the file that hold the bytes of storages, which nothing but the reader of the weights
/// can check.
std::vector<bool> tensor_data(const std::string& file) {
  std::vector<bool> data(file.size(), false);
  const ZipArchive archive = ZipArchive::parse(bytes_of(file), "t.ckpt");
  for (const ZipEntry& entry : archive.entries()) {
    if (entry.name.find("/data/") == std::string_view::npos || entry.bytes.empty()) continue;
    const auto at = reinterpret_cast<const char*>(entry.bytes.data()) - file.data();
    std::fill_n(data.begin() + at, entry.bytes.size(), true);
  }
  return data;
}

// A change anywhere but in the numbers themselves is an error, or changes nothing.
TEST(TorchFile, EveryByteFlipped) {
  for (const char* name : {"protocol2", "protocol4"}) {
    const std::string whole = read_file(kFolder + name + ".ckpt");
    const std::string expected = content_of(parse(whole).entries);
    const std::vector<bool> data = tensor_data(whole);
    for (std::size_t at = 0; at < whole.size(); ++at) {
      for (const int flip : {1, 4, 16, 64, 255}) {
        std::string file = whole;
        file[at] = static_cast<char>(file[at] ^ flip);
        try {
          const TorchTensors tensors = parse(file);
          EXPECT_TRUE(data[at] || content_of(tensors.entries) == expected) << name << at;
        } catch (const Error& error) {
          EXPECT_TRUE(error.code() == ErrorCode::corrupt || error.code() == ErrorCode::unsupported);
          EXPECT_FALSE(data[at]) << error.message();
        }
      }
    }
  }
}

TEST(TorchFile, TruncatedAnywhere) {
  const std::string whole = read_file(kFolder + "protocol5.ckpt");
  for (std::size_t size = 0; size < whole.size(); ++size) {
    const std::string file = whole.substr(0, size);
    EXPECT_THROW(parse(file), Error) << size;
  }
}

// Past the checksum: the pickle itself changed at every byte, as in a file made for the purpose.
TEST(TorchState, EveryByteOfThePickleFlipped) {
  for (const char* name : {"views", "bundle", "protocol5"}) {
    const std::string file = read_file(kFolder + name + ".ckpt");
    const ZipArchive archive = ZipArchive::parse(bytes_of(file), name);
    const std::string folder = name + "/"s;
    const auto find = [&](std::string_view key) -> std::optional<std::span<const std::byte>> {
      const ZipEntry* entry = archive.find(cat(folder, "data/", key));
      return entry == nullptr ? std::nullopt : std::optional(entry->bytes);
    };
    const auto bytes = archive.find(folder + "data.pkl")->bytes;
    for (std::size_t at = 0; at < bytes.size(); ++at) {
      for (const int flip : {1, 4, 16, 64, 255}) {
        std::vector<std::byte> pickle(bytes.begin(), bytes.end());
        pickle[at] ^= static_cast<std::byte>(flip);
        try {
          content_of(read_torch_state(pickle, find, file.size(), name).entries);
        } catch (const Error& error) {
          EXPECT_TRUE(error.code() == ErrorCode::corrupt || error.code() == ErrorCode::unsupported);
        }
      }
    }
  }
}

}  // namespace
}  // namespace sinter::checkpoint
