# ONNX: libonnx and protobuf, where EVENGRAD_ONNX is on and both are found.
# Sets EVENGRAD_ONNX_LIBRARIES, names for the linker as a consumer's link line
# has them too, and EVENGRAD_ONNX_EXCLUDE, the sources that are left out.
#
# The two are tried, not searched for: headers of protobuf that do not fit
# its library, or those of libonnx, show only when something is built.
set(EVENGRAD_ONNX_LIBRARIES)
set(EVENGRAD_ONNX_EXCLUDE "/onnx/protobuf/")
if(EVENGRAD_ONNX)
  include(CheckCXXSourceCompiles)
  if(NOT EVENGRAD_ONNX_FOUND)
    unset(EVENGRAD_ONNX_FOUND CACHE)  # may have been installed meanwhile
  endif()
  set(CMAKE_REQUIRED_LIBRARIES onnx_proto protobuf)
  check_cxx_source_compiles("
    #define ONNX_ML 1
    #include <onnx/onnx_pb.h>
    int main() { return onnx::ModelProto().ByteSizeLong() == 0 ? 0 : 1; }"
    EVENGRAD_ONNX_FOUND)
  unset(CMAKE_REQUIRED_LIBRARIES)
  if(EVENGRAD_ONNX_FOUND)
    set(EVENGRAD_ONNX_LIBRARIES onnx_proto protobuf)
    set(EVENGRAD_ONNX_EXCLUDE "/onnx/model_file_missing\\.cc$")
  else()
    message(STATUS "libonnx-dev and libprotobuf-dev not found: no ONNX files")
  endif()
endif()
