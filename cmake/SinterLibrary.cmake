# The shared library, its CMake package, its pkg-config file, and what `cmake --install` puts where.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

# Everything below src/api comes in through it; libsinter.map keeps all but the public interface inside.
add_library(sinter_shared SHARED $<TARGET_OBJECTS:sinter_api> $<TARGET_OBJECTS:sinter_fused>)
target_link_libraries(sinter_shared PRIVATE sinter_api sinter_fused)
target_include_directories(sinter_shared INTERFACE $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
target_compile_features(sinter_shared INTERFACE cxx_std_20)
target_link_options(
  sinter_shared PRIVATE -Wl,--version-script=${CMAKE_CURRENT_LIST_DIR}/libsinter.map -Wl,--no-undefined)
set_target_properties(
  sinter_shared
  PROPERTIES OUTPUT_NAME sinter
             EXPORT_NAME sinter
             LINKER_LANGUAGE CXX
             LINK_DEPENDS ${CMAKE_CURRENT_LIST_DIR}/libsinter.map
             VERSION ${PROJECT_VERSION}
             # Before 1.0 the C++ interface may change with every minor version.
             SOVERSION ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR})

install(TARGETS sinter_shared EXPORT sinter-targets LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(TARGETS sinter RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
# Not CMAKE_INSTALL_LIBDIR, which may be deeper: program and library both look here (src/matting/network.cpp).
install(TARGETS sinter_dnn LIBRARY DESTINATION lib/sinter)
install(DIRECTORY ${CMAKE_SOURCE_DIR}/include/sinter DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} FILES_MATCHING PATTERN "*.h")
install(DIRECTORY ${CMAKE_SOURCE_DIR}/models/sinter-small DESTINATION ${CMAKE_INSTALL_DATADIR}/sinter/models)

set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/sinter)
install(EXPORT sinter-targets NAMESPACE sinter:: DESTINATION ${package_dir})
configure_package_config_file(${CMAKE_CURRENT_LIST_DIR}/sinter-config.cmake.in ${CMAKE_BINARY_DIR}/sinter-config.cmake
                              INSTALL_DESTINATION ${package_dir})
write_basic_package_version_file(${CMAKE_BINARY_DIR}/sinter-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_BINARY_DIR}/sinter-config.cmake ${CMAKE_BINARY_DIR}/sinter-config-version.cmake
        DESTINATION ${package_dir})

# The prefix is found from the file's own place, so that an installation can be copied.
file(RELATIVE_PATH SINTER_PC_TO_PREFIX /prefix/${CMAKE_INSTALL_LIBDIR}/pkgconfig /prefix)
configure_file(${CMAKE_CURRENT_LIST_DIR}/sinter.pc.in ${CMAKE_BINARY_DIR}/sinter.pc @ONLY)
install(FILES ${CMAKE_BINARY_DIR}/sinter.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
