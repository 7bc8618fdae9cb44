# One static library a room. `sinter_room(mesh SOURCES a.cpp b.cpp ROOMS core DEPS lib)`: ROOMS are the lower rooms
# whose headers this one includes, DEPS are third-party targets.
function(sinter_options target)
  target_include_directories(${target} PUBLIC ${CMAKE_SOURCE_DIR}/src ${CMAKE_SOURCE_DIR}/include)
  target_compile_options(${target} PRIVATE -Wall -Wextra -Wshadow -Wconversion -Wno-sign-conversion)
  # Neither changes a rounding: no code reads errno after a math call or counts floating-point traps, and without these
  # two flags gcc vectorises almost no loop with a division or a square root in it.
  target_compile_options(${target} PRIVATE -fno-math-errno -fno-trapping-math)
  if(SINTER_WERROR)
    target_compile_options(${target} PRIVATE -Werror)
  endif()
  if(SINTER_SANITIZE)
    target_compile_options(${target} PRIVATE -fsanitize=${SINTER_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
    target_link_options(${target} PUBLIC -fsanitize=${SINTER_SANITIZE})
  endif()
  if(SINTER_FUZZ)
    target_compile_options(${target} PRIVATE -fsanitize=fuzzer-no-link)
  endif()
endfunction()

function(sinter_room name)
  cmake_parse_arguments(ROOM "" "" "SOURCES;ROOMS;DEPS" ${ARGN})
  add_library(sinter_${name} STATIC ${ROOM_SOURCES})
  sinter_options(sinter_${name})
  list(TRANSFORM ROOM_ROOMS PREPEND sinter_)
  target_link_libraries(sinter_${name} PUBLIC ${ROOM_ROOMS} PRIVATE ${ROOM_DEPS})
endfunction()

# One test program a room, registered with CTest case by case.
function(sinter_test name)
  cmake_parse_arguments(TEST "" "" "SOURCES;ROOMS;DEPS" ${ARGN})
  add_executable(${name}_test ${TEST_SOURCES})
  sinter_options(${name}_test)
  list(TRANSFORM TEST_ROOMS PREPEND sinter_)
  target_link_libraries(${name}_test PRIVATE ${TEST_ROOMS} ${TEST_DEPS} GTest::gtest_main)
  target_compile_definitions(${name}_test PRIVATE SINTER_SOURCE_DIR="${CMAKE_SOURCE_DIR}")
  target_include_directories(${name}_test PRIVATE ${CMAKE_SOURCE_DIR}/tests)
  gtest_discover_tests(${name}_test TEST_PREFIX ${name}. DISCOVERY_TIMEOUT 60)
endfunction()
