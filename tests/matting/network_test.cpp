// Against onnxruntime and Pillow: tools/goldens/matting.py.

#include "matting/network.h"

#include "io/file.h"
#include "matting/onnx_info.h"
#include "matting/support.h"

namespace sinter::matting {
namespace {

using test::data;
using test::error_of;
using test::golden;
using test::largest_difference;

io::Bytes network(const std::string& name) {
  return io::read_file(data(name), "test", 1 << 20);
}

TEST(OnnxInfo, TellsTheClassesApart) {
  const NetworkForm u2 = network_form(network("net_u2.onnx"), "a");
  EXPECT_EQ(u2.width, 74);
  EXPECT_EQ(u2.height, 74);
  EXPECT_EQ(u2.deviation[0], 0.229);
  EXPECT_FALSE(u2.apply_sigmoid);
  const NetworkForm is = network_form(network("net_is.onnx"), "a");
  EXPECT_EQ(is.width, 1024);
  EXPECT_EQ(is.deviation[2], 1.0);
  EXPECT_FALSE(is.apply_sigmoid);
  const NetworkForm bi = network_form(network("net_bi.onnx"), "a");
  EXPECT_EQ(bi.deviation[2], 0.225);
  EXPECT_TRUE(bi.apply_sigmoid);
}

TEST(OnnxInfo, EveryTruncationIsAnErrorOrLeavesTheFactsAlone) {
  const io::Bytes bytes = network("net_is.onnx");
  const OnnxInfo whole = read_onnx_info(bytes, "a");
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    const io::Bytes prefix(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(size));
    try {
      const OnnxInfo info = read_onnx_info(prefix, "a");
      ASSERT_EQ(info.first_output, whole.first_output);
      ASSERT_EQ(info.width, whole.width);
    } catch (const Error& error) {
      ASSERT_TRUE(error.message().starts_with("[matte] a: ")) << error.message();
    }
  }
}

/// One level where a value stands at the edge of the truncation to 8 bits: the two libraries sum in
/// another order.
TEST(Network, MattesAreThoseOfOnnxruntimeAndPillow) {
  const Image photo = golden("photo.png", 3);
  for (const char* name : {"net_u2", "net_is", "net_bi"}) {
    const Image matte = network_matte(photo, data(std::string(name) + ".onnx"));
    EXPECT_LE(largest_difference(matte, golden(std::string(name) + ".png", 1)), 1) << name;
  }
  // Alpha is not looked at.
  Image translucent(photo.width, photo.height, 4);
  for (std::size_t i = 0; i < photo.pixels.size() / 3; ++i) {
    std::copy_n(photo.pixels.data() + 3 * i, 3, translucent.pixels.data() + 4 * i);
    translucent.pixels[4 * i + 3] = static_cast<std::uint8_t>(i % 251);
  }
  EXPECT_EQ(network_matte(translucent, data("net_is.onnx")).pixels,
            network_matte(photo, data("net_is.onnx")).pixels);
}

TEST(Network, WrongFilesAreOneClearLine) {
  const Image photo = golden("photo.png", 3);
  const auto message = [&](const std::string& path) {
    return error_of([&] { network_matte(photo, path); }).message();
  };
  EXPECT_EQ(message("/nonexistent/u2net.onnx"), "[matte] /nonexistent/u2net.onnx: no such file");
  EXPECT_EQ(message(data("photo.png")),
            "[matte] " + data("photo.png") + ": is not an ONNX network, or is damaged");
  // A graph with an operator that nobody knows.
  io::Bytes bytes = network("net_u2.onnx");
  const std::string known = "MaxPool";
  for (auto at = std::search(bytes.begin(), bytes.end(), known.begin(), known.end());
       at != bytes.end();
       at = std::search(at, bytes.end(), known.begin(), known.end())) {
    at[6] = 'k';
  }
  const std::string path = testing::TempDir() + "/sinter_unknown_operator.onnx";
  io::write_file_atomically(path, bytes);
  const std::string unknown = message(path);
  EXPECT_TRUE(
      unknown.starts_with("[matte] " + path + ": OpenCV's dnn module does not run this network ("))
      << unknown;
  EXPECT_NE(unknown.find("MaxPook"), std::string::npos) << unknown;
  EXPECT_LT(unknown.size(), 300u) << unknown;
  std::filesystem::remove(path);
}

TEST(Network, OutputWithoutContrastHasNoSubject) {
  const std::vector<float> flat(12, 0.25f);
  const Image matte = matte_from_output(flat, 3, 4, {}, 7, 5);
  EXPECT_EQ(*std::max_element(matte.pixels.begin(), matte.pixels.end()), 0);
}

}  // namespace
}  // namespace sinter::matting
