#pragma once
// Tensors between the host and the context's device.

#include "core/context.h"
#include "core/tensor.h"

namespace sinter::ops {

/// A copy on the context's device; the tensor itself where that is the host. `dtype` is the copy's
/// type on an accelerator; the short form takes the context's. The original may be reused on
/// return.
Tensor to_device(Context& ctx, const Tensor& host, DType dtype);
Tensor to_device(Context& ctx, const Tensor& host);

/// An f32 copy in the context's host arena; the tensor itself where it is there already. Waits for
/// its values.
Tensor to_host(Context& ctx, const Tensor& tensor);

/// dst = tensor, dst f32 on the host. Waits for the values.
void download(Context& ctx, const Tensor& tensor, const Tensor& dst);

}  // namespace sinter::ops
