# How folders become targets: tilewright_module for the library's folders, tilewright_test for test
# programs. Every *_test.cpp belongs to the program <folder>_test and is known to CTest test by
# test, with the folder as label; files named *_slow_test.cpp go to <folder>_slow_test, which has
# the label slow as well.

# tilewright_module(<folder>): compiles the sources of tilewright/<folder> into the library.
function(tilewright_module folder)
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/tilewright/${folder}/*.cpp)
  set(tests ${sources})
  # Kernels of optional libraries are added by cmake/libraries.cmake.
  list(FILTER sources EXCLUDE REGEX "(_test\\.cpp|/(blas|onednn)/[^/]*)$")
  list(FILTER tests INCLUDE REGEX "_test\\.cpp$")
  target_sources(tilewright PRIVATE ${sources})
  tilewright_tests(${folder} ${tests})
endfunction()

# tilewright_tests(<area> <sources...>): the test programs of one folder, if it has any.
function(tilewright_tests area)
  if(NOT TILEWRIGHT_TESTS)
    return()
  endif()
  set(quick ${ARGN})
  set(slow ${ARGN})
  list(FILTER quick EXCLUDE REGEX "_slow_test\\.cpp$")
  list(FILTER slow INCLUDE REGEX "_slow_test\\.cpp$")
  set(labels ${area})
  if(area STREQUAL "run")
    list(APPEND labels executor)
  endif()
  if(quick)
    tilewright_test(${area}_test "${labels}" ${quick})
  endif()
  if(slow)
    tilewright_test(${area}_slow_test "${labels};slow" ${slow})
  endif()
endfunction()

# tilewright_test(<name> <labels> <sources...>): one GoogleTest program. All programs share one
# main and one precompiled header.
function(tilewright_test name labels)
  if(NOT TARGET tilewright_test_main)
    add_library(tilewright_test_main OBJECT ${PROJECT_SOURCE_DIR}/cmake/test_main.cpp)
    set_target_properties(tilewright_test_main PROPERTIES POSITION_INDEPENDENT_CODE OFF)
    target_compile_options(tilewright_test_main PRIVATE -fPIE)
    target_link_libraries(tilewright_test_main PUBLIC tilewright tilewright_private GTest::gtest
                                                      rapidcheck)
    target_precompile_headers(tilewright_test_main PRIVATE <gtest/gtest.h> <rapidcheck.h>
                                                           <rapidcheck/gtest.h>)
  endif()
  add_executable(${name} ${ARGN})
  target_link_libraries(${name} PRIVATE tilewright_test_main)
  target_precompile_headers(${name} REUSE_FROM tilewright_test_main)
  gtest_discover_tests(${name} TEST_PREFIX "${name}." DISCOVERY_TIMEOUT 60)
  # Lists do not survive gtest_discover_tests(PROPERTIES), so CTest reads them from a file.
  set(timeout 600)
  if(slow IN_LIST labels)
    set(timeout 7200)
  endif()
  set(file ${PROJECT_BINARY_DIR}/${name}_properties.cmake)
  file(WRITE ${file} "set_tests_properties(\${${name}_TESTS} PROPERTIES TIMEOUT ${timeout}\n"
                     "  LABELS \"${labels}\" ENVIRONMENT \"${TILEWRIGHT_TEST_ENVIRONMENT}\")\n")
  set_property(DIRECTORY APPEND PROPERTY TEST_INCLUDE_FILES ${file})
endfunction()
