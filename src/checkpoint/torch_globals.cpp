#include "checkpoint/torch_globals.h"

#include <array>
#include <cstddef>

namespace sinter::checkpoint {

namespace {

using Use = PickleGlobal::Use;
using Role = TorchRole;

struct Row {
  PickleGlobal name;
  TorchGlobal meaning;
};

constexpr Row storage(std::string_view name, std::optional<DType> dtype) {
  return {{"torch", name, Use::value}, {Role::storage, dtype}};
}
constexpr Row untyped(std::string_view module) {
  return {{module, "UntypedStorage", Use::value}, {Role::untyped_storage, {}}};
}
constexpr Row dtype(std::string_view name, std::optional<DType> known = {}) {
  return {{"torch", name, Use::value}, {Role::dtype, known}};
}
constexpr Row rebuild(std::string_view name, Role role) {
  return {{"torch._utils", name, Use::function}, {role, {}}};
}

constexpr auto kRows = std::to_array<Row>({
    {{"collections", "OrderedDict", Use::dictionary}, {Role::dictionary, {}}},
    {{"torch", "Size", Use::function}, {Role::size, {}}},
    rebuild("_rebuild_tensor_v2", Role::tensor),
    rebuild("_rebuild_tensor_v3", Role::typed_tensor),
    rebuild("_rebuild_parameter", Role::parameter),

    storage("DoubleStorage", DType::f64),
    storage("FloatStorage", DType::f32),
    storage("HalfStorage", DType::f16),
    storage("BFloat16Storage", DType::bf16),
    storage("LongStorage", DType::i64),
    storage("IntStorage", DType::i32),
    storage("ShortStorage", DType::i16),
    storage("CharStorage", DType::i8),
    storage("ByteStorage", DType::u8),
    storage("BoolStorage", DType::boolean),
    storage("ComplexDoubleStorage", {}),
    storage("ComplexFloatStorage", {}),
    storage("QUInt8Storage", {}),
    storage("QInt8Storage", {}),
    storage("QInt32Storage", {}),
    storage("QUInt4x2Storage", {}),
    storage("QUInt2x4Storage", {}),
    untyped("torch"),
    untyped("torch.storage"),

    dtype("float64", DType::f64),
    dtype("float32", DType::f32),
    dtype("float16", DType::f16),
    dtype("bfloat16", DType::bf16),
    dtype("int64", DType::i64),
    dtype("int32", DType::i32),
    dtype("int16", DType::i16),
    dtype("int8", DType::i8),
    dtype("uint8", DType::u8),
    dtype("bool", DType::boolean),
    dtype("uint16"),
    dtype("uint32"),
    dtype("uint64"),
    dtype("complex32"),
    dtype("complex64"),
    dtype("complex128"),
    dtype("float8_e4m3fn"),
    dtype("float8_e4m3fnuz"),
    dtype("float8_e5m2"),
    dtype("float8_e5m2fnuz"),
    dtype("float8_e8m0fnu"),
    dtype("float4_e2m1fn_x2"),
});

constexpr auto kNames = [] {
  std::array<PickleGlobal, kRows.size()> names{};
  for (std::size_t i = 0; i < kRows.size(); ++i) names[i] = kRows[i].name;
  return names;
}();

}  // namespace

std::span<const PickleGlobal> torch_globals() {
  return kNames;
}

const TorchGlobal& torch_global(std::int64_t index) {
  return kRows[static_cast<std::size_t>(index)].meaning;
}

}  // namespace sinter::checkpoint
