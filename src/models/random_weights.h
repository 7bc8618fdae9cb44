#pragma once
// A model of any configuration with random weights, for measuring speed where no checkpoint is.
//
// The weights have the scale of trained ones, so that what runs is what a trained model runs:
//  * linear layers keep the size of their input, what is added to a residual stream is smaller,
//    so that activations stay within a few units and fp16 is enough;
//  * normed queries and keys give scores of a deviation near 2: a query attends to some tens of
//    keys, neither to all nor to one;
//  * the decoder's field is a lump of about 0.6 around the origin, smooth, with a slope near 10 at
//    its surface and saturating soon after, as trained fields do: random decoders alone have a
//    surface everywhere or nowhere. How lumpy depends on the seed; its details on the latents.

#include <cstdint>
#include <string>
#include <vector>

#include "checkpoint/checkpoint.h"

namespace sinter::models {

/// Computed when they are bound, so that no more than some hundred megabytes are ever there; the
/// values of a tensor depend on its name, its shape and `seed`, not on `threads`.
checkpoint::Checkpoint random_weights(std::vector<checkpoint::TensorEntry> tensors,
                                      const std::string& name,
                                      std::uint64_t seed,
                                      int threads);

}  // namespace sinter::models
