#include "ops/cuda/experts.h"

#include "core/error.h"
#include "ops/cuda/cuda_test.h"

namespace sinter::ops::cuda::test {
namespace {

class CudaExperts : public CudaTest {};

/// The memory of routes.
struct Routes {
  DeviceArray<int> counts, offsets, place_rows, row_places, scratch;
  DeviceArray<float> place_weights;
  ExpertRoutes view;

  Routes(std::int64_t rows, int experts, int top_k)
      : counts(poison(experts)),
        offsets(poison(experts + 1)),
        place_rows(poison(rows * top_k)),
        row_places(poison(rows * top_k)),
        scratch(poison(ExpertRoutes::scratch_ints(rows))),
        place_weights(std::vector<float>(static_cast<std::size_t>(rows * top_k), std::nanf(""))),
        view{rows,
             experts,
             top_k,
             counts.data(),
             offsets.data(),
             scratch.data(),
             place_rows.data(),
             place_weights.data(),
             row_places.data()} {}

  static std::vector<int> poison(std::int64_t count) {
    return std::vector<int>(static_cast<std::size_t>(count), -77);
  }
};

struct Chosen {
  std::int64_t row;
  double weight;
};

/// Rows and weights of each expert, in float64, ties to the lower index.
std::vector<std::vector<Chosen>> reference(const DeviceRows& logits, int top_k) {
  std::vector<std::vector<Chosen>> result(static_cast<std::size_t>(logits.columns));
  for (std::int64_t row = 0; row < logits.rows; ++row) {
    std::vector<std::int64_t> order;
    double total = 0;
    for (std::int64_t e = 0; e < logits.columns; ++e) {
      order.push_back(e);
      total += std::exp(logits.at(row, e));
    }
    std::stable_sort(order.begin(), order.end(), [&](std::int64_t a, std::int64_t b) {
      return logits.at(row, a) > logits.at(row, b);
    });
    for (int k = 0; k < top_k; ++k) {
      const std::int64_t e = order[static_cast<std::size_t>(k)];
      result[static_cast<std::size_t>(e)].push_back({row, std::exp(logits.at(row, e)) / total});
    }
  }
  return result;
}

void expect_routes(const DeviceRows& logits, Routes& routes) {
  const int top_k = routes.view.top_k;
  const std::vector<std::vector<Chosen>> wanted = reference(logits, top_k);
  routes.counts.fetch();
  routes.offsets.fetch();
  routes.place_rows.fetch();
  routes.place_weights.fetch();
  routes.row_places.fetch();
  std::vector<std::vector<int>> places(static_cast<std::size_t>(logits.rows));
  std::size_t place = 0;
  for (std::size_t e = 0; e < wanted.size(); ++e) {
    ASSERT_EQ(routes.counts.host[e], static_cast<int>(wanted[e].size())) << "expert " << e;
    ASSERT_EQ(routes.offsets.host[e], static_cast<int>(place)) << "expert " << e;
    for (const Chosen& chosen : wanted[e]) {
      ASSERT_EQ(routes.place_rows.host[place], chosen.row) << "place " << place;
      ASSERT_NEAR(routes.place_weights.host[place], chosen.weight, 1e-6);
      places[static_cast<std::size_t>(chosen.row)].push_back(static_cast<int>(place++));
    }
  }
  ASSERT_EQ(routes.offsets.host.back(), static_cast<int>(place));
  for (std::size_t row = 0; row < places.size(); ++row) {
    for (std::size_t k = 0; k < places[row].size(); ++k) {
      ASSERT_EQ(routes.row_places.host[row * static_cast<std::size_t>(top_k) + k], places[row][k])
          << "row " << row;
    }
  }
}

TEST_F(CudaExperts, RoutesMatchTheReference) {
  struct Case {
    std::int64_t rows;
    int experts, top_k;
  };
  unsigned seed = 1;
  for (const DType dtype : kFloats) {
    for (const Case& c : {Case{1, 8, 2},
                          Case{255, 8, 2},
                          Case{256, 16, 4},
                          Case{1000, 5, 3},
                          Case{4099, 8, 2},
                          Case{300, 1, 1},
                          Case{40, 4, 4}}) {
      for (const RowLayout& layout : kLayouts) {
        SCOPED_TRACE(cat(to_string(dtype), " ", c.rows, " rows, ", c.top_k, " of ", c.experts));
        const DeviceRows logits(dtype, c.rows, c.experts, ++seed, 2.0F, layout);
        Routes routes(c.rows, c.experts, c.top_k);
        route_experts(routes.view, logits.view(), nullptr);
        expect_routes(logits, routes);
        if (HasFatalFailure()) return;
      }
    }
  }
}

TEST_F(CudaExperts, TiesGoToTheLowerExpert) {
  // Three values only, so that most rows hold ties; and an expert that nobody chooses.
  DeviceRows logits(DType::f16, 700, 8, 5);
  std::mt19937 random(6);
  for (std::int64_t row = 0; row < logits.rows; ++row) {
    for (std::int64_t e = 0; e < 8; ++e)
      logits.host.set(row, e, e == 3 ? -9.0F : static_cast<float>(random() % 3));
  }
  logits.upload();
  Routes routes(700, 8, 2);
  route_experts(routes.view, logits.view(), nullptr);
  expect_routes(logits, routes);
  EXPECT_EQ(routes.counts.host[3], 0);
}

TEST_F(CudaExperts, GathersAndScattersByTheRoutes) {
  unsigned seed = 50;
  for (const DType dtype : kFloats) {
    for (const std::int64_t columns : {8, 51, 2048}) {
      for (const RowLayout& layout : kLayouts) {
        SCOPED_TRACE(cat(to_string(dtype), " ", columns, " columns, offset ", layout.offset));
        const std::int64_t rows = 70;
        const int top_k = 3;
        const DeviceRows logits(dtype, rows, 6, ++seed, 2.0F);
        Routes routes(rows, 6, top_k);
        route_experts(routes.view, logits.view(), nullptr);
        expect_routes(logits, routes);

        const DeviceRows src(dtype, rows, columns, ++seed, 1.0F, layout);
        DeviceRows gathered(dtype, rows * top_k, columns, layout);
        gather_rows(routes.view, gathered.view(), src.view(), nullptr);
        expect_rows(gathered, 0.0, [&](std::int64_t place, std::int64_t c) {
          return src.at(routes.place_rows.host[static_cast<std::size_t>(place)], c);
        });

        for (const DType sums : kFloats) {
          DeviceRows x(sums, rows, columns, ++seed, 2.0F, layout);
          const DeviceRows y(dtype, rows * top_k, columns, ++seed, 1.0F, layout);
          const HostRows before = x.host;
          scatter_add_rows(routes.view, x.view(), y.view(), nullptr);
          // Three additions of terms up to 10.
          expect_rows(x, 30 * half_unit(DType::f32), [&](std::int64_t r, std::int64_t c) {
            double sum = before.at(r, c);
            for (int k = 0; k < top_k; ++k) {
              const int place = routes.row_places.host[static_cast<std::size_t>(r * top_k + k)];
              sum += routes.place_weights.host[static_cast<std::size_t>(place)] * y.at(place, c);
            }
            return sum;
          });
        }
        if (HasFatalFailure()) return;
      }
    }
  }
}

TEST_F(CudaExperts, RefusesWhatItCannotDo) {
  const DeviceRows logits(DType::f16, 9, 8, 1);
  Routes routes(9, 8, 2);
  ExpertRoutes wrong = routes.view;
  wrong.top_k = 9;
  EXPECT_THROW(route_experts(wrong, logits.view(), nullptr), Error);
  wrong = routes.view;
  wrong.rows = 8;
  EXPECT_THROW(route_experts(wrong, logits.view(), nullptr), Error);
  wrong = routes.view;
  wrong.scratch = nullptr;
  EXPECT_THROW(route_experts(wrong, logits.view(), nullptr), Error);
  EXPECT_THROW(gather_rows(routes.view, logits.view(), logits.view(), nullptr), Error);
}

}  // namespace
}  // namespace sinter::ops::cuda::test
