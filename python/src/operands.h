#pragma once
// From Python's arrays to the arrays of sinter/ops.h, without a copy.
//
// Where the array's type has DLPack's C interface (PyTorch since 2.10), a description costs tens of
// nanoseconds and the framework itself names its current stream. Others are asked through
// `__dlpack__`, which makes the stream wait for what the framework has queued.

#include <nanobind/nanobind.h>
#include <nanobind/stl/string.h>

#include <array>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "dlpack.h"
#include "sinter/ops.h"

namespace sinter::python {

namespace nb = nanobind;

/// What the operators ask of a framework's Python side: the attributes of a class in
/// sinter/_frameworks.py, null where that has None. References that are never given back.
struct Framework {
  explicit Framework(nb::handle object);
  nb::handle empty_like;         ///< (x): in x's layout
  nb::handle empty;              ///< (shape, name of the type or None for like's, like)
  nb::handle scratch;            ///< (bytes, like)
  nb::handle on_stream;          ///< (stream, like): a context in which memory is made for a stream
  nb::handle records_gradients;  ///< ()
  nb::handle autocasts;          ///< ("cuda" or "cpu")
  nb::handle written;            ///< (x): its elements have changed
  nb::handle is_inference;       ///< (x): nobody asks whether they have; beside `written`
  nb::handle give;               ///< (made): the array that a caller gets for it
};

/// How arrays of one Python type are described and made.
struct Producer {
  const dlpack::ExchangeApi* api = nullptr;  ///< null: through `__dlpack__`
  bool takes_version = true;                 ///< `__dlpack__` has the argument max_version
  bool numpy = false;                        ///< on the host
  bool cupy = false;                         ///< has a current stream, known to Python alone
  bool immutable = false;                    ///< JAX: arrays that nobody may write to
  std::optional<Framework> framework;        ///< none: makes no arrays for us
};

/// Memory that a caller will bring: a refusal looks at its alignment, not into it.
inline void* placeholder() {
  return reinterpret_cast<void*>(std::uintptr_t{1} << 12);
}

/// Remembers the types it has seen, which it keeps alive. To be used with the interpreter's lock.
class Producers {
 public:
  /// Null for what is no array.
  Producer* find(nb::handle object);

 private:
  std::unordered_map<PyTypeObject*, Producer> known_;
  PyTypeObject* last_type_ = nullptr;
  Producer* last_ = nullptr;
};

/// The arrays of one call, kept as long as this lives.
class Operands {
 public:
  enum class Purpose {
    run,       ///< tensors that need a gradient are refused
    attempt,   ///< unfused() says so instead, of autocast too
    question,  ///< about shapes: nothing is made, no stream waits and none is asked for
  };
  /// `stream` is a cudaStream_t as a number, or None for the current one of the first array's
  /// framework; frameworks without one get the legacy default stream.
  Operands(Producers& producers, const char* who, Purpose purpose, nb::handle stream = nb::none());
  ~Operands();
  Operands(const Operands&) = delete;
  Operands& operator=(const Operands&) = delete;

  /// None gives an absent array. Raises ErrorCode::invalid_argument for what no operator takes.
  fused::Array read(const char* name, nb::handle object) {
    return object.is_none() ? fused::Array{} : array(name, object, false);
  }
  /// The same for an array that the operator changes, which is a result.
  fused::Array change(const char* name, nb::handle object);

  enum class Layout { contiguous, kept };
  /// A result: `given`, or where that is None a new array like the operand `like`, read as `of`.
  fused::Array result_like(const char* name,
                           nb::handle given,
                           nb::handle like,
                           const fused::Array& of,
                           Layout layout = Layout::contiguous);
  /// A result: `given`, or where that is None a new contiguous array of `shape` (negative extents
  /// count as 0) and that type, or like's, by the framework of `like` and on its device.
  fused::Array result(const char* name,
                      nb::handle given,
                      std::span<const std::int64_t> shape,
                      std::optional<fused::ElementType> type,
                      nb::handle like);

  /// At least that many bytes: of `given`, an array that is contiguous and lies on `device`, or
  /// where that is None new memory. Null for no bytes.
  void* scratch(nb::handle given, std::size_t bytes, int device);

  bool on_host() const { return on_host_; }
  std::int64_t elements() const { return elements_; }  ///< of the largest array
  void* stream() const { return stream_.value_or(nullptr); }
  /// Whether the arrays may be released as soon as the work is queued: their framework has a
  /// current stream and that is where the work went.
  bool ordered() const { return ordered_; }
  /// Whether an attempt has to be given up: gradients are recorded, or types chosen by autocast.
  bool unfused() const { return unfused_; }
  /// The work is queued: tells frameworks what was written and gives the results that were made,
  /// one or a tuple.
  nb::object results();
  [[noreturn]] void refuse(const std::string& what) const;

 private:
  struct Result {
    nb::object object;
    const Framework* framework = nullptr;
    bool made = false;  ///< by us, not given
  };
  struct Memory {
    void* data = nullptr;
    std::size_t bytes = 0;
  };

  fused::Array array(const char* name, nb::handle object, bool written);
  Producer& producer_of(const char* name, nb::handle object);
  const Framework& framework_of(const char* name, nb::handle like);
  void look_at_gradients(const char* name,
                         nb::handle object,
                         const Framework& framework,
                         bool device);
  /// What `make` makes, for the stream that was asked for.
  template <class Make>
  nb::object made_by(const Framework& framework, nb::handle like, const Make& make);
  fused::Array keep(const char* name, nb::object made, const Framework& framework);
  Memory memory_of(const char* name, nb::handle object, int device);
  dlpack::Tensor describe(const char* name, nb::handle object, bool written, Producer& producer);
  dlpack::Tensor describe_by_capsule(const char* name,
                                     nb::handle object,
                                     Producer& producer,
                                     bool written);
  static dlpack::Device device_of(nb::handle object, const Producer& producer);
  nb::object capsule_of(nb::handle object, Producer& producer);
  void find_stream(Producer& producer, dlpack::Device device);

  Producers& producers_;
  const char* who_;
  Purpose purpose_;
  std::optional<void*> stream_;
  bool other_stream_ = false;  ///< than the framework's current one, maybe
  bool begun_ = false;
  bool records_gradients_ = false;
  bool unfused_ = false;
  bool on_host_ = true;
  std::int64_t elements_ = 0;
  bool ordered_ = true;
  nb::handle first_;  ///< array that was read
  nb::object scratch_;
  std::array<Result, 2> results_;
  std::size_t result_count_ = 0;
  std::vector<dlpack::ManagedTensor*> held_;
  std::vector<dlpack::ManagedTensorVersioned*> held_versioned_;
};

}  // namespace sinter::python
