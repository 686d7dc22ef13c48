# tilewright_module(<folder>): compiles every source of tilewright/<folder> into the library, and
# every *_test.cpp in it into one test program, <folder>_test, known to CTest test by test.
function(tilewright_module folder)
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/tilewright/${folder}/*.cpp)
  set(tests ${sources})
  list(FILTER sources EXCLUDE REGEX "_test\\.cpp$")
  list(FILTER tests INCLUDE REGEX "_test\\.cpp$")
  target_sources(tilewright PRIVATE ${sources})
  if(tests AND TILEWRIGHT_TESTS)
    tilewright_test(${folder}_test ${tests})
  endif()
endfunction()

# tilewright_test(<name> <sources...>): one GoogleTest program.
function(tilewright_test name)
  add_executable(${name} ${ARGN})
  target_link_libraries(${name} PRIVATE tilewright tilewright_private GTest::gtest
                                        GTest::gtest_main rapidcheck)
  target_precompile_headers(${name} PRIVATE <gtest/gtest.h>)
  gtest_discover_tests(${name} TEST_PREFIX "${name}." DISCOVERY_TIMEOUT 60
                       PROPERTIES TIMEOUT 600)
endfunction()
