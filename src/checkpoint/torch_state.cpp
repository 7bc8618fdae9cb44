#include "checkpoint/torch_state.h"

#include <algorithm>
#include <array>
#include <string>
#include <utility>

#include "checkpoint/pickle.h"
#include "checkpoint/problems.h"
#include "checkpoint/strided_view.h"
#include "checkpoint/torch_globals.h"
#include "core/error.h"

namespace sinter::checkpoint {

namespace {

using Kind = PickleValue::Kind;
using Bytes = std::span<const std::byte>;

constexpr std::array<std::string_view, 3> kComponents = {"model", "vae", "conditioner"};
constexpr std::string_view kWrapper = "state_dict";
/// Keys of storages are small numbers in decimal.
constexpr std::size_t kLongestKey = 64;

/// The elements that several tensors may share.
struct Storage {
  Bytes bytes;
  std::optional<DType> dtype;  // empty for a storage counted in bytes
};

class StateReader {
 public:
  StateReader(const Pickle& pickle,
              const FindStorage& find_storage,
              std::size_t copy_limit,
              std::string_view label)
      : pickle_(pickle), find_storage_(find_storage), copy_limit_(copy_limit), label_(label) {}

  TorchTensors run();

 private:
  struct Item {
    std::string_view name;
    PickleRef value;
  };

  const PickleValue* find(const PickleValue& dictionary, std::string_view key) const;
  void take_all(const PickleValue& dictionary, std::string_view prefix);
  void take(const std::string& name, const PickleValue& value);
  bool read_tensor(const PickleValue& value, TensorEntry& entry);
  bool read_storage(const PickleValue& value, Storage& storage);
  bool read_view(std::span<const PickleRef> arguments, StridedView& view);
  bool read_extents(const PickleValue& value, std::array<std::int64_t, Shape::kMaxRank>& extents);
  bool check_metadata(std::span<const PickleRef> arguments, std::size_t index);
  bool place(const Storage& storage, const StridedView& view, TensorEntry& entry);

  TorchRole role(const PickleValue& function) const { return torch_global(function.integer).role; }
  bool is_tensor(const PickleValue& value) const {
    return value.is(Kind::call) && role(item(value, 0)) != TorchRole::size;
  }
  const PickleValue& item(const PickleValue& value, std::size_t index) const {
    return pickle_[pickle_.items(value)[index]];
  }
  std::size_t count(const PickleValue& value) const { return pickle_.items(value).size(); }

  /// Records what is wrong with the tensor being read; returns false, for the caller to return.
  template <class... Args>
  bool fault(ErrorCode code, const Args&... args) {
    problems_.add(cat(printable(reading_), ": ", args...), code);
    return false;
  }
  template <class... Args>
  bool corrupt(const Args&... args) {
    return fault(ErrorCode::corrupt, args...);
  }

