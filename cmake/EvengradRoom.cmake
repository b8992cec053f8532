# The rooms: how the folders of the chain are compiled.
#
# A room's headers are reached as "evengrad/<room>/…" through a link in the
# build tree, so that include lines are the same in the tree, in a project that
# adds it, and after installation.

set(EVENGRAD_INCLUDE_DIR "${PROJECT_BINARY_DIR}/include")
file(MAKE_DIRECTORY "${EVENGRAD_INCLUDE_DIR}/evengrad")

# What every target of this project is compiled with; never exported.
add_library(evengrad_build_options INTERFACE)
target_compile_features(evengrad_build_options INTERFACE cxx_std_20)
target_compile_options(evengrad_build_options INTERFACE
  -Wall -Wextra
  $<$<BOOL:${EVENGRAD_WARNINGS_AS_ERRORS}>:-Werror>
  -fno-math-errno
  # A node is a handle: what it refers to outlives it, which GCC cannot know.
  $<$<AND:$<CXX_COMPILER_ID:GNU>,$<VERSION_GREATER_EQUAL:$<CXX_COMPILER_VERSION>,13>>:-Wno-dangling-reference>
  -ffile-prefix-map=${PROJECT_SOURCE_DIR}/=
  -ffile-prefix-map=${EVENGRAD_INCLUDE_DIR}/evengrad/=)
if(EVENGRAD_SANITIZE)
  target_compile_options(evengrad_build_options INTERFACE
    -fsanitize=${EVENGRAD_SANITIZE} -fno-sanitize-recover=all
    -fno-omit-frame-pointer)
  target_link_options(evengrad_build_options INTERFACE
    -fsanitize=${EVENGRAD_SANITIZE})
endif()

if(EVENGRAD_FUZZ)
  target_compile_options(evengrad_build_options INTERFACE
    -fsanitize=fuzzer-no-link)
  target_link_options(evengrad_build_options INTERFACE
    -fsanitize=fuzzer-no-link)
endif()

# evengrad_link_headers(NAME FOLDER): include/evengrad/NAME is that folder of the
# source tree.
function(evengrad_link_headers name folder)
  file(CREATE_LINK "${PROJECT_SOURCE_DIR}/${folder}"
    "${EVENGRAD_INCLUDE_DIR}/evengrad/${name}" SYMBOLIC)
endfunction()

# evengrad_precompile(TARGET GROUP [HEADER...]): compiles the standard library's
# and Abseil's headers, and those given, once for all targets of a group, which
# have the same flags.
function(evengrad_precompile target group)
  if(NOT EVENGRAD_PRECOMPILE_HEADERS)
    return()
  endif()
  get_property(owner GLOBAL PROPERTY EVENGRAD_PRECOMPILED_${group})
  if(owner)
    target_precompile_headers(${target} REUSE_FROM ${owner})
    return()
  endif()
  set_property(GLOBAL PROPERTY EVENGRAD_PRECOMPILED_${group} ${target})
  list(TRANSFORM ARGN REPLACE "(.+)" "<\\1$<ANGLE-R>")
  target_precompile_headers(${target} PRIVATE
    <algorithm> <array> <atomic> <chrono> <cmath> <cstdint> <cstring>
    <functional> <limits> <map> <memory> <optional> <set> <span> <string>
    <string_view> <utility> <variant> <vector>
    "<absl/status/statusor.h$<ANGLE-R>" "<absl/strings/str_cat.h$<ANGLE-R>"
    ${ARGN})
endfunction()

# evengrad_umbrella_header(NAME HEADER): "evengrad/NAME" is that header.
function(evengrad_umbrella_header name header)
  file(CONFIGURE OUTPUT "${EVENGRAD_INCLUDE_DIR}/evengrad/${name}"
    CONTENT "#include \"evengrad/${header}\"  // IWYU pragma: export\n")
endfunction()

# evengrad_compile_defaults(TARGET): warnings, sanitizers, hidden symbols.
function(evengrad_compile_defaults target)
  target_link_libraries(${target} PRIVATE
    $<BUILD_INTERFACE:evengrad_build_options>)
  set_target_properties(${target} PROPERTIES
    CXX_EXTENSIONS OFF
    CXX_VISIBILITY_PRESET hidden
    VISIBILITY_INLINES_HIDDEN ON)
endfunction()

# evengrad_reached_headers(RESULT HEADER...): the headers, and those they
# include, directly or not, relative to include/evengrad.
function(evengrad_reached_headers result)
  set(queue ${ARGN})
  set(reached)
  while(queue)
    list(POP_FRONT queue header)
    if(header IN_LIST reached)
      continue()
    endif()
    list(APPEND reached "${header}")
    file(STRINGS "${EVENGRAD_INCLUDE_DIR}/evengrad/${header}" lines
      REGEX "^#include \"evengrad/")
    foreach(line IN LISTS lines)
      string(REGEX REPLACE ".*\"evengrad/([^\"]+)\".*" "\\1" included "${line}")
      if(EXISTS "${EVENGRAD_INCLUDE_DIR}/evengrad/${included}")
        list(APPEND queue "${included}")
      endif()
    endforeach()
  endwhile()
  set(${result} ${reached} PARENT_SCOPE)
