#pragma once
// The linear system of flattening: one symmetric matrix, factored once, for both coordinates.

#include <memory>
#include <span>
#include <vector>

#include "texture/unwrap/reference.h"

namespace sinter::texture {

/// The stiffness matrix of the chart: entry (i, j) is the sum over faces of
/// area * gradient_i . gradient_j.
class StiffnessSolver {
 public:
  StiffnessSolver(std::span<const ReferenceTriangle> reference, const Chart& chart);
  ~StiffnessSolver();

  /// Solves for uv with the given right-hand side; the first vertex stays where it is. Returns
  /// false, with uv unchanged, where the matrix is too near to singular.
  bool solve(std::span<const Vec2> right_hand_side, std::vector<Vec2>& uv) const;

 private:
  struct Factor;
  std::unique_ptr<Factor> factor_;
};

}  // namespace sinter::texture
