# Installation: the library of both kinds, the public headers, the command line,
# the checks for ops, and what finds them: find_package(evengrad CONFIG) and
# pkg-config.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

set(EVENGRAD_PACKAGE_DIR "${CMAKE_INSTALL_LIBDIR}/cmake/evengrad")

# An export set a component, so that a project loads one kind of the library and
# the checks only where it asks for them.
function(evengrad_install_component component target)
  install(TARGETS ${target} EXPORT evengrad-${component}
    FILE_SET HEADERS DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}")
  install(EXPORT evengrad-${component} NAMESPACE evengrad::
    DESTINATION "${EVENGRAD_PACKAGE_DIR}")
endfunction()
evengrad_install_component(static evengrad_static)
evengrad_install_component(shared evengrad_shared)
if(TARGET evengrad_testing)
  evengrad_install_component(testing evengrad_testing)
endif()

if(TARGET evengrad_command)
  set_target_properties(evengrad_command PROPERTIES
    INSTALL_RPATH "$ORIGIN/../${CMAKE_INSTALL_LIBDIR}")
  install(TARGETS evengrad_command)
endif()

# find_package.
if(BUILD_SHARED_LIBS)
  set(EVENGRAD_DEFAULT_KIND shared)
else()
  set(EVENGRAD_DEFAULT_KIND static)
endif()
configure_package_config_file(
  "${PROJECT_SOURCE_DIR}/cmake/evengrad-config.cmake.in"
  "${PROJECT_BINARY_DIR}/evengrad-config.cmake"
  INSTALL_DESTINATION "${EVENGRAD_PACKAGE_DIR}")
write_basic_package_version_file(
  "${PROJECT_BINARY_DIR}/evengrad-config-version.cmake"
  COMPATIBILITY SameMinorVersion)
install(FILES
  "${PROJECT_BINARY_DIR}/evengrad-config.cmake"
  "${PROJECT_BINARY_DIR}/evengrad-config-version.cmake"
  "${PROJECT_SOURCE_DIR}/cmake/EvengradOpLibrary.cmake"
  DESTINATION "${EVENGRAD_PACKAGE_DIR}")

# pkg-config. Folders are relative to the file, so that the tree can be moved.
cmake_path(IS_ABSOLUTE CMAKE_INSTALL_LIBDIR absolute_libdir)
if(absolute_libdir)
  set(EVENGRAD_PC_PREFIX "${CMAKE_INSTALL_PREFIX}")
  set(EVENGRAD_PC_LIBDIR "${CMAKE_INSTALL_LIBDIR}")
  set(EVENGRAD_PC_INCLUDEDIR "${CMAKE_INSTALL_FULL_INCLUDEDIR}")
else()
  file(RELATIVE_PATH to_prefix "/${CMAKE_INSTALL_LIBDIR}/pkgconfig" "/")
  string(REGEX REPLACE "/$" "" to_prefix "${to_prefix}")
  set(EVENGRAD_PC_PREFIX "\${pcfiledir}/${to_prefix}")
  set(EVENGRAD_PC_LIBDIR "\${prefix}/${CMAKE_INSTALL_LIBDIR}")
  set(EVENGRAD_PC_INCLUDEDIR "\${prefix}/${CMAKE_INSTALL_INCLUDEDIR}")
endif()
list(TRANSFORM EVENGRAD_PUBLIC_LIBRARIES REPLACE "::" "_"
  OUTPUT_VARIABLE EVENGRAD_PC_REQUIRES)
list(JOIN EVENGRAD_PC_REQUIRES " " EVENGRAD_PC_REQUIRES)
list(TRANSFORM EVENGRAD_ONNX_LIBRARIES PREPEND " -l"
  OUTPUT_VARIABLE EVENGRAD_PC_ONNX)
list(JOIN EVENGRAD_PC_ONNX "" EVENGRAD_PC_ONNX)
configure_file("${PROJECT_SOURCE_DIR}/cmake/evengrad.pc.in"
  "${PROJECT_BINARY_DIR}/evengrad.pc" @ONLY)
install(FILES "${PROJECT_BINARY_DIR}/evengrad.pc"
  DESTINATION "${CMAKE_INSTALL_LIBDIR}/pkgconfig")
