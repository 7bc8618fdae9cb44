#pragma once
// bake_bench.cpp on a GPU.

#include "texture/bake/bake.h"

namespace sinter::bench {

/// texture::cuda::bake_texture() on a stream of its own: once to warm up, then for the times that
/// `report` has. Prints them, and the whole with all copies.
Image bake_on_device(const texture::BakeTarget& target,
                     std::span<const Image> pictures,
                     const BakeOptions& options,
                     BakeReport& report);

}  // namespace sinter::bench
