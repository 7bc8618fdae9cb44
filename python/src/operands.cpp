#include "operands.h"

#include <algorithm>
#include <array>

#include "core/error.h"
#include "ops/fused/array.h"

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

nb::object owned(PyObject* result) {
  if (result == nullptr) throw nb::python_error();
  return nb::steal(result);
}

nb::object call(nb::handle function, nb::handle argument) {
  return owned(PyObject_CallOneArg(function.ptr(), argument.ptr()));
}

bool is_true(const nb::object& object) {
  const int truth = PyObject_IsTrue(object.ptr());
  if (truth < 0) throw nb::python_error();
  return truth != 0;
}

/// Strings that calls pass again and again; never given back.
struct Names {
  PyObject* requires_grad = PyUnicode_InternFromString("requires_grad");
  PyObject* cuda = PyUnicode_InternFromString("cuda");
  PyObject* cpu = PyUnicode_InternFromString("cpu");
};
const Names& names() {
  static const Names names;
  return names;
}

void set_contiguous(fused::Array& array) {
  std::int64_t stride = 1;
  for (int i = array.rank - 1; i >= 0; --i) {
    array.strides[static_cast<std::size_t>(i)] = stride;
    stride *= array.shape[static_cast<std::size_t>(i)];
  }
}

std::optional<Framework> find_framework(nb::handle type) {
  const nb::object found = nb::module_::import_("sinter._frameworks").attr("framework_of")(type);
  if (found.is_none()) return {};
  return Framework(found);
}

template <class Managed>
Managed* take(const nb::object& capsule) {
  auto* managed = static_cast<Managed*>(PyCapsule_GetPointer(capsule.ptr(), Managed::kCapsule));
  if (managed == nullptr || PyCapsule_SetName(capsule.ptr(), Managed::kUsedCapsule) != 0)
    throw nb::python_error();
  return managed;
}

}  // namespace

Framework::Framework(nb::handle object) {
  const auto member = [&](const char* name) {
    nb::object found = object.attr(name);
    return found.is_none() ? nb::handle() : found.release();
  };
  empty_like = member("empty_like");
  empty = member("empty");
  scratch = member("scratch");
  on_stream = member("on_stream");
  records_gradients = member("records_gradients");
  autocasts = member("autocasts");
  written = member("written");
  is_inference = member("is_inference");
  give = member("give");
}

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
    producer.framework = find_framework(handle);
    handle.inc_ref();
    found = known_.emplace(type, producer).first;
  }
  last_type_ = type;
  last_ = &found->second;
  return last_;
}

Operands::Operands(Producers& producers, const char* who, Purpose purpose, nb::handle stream)
    : producers_(producers), who_(who), purpose_(purpose) {
  if (stream.is_none()) return;
  stream_ = stream_from(stream);
  other_stream_ = true;
}

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
  if (stream_ || purpose_ == Purpose::question) return;
  stream_ = nullptr;
  if (producer.api != nullptr) {
    if (producer.api->current_stream(dlpack::DeviceType::cuda, device.number, &*stream_) != 0)
      throw nb::python_error();
  } else if (producer.cupy) {
    stream_ = stream_from(
        nb::module_::import_("cupy.cuda").attr("get_current_stream")(device.number).attr("ptr"));
  }
}

Producer& Operands::producer_of(const char* name, nb::handle object) {
  Producer* const producer = producers_.find(object);
  if (producer == nullptr)
    refuse(cat(
        "expected an array with __dlpack__ for ", name, ", got ", name_of(Py_TYPE(object.ptr()))));
  return *producer;
}

