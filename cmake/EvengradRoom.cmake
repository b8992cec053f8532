# evengrad_room(NAME [DEPENDS ROOM]): the object library of one folder.
#
# A room's headers are reached as "evengrad/<room>/…" through a link in the
# build tree, so that a user's include paths and ours are the same.

set(EVENGRAD_INCLUDE_DIR "${CMAKE_CURRENT_BINARY_DIR}/include")
file(MAKE_DIRECTORY "${EVENGRAD_INCLUDE_DIR}/evengrad")

# What every target of the project is compiled with; never exported.
add_library(evengrad_build_options INTERFACE)
target_compile_features(evengrad_build_options INTERFACE cxx_std_20)
target_compile_options(evengrad_build_options INTERFACE
  -Wall -Wextra
  $<$<BOOL:${EVENGRAD_WARNINGS_AS_ERRORS}>:-Werror>
  -ffile-prefix-map=${CMAKE_CURRENT_SOURCE_DIR}/=
  -ffile-prefix-map=${CMAKE_CURRENT_BINARY_DIR}/include/evengrad/=)
if(EVENGRAD_SANITIZE)
  target_compile_options(evengrad_build_options INTERFACE
    -fsanitize=${EVENGRAD_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
  target_link_options(evengrad_build_options INTERFACE -fsanitize=${EVENGRAD_SANITIZE})
endif()

function(evengrad_room name)
  cmake_parse_arguments(ROOM "" "DEPENDS" "" ${ARGN})
  set(folder "${PROJECT_SOURCE_DIR}/${name}")
  file(CREATE_LINK "${folder}" "${EVENGRAD_INCLUDE_DIR}/evengrad/${name}" SYMBOLIC)
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS "${folder}/*.cc")
  file(GLOB_RECURSE headers CONFIGURE_DEPENDS RELATIVE "${folder}" "${folder}/*.h")
  list(TRANSFORM headers PREPEND "${EVENGRAD_INCLUDE_DIR}/evengrad/${name}/")

  add_library(evengrad_${name} OBJECT ${sources})
  set_target_properties(evengrad_${name} PROPERTIES
    POSITION_INDEPENDENT_CODE ON
    CXX_VISIBILITY_PRESET hidden
    VISIBILITY_INLINES_HIDDEN ON)
  target_sources(evengrad_${name} PUBLIC
    FILE_SET HEADERS BASE_DIRS "${EVENGRAD_INCLUDE_DIR}" FILES ${headers})
  target_compile_features(evengrad_${name} PUBLIC cxx_std_20)
  target_link_libraries(evengrad_${name} PRIVATE $<BUILD_INTERFACE:evengrad_build_options>)
  target_link_libraries(evengrad_${name} PUBLIC absl::status absl::statusor absl::strings
    absl::flat_hash_map absl::flat_hash_set)
  if(ROOM_DEPENDS)
    target_link_libraries(evengrad_${name} PUBLIC evengrad_${ROOM_DEPENDS})
  endif()
endfunction()
