#pragma once
// mesh::sample_flashvdm() on the device.

#include <cuda_runtime.h>

#include <functional>
#include <span>

#include "core/buffer.h"
#include "mesh/cuda/device_field.h"
#include "mesh/sample_flashvdm.h"

namespace sinter::mesh::cuda {

/// mesh::PointGroup with f32 values on the device: [sample_count, 3], [count, 3] and [count].
struct DevicePointGroup {
  const float* sample;  ///< points by which to judge what matters to the group; not empty
  std::int64_t sample_count;
  const float* points;
  std::int64_t count;
  float* logits;  ///< to be filled, finite
};

/// Queues the answers to groups of points. The groups of a call lie one behind the other: their
/// points, samples and logits are each one array. What mesh::GroupSampler says of the values holds.
using DeviceGroupSampler = std::function<void(
    GroupStage stage, std::span<const DevicePointGroup> groups, cudaStream_t stream)>;

/// Gives its sampler the groups that mesh::sample_flashvdm() gives, point for point and in the same
/// order, and returns the same field. Between the calls everything stays on the device but the
/// sizes of the groups, and the numbers of points. `threads` of the options is not used; `progress`
/// is called after each call of the sampler, one or two ahead of the device, and `poll` after each
/// level. Errors as sample_dense().
DeviceField sample_flashvdm(const Grid& grid,
                            const DeviceGroupSampler& sampler,
                            const FlashVdmOptions& options,
                            Arena& arena,
                            cudaStream_t stream,
                            SampleStats* stats = nullptr);

}  // namespace sinter::mesh::cuda
