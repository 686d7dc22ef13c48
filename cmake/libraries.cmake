# Optional libraries with kernels of their own, each in a folder device/cpu/kernels/<folder> whose
# absent.cpp stands in for the others where the library is not found or not wanted.

# tilewright_optional(<option> <name> <folder> <package> <found>): what the option says, AUTO, ON or
# OFF, and whether it was found decide what of the folder is compiled.
function(tilewright_optional option name folder package found)
  set(root ${PROJECT_SOURCE_DIR}/tilewright/device/cpu/kernels/${folder})
  file(GLOB sources CONFIGURE_DEPENDS ${root}/*.cpp)
  if(${option} AND found)
    list(REMOVE_ITEM sources ${root}/absent.cpp)
    message(STATUS "${name}: found")
  elseif(${option} AND NOT ${option} STREQUAL "AUTO")
    message(FATAL_ERROR "${option} is ON, but ${name} was not found: install ${package}, or say "
                        "-D${option}=AUTO")
  else()
    set(sources ${root}/absent.cpp)
    message(STATUS "${name}: not used (${package})")
  endif()
  target_sources(tilewright PRIVATE ${sources})
endfunction()

# Its header directory is told from that of the plain BLAS, whose cblas.h is another.
if(TILEWRIGHT_OPENBLAS)
  set(flavours openblas openblas-pthread openblas-serial openblas-openmp)
  find_path(OPENBLAS_INCLUDE_DIR openblas_config.h PATH_SUFFIXES ${flavours})
  find_library(OPENBLAS_LIBRARY openblas PATH_SUFFIXES ${flavours})
  mark_as_advanced(OPENBLAS_INCLUDE_DIR OPENBLAS_LIBRARY)
endif()
set(found OFF)
if(TILEWRIGHT_OPENBLAS AND OPENBLAS_INCLUDE_DIR AND OPENBLAS_LIBRARY)
  set(found ON)
  target_include_directories(tilewright SYSTEM PRIVATE ${OPENBLAS_INCLUDE_DIR})
  target_link_libraries(tilewright PRIVATE ${OPENBLAS_LIBRARY})
endif()
tilewright_optional(TILEWRIGHT_OPENBLAS OpenBLAS blas libopenblas-dev ${found})

# Debian's build of oneDNN has its threads from GNU's OpenMP, whose number per caller is set there.
if(TILEWRIGHT_ONEDNN)
  find_path(ONEDNN_INCLUDE_DIR oneapi/dnnl/dnnl.hpp)
  find_library(ONEDNN_LIBRARY dnnl)
  find_package(OpenMP QUIET COMPONENTS CXX)
  mark_as_advanced(ONEDNN_INCLUDE_DIR ONEDNN_LIBRARY)
endif()
set(found OFF)
if(TILEWRIGHT_ONEDNN AND ONEDNN_INCLUDE_DIR AND ONEDNN_LIBRARY AND OpenMP_CXX_FOUND)
  set(found ON)
  target_include_directories(tilewright SYSTEM PRIVATE ${ONEDNN_INCLUDE_DIR})
  target_link_libraries(tilewright PRIVATE ${ONEDNN_LIBRARY} ${OpenMP_CXX_LIBRARIES})
endif()
tilewright_optional(TILEWRIGHT_ONEDNN oneDNN onednn libdnnl-dev ${found})
