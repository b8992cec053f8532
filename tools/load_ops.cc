#include "load_ops.h"

#include <dlfcn.h>

#include <filesystem>
#include <optional>

#include "elf_file.h"
#include "evengrad/graph/status.h"
#include "evengrad/graph/user_code.h"
#include "evengrad/ops/builtin_ops.h"
#include "evengrad/ops/op_library.h"

namespace evengrad::tools {
namespace {

using RegisterFunction = decltype(EvengradRegisterOps)*;

// The file exports the number of this ABI.
absl::Status CheckAbi(const std::string& path) {
  EVENGRAD_ASSIGN_OR_RETURN(const std::optional<uint32_t> abi,
                            ReadExportedUint32(path, "EvengradOpAbi"));
  if (!abi.has_value()) {
    return InvalidArgument(
        "is a shared library, but not one of ops: it exports no "
        "EvengradOpAbi; define it with EVENGRAD_OP_LIBRARY");
  }
  if (*abi != kOpAbi) {
    return InvalidArgument("was built for ABI ", *abi,
                           " of Evengrad's ops, this program has ABI ", kOpAbi,
                           "; build it again for this version");
  }
  return absl::OkStatus();
}

absl::Status LoadAndRegister(const std::string& path, OpRegistry& registry) {
  EVENGRAD_RETURN_IF_ERROR(CheckAbi(path));
  // Never closed: the registry points into it.
  std::error_code error;
  const std::string file = std::filesystem::absolute(path, error).string();
  void* const library = dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) {
    return InvalidArgument("cannot be loaded: ", dlerror());
  }
  void* const function = dlsym(library, "EvengradRegisterOps");
  if (function == nullptr) {
    return InvalidArgument("exports no EvengradRegisterOps");
  }
  return CallUser("its EvengradRegisterOps", [&] {
    return reinterpret_cast<RegisterFunction>(function)(registry);
  });
}

}  // namespace

OpRegistry& Ops() {
  static auto* const ops = new OpRegistry(BuiltinOps());
  return *ops;
}

absl::Status LoadOps(const std::string& path, OpRegistry& registry) {
  return Prefixed(LoadAndRegister(path, registry),
                  StrCat("--load-ops=", path, ": "));
}

}  // namespace evengrad::tools
