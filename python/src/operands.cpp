#include "operands.h"

#include <algorithm>
#include <array>

#include "core/error.h"

namespace sinter::python {

using nb::literals::operator""_a;

namespace {

std::string name_of(PyTypeObject* type) {
  nb::handle handle(reinterpret_cast<PyObject*>(type));
  return nb::cast<std::string>(nb::str(handle.attr("__module__"))) + "." +
         nb::cast<std::string>(nb::str(handle.attr("__qualname__")));
}

const dlpack::ExchangeApi* find_api(nb::handle type) {
  const nb::object capsule = nb::getattr(type, "__dlpack_c_exchange_api__", nb::none());
  if (!PyCapsule_IsValid(capsule.ptr(), dlpack::ExchangeApi::kCapsule)) return nullptr;
  const auto* api = static_cast<const dlpack::ExchangeApi*>(
      PyCapsule_GetPointer(capsule.ptr(), dlpack::ExchangeApi::kCapsule));
  while (api != nullptr && api->version.major != dlpack::kMajor) api = api->older;
  if (api == nullptr || api->describe == nullptr || api->current_stream == nullptr) return nullptr;
  return api;
}

std::optional<fused::ElementType> element_type(dlpack::DataType type) {
  if (type.lanes != 1) return {};
  switch (type.kind) {
    case dlpack::Kind::floating:
      if (type.bits == 32) return fused::ElementType::f32;
      if (type.bits == 16) return fused::ElementType::f16;
      return {};
    case dlpack::Kind::brain_floating:
      if (type.bits == 16) return fused::ElementType::bf16;
      return {};
    case dlpack::Kind::integer:
      if (type.bits == 32) return fused::ElementType::i32;
      if (type.bits == 64) return fused::ElementType::i64;
      return {};
  }
  return {};
}

std::string describe_type(dlpack::DataType type) {
  constexpr std::array kinds{"i", "u", "f", "opaque", "bf", "complex", "bool"};
  const auto kind = static_cast<std::size_t>(type.kind);
  std::string text =
      cat(kind < kinds.size() ? kinds[kind] : "kind unknown, ", static_cast<int>(type.bits));
  if (type.lanes != 1) text += cat("x", type.lanes);
  return text;
}

bool on_device(dlpack::Device device) {
  return device.type == dlpack::DeviceType::cuda || device.type == dlpack::DeviceType::cuda_managed;
}

// Streams as DLPack's consumers name them: 1 is the legacy default stream.
constexpr std::intptr_t kNoWaiting = -1;
std::intptr_t stream_number(void* stream) {
  return stream == nullptr ? 1 : reinterpret_cast<std::intptr_t>(stream);
}

void* stream_from(nb::handle number) {
  void* stream = PyLong_AsVoidPtr(number.ptr());
  if (stream == nullptr && PyErr_Occurred() != nullptr) throw nb::python_error();
  return stream == reinterpret_cast<void*>(1) ? nullptr : stream;
}

template <class Managed>
Managed* take(const nb::object& capsule) {
  auto* managed = static_cast<Managed*>(PyCapsule_GetPointer(capsule.ptr(), Managed::kCapsule));
  if (managed == nullptr || PyCapsule_SetName(capsule.ptr(), Managed::kUsedCapsule) != 0)
    throw nb::python_error();
  return managed;
}

}  // namespace

Producer* Producers::find(nb::handle object) {
  PyTypeObject* type = Py_TYPE(object.ptr());
  if (type == last_type_) return last_;
  auto found = known_.find(type);
  if (found == known_.end()) {
    const nb::handle handle(reinterpret_cast<PyObject*>(type));
    Producer producer;
    producer.api = find_api(handle);
    if (producer.api == nullptr && !nb::hasattr(handle, "__dlpack__")) return nullptr;
    const std::string name = name_of(type);
    producer.numpy = name.starts_with("numpy");
    producer.cupy = name.starts_with("cupy");
    producer.immutable = name.starts_with("jax");
    handle.inc_ref();
    found = known_.emplace(type, producer).first;
  }
  last_type_ = type;
  last_ = &found->second;
  return last_;
}

Operands::Operands(Producers& producers, const char* who, nb::handle stream)
    : producers_(producers), who_(who) {
  if (!stream.is_none()) stream_ = stream_from(stream);
}

Operands::Operands(Producers& producers, const char* who)
    : producers_(producers), who_(who), asks_only_(true) {}

Operands::~Operands() {
  for (auto* managed : held_)
    if (managed->deleter != nullptr) managed->deleter(managed);
  for (auto* managed : held_versioned_)
    if (managed->deleter != nullptr) managed->deleter(managed);
}

void Operands::refuse(const std::string& what) const {
  fail(ErrorCode::invalid_argument, "[", who_, "] ", what);
}

void Operands::find_stream(Producer& producer, dlpack::Device device) {
  if (stream_ || asks_only_) return;
  stream_ = nullptr;
  if (producer.api != nullptr) {
    if (producer.api->current_stream(dlpack::DeviceType::cuda, device.number, &*stream_) != 0)
      throw nb::python_error();
  } else if (producer.cupy) {
    stream_ = stream_from(
        nb::module_::import_("cupy.cuda").attr("get_current_stream")(device.number).attr("ptr"));
  }
}

dlpack::Tensor Operands::describe(const char* name, nb::handle object, bool written) {
  Producer* producer = producers_.find(object);
  if (producer == nullptr)
    refuse(cat(
        "expected an array with __dlpack__ for ", name, ", got ", name_of(Py_TYPE(object.ptr()))));
  if (written && producer->immutable && !asks_only_)
    refuse(cat("expected an array that may be written for ", name, ", got one of JAX"));
  try {
    if (producer->api == nullptr) return describe_by_capsule(name, object, *producer, written);
    dlpack::Tensor tensor{};
    if (producer->api->describe(object.ptr(), &tensor) != 0) throw nb::python_error();
    if (on_device(tensor.device)) find_stream(*producer, tensor.device);
    return tensor;
  } catch (nb::python_error& error) {
    // What a framework says of what it cannot describe: arrays elsewhere, of other types, read-only
    // ones.
    if (!error.matches(PyExc_BufferError) && !error.matches(PyExc_RuntimeError)) throw;
    const auto message = nb::cast<std::string>(nb::str(error.value()));
    refuse(cat("expected an array that its framework can lend for ",
               name,
               ", got: ",
               message.substr(0, message.find('\n'))));
  }
}

dlpack::Device Operands::device_of(nb::handle object, const Producer& producer) {
  if (producer.numpy) return {dlpack::DeviceType::cpu, 0};
  const nb::object where = object.attr("__dlpack_device__")();
  return {static_cast<dlpack::DeviceType>(nb::cast<int>(where[0])), nb::cast<int>(where[1])};
}

nb::object Operands::capsule_of(nb::handle object, Producer& producer) {
  const dlpack::Device device = device_of(object, producer);
  const nb::object lend = object.attr("__dlpack__");
  const auto ask = [&](const auto&... stream) {
    if (producer.takes_version) {
      try {
        return lend("max_version"_a = nb::make_tuple(dlpack::kMajor, dlpack::kMinor), stream...);
      } catch (nb::python_error& error) {
        if (!error.matches(PyExc_TypeError)) throw;
        producer.takes_version = false;
      }
    }
    return lend(stream...);
  };
  if (!on_device(device)) return ask();
  find_stream(producer, device);
  ordered_ = ordered_ && producer.cupy;
  return ask("stream"_a = asks_only_ ? kNoWaiting : stream_number(stream()));
}

dlpack::Tensor Operands::describe_by_capsule(const char* name,
                                             nb::handle object,
                                             Producer& producer,
                                             bool written) {
  const nb::object capsule = capsule_of(object, producer);
  if (!PyCapsule_IsValid(capsule.ptr(), dlpack::ManagedTensorVersioned::kCapsule)) {
    held_.push_back(take<dlpack::ManagedTensor>(capsule));
    return held_.back()->tensor;
  }
  auto* managed = take<dlpack::ManagedTensorVersioned>(capsule);
  held_versioned_.push_back(managed);
  if (managed->version.major != dlpack::kMajor)
    refuse(
        cat("expected DLPack ", dlpack::kMajor, " for ", name, ", got ", managed->version.major));
  if (written && (managed->flags & dlpack::kReadOnly) != 0)
    refuse(cat("expected an array that may be written for ", name, ", got a read-only one"));
  return managed->tensor;
}

fused::Array Operands::array(const char* name, nb::handle object, bool written) {
  if (object.is_none()) return {};
  const dlpack::Tensor tensor = describe(name, object, written);
  const auto type = element_type(tensor.type);
  if (!type)
    refuse(cat("expected f32, f16 or bf16 for ", name, ", got ", describe_type(tensor.type)));
  if (tensor.rank > fused::Array::kMaxRank)
    refuse(cat("expected at most ",
               fused::Array::kMaxRank,
               " dimensions for ",
               name,
               ", got ",
               tensor.rank));
  fused::Array array;
  array.data = static_cast<char*>(tensor.data) + tensor.byte_offset;
  array.type = *type;
  array.rank = tensor.rank;
  if (on_device(tensor.device)) {
    array.device = tensor.device.number;
    on_host_ = false;
  } else if (tensor.device.type != dlpack::DeviceType::cpu &&
             tensor.device.type != dlpack::DeviceType::cuda_pinned) {
    refuse(cat("expected an array on the host or on a CUDA device for ",
               name,
               ", got DLPack's device type ",
               static_cast<int>(tensor.device.type)));
  }
  std::copy_n(tensor.shape, tensor.rank, array.shape.begin());
  std::int64_t contiguous = 1;
  for (int i = tensor.rank - 1; i >= 0; --i) {
    const auto axis = static_cast<std::size_t>(i);
    array.strides[axis] = tensor.strides != nullptr ? tensor.strides[i] : contiguous;
    contiguous *= array.shape[axis];
  }
  elements_ = std::max(elements_, contiguous);
  return array;
}

Operands::Memory Operands::memory(const char* name, nb::handle object, int device) {
  if (object.is_none()) return {};
  const dlpack::Tensor tensor = describe(name, object, true);
  const int where = on_device(tensor.device) ? tensor.device.number : fused::kHost;
  if (where != device) refuse(cat("expected memory on the device of the other arrays for ", name));
  std::int64_t elements = 1;
  bool contiguous = true;
  for (int i = tensor.rank - 1; i >= 0; --i) {
    if (tensor.strides != nullptr && tensor.shape[i] != 1 && tensor.strides[i] != elements)
      contiguous = false;
    elements *= tensor.shape[i];
  }
  if (!contiguous) refuse(cat("expected contiguous memory for ", name));
  return {static_cast<char*>(tensor.data) + tensor.byte_offset,
          static_cast<std::size_t>(elements) * tensor.type.bits * tensor.type.lanes / 8};
}

}  // namespace sinter::python
