# `cmake --install` and the package that find_package(tilewright) finds. Installed are the headers
# that tilewright/tilewright.h and tilewright/testkit/testkit.h reach; tools/check_modules.py sees
# to it that they need nothing but the standard library.
include(CMakePackageConfigHelpers)

set(queue tilewright/tilewright.h tilewright/testkit/testkit.h)
set(public_headers "")
while(queue)
  list(POP_FRONT queue header)
  list(APPEND public_headers ${header})
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${header})
  file(STRINGS ${header} includes REGEX "^#include \"tilewright/")
  foreach(line ${includes})
    string(REGEX REPLACE "^#include \"([^\"]*)\".*" "\\1" included ${line})
    if(NOT included IN_LIST public_headers AND NOT included IN_LIST queue)
      list(APPEND queue ${included})
    endif()
  endforeach()
endwhile()
foreach(header ${public_headers})
  get_filename_component(folder ${header} DIRECTORY)
  install(FILES ${header} DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/${folder})
endforeach()

set(package ${CMAKE_INSTALL_LIBDIR}/cmake/tilewright)
set_target_properties(tilewright_testkit PROPERTIES INSTALL_RPATH "$ORIGIN")
install(TARGETS tilewright tilewright_testkit EXPORT tilewright-targets)
install(EXPORT tilewright-targets NAMESPACE tilewright:: DESTINATION ${package}
        FILE tilewright-config.cmake)
write_basic_package_version_file(${PROJECT_BINARY_DIR}/tilewright-config-version.cmake
                                 COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/tilewright-config-version.cmake DESTINATION ${package})

if(TARGET tilewright_cli)
  file(RELATIVE_PATH libraries ${CMAKE_INSTALL_FULL_BINDIR} ${CMAKE_INSTALL_FULL_LIBDIR})
  set_target_properties(tilewright_cli PROPERTIES INSTALL_RPATH "$ORIGIN/${libraries}")
  install(TARGETS tilewright_cli)
endif()
