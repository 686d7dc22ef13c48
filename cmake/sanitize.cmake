# tilewright_sanitize: the flags of TILEWRIGHT_SANITIZE, and the environment its tests run in.
add_library(tilewright_sanitize INTERFACE)
set(TILEWRIGHT_TEST_ENVIRONMENT "")
if(TILEWRIGHT_SANITIZE)
  target_compile_options(tilewright_sanitize INTERFACE -fsanitize=${TILEWRIGHT_SANITIZE}
                                                       -fno-sanitize-recover=all
                                                       -fno-omit-frame-pointer)
  target_link_options(tilewright_sanitize INTERFACE -fsanitize=${TILEWRIGHT_SANITIZE})
  if(TILEWRIGHT_SANITIZE MATCHES "thread")
    target_include_directories(tilewright_sanitize BEFORE INTERFACE
                               ${PROJECT_SOURCE_DIR}/cmake/tsan)
  endif()
  set(tsan "suppressions=${PROJECT_SOURCE_DIR}/cmake/tsan.supp")
  set(lsan "suppressions=${PROJECT_SOURCE_DIR}/cmake/lsan.supp:print_suppressions=0")
  set(TILEWRIGHT_TEST_ENVIRONMENT "TSAN_OPTIONS=${tsan};LSAN_OPTIONS=${lsan}")
endif()
