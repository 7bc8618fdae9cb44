# The CUDA back end is built where a CUDA compiler is found: SINTER_CUDA=AUTO (default), ON (required) or OFF.
set(SINTER_CUDA "AUTO" CACHE STRING "build the CUDA back end: AUTO, ON or OFF")
set_property(CACHE SINTER_CUDA PROPERTY STRINGS AUTO ON OFF)

set(SINTER_WITH_CUDA OFF)
if(NOT SINTER_CUDA STREQUAL "OFF")
  include(CheckLanguage)
  check_language(CUDA)
  if(CMAKE_CUDA_COMPILER)
    # Kernels use wgmma and the tensor copy engine, which only the "a" target has.
    set(CMAKE_CUDA_ARCHITECTURES 90a-real CACHE STRING "CUDA targets")
    set(CMAKE_CUDA_RUNTIME_LIBRARY Static)
    enable_language(CUDA)
    if(NOT CMAKE_CUDA20_STANDARD_COMPILE_OPTION)  # CMake 3.25 does not know nvcc's C++20 flag
      set(CMAKE_CUDA20_STANDARD_COMPILE_OPTION "-std=c++20")
      set(CMAKE_CUDA20_EXTENSION_COMPILE_OPTION "-std=c++20")
    endif()
    set(CMAKE_CUDA_STANDARD 20)
    if(SINTER_CCACHE)
      set(CMAKE_CUDA_COMPILER_LAUNCHER ${SINTER_CCACHE})
    endif()
    find_package(CUDAToolkit REQUIRED)
    set(SINTER_WITH_CUDA ON)
  elseif(SINTER_CUDA STREQUAL "ON")
    message(FATAL_ERROR "SINTER_CUDA=ON: no CUDA compiler found (nvcc on the PATH, or CUDACXX)")
  endif()
endif()

# Include paths and flags of a target with CUDA sources.
function(sinter_cuda_options target)
  target_include_directories(${target} PUBLIC ${CMAKE_SOURCE_DIR}/src ${CMAKE_SOURCE_DIR}/include)
  # nvcc puts parentheses of its own into what it hands to the host compiler.
  target_compile_options(${target} PRIVATE $<$<COMPILE_LANGUAGE:CUDA>:-Xcompiler=-Wall,-Wextra,-Wno-parentheses>)
  if(SINTER_WERROR)
    target_compile_options(${target} PRIVATE $<$<COMPILE_LANGUAGE:CUDA>:-Xcompiler=-Werror --Werror=all-warnings>)
  endif()
endfunction()
