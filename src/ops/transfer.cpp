#include "ops/transfer.h"

#include <algorithm>

#include "ops/backend.h"

namespace sinter::ops {

Tensor to_device(Context& ctx, const Tensor& host, DType dtype) {
  if (ctx.device() == Device::cpu) return host;
  const Tensor copy = ctx.allocate(dtype, host.shape, host.name);
  backend(ctx, "to device").upload(host, copy);
  return copy;
}

Tensor to_device(Context& ctx, const Tensor& host) {
  return to_device(ctx, host, ctx.compute());
}

void download(Context& ctx, const Tensor& tensor, const Tensor& dst) {
  if (tensor.device == Device::cpu) {
    std::copy_n(tensor.f32(), tensor.elements(), dst.f32_mut());
  } else {
    backend(ctx, "to host").download(tensor, dst);
  }
}

Tensor to_host(Context& ctx, const Tensor& tensor) {
  if (tensor.device == Device::cpu) return tensor;
  const Tensor copy = ctx.host().allocate(DType::f32, tensor.shape, tensor.name);
  download(ctx, tensor, copy);
  return copy;
}

}  // namespace sinter::ops
