// Ops in a shared library of their own, for the command line:
//
//   #include "evengrad/custom_op.h"
//
//   EVENGRAD_OP_LIBRARY(registry) {
//     EVENGRAD_RETURN_IF_ERROR(registry.Register(SquashOp()));
//     return registry.Register(StretchOp());
//   }
//
//   evengrad --load-ops=libmyops.so ops squash
//
// The library leaves Evengrad's own symbols open, so that the program that
// loads it provides them; see docs/custom_ops.md.
#ifndef EVENGRAD_OPS_OP_LIBRARY_H_
#define EVENGRAD_OPS_OP_LIBRARY_H_

#include <cstdint>
#include <initializer_list>

#include "absl/base/config.h"
#include "absl/status/status.h"
#include "evengrad/graph/export.h"
#include "evengrad/graph/graph.h"
#include "evengrad/graph/op_def.h"
#include "evengrad/graph/op_registry.h"
#include "evengrad/graph/tensor.h"
#include "evengrad/ops/expression.h"
#include "evengrad/ops/kernel.h"
#include "evengrad/ops/operand.h"
#include "evengrad/ops/reference.h"

namespace evengrad {
namespace internal {

// Raise it when what ops and the library agree on changes without changing the
// size of any of the types below: the order of Kernel's virtual functions, the
// meaning of a member.
inline constexpr uint32_t kOpAbiRevision = 4;

// FNV-1a over the sizes of types and some numbers.
template <typename... T>
constexpr uint32_t LayoutHash(std::initializer_list<uint32_t> numbers) {
  uint32_t hash = 2166136261;
  ((hash = (hash ^ static_cast<uint32_t>(sizeof(T))) * 16777619), ...);
  for (uint32_t number : numbers) hash = (hash ^ number) * 16777619;
  return hash;
}

#ifdef ABSL_LTS_RELEASE_VERSION
inline constexpr uint32_t kAbseilVersion = ABSL_LTS_RELEASE_VERSION;
#else
inline constexpr uint32_t kAbseilVersion = 0;
#endif

}  // namespace internal

// The number of the binary interface between ops and Evengrad: the revision,
// then four digits that depend on the sizes of the types which cross it and on
// the version of Abseil. Libraries with another number are not loaded.
inline constexpr uint32_t kOpAbi =
    internal::kOpAbiRevision * 10000 +
    internal::LayoutHash<OpDef, InferContext, AttributeDef, AttributeValue,
                         Attributes, Graph, Value, Node, NodeOptions,
                         TensorType, Dimension, Tensor, Operand, Expression,
                         ElementwiseProgram, Instruction, ElementwiseContext,
                         Kernel, KernelContext, KernelRequest, Epilogue,
                         LoopOutput, ReferenceTensor, ReferenceCall>(
        {internal::kAbseilVersion}) %
        10000;

}  // namespace evengrad

// What a library of ops exports. The number is data, so that it can be read
// before anything of the library is run.
extern "C" {
EVENGRAD_EXPORT extern const uint32_t EvengradOpAbi;
#ifdef __clang__
#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Wreturn-type-c-linkage"
#endif
EVENGRAD_EXPORT absl::Status EvengradRegisterOps(
    evengrad::OpRegistry& registry);
#ifdef __clang__
#pragma clang diagnostic pop
#endif
}

// Defines both; the body that follows registers the ops. Once a library.
#define EVENGRAD_OP_LIBRARY(registry)                \
  const uint32_t EvengradOpAbi = ::evengrad::kOpAbi; \
  absl::Status EvengradRegisterOps(::evengrad::OpRegistry& registry)

#endif  // EVENGRAD_OPS_OP_LIBRARY_H_
