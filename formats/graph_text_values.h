// Types, attributes and tensors in graph text (formats/graph_text.h).
#ifndef EVENGRAD_FORMATS_GRAPH_TEXT_VALUES_H_
#define EVENGRAD_FORMATS_GRAPH_TEXT_VALUES_H_

#include <string>

#include "absl/status/statusor.h"
#include "evengrad/formats/text_scanner.h"
#include "evengrad/graph/attributes.h"
#include "evengrad/graph/op_def.h"
#include "evengrad/graph/tensor_type.h"

namespace evengrad {

// Appends what ReadAttribute reads. A tensor of type `output` leaves its type
// out.
void AppendAttribute(const AttributeValue& value, const TensorType& output,
                     std::string& out);

// Equal to the last bit: 0.0 is not -0.0, and NaN is itself.
bool SameBits(const AttributeValue& a, const AttributeValue& b);

// What need not be written: an attribute at its default, and a required dtype
// or shape that is the one of `output`.
bool IsImplied(const AttributeDef& definition, const AttributeValue& value,
               const TensorType& output);
// Adds the required dtypes and shapes that are missing.
void AddImplied(const OpDef& op, const TensorType& output,
                Attributes& attributes);

absl::StatusOr<TensorType> ReadType(TextScanner& scanner);
// A value of the kind of `definition`.
absl::StatusOr<AttributeValue> ReadAttribute(TextScanner& scanner,
                                             const AttributeDef& definition,
                                             const TensorType& output);

}  // namespace evengrad

#endif  // EVENGRAD_FORMATS_GRAPH_TEXT_VALUES_H_
