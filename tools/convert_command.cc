// evengrad convert: a model from one kind of file to another.
#include <memory>
#include <string>
#include <string_view>

#include "commands.h"
#include "evengrad/evengrad.h"
#include "load_model.h"

namespace evengrad::tools {
namespace {

struct ConvertFlags {
  std::string from;
  std::string to;
  std::string weights;
  uint64_t seed = 42;
};

absl::Status Convert(const ConvertFlags& flags) {
  EVENGRAD_ASSIGN_OR_RETURN(Program program, LoadModel(flags.from));
  if (!IsOnnxFile(flags.to)) return SaveProgram(program, flags.to);
  EVENGRAD_ASSIGN_OR_RETURN(
      Session session, Session::Create(program.graph, {.seed = flags.seed}));
  EVENGRAD_RETURN_IF_ERROR(session.Initialize(program));
  if (!flags.weights.empty()) {
    EVENGRAD_RETURN_IF_ERROR(
        LoadWeights(flags.weights, program.graph, session));
  }
  program.fetches = ResultsOf(program);
  return SaveOnnx(session, program, flags.to);
}

int RunConvert(const ConvertFlags& flags) {
  if (!IsOnnxFile(flags.to) && !flags.to.ends_with(".eg")) {
    return Complain(StrCat(flags.to,
                           ": expected a name that ends in .onnx, or in .eg "
                           "for graph text"),
                    kBadUsage);
  }
  if (!IsOnnxFile(flags.to) && !flags.weights.empty()) {
    return Complain(
        "--weights: a graph text holds no weights but initial values; keep "
        "the file of weights beside it",
        kBadUsage);
  }
  const absl::Status status = Convert(flags);
  return status.ok() ? kSuccess : Complain(status, kFailure);
}

}  // namespace

Command AddConvertCommand(CLI::App& app) {
  CLI::App* convert =
      app.add_subcommand("convert", "Write a model as another kind of file");
  auto flags = std::make_shared<ConvertFlags>();
  convert
      ->add_option("from", flags->from,
                   "A graph text, or an ONNX model (.onnx)")
      ->required();
  convert
      ->add_option("to", flags->to,
                   "The new file: .eg is a graph text, .onnx an ONNX model for "
                   "inference")
      ->required();
  convert->add_option("--weights", flags->weights,
                      "A .safetensors file, such as a checkpoint, with the "
                      "states' values; otherwise their initial ones");
  convert->add_option("--seed", flags->seed, "Of random initial values")
      ->capture_default_str();
  return [flags] { return RunConvert(*flags); };
}

}  // namespace evengrad::tools
