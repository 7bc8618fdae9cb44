#pragma once
// The memory layout of DLPack 1.x, the array descriptions that Python's frameworks exchange, as far
// as this module reads them. Source: DLPack's specification, https://dmlc.github.io/dlpack/latest/.

#include <cstdint>

namespace sinter::python::dlpack {

inline constexpr std::uint32_t kMajor = 1;  ///< another one has another layout
inline constexpr std::uint32_t kMinor = 3;

enum class DeviceType : std::int32_t { cpu = 1, cuda = 2, cuda_pinned = 3, cuda_managed = 13 };
struct Device {
  DeviceType type;
  std::int32_t number;
};

enum class Kind : std::uint8_t { integer = 0, floating = 2, brain_floating = 4 };
struct DataType {
  Kind kind;
  std::uint8_t bits;
  std::uint16_t lanes;
};

struct Tensor {
  void* data;
  Device device;
  std::int32_t rank;
  DataType type;
  std::int64_t* shape;
  std::int64_t* strides;  ///< in elements; null: contiguous (before 1.2)
  std::uint64_t byte_offset;
};

struct ManagedTensor {
  static constexpr const char* kCapsule = "dltensor";
  static constexpr const char* kUsedCapsule = "used_dltensor";
  Tensor tensor;
  void* context;
  void (*deleter)(ManagedTensor*);
};

struct Version {
  std::uint32_t major, minor;
};
inline constexpr std::uint64_t kReadOnly = 1;

struct ManagedTensorVersioned {
  static constexpr const char* kCapsule = "dltensor_versioned";
  static constexpr const char* kUsedCapsule = "used_dltensor_versioned";
  Version version;
  void* context;
  void (*deleter)(ManagedTensorVersioned*);
  std::uint64_t flags;
  Tensor tensor;
};

/// What a type's `__dlpack_c_exchange_api__` points to: descriptions without Python calls and
/// without ownership. Functions return 0, or -1 with a Python exception set.
struct ExchangeApi {
  static constexpr const char* kCapsule = "dlpack_exchange_api";
  Version version;
  const ExchangeApi* older;
  void* allocate;
  void* managed_from_object;
  void* managed_to_object;
  int (*describe)(void* object, Tensor* tensor);  ///< valid while the object is; may be null
  int (*current_stream)(DeviceType type, std::int32_t device, void** stream);
};

}  // namespace sinter::python::dlpack
