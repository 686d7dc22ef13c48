# tilewright_sanitize: the flags of TILEWRIGHT_SANITIZE, and the environment its tests run in.
add_library(tilewright_sanitize INTERFACE)
# Plans of tests do not depend on what was measured on this machine.
set(TILEWRIGHT_TEST_ENVIRONMENT "TILEWRIGHT_TUNE=none")
if(TILEWRIGHT_SANITIZE)
  target_compile_options(tilewright_sanitize INTERFACE -fsanitize=${TILEWRIGHT_SANITIZE}
                                                       -fno-sanitize-recover=all
                                                       -fno-omit-frame-pointer)
  target_link_options(tilewright_sanitize INTERFACE -fsanitize=${TILEWRIGHT_SANITIZE})
  if(TILEWRIGHT_SANITIZE MATCHES "thread")
    target_include_directories(tilewright_sanitize BEFORE INTERFACE
                               ${PROJECT_SOURCE_DIR}/cmake/tsan)
  endif()
  set(tsan "allocator_may_return_null=1:suppressions=${PROJECT_SOURCE_DIR}/cmake/tsan.supp")
  set(lsan "suppressions=${PROJECT_SOURCE_DIR}/cmake/lsan.supp:print_suppressions=0")
  # Refused memory is an error that tests provoke, not a reason to stop.
  set(asan "allocator_may_return_null=1")
  list(APPEND TILEWRIGHT_TEST_ENVIRONMENT "ASAN_OPTIONS=${asan};TSAN_OPTIONS=${tsan};LSAN_OPTIONS=${lsan}")
endif()
