# evengrad_op_library(NAME SOURCE...): the module libNAME.so, whose ops
# `evengrad --load-ops=libNAME.so` takes. One of the sources has
# EVENGRAD_OP_LIBRARY (evengrad/custom_op.h).
#
# The module sees Evengrad's headers and does not link Evengrad: the program
# that loads it provides the symbols. With a copy of its own it would have its
# own built-in ops, which are others.
function(evengrad_op_library name)
  add_library(${name} MODULE ${ARGN})
  target_compile_features(${name} PRIVATE cxx_std_20)
  set_target_properties(${name} PROPERTIES
    CXX_VISIBILITY_PRESET hidden
    VISIBILITY_INLINES_HIDDEN ON)
  target_include_directories(${name} PRIVATE
    $<TARGET_PROPERTY:evengrad::evengrad,INTERFACE_INCLUDE_DIRECTORIES>)
  target_link_libraries(${name} PRIVATE
    absl::hash absl::status absl::statusor absl::strings)
endfunction()