endfunction()

# evengrad_room(NAME [LIBRARIES TARGET...] [EXCLUDE REGEX]): the object library
# evengrad_NAME of one folder. LIBRARIES are what its sources use and no public
# header shows; sources whose path matches EXCLUDE are left out.
function(evengrad_room name)
  cmake_parse_arguments(ROOM "" "EXCLUDE" "LIBRARIES" ${ARGN})
  evengrad_link_headers(${name} ${name})
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/${name}/*.cc")
  if(ROOM_EXCLUDE)
    list(FILTER sources EXCLUDE REGEX "${ROOM_EXCLUDE}")
  endif()
  if(NOT sources)
    return()
  endif()
  add_library(evengrad_${name} OBJECT ${sources})
  evengrad_compile_defaults(evengrad_${name})
  set_target_properties(evengrad_${name} PROPERTIES
    POSITION_INDEPENDENT_CODE ON)
  if(name STREQUAL "graph")
    evengrad_precompile(evengrad_${name} graph evengrad/graph/graph.h)
  elseif(name STREQUAL "ops")  # which Highway gives macros
    evengrad_precompile(evengrad_${name} ops evengrad/ops/ops.h)
  else()
    evengrad_precompile(evengrad_${name} rooms evengrad/ops/ops.h)
  endif()
  target_include_directories(evengrad_${name} PUBLIC "${EVENGRAD_INCLUDE_DIR}")
  target_link_libraries(evengrad_${name}
    PUBLIC ${EVENGRAD_PUBLIC_LIBRARIES}
    PRIVATE ${ROOM_LIBRARIES})
  set_property(GLOBAL APPEND PROPERTY EVENGRAD_ROOMS ${name})
  set_property(GLOBAL APPEND PROPERTY EVENGRAD_PRIVATE_LIBRARIES
    ${ROOM_LIBRARIES})
endfunction()

# evengrad_embed_files(ROOM FOLDER): EmbeddedFile() of formats/embedded_files.h
# has the files of that folder of the source tree.
set(EVENGRAD_EMBED_SCRIPT "${CMAKE_CURRENT_LIST_DIR}/EmbedFiles.cmake")
function(evengrad_embed_files room folder)
  set(output "${PROJECT_BINARY_DIR}/embedded_files.cc")
  file(GLOB files CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/${folder}/*")
  add_custom_command(OUTPUT "${output}"
    COMMAND "${CMAKE_COMMAND}" "-DFOLDER=${PROJECT_SOURCE_DIR}/${folder}"
      "-DOUTPUT=${output}" -P "${EVENGRAD_EMBED_SCRIPT}"
    DEPENDS ${files} "${EVENGRAD_EMBED_SCRIPT}"
    COMMENT "Embedding ${folder}"
    VERBATIM)
  target_sources(evengrad_${room} PRIVATE "${output}")
endfunction()

# evengrad_library(TARGET STATIC|SHARED): the library of all rooms.
function(evengrad_library target kind)
  get_property(rooms GLOBAL PROPERTY EVENGRAD_ROOMS)
  get_property(private_libraries GLOBAL PROPERTY EVENGRAD_PRIVATE_LIBRARIES)
  list(REMOVE_DUPLICATES private_libraries)
  list(TRANSFORM rooms REPLACE "(.+)" "$<TARGET_OBJECTS:evengrad_\\1>"
    OUTPUT_VARIABLE objects)
  add_library(${target} ${kind} ${objects})
  set_target_properties(${target} PROPERTIES
    LINKER_LANGUAGE CXX
    OUTPUT_NAME evengrad
    EXPORT_NAME evengrad
    VERSION ${PROJECT_VERSION}
    SOVERSION ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR})
  target_compile_features(${target} PUBLIC cxx_std_20)
  target_link_libraries(${target}
    PRIVATE $<BUILD_INTERFACE:evengrad_build_options>
    PUBLIC ${EVENGRAD_PUBLIC_LIBRARIES}
    PRIVATE ${private_libraries})

  # Public is what evengrad.h and custom_op.h reach.
  evengrad_reached_headers(public_headers evengrad.h custom_op.h)
  list(TRANSFORM public_headers PREPEND "${EVENGRAD_INCLUDE_DIR}/evengrad/")
  target_sources(${target} PUBLIC FILE_SET HEADERS
    BASE_DIRS "${EVENGRAD_INCLUDE_DIR}" FILES ${public_headers})
endfunction()
