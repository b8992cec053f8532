// The messages of ONNX as protobuf has them.
#ifndef EVENGRAD_FORMATS_ONNX_PROTOBUF_ONNX_PROTO_H_
#define EVENGRAD_FORMATS_ONNX_PROTOBUF_ONNX_PROTO_H_

// The definitions that Debian's libonnx was built with.
#ifndef ONNX_ML
#define ONNX_ML 1
#endif
#ifndef ONNX_NAMESPACE
#define ONNX_NAMESPACE onnx
#endif
#include <onnx/onnx_pb.h>  // IWYU pragma: export

#endif  // EVENGRAD_FORMATS_ONNX_PROTOBUF_ONNX_PROTO_H_
