#include "cuda/cublas_lt.h"

#include <dlfcn.h>

#include "core/error.h"

namespace sinter::cuda {

std::shared_ptr<const CublasLt> CublasLt::open() {
  constexpr const char* kLibrary = "libcublasLt.so.13";
  void* library = dlopen(kLibrary, RTLD_NOW | RTLD_LOCAL);
  SINTER_CHECK(library != nullptr,
               ErrorCode::not_found,
               "[cuda] expected ",
               kLibrary,
               " of CUDA 13 where the dynamic linker looks, got: ",
               dlerror());
  const std::shared_ptr<CublasLt> functions(new CublasLt, [library](CublasLt* table) {
    delete table;
    dlclose(library);
  });
  const auto find = [&](const char* name) {
    void* symbol = dlsym(library, name);
    SINTER_CHECK(symbol != nullptr,
                 ErrorCode::unsupported,
                 "[cuda] ",
                 kLibrary,
                 ": expected a function ",
                 name);
    return symbol;
  };
#define SINTER_FIND(name) \
  functions->name = reinterpret_cast<decltype(functions->name)>(find("cublasLt" #name));
  SINTER_CUBLAS_LT_FUNCTIONS(SINTER_FIND)
#undef SINTER_FIND
  return functions;
}

}  // namespace sinter::cuda
