#pragma once
// maps_bench.cpp on a GPU.

#include "mesh/triangle_mesh.h"

namespace sinter::bench {

/// Prints a line of medians over the default views and `rounds`, by the device's clock.
void time_device_maps(const mesh::TriangleMesh& source, int size, int threads, int rounds);

}  // namespace sinter::bench
