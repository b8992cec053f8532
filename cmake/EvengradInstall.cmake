# Installation: the library, the headers that evengrad.h reaches, the command
# line, and a package for find_package(evengrad CONFIG).
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

set(EVENGRAD_PACKAGE_DIR "${CMAKE_INSTALL_LIBDIR}/cmake/evengrad")
get_target_property(library evengrad::evengrad ALIASED_TARGET)
set(components ${library})
if(TARGET evengrad_testing)
  list(APPEND components evengrad_testing)
endif()
install(TARGETS ${components} EXPORT evengrad-targets
  FILE_SET HEADERS DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}")
install(EXPORT evengrad-targets NAMESPACE evengrad::
  DESTINATION "${EVENGRAD_PACKAGE_DIR}")

if(TARGET evengrad_command)
  set_target_properties(evengrad_command PROPERTIES
    INSTALL_RPATH "$ORIGIN/../${CMAKE_INSTALL_LIBDIR}")
  install(TARGETS evengrad_command)
  if(NOT BUILD_SHARED_LIBS)
    install(TARGETS evengrad_shared LIBRARY NAMELINK_SKIP)
  endif()
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
  DESTINATION "${EVENGRAD_PACKAGE_DIR}")
