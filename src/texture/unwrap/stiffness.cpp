#include "texture/unwrap/stiffness.h"

#define EIGEN_DONT_PARALLELIZE  // charts are solved side by side instead
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wconversion"
#pragma GCC diagnostic ignored "-Wshadow"
#include <Eigen/SparseCholesky>
#pragma GCC diagnostic pop

#include <algorithm>

namespace sinter::texture {
namespace {

using SparseMatrix = Eigen::SparseMatrix<double, Eigen::ColMajor, std::int32_t>;

/// Lower triangle, columns compressed, rows of a column ascending.
SparseMatrix assemble(std::span<const ReferenceTriangle> reference, const Chart& chart) {
  const std::size_t vertices = chart.uv.size();
  struct Entry {
    std::int32_t row;
    double value;
  };
  // entries below the diagonal, bucketed by column, with repeats
  std::vector<std::int32_t> start(vertices + 1, 0);
  for (const auto& c : chart.corners) {
    for (std::size_t k = 0; k < 3; ++k) {
      ++start[static_cast<std::size_t>(std::min(c[k], c[(k + 1) % 3])) + 1];
    }
  }
  for (std::size_t v = 0; v < vertices; ++v) start[v + 1] += start[v];
  std::vector<Entry> entries(static_cast<std::size_t>(start[vertices]));
  std::vector<std::int32_t> cursor(start.begin(), start.end() - 1);
  std::vector<double> diagonal(vertices, 0);
  for (std::size_t f = 0; f < reference.size(); ++f) {
    const auto& c = chart.corners[f];
    const auto& g = reference[f].gradient;
    const double s = 1 / reference[f].area;
    for (std::size_t k = 0; k < 3; ++k) {
      const std::size_t n = (k + 1) % 3;
      diagonal[static_cast<std::size_t>(c[k])] += s * dot(g[k], g[k]);
      const auto column = static_cast<std::size_t>(std::min(c[k], c[n]));
      entries[static_cast<std::size_t>(cursor[column]++)] = {std::max(c[k], c[n]),
                                                             s * dot(g[k], g[n])};
    }
  }

  SparseMatrix matrix(static_cast<Eigen::Index>(vertices), static_cast<Eigen::Index>(vertices));
  matrix.resizeNonZeros(static_cast<Eigen::Index>(entries.size() + vertices));
  std::int32_t count = 0;
  for (std::size_t v = 0; v < vertices; ++v) {
    matrix.outerIndexPtr()[v] = count;
    matrix.innerIndexPtr()[count] = static_cast<std::int32_t>(v);
    // the first vertex is held: its row and column are otherwise a sum of all others
    matrix.valuePtr()[count++] = v == 0 ? 2 * diagonal[v] : diagonal[v];
    const auto first = entries.begin() + start[v], last = entries.begin() + start[v + 1];
    std::sort(first, last, [](const Entry& a, const Entry& b) { return a.row < b.row; });
    for (auto e = first; e != last; ++e) {
      if (e != first && e->row == (e - 1)->row) {
        matrix.valuePtr()[count - 1] += e->value;
      } else {
        matrix.innerIndexPtr()[count] = e->row;
        matrix.valuePtr()[count++] = e->value;
      }
    }
  }
  matrix.outerIndexPtr()[vertices] = count;
  matrix.resizeNonZeros(count);
  return matrix;
}

}  // namespace

struct StiffnessSolver::Factor {
  double held = 0;  ///< added to the first diagonal entry
  Eigen::SimplicialLDLT<SparseMatrix, Eigen::Lower, Eigen::AMDOrdering<std::int32_t>> ldlt;
};

StiffnessSolver::StiffnessSolver(std::span<const ReferenceTriangle> reference, const Chart& chart)
    : factor_(std::make_unique<Factor>()) {
  const SparseMatrix matrix = assemble(reference, chart);
  factor_->held = matrix.valuePtr()[0] / 2;
  factor_->ldlt.compute(matrix);
}

StiffnessSolver::~StiffnessSolver() = default;

bool StiffnessSolver::solve(std::span<const Vec2> right_hand_side, std::vector<Vec2>& uv) const {
  if (factor_->ldlt.info() != Eigen::Success) return false;
  Eigen::Matrix<double, Eigen::Dynamic, 2> b(static_cast<Eigen::Index>(uv.size()), 2);
  for (std::size_t v = 0; v < uv.size(); ++v) {
    const auto row = static_cast<Eigen::Index>(v);
    b(row, 0) = right_hand_side[v].x;
    b(row, 1) = right_hand_side[v].y;
  }
  b(0, 0) += factor_->held * uv[0].x;
  b(0, 1) += factor_->held * uv[0].y;
  const Eigen::Matrix<double, Eigen::Dynamic, 2> x = factor_->ldlt.solve(b);
  if (!x.allFinite()) return false;
  for (std::size_t v = 0; v < uv.size(); ++v) {
    const auto row = static_cast<Eigen::Index>(v);
    uv[v] = {x(row, 0), x(row, 1)};
  }
  return true;
}

}  // namespace sinter::texture
