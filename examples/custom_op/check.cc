// Runs the checks of the built-in ops on these. Exit code 1 when one fails.
#include <cstdio>
#include <string>

#include "op_cases.h"

int main() {
  int failures = 0;
  for (const evengrad::testing::OpCase& row :
       {my_ops::PenalizedTanhCase(), my_ops::HadamardCase(),
        my_ops::UnitRmsCase()}) {
    const absl::Status status = evengrad::testing::CheckOp(row);
    std::printf("%s: %s\n", std::string(row.op->name).c_str(),
                status.ok() ? "all checks pass" : status.ToString().c_str());
    failures += status.ok() ? 0 : 1;
  }
  return failures == 0 ? 0 : 1;
}
