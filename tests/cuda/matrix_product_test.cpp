#include "cuda/matrix_product.h"

#include "ops/cuda/cuda_test.h"

namespace sinter::cuda::test {
namespace {

using ops::cuda::test::CudaTest;
using ops::cuda::test::DeviceRows;

class CudaMatrixProduct : public CudaTest {};

struct Case {
  std::int64_t rows, in, out;
  DType dtype = DType::f16;
  Epilogue epilogue = Epilogue::none;
  bool bias = true;
  std::int64_t spare = 0;  // columns of x and dst beyond those in use
  bool narrow = false;     // e4m3 operands
  float dst_factor = 0;    // not 0: e4m3 result
};

double gelu_tanh(double x) {
  return 0.5 * x * (1.0 + std::tanh(std::sqrt(2.0 / M_PI) * (x + 0.044715 * x * x * x)));
}

void expect_matches(MatrixProducts& products, const Case& c, unsigned seed) {
  SCOPED_TRACE(cat(c.rows, " x ", c.in, " by ", c.out, " ", to_string(c.dtype)));
  const DType operands = c.narrow ? DType::f8_e4m3 : c.dtype;
  const DType result = c.dst_factor != 0 ? DType::f8_e4m3 : c.dtype;
  const float scale = c.narrow ? 0.03F : 1.0F;  // of values around 30 and 1
  const DeviceRows x(operands, c.rows, c.in + c.spare, seed);
  const DeviceRows weight(
      operands, c.out, c.in, seed + 1, 1.0F / scale / std::sqrt(static_cast<float>(c.in)));
  const DeviceRows bias(c.dtype, 1, c.out, seed + 2);
  DeviceRows y(result, c.rows, c.out + c.spare, seed + 3);
  const DeviceRows before(result, c.rows, c.out + c.spare, seed + 3);
  DeviceRows factor(DType::f32, 1, 1);
  factor.host.set(0, 0, c.dst_factor);
  factor.upload();
  products.run(
      {.rows = c.rows,
       .in_features = c.in,
       .out_features = c.out,
       .x = x.pointer(0, 0),
       .weight = weight.pointer(0, 0),
       .bias = c.bias ? bias.pointer(0, 0) : nullptr,
       .dst = y.pointer(0, 0),
       .x_stride = c.in + c.spare,
       .dst_stride = c.out + c.spare,
       .epilogue = c.epilogue,
       .dtype = c.dtype,
       .narrow = c.narrow,
       .scale = scale,
       .dst_factor =
           c.dst_factor != 0 ? reinterpret_cast<const float*>(factor.pointer(0, 0)) : nullptr},
      nullptr);
  y.fetch();
  // One rounding of the result; f32 sums of products of order 1 / sqrt(in), some 1e-6 of their
  // size, are far below. The value before GELU or before the sum is rounded first by some kernels,
  // hence two.
  // Sums of e4m3 products keep 13 bits below their largest part, which is of the result's size here
  // or of its spread, 1, and are cut off after every 32 terms.
  const double unit = ops::cuda::test::half_unit(c.dtype);
  const double cut = c.narrow ? static_cast<double>(c.in) / 32 * std::ldexp(1.0, -13) : 0.0;
  for (std::int64_t row = 0; row < c.rows; ++row) {
    for (std::int64_t column = 0; column < c.out; ++column) {
      double sum = c.bias ? bias.at(0, column) : 0.0;
      for (std::int64_t k = 0; k < c.in; ++k) sum += scale * x.at(row, k) * weight.at(column, k);
      double size = std::abs(sum);
      if (c.epilogue == Epilogue::gelu_tanh) sum = gelu_tanh(sum);
      if (c.epilogue == Epilogue::add) {
        size += std::abs(before.at(row, column));
        sum += before.at(row, column);
      }
      double error = 2 * unit * (size + 1e-2) + cut * (size + 3);
      if (c.dst_factor != 0) {
        sum *= c.dst_factor;
        error = error * c.dst_factor + std::ldexp(1.001 * std::abs(sum), -4) + std::ldexp(1.0, -10);
      }
      ASSERT_NEAR(y.at(row, column), sum, error) << row << ", " << column;
    }
    for (std::int64_t column = c.out; column < c.out + c.spare; ++column) {
      ASSERT_EQ(y.at(row, column), before.at(row, column))
          << "columns beyond the product stay as they are";
    }
  }
}

TEST_F(CudaMatrixProduct, MatchesFloat64) {
  MatrixProducts products;
  unsigned seed = 1;
  for (const DType dtype : {DType::f16, DType::bf16}) {
    for (const Epilogue epilogue : {Epilogue::none, Epilogue::gelu_tanh, Epilogue::add}) {
      for (const std::int64_t rows : {1, 7, 130}) {
        expect_matches(products, {rows, 64, 96, dtype, epilogue}, seed += 5);
        expect_matches(products, {rows, 136, 200, dtype, epilogue, true, 24}, seed += 5);
      }
    }
    expect_matches(products, {33, 1024, 64, dtype, Epilogue::none, false}, seed += 5);
    expect_matches(products, {33, 1024, 64, dtype, Epilogue::add, false}, seed += 5);
  }
}

TEST_F(CudaMatrixProduct, MultipliesE4m3) {
  MatrixProducts products;
  unsigned seed = 500;
  for (const DType dtype : {DType::f16, DType::bf16}) {
    for (const Epilogue epilogue : {Epilogue::none, Epilogue::gelu_tanh, Epilogue::add}) {
      for (const std::int64_t rows : {1, 7, 131}) {
        expect_matches(products, {rows, 64, 96, dtype, epilogue, true, 0, true}, seed += 5);
        expect_matches(products, {rows, 144, 208, dtype, epilogue, true, 32, true}, seed += 5);
        if (epilogue == Epilogue::add) continue;
        expect_matches(products, {rows, 144, 208, dtype, epilogue, true, 32, true, 5}, seed += 5);
      }
    }
    expect_matches(products, {33, 1024, 64, dtype, Epilogue::none, false, 0, true}, seed += 5);
    expect_matches(products, {33, 1024, 64, dtype, Epilogue::none, false, 0, true, 90}, seed += 5);
  }
}

TEST_F(CudaMatrixProduct, ReusesAPlanForOtherData) {
  // The plan is of the shape; bias and operands are those of the call.
  MatrixProducts products;
  for (unsigned seed = 500; seed < 520; seed += 5) expect_matches(products, {20, 128, 72}, seed);
}

TEST_F(CudaMatrixProduct, TakesRowsThatDifferEachTime) {
  // Near the rows of an earlier product its algorithm serves.
  MatrixProducts products;
  unsigned seed = 700;
  for (const Epilogue epilogue : {Epilogue::none, Epilogue::gelu_tanh, Epilogue::add}) {
    for (const std::int64_t rows : {300, 301, 289, 319, 288, 320, 513, 512, 529, 575, 2, 3}) {
      expect_matches(products, {rows, 128, 72, DType::f16, epilogue}, seed += 5);
    }
  }
}

TEST_F(CudaMatrixProduct, GivesTheSameBitsForRowsRunApart) {
  // A row's result depends neither on the rows beside it nor on which product was timed.
  const std::int64_t rows = 319;
  const DeviceRows x(DType::f16, rows, 512, 1), weight(DType::f16, 384, 512, 2, 0.05F),
      bias(DType::f16, 1, 384, 3);
  DeviceRows fresh(DType::f16, rows, 384), after(DType::f16, rows, 384);
  const auto run = [&](MatrixProducts& products, std::int64_t count, DeviceRows& dst) {
    products.run({.rows = count,
                  .in_features = 512,
                  .out_features = 384,
                  .x = x.pointer(0, 0),
                  .weight = weight.pointer(0, 0),
                  .bias = bias.pointer(0, 0),
                  .dst = dst.pointer(0, 0)},
                 nullptr);
  };
  MatrixProducts one, other;
  run(one, rows, fresh);
  run(other, 290, after);
  run(other, rows, after);
  fresh.fetch();
  after.fetch();
  EXPECT_EQ(fresh.host, after.host);
}

TEST_F(CudaMatrixProduct, GivesTheSameBitsWhetherTimedOrCaptured) {
  // Enough work to be timed.
  const DeviceRows x(DType::f16, 3000, 2048, 1), weight(DType::f16, 1024, 2048, 2, 0.05F),
      bias(DType::f16, 1, 1024, 3);
  DeviceRows timed(DType::f16, 3000, 1024), captured(DType::f16, 3000, 1024);
  DeviceRows proposed(DType::f16, 3000, 1024);
  MatrixProducts products, fresh, quick;
  MatrixProduct p{.rows = 3000,
                  .in_features = 2048,
                  .out_features = 1024,
                  .x = x.pointer(0, 0),
                  .weight = weight.pointer(0, 0),
                  .bias = bias.pointer(0, 0),
                  .dst = timed.pointer(0, 0)};
  products.run(p, nullptr);
  timed.fetch();
  quick.set_timing(false);
  p.dst = proposed.pointer(0, 0);
  quick.run(p, nullptr);
  proposed.fetch();
  EXPECT_EQ(timed.host, proposed.host);
  cudaStream_t stream = nullptr;
  cudaGraph_t graph = nullptr;
  cudaGraphExec_t program = nullptr;
  check(cudaStreamCreate(&stream), "test");
  check(cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal), "test");
  p.dst = captured.pointer(0, 0);
  fresh.run(p, stream);
  check(cudaStreamEndCapture(stream, &graph), "test");
  check(cudaGraphInstantiate(&program, graph, 0), "test");
  check(cudaGraphLaunch(program, stream), "test");
  captured.fetch();
  EXPECT_EQ(timed.host, captured.host);
  cudaGraphExecDestroy(program);
  cudaGraphDestroy(graph);
  cudaStreamDestroy(stream);
}

TEST_F(CudaMatrixProduct, RefusesWhatItCannotDo) {
  MatrixProducts products;
  const DeviceRows x(DType::f16, 8, 64, 1);
  MatrixProduct p{.rows = 4,
                  .in_features = 64,
                  .out_features = 8,
                  .x = x.pointer(0, 0),
                  .weight = x.pointer(0, 0),
                  .dst = x.pointer(4, 0)};
  const auto with = [&](auto change) {
    MatrixProduct changed = p;
    change(changed);
    EXPECT_THROW(products.run(changed, nullptr), Error);
  };
  with([](MatrixProduct& c) { c.dtype = DType::i32; });
  with([](MatrixProduct& c) { c.in_features = 60; });
  with([](MatrixProduct& c) { c.x_stride = 32; });
  with([](MatrixProduct& c) { c.out_features = 0; });
  with([](MatrixProduct& c) { c.rows = 0; });
}

TEST_F(CudaMatrixProduct, ReportsMemoryThatIsNotThere) {
  try {
    const DeviceMemory impossible(std::size_t{1} << 50);
    FAIL() << "expected an error";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::out_of_memory);
    EXPECT_NE(error.message().find("1125899906842624"), std::string::npos) << error.message();
  }
  MatrixProducts products;  // the context goes on
  expect_matches(products, {20, 128, 72}, 600);
}

}  // namespace
}  // namespace sinter::cuda::test
