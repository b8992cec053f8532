#include "evengrad/ops/broadcast.h"

namespace evengrad {

int64_t Broadcast::At(int64_t f) const {
  switch (kind) {
    case Kind::kFull:
      return f;
    case Kind::kScalar:
      return 0;
    case Kind::kRow:
      return f % period;
    case Kind::kColumn:
      return f / repeat;
    case Kind::kGeneral:
      break;
  }
  int64_t element = 0;
  for (size_t axis = sizes.size(); axis-- > 0;) {
    element += f % sizes[axis] * strides[axis];
    f /= sizes[axis];
  }
  return element;
}

Broadcast FindBroadcast(const Shape& tensor, const Shape& loop) {
  const int rank = loop.rank();
  const int missing = rank - tensor.rank();
  std::vector<int64_t> sizes(rank, 1);
  for (int i = missing; i < rank; ++i) sizes[i] = tensor[i - missing].size();
  auto same = [&](int i) { return sizes[i] == loop[i].size(); };
  auto one = [&](int i) { return sizes[i] == 1; };
  int first = 0;  // leading axes of size 1
  while (first < rank && one(first)) ++first;
  int last = rank;  // trailing axes of size 1
  while (last > 0 && one(last - 1)) --last;
  auto all_same = [&](int begin, int end) {
    for (int i = begin; i < end; ++i) {
      if (!same(i)) return false;
    }
    return true;
  };
  Broadcast result;
  if (all_same(0, rank)) return result;
  if (first == rank) {
    result.kind = Broadcast::Kind::kScalar;
  } else if (all_same(first, rank)) {
    result.kind = Broadcast::Kind::kRow;
    for (int i = first; i < rank; ++i) result.period *= sizes[i];
  } else if (all_same(0, last)) {
    result.kind = Broadcast::Kind::kColumn;
    for (int i = last; i < rank; ++i) result.repeat *= loop[i].size();
  } else {
    result.kind = Broadcast::Kind::kGeneral;
    result.strides.assign(rank, 0);
    int64_t stride = 1;
    for (int i = rank - 1; i >= 0; --i) {
      result.sizes.insert(result.sizes.begin(), loop[i].size());
      if (!one(i)) result.strides[i] = stride;
      stride *= sizes[i];
    }
  }
  return result;
}

}  // namespace evengrad