  const Pickle& pickle_;
  const FindStorage& find_storage_;
  std::size_t copy_limit_;
  std::string_view label_;
  std::string_view reading_;  // name of the tensor being read
  std::size_t copied_ = 0;    // bytes
  Problems problems_;
  TorchTensors tensors_;
};

TorchTensors StateReader::run() {
  const PickleValue* root = &pickle_.root();
  const auto check_dictionary = [&](const PickleValue& value) {
    SINTER_CHECK(value.is(Kind::dictionary),
                 ErrorCode::unsupported,
                 "[checkpoint] ",
                 label_,
                 ": expected a dictionary of tensors, got ",
                 is_tensor(value) ? "one tensor" : describe(value.kind));
  };
  check_dictionary(*root);
  if (const PickleValue* inner = find(*root, kWrapper)) root = inner;
  check_dictionary(*root);

  const auto is_component = [&](std::string_view key) {
    const PickleValue* value = find(*root, key);
    return value != nullptr && value->is(Kind::dictionary);
  };
  if (std::any_of(kComponents.begin(), kComponents.end(), is_component)) {
    for (const std::string_view component : kComponents) {
      const PickleValue* value = find(*root, component);
      if (value == nullptr) continue;
      if (value->is(Kind::dictionary)) {
        take_all(*value, cat(component, "."));
      } else {
        problems_.add(cat(component, ": expected a dictionary, got ", describe(value->kind)));
      }
    }
  } else {
    take_all(*root, "");
  }
  problems_.raise(label_);
  SINTER_CHECK(!tensors_.entries.empty(),
               ErrorCode::unsupported,
               "[checkpoint] ",
               label_,
               ": expected a dictionary of tensors, got one without any tensor");
  std::sort(tensors_.entries.begin(), tensors_.entries.end(), [](const auto& a, const auto& b) {
    return a.name < b.name;
  });
  return std::move(tensors_);
}

/// The value below a key; of a repeated key the last, as in Python.
const PickleValue* StateReader::find(const PickleValue& dictionary, std::string_view key) const {
  const PickleValue* found = nullptr;
  for (std::size_t i = 0; i + 1 < count(dictionary); i += 2) {
    const PickleValue& each = item(dictionary, i);
    if (each.is(Kind::text) && each.text == key) found = &item(dictionary, i + 1);
  }
  return found;
}

/// Names are compared before any of them is copied, because a long one can be repeated at almost no
/// cost to the file.
void StateReader::take_all(const PickleValue& dictionary, std::string_view prefix) {
  const std::span<const PickleRef> items = pickle_.items(dictionary);
  std::vector<Item> named;
  named.reserve(items.size() / 2);
  for (std::size_t i = 0; i + 1 < items.size(); i += 2) {
    const PickleValue& key = pickle_[items[i]];
    if (key.is(Kind::text)) {
      named.push_back({key.text, items[i + 1]});
    } else if (is_tensor(pickle_[items[i + 1]])) {
      problems_.add(cat(prefix, ": a tensor whose name is not text but ", describe(key.kind)));
    }
  }
  const auto drop_repeated = [&](auto less, auto same) {
    std::sort(named.begin(), named.end(), less);
    const auto end = std::unique(named.begin(), named.end(), [&](const Item& a, const Item& b) {
      if (!same(a, b)) return false;
      problems_.add(cat(prefix, printable(a.name), " is given twice"));
      return true;
    });
    named.erase(end, named.end());
  };
  const auto place = [](const Item& item) { return item.name.data(); };
  drop_repeated([&](const Item& a, const Item& b) { return std::less<>()(place(a), place(b)); },
                [&](const Item& a, const Item& b) { return place(a) == place(b); });
  // now all names together are no longer than the pickle
  drop_repeated([](const Item& a, const Item& b) { return a.name < b.name; },
                [](const Item& a, const Item& b) { return a.name == b.name; });
  for (const Item& item : named) take(cat(prefix, item.name), pickle_[item.value]);
}

void StateReader::take(const std::string& name, const PickleValue& value) {
  reading_ = name;
  switch (value.kind) {
    case Kind::tuple:
    case Kind::list:
    case Kind::dictionary:
    case Kind::persistent:
      fault(ErrorCode::unsupported, "expected a tensor, got ", describe(value.kind));
      return;
    case Kind::call:
      break;
    default:
      return;  // a number or text holds no weights
  }
  if (!is_tensor(value)) return;
  TensorEntry entry;
  if (!read_tensor(value, entry)) return;
  entry.name = name;
  tensors_.entries.push_back(std::move(entry));
}

bool StateReader::read_tensor(const PickleValue& value, TensorEntry& entry) {
  const PickleValue* call = &value;
  if (role(item(*call, 0)) == TorchRole::parameter) {
    const PickleValue& wrapped = item(*call, 1);
    if (count(wrapped) != 3) return corrupt("a parameter with ", count(wrapped), " arguments");
    call = &item(wrapped, 0);
    if (!call->is(Kind::call)) return corrupt("a parameter of ", describe(call->kind));
  }
  const TorchRole kind = role(item(*call, 0));
  if (kind != TorchRole::tensor && kind != TorchRole::typed_tensor) {
    return corrupt("a parameter of something else than a tensor");
  }
  const std::span<const PickleRef> arguments = pickle_.items(item(*call, 1));
  const std::size_t metadata_at = kind == TorchRole::tensor ? 6 : 7;
  if (arguments.size() < metadata_at || arguments.size() > metadata_at + 1) {
    return corrupt("a tensor with ", arguments.size(), " arguments");
  }
  Storage storage;
  if (!read_storage(pickle_[arguments[0]], storage)) return false;
  if (kind == TorchRole::typed_tensor) {
    const PickleValue& dtype = pickle_[arguments[6]];
    if (!dtype.is(Kind::global) || role(dtype) != TorchRole::dtype) {
      return corrupt("expected a dtype, got ", describe(dtype.kind));
    }
    storage.dtype = torch_global(dtype.integer).dtype;
    if (!storage.dtype) {
      const std::string_view name = torch_globals()[static_cast<std::size_t>(dtype.integer)].name;
      return fault(ErrorCode::unsupported, "dtype torch.", name, " is not supported");
    }
  }
  if (!storage.dtype) return corrupt("a tensor without a dtype");
  StridedView view;
  return check_metadata(arguments, metadata_at) && read_view(arguments, view) &&
         place(storage, view, entry);
}

/// A persistent id ("storage", class, key, device, number of elements).
bool StateReader::read_storage(const PickleValue& value, Storage& storage) {
  if (!value.is(Kind::persistent)) return corrupt("expected a storage, got ", describe(value.kind));
  const PickleValue& id = item(value, 0);
  if (!id.is(Kind::tuple) || count(id) != 5) return corrupt("expected the id of a storage");
  const PickleValue& type = item(id, 1);
  const PickleValue& key = item(id, 2);
  const PickleValue& elements = item(id, 4);
  if (!item(id, 0).is(Kind::text) || item(id, 0).text != "storage" || !type.is(Kind::global) ||
      !key.is(Kind::text) || key.text.size() > kLongestKey || !elements.is(Kind::integer)) {
    return corrupt("expected the id of a storage");
  }
  const TorchGlobal& meaning = torch_global(type.integer);
  const bool untyped = meaning.role == TorchRole::untyped_storage;
  if (!untyped && meaning.role != TorchRole::storage) return corrupt("expected a storage class");
  if (!untyped && !meaning.dtype) {
    const std::string_view name = torch_globals()[static_cast<std::size_t>(type.integer)].name;
    return fault(ErrorCode::unsupported, "the elements of torch.", name, " are not supported");
  }
  const std::optional<Bytes> found = find_storage_(key.text);
  if (!found) return corrupt("storage ", printable(key.text), " is not in the file");
  const auto width = static_cast<std::int64_t>(untyped ? 1 : size_of(*meaning.dtype));
  std::int64_t bytes = 0;
  if (elements.integer < 0 || __builtin_mul_overflow(elements.integer, width, &bytes) ||
      static_cast<std::uint64_t>(bytes) != found->size()) {
    return corrupt("storage ",
                   printable(key.text),
                   ": expected ",
                   elements.integer,
                   " elements of ",
                   width,
                   " bytes, got ",
                   found->size(),
                   " bytes");
  }
  storage = {*found, meaning.dtype};
  return true;
}

/// Torch defers the sign and the conjugate of some views; weights never have either.
bool StateReader::check_metadata(std::span<const PickleRef> arguments, std::size_t index) {
  if (arguments.size() <= index) return true;
  const PickleValue& metadata = pickle_[arguments[index]];
  const bool none =
      metadata.is(Kind::none) || (metadata.is(Kind::dictionary) && count(metadata) == 0);
  return none ||
         fault(ErrorCode::unsupported, "conjugate, negative or custom views are not supported");
}

bool StateReader::read_extents(const PickleValue& value,
                               std::array<std::int64_t, Shape::kMaxRank>& extents) {
  for (std::size_t axis = 0; axis < count(value); ++axis) {
    const PickleValue& extent = item(value, axis);
    if (!extent.is(Kind::integer)) return corrupt("an extent is ", describe(extent.kind));
    if (extent.integer < 0) return corrupt("negative extent or stride ", extent.integer);
    extents[axis] = extent.integer;
  }
  return true;
}

bool StateReader::read_view(std::span<const PickleRef> arguments, StridedView& view) {
  const PickleValue& offset = pickle_[arguments[1]];
  const PickleValue& size = pickle_[arguments[2]];
  const PickleValue& stride = pickle_[arguments[3]];
  if (!offset.is(Kind::integer) || !size.is(Kind::tuple) || !stride.is(Kind::tuple) ||
      count(size) != count(stride)) {
    return corrupt("expected offset, extents and as many strides");
  }
  if (count(size) > Shape::kMaxRank) {
    return fault(ErrorCode::unsupported,
                 "shape: more than ",
                 Shape::kMaxRank,
                 " dimensions are not supported");
  }
  std::array<std::int64_t, Shape::kMaxRank> extents{};
  if (!read_extents(size, extents) || !read_extents(stride, view.strides)) return false;
  view.offset = offset.integer;
  // like the reader of safetensors: no tensor is larger than an address space
  std::int64_t product = 1;
  for (std::size_t axis = 0; axis < count(size); ++axis) {
    const std::int64_t factor = std::max<std::int64_t>(1, extents[axis]);
    if (__builtin_mul_overflow(product, factor, &product) || product > std::int64_t{1} << 59) {
      return corrupt("shape: the number of elements overflows");
    }
  }
  view.shape = Shape(extents.data(), count(size));
  return true;
}

/// Points the entry at its elements, or at a copy in row-major order.
bool StateReader::place(const Storage& storage, const StridedView& view, TensorEntry& entry) {
  entry.dtype = *storage.dtype;
  entry.shape = view.shape;
  const std::size_t width = size_of(entry.dtype);
  const std::size_t available = storage.bytes.size() / width;
  if (!lies_within(view, available)) {
    return corrupt("elements outside of the storage: shape ",
                   view.shape,
                   " from element ",
                   view.offset,
                   " of ",
                   available);
  }
  const std::size_t bytes = entry.byte_count();
  if (bytes == 0) return true;
  if (is_contiguous(view)) {
    entry.bytes = storage.bytes.subspan(static_cast<std::size_t>(view.offset) * width, bytes);
    return true;
  }
  if (bytes > copy_limit_ - copied_) {
    return fault(ErrorCode::unsupported,
                 "tensors that do not lie row by row take more memory than the whole file");
  }
  copied_ += bytes;
  const Buffer& copy = tensors_.copies.emplace_back(bytes);
  gather(storage.bytes, view, width, copy.data());
  entry.bytes = {copy.data(), bytes};
  return true;
}

}  // namespace

TorchTensors read_torch_state(Bytes pickle,
                              const FindStorage& find_storage,
                              std::size_t copy_limit,
                              std::string_view label) {
  try {
    return StateReader(
               Pickle::parse(pickle, torch_globals(), label), find_storage, copy_limit, label)
        .run();
  } catch (const std::bad_alloc&) {
    fail(ErrorCode::out_of_memory, "[checkpoint] ", label, ": out of memory");
  }
}

}  // namespace sinter::checkpoint
