# Programs on top of the library: the command line, the examples and the benchmarks. They see
# tilewright/tilewright.h only; examples see the test kit as well.

# The command line program: <build>/tilewright. Its sources but main.cpp are a library of their own
# so that its tests can call them.
file(GLOB_RECURSE cli CONFIGURE_DEPENDS tilewright/cli/*.cpp)
set(cli_tests ${cli})
list(FILTER cli EXCLUDE REGEX "(_test|/main)\\.cpp$")
list(FILTER cli_tests INCLUDE REGEX "_test\\.cpp$")
if(TILEWRIGHT_CLI AND EXISTS ${PROJECT_SOURCE_DIR}/tilewright/cli/main.cpp)
  add_executable(tilewright_cli tilewright/cli/main.cpp)
  set_target_properties(tilewright_cli PROPERTIES OUTPUT_NAME tilewright)
  add_library(tilewright_commands INTERFACE)
  if(cli)
    add_library(tilewright_cli_objects STATIC ${cli})
    target_link_libraries(tilewright_cli_objects PUBLIC tilewright CLI11::CLI11 fmt::fmt
                                                        nlohmann_json::nlohmann_json
                                                        tilewright_sanitize)
    target_compile_options(tilewright_cli_objects PRIVATE -Wall -Wextra -Wpedantic)
    target_link_libraries(tilewright_commands INTERFACE tilewright_cli_objects)
  endif()
  target_link_libraries(tilewright_commands INTERFACE tilewright CLI11::CLI11 fmt::fmt
                                                      nlohmann_json::nlohmann_json
                                                      tilewright_sanitize)
  target_link_libraries(tilewright_cli PRIVATE tilewright_commands)
  target_compile_options(tilewright_cli PRIVATE -Wall -Wextra -Wpedantic)
  tilewright_tests(cli ${cli_tests})
  foreach(program cli_test cli_slow_test)
    if(TARGET ${program})
      target_link_libraries(${program} PRIVATE tilewright_commands)
    endif()
  endforeach()
endif()

# Examples: examples/NN_name.cpp or examples/NN_name/main.cpp. Each runs as a test in an empty
# folder; if examples/NN_name.txt exists, its output must be that text.
if(TILEWRIGHT_EXAMPLES)
  file(GLOB examples CONFIGURE_DEPENDS examples/*.cpp examples/*/main.cpp)
  foreach(source ${examples})
    file(RELATIVE_PATH name ${PROJECT_SOURCE_DIR}/examples ${source})
    string(REGEX REPLACE "(/main)?\\.cpp$" "" name ${name})
    add_executable(example_${name} ${source})
    target_link_libraries(example_${name} PRIVATE tilewright tilewright_testkit
                                                  tilewright_sanitize)
    if(TILEWRIGHT_TESTS)
      add_test(NAME examples.${name}
               COMMAND ${CMAKE_COMMAND} -DPROGRAM=$<TARGET_FILE:example_${name}>
                       -DEXPECTED=${PROJECT_SOURCE_DIR}/examples/${name}.txt
                       -DFOLDER=${PROJECT_BINARY_DIR}/examples/${name}
                       -P ${PROJECT_SOURCE_DIR}/cmake/run_example.cmake)
      set_tests_properties(examples.${name} PROPERTIES LABELS examples TIMEOUT 300
                           ENVIRONMENT "${TILEWRIGHT_TEST_ENVIRONMENT}")
    endif()
  endforeach()
endif()

# Benchmarks: one program per bench/*.cpp, called bench_<name>; never installed.
if(TILEWRIGHT_BENCH)
  file(GLOB benches CONFIGURE_DEPENDS bench/*.cpp)
  # Rivals that are timed, never linked to the library: FFTW is under the GPL.
  find_path(KISSFFT_INCLUDE_DIR kiss_fftr.h PATH_SUFFIXES kissfft)
  find_library(KISSFFT_LIBRARY kissfft-float)
  if(NOT KISSFFT_INCLUDE_DIR OR NOT KISSFFT_LIBRARY)
    list(FILTER benches EXCLUDE REGEX "/kiss_")
  endif()
  find_path(FFTW3F_INCLUDE_DIR fftw3.h)
  find_library(FFTW3F_LIBRARY fftw3f)
  if(NOT FFTW3F_INCLUDE_DIR OR NOT FFTW3F_LIBRARY)
    list(FILTER benches EXCLUDE REGEX "/fftw_")
  endif()
  foreach(source ${benches})
    get_filename_component(name ${source} NAME_WE)
    add_executable(bench_${name} ${source})
    target_link_libraries(bench_${name} PRIVATE tilewright fmt::fmt nlohmann_json::nlohmann_json
                                                Threads::Threads tilewright_sanitize)
  endforeach()
  if(TARGET bench_kiss_fft_transforms)
    target_include_directories(bench_kiss_fft_transforms PRIVATE ${KISSFFT_INCLUDE_DIR})
    target_link_libraries(bench_kiss_fft_transforms PRIVATE ${KISSFFT_LIBRARY})
  endif()
  if(TARGET bench_fftw_overlap_save)
    target_include_directories(bench_fftw_overlap_save PRIVATE ${FFTW3F_INCLUDE_DIR})
    target_link_libraries(bench_fftw_overlap_save PRIVATE ${FFTW3F_LIBRARY})
  endif()
endif()