dlpack::Tensor Operands::describe(const char* name,
                                  nb::handle object,
                                  bool written,
                                  Producer& producer) {
  if (written && producer.immutable && purpose_ != Purpose::question)
    refuse(cat("expected an array that may be written for ", name, ", got one of JAX"));
  try {
    if (producer.api == nullptr) return describe_by_capsule(name, object, producer, written);
    dlpack::Tensor tensor{};
    if (producer.api->describe(object.ptr(), &tensor) != 0) throw nb::python_error();
    if (on_device(tensor.device)) find_stream(producer, tensor.device);
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
  return ask("stream"_a = purpose_ == Purpose::question ? kNoWaiting : stream_number(stream()));
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
  Producer& producer = producer_of(name, object);
  const dlpack::Tensor tensor = describe(name, object, written, producer);
  if (producer.framework && producer.framework->records_gradients.is_valid())
    look_at_gradients(name, object, *producer.framework, on_device(tensor.device));
  if (!first_.is_valid()) first_ = object;
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
  if (tensor.strides != nullptr)
    std::copy_n(tensor.strides, tensor.rank, array.strides.begin());
  else
    set_contiguous(array);
  elements_ = std::max(elements_, fused::elements_of(array));
  return array;
}

void Operands::look_at_gradients(const char* name,
                                 nb::handle object,
                                 const Framework& framework,
                                 bool device) {
  if (!begun_) {
    begun_ = true;
    records_gradients_ = is_true(owned(PyObject_CallNoArgs(framework.records_gradients.ptr())));
    PyObject* const where = device ? names().cuda : names().cpu;
    if (purpose_ == Purpose::attempt) unfused_ = is_true(call(framework.autocasts, where));
  }
  if (!records_gradients_ || !is_true(owned(PyObject_GetAttr(object.ptr(), names().requires_grad))))
    return;
  if (purpose_ != Purpose::attempt)
    refuse(cat("expected a tensor that needs no gradient for ",
               name,
               ", or torch.no_grad(); sinter.torch has operators with gradients"));
  unfused_ = true;
}

fused::Array Operands::change(const char* name, nb::handle object) {
  Result& result = results_[result_count_++];
  result.object = nb::borrow(object);
  if (object.is_none()) return {};
  const fused::Array changed = array(name, object, true);
  const auto& framework = producer_of(name, object).framework;
  if (framework) result.framework = &*framework;
  return changed;
}

const Framework& Operands::framework_of(const char* name, nb::handle like) {
  const Producer& producer = producer_of(name, like);
  if (!producer.framework)
    refuse(cat("expected an array of PyTorch, CuPy, JAX or NumPy, or out=, got ",
               name_of(Py_TYPE(like.ptr()))));
  return *producer.framework;
}

template <class Make>
nb::object Operands::made_by(const Framework& framework, nb::handle like, const Make& make) {
  if (!other_stream_ || !framework.on_stream.is_valid()) return owned(make());
  const nb::object context = framework.on_stream(stream_number(stream()), like);
  context.attr("__enter__")();
  PyObject* const made = make();
  if (made == nullptr) {
    const nb::python_error error;
    context.attr("__exit__")(nb::none(), nb::none(), nb::none());
    throw error;
  }
  nb::object result = nb::steal(made);
  context.attr("__exit__")(nb::none(), nb::none(), nb::none());
  return result;
}

fused::Array Operands::keep(const char* name, nb::object made, const Framework& framework) {
  Result& result = results_[result_count_++];
  result = {.object = std::move(made), .framework = &framework, .made = true};
  return array(name, result.object, true);
}

fused::Array Operands::result_like(
    const char* name, nb::handle given, nb::handle like, const fused::Array& of, Layout layout) {
  if (!given.is_none()) return change(name, given);
  if (unfused_ || like.is_none()) return {};
  if (layout == Layout::contiguous && !is_contiguous(of))
    return result(
        name, given, std::span(of.shape).first(static_cast<std::size_t>(of.rank)), {}, like);
  if (purpose_ == Purpose::question) return of;
  const Framework& framework = framework_of(name, like);
  const auto make = [&] { return PyObject_CallOneArg(framework.empty_like.ptr(), like.ptr()); };
  return keep(name, made_by(framework, like, make), framework);
}

fused::Array Operands::result(const char* name,
                              nb::handle given,
                              std::span<const std::int64_t> shape,
                              std::optional<fused::ElementType> type,
                              nb::handle like) {
  if (!given.is_none()) return change(name, given);
  if (unfused_ || like.is_none()) return {};
  if (purpose_ == Purpose::question) {
    const dlpack::Tensor tensor = describe(name, like, false, producer_of(name, like));
    const auto like_type = element_type(tensor.type);
    fused::Array array{.data = placeholder(),
                       .type = type.value_or(like_type.value_or(fused::ElementType::f32)),
                       .device = on_device(tensor.device) ? tensor.device.number : fused::kHost,
                       .rank = static_cast<int>(shape.size())};
    std::copy(shape.begin(), shape.end(), array.shape.begin());
    set_contiguous(array);
    return array;
  }
  const Framework& framework = framework_of(name, like);
  nb::list extents;
  for (const std::int64_t extent : shape) extents.append(std::max<std::int64_t>(extent, 0));
  const nb::tuple tuple(extents);
  const nb::object type_name = type ? nb::object(nb::str(to_string(*type))) : nb::none();
  const auto make = [&] {
    return PyObject_CallFunctionObjArgs(
        framework.empty.ptr(), tuple.ptr(), type_name.ptr(), like.ptr(), nullptr);
  };
  return keep(name, made_by(framework, like, make), framework);
}

void* Operands::scratch(nb::handle given, std::size_t bytes, int device) {
  if (bytes == 0) return nullptr;
  scratch_ = nb::borrow(given);
  const Producer* const first = first_.is_valid() ? producers_.find(first_) : nullptr;
  if (given.is_none() && first != nullptr && first->framework) {
    const nb::int_ count(bytes);
    const Framework& framework = *first->framework;
    scratch_ = made_by(framework, first_, [&] {
      return PyObject_CallFunctionObjArgs(
          framework.scratch.ptr(), count.ptr(), first_.ptr(), nullptr);
    });
  }
  const Memory memory = scratch_.is_none() ? Memory{} : memory_of("scratch", scratch_, device);
  if (memory.bytes < bytes)
    refuse(cat("expected ", bytes, " bytes of scratch memory, got ", memory.bytes));
  return memory.data;
}

Operands::Memory Operands::memory_of(const char* name, nb::handle object, int device) {
  const dlpack::Tensor tensor = describe(name, object, true, producer_of(name, object));
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

nb::object Operands::results() {
  for (std::size_t i = 0; i < result_count_; ++i) {
    Result& result = results_[i];
    const Framework* const framework = result.framework;
    if (framework == nullptr) continue;
    if (result.made) {
      if (framework->give.is_valid()) result.object = call(framework->give, result.object);
    } else if (framework->written.is_valid() &&
               !is_true(call(framework->is_inference, result.object))) {
      call(framework->written, result.object);
    }
  }
  if (result_count_ == 1) return std::move(results_[0].object);
  return nb::make_tuple(results_[0].object, results_[1].object);
}

}  // namespace sinter::python
