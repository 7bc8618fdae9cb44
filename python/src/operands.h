#pragma once
// From Python's arrays to the arrays of sinter/ops.h, without a copy.
//
// Where the array's type has DLPack's C interface (PyTorch since 2.10), a description costs tens of
// nanoseconds and the framework itself names its current stream. Others are asked through
// `__dlpack__`, which makes the stream wait for what the framework has queued.

#include <nanobind/nanobind.h>
#include <nanobind/stl/string.h>

#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "dlpack.h"
#include "sinter/ops.h"

namespace sinter::python {

namespace nb = nanobind;

/// How arrays of one Python type are described.
struct Producer {
  const dlpack::ExchangeApi* api = nullptr;  ///< null: through `__dlpack__`
  bool takes_version = true;                 ///< `__dlpack__` has the argument max_version
  bool numpy = false;                        ///< on the host
  bool cupy = false;                         ///< has a current stream, known to Python alone
  bool immutable = false;                    ///< JAX: arrays that nobody may write to
};

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
  /// `stream` is a cudaStream_t as a number, or None for the current one of the first array's
  /// framework; frameworks without one get the legacy default stream.
  Operands(Producers& producers, const char* who, nb::handle stream);
  /// No stream waits and none is asked for: for questions about shapes.
  Operands(Producers& producers, const char* who);
  ~Operands();
  Operands(const Operands&) = delete;
  Operands& operator=(const Operands&) = delete;

  /// None gives an absent array. Raises ErrorCode::invalid_argument for what no operator takes.
  fused::Array read(const char* name, nb::handle object) { return array(name, object, false); }
  /// The same for an array that the operator writes to.
  fused::Array write(const char* name, nb::handle object) { return array(name, object, true); }

  struct Memory {
    void* data = nullptr;
    std::size_t bytes = 0;
  };
  /// Memory of any contiguous array on `device`.
  Memory memory(const char* name, nb::handle object, int device);

  bool on_host() const { return on_host_; }
  std::int64_t elements() const { return elements_; }  ///< of the largest array
  void* stream() const { return stream_.value_or(nullptr); }
  /// Whether the arrays may be released as soon as the work is queued: their framework has a
  /// current stream and that is where the work went.
  bool ordered() const { return ordered_; }
  [[noreturn]] void refuse(const std::string& what) const;

 private:
  fused::Array array(const char* name, nb::handle object, bool written);
  dlpack::Tensor describe(const char* name, nb::handle object, bool written);
  dlpack::Tensor describe_by_capsule(const char* name,
                                     nb::handle object,
                                     Producer& producer,
                                     bool written);
  static dlpack::Device device_of(nb::handle object, const Producer& producer);
  nb::object capsule_of(nb::handle object, Producer& producer);
  void find_stream(Producer& producer, dlpack::Device device);

  Producers& producers_;
  const char* who_;
  std::optional<void*> stream_;
  bool asks_only_ = false;
  bool on_host_ = true;
  std::int64_t elements_ = 0;
  bool ordered_ = true;
  std::vector<dlpack::ManagedTensor*> held_;
  std::vector<dlpack::ManagedTensorVersioned*> held_versioned_;
};

}  // namespace sinter::python
