# evengrad_torch: libtorch (Debian: libtorch-dev), for comparisons; there is no
# such target where it is not installed. It is looked for without its own
# package file, which changes compiler flags.
include_guard(GLOBAL)
find_path(EVENGRAD_TORCH_INCLUDE_DIR torch/csrc/api/include/torch/torch.h)
find_library(EVENGRAD_TORCH_LIBRARY torch)
find_library(EVENGRAD_TORCH_CPU_LIBRARY torch_cpu)
find_library(EVENGRAD_C10_LIBRARY c10)
mark_as_advanced(EVENGRAD_TORCH_INCLUDE_DIR EVENGRAD_TORCH_LIBRARY
  EVENGRAD_TORCH_CPU_LIBRARY EVENGRAD_C10_LIBRARY)
foreach(found EVENGRAD_TORCH_INCLUDE_DIR EVENGRAD_TORCH_LIBRARY
    EVENGRAD_TORCH_CPU_LIBRARY EVENGRAD_C10_LIBRARY)
  if(NOT ${found})
    message(STATUS "libtorch is not installed; no comparison with it")
    return()
  endif()
endforeach()

add_library(evengrad_torch INTERFACE)
target_include_directories(evengrad_torch SYSTEM INTERFACE
  "${EVENGRAD_TORCH_INCLUDE_DIR}"
  "${EVENGRAD_TORCH_INCLUDE_DIR}/torch/csrc/api/include")
target_link_libraries(evengrad_torch INTERFACE "${EVENGRAD_TORCH_LIBRARY}"
  "${EVENGRAD_TORCH_CPU_LIBRARY}" "${EVENGRAD_C10_LIBRARY}")
