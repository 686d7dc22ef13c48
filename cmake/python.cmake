# Sets TILEWRIGHT_PYTHON to an interpreter that has NumPy, for the tests that are scripts. The
# system's own comes first: another python3 on the PATH need not see Debian's packages.
find_package(Python3 COMPONENTS Interpreter)
foreach(candidate /usr/bin/python3 ${Python3_EXECUTABLE})
  execute_process(COMMAND ${candidate} -c "import numpy" RESULT_VARIABLE failed OUTPUT_QUIET
                  ERROR_QUIET)
  if(NOT failed)
    set(TILEWRIGHT_PYTHON ${candidate})
    break()
  endif()
endforeach()
if(NOT TILEWRIGHT_PYTHON)
  message(STATUS "No python3 with NumPy: tests that are Python scripts are left out")
endif()
