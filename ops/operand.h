// Arithmetic on values: `scale * (x - mean)`. An Operand is a value or a
// number, and remembers the line it was written on.
#ifndef EVENGRAD_OPS_OPERAND_H_
#define EVENGRAD_OPS_OPERAND_H_

#include <optional>

#include "evengrad/graph/export.h"
#include "evengrad/graph/graph.h"
#include "evengrad/graph/source_location.h"

namespace evengrad {

class EVENGRAD_EXPORT Operand {
 public:
  // NOLINTBEGIN(google-explicit-constructor): `2 * x`
  Operand(const Value& value, SourceLocation location = Here())
      : value_(value), location_(location) {}
  Operand(double number, SourceLocation location = Here())
      : number_(number), location_(location) {}
  Operand(int number, SourceLocation location = Here())
      : number_(number), location_(location) {}
  // NOLINTEND(google-explicit-constructor)

  bool is_number() const { return number_.has_value(); }
  const Value& value() const { return value_; }
  SourceLocation location() const { return location_; }
  // The value, or the number as a constant of `other`'s graph and dtype.
  Value For(const Operand& other) const;

 private:
  Value value_;
  std::optional<double> number_;
  SourceLocation location_;
};

EVENGRAD_EXPORT Value operator-(const Operand& x);
EVENGRAD_EXPORT Value operator+(const Operand& a, const Operand& b);
EVENGRAD_EXPORT Value operator-(const Operand& a, const Operand& b);
EVENGRAD_EXPORT Value operator*(const Operand& a, const Operand& b);
EVENGRAD_EXPORT Value operator/(const Operand& a, const Operand& b);

}  // namespace evengrad

#endif  // EVENGRAD_OPS_OPERAND_H_
