#pragma once
// The directions along which slopes are measured, for the host's code and the device's.

namespace sinter::mesh {

/// One of each pair of opposite directions to the 26 neighbours. No direction is further than 28
/// degrees from one of them, so a smooth field's slope is found up to a factor of 0.88.
struct SlopeDirections {
  static constexpr int kCount = 13;
  int of[kCount][3] = {{0, 0, 1},
                       {0, 1, -1},
                       {0, 1, 0},
                       {0, 1, 1},
                       {1, -1, -1},
                       {1, -1, 0},
                       {1, -1, 1},
                       {1, 0, -1},
                       {1, 0, 0},
                       {1, 0, 1},
                       {1, 1, -1},
                       {1, 1, 0},
                       {1, 1, 1}};
};

}  // namespace sinter::mesh
