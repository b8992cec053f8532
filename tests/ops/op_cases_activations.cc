// Known values and derivatives, those at kinks included, are PyTorch 1.13's in
// double.
#include "evengrad/ops/builtin_ops.h"
#include "op_cases.h"

namespace evengrad {
namespace {

using testing::Avoiding;
using testing::Domain;
using testing::OpPoint;
using testing::OpSample;

OpCase Activation(const OpDef& op, const Domain& domain,
                  std::vector<OpPoint> points) {
  return {.op = &op,
          .samples = UnarySamples(domain),
          .errors = UnaryErrors("floating (f32, f64 or bf16)"),
          .points = std::move(points)};
}

// The row's samples again, with other attributes.
void AddAttributes(OpCase& row, const Domain& domain,
                   const Attributes& attributes) {
  row.samples = Join(row.samples, UnarySamples(domain, attributes));
  row.samples.pop_back();  // the large one
}

// An attribute that is not a number, too large or too small.
void AddRangeErrors(OpCase& row, const std::string& name, double too_small,
                    double too_large) {
  for (double value :
       {too_small, too_large, std::numeric_limits<double>::quiet_NaN()}) {
    row.errors.push_back({.inputs = {F32({4})},
                          .attributes = {{name, value}},
                          .message = "is out of range: expected a number"});
  }
}

const std::vector<double> kPoints = {-4, -1, 0, 0.5, 3};

OpCase GeluCase() {
  OpCase gelu =
      Activation(GeluOp(), {},
                 {{.inputs = {kPoints},
                   .outputs = {-0.0001266849673324799, -0.158655253931457, 0,
                               0.3457312306370066, 2.99595030590511},
                   .gradients = {{-0.0005036496612264215, -0.08331547058768635,
                                  0.5, 0.8674951246561629, 1.011945647204184}}},
                  {.inputs = {kPoints},
                   .outputs = {-7.024594819227126e-05, -0.1588080093917232, 0,
                               0.3457140098251439, 2.996362607918227},
                   .gradients = {{-0.0003351231971221868, -0.08296408384578252,
                                  0.5, 0.8673699035346424, 1.01158416663097}},
                   .attributes = {{"form", std::string("tanh")}}}});
  AddAttributes(gelu, {}, {{"form", std::string("tanh")}});
  gelu.errors.push_back(
      {.inputs = {F32({4})},
       .attributes = {{"form", std::string("tan")}},
       .message = "attribute form = 'tan' is not one of erf, tanh"});
  return gelu;
}

OpCase SoftplusCase() {
  OpCase softplus = Activation(
      SoftplusOp(), {},
      {{.inputs = {kPoints},
        .outputs = {0.01814992791780974, 0.3132616875182229, 0.6931471805599453,
                    0.9740769841801067, 3.048587351573742},
        .gradients = {{0.01798620996209156, 0.2689414213699951, 0.5,
                       0.6224593312018546, 0.9525741268224333}}},
       {.inputs = {kPoints},
        .outputs = {0.0001677031864478844, 0.06346400552148625,
                    0.3465735902799726, 0.6566308437591114, 3.001237842568865},
        .gradients = {{0.0003353501304664782, 0.1192029220221175, 0.5,
                       0.7310585786300049, 0.9975273768433652}},
        .attributes = {{"beta", 2.0}}}});
  AddAttributes(softplus, {}, {{"beta", 2.0}});
  AddRangeErrors(softplus, "beta", 0, 1e7);
  return softplus;
}

std::vector<OpCase> SmoothCases() {
  OpCase sigmoid =
      Activation(SigmoidOp(), {},
                 {{.inputs = {kPoints},
                   .outputs = {0.01798620996209156, 0.2689414213699951, 0.5,
                               0.6224593312018546, 0.9525741268224334},
                   .gradients = {{0.01766270621329112, 0.1966119332414819, 0.25,
                                  0.2350037122015945, 0.045176659730912}}}});
  OpCase tanh =
      Activation(TanhOp(), {},
                 {{.inputs = {kPoints},
                   .outputs = {-0.999329299739067, -0.7615941559557649, 0,
                               0.4621171572600097, 0.9950547536867305},
                   .gradients = {{0.001340950683025916, 0.4199743416140261, 1,
                                  0.7864477329659274, 0.009866037165440166}}}});
  OpCase silu = Activation(
      SiluOp(), {},
      {{.inputs = {kPoints},
        .outputs = {-0.07194483984836623, -0.2689414213699951, 0,
                    0.3112296656009273, 2.8577223804673},
        .gradients = {{-0.05266461489107291, 0.07232948812851325, 0.5,
                       0.7399611873026519, 1.088104106015169}}}});
  OpCase mish = Activation(
      MishOp(), {},
      {{.inputs = {kPoints},
        .outputs = {-0.07259174079202535, -0.3034014613741089, 0,
                    0.3752452113048951, 2.986535004967958},
        .gradients = {{-0.05377320979348033, 0.05921675587739501, 0.6,
                       0.8864243753577272, 1.021106910929444}}}});
  OpCase softsign = Activation(
      SoftsignOp(), Avoiding({0}),
      {{.inputs = {kPoints},
        .outputs = {-0.8, -0.5, 0, 1.0 / 3, 0.75},
        .gradients = {{0.04, 0.25, 1, 0.4444444444444444, 0.0625}}}});
  return {sigmoid, tanh, GeluCase(), silu, mish, SoftplusCase(), softsign};
}

std::vector<OpCase> PiecewiseSmoothCases() {
  OpCase elu = Activation(
      EluOp(), Avoiding({0}),
      {{.inputs = {kPoints},
        .outputs = {-0.9816843611112658, -0.6321205588285577, 0, 0.5, 3},
        .gradients = {{0.01831563888873418, 0.3678794411714423, 1, 1, 1}}},
       {.inputs = {kPoints},
        .outputs = {-0.4908421805556329, -0.3160602794142788, 0, 0.5, 3},
        .gradients = {{0.009157819444367089, 0.1839397205857212, 0.5, 1, 1}},
        .attributes = {{"alpha", 0.5}}}});
  AddAttributes(elu, Avoiding({0}), {{"alpha", 0.5}});
  AddRangeErrors(elu, "alpha", -0.5, 1e7);
  OpCase selu =
      Activation(SeluOp(), Avoiding({0}),
                 {{.inputs = {kPoints},
                   .outputs = {-1.725898628189894, -1.111330737812563, 0,
                               0.5253504936777402, 3.152102962066441},
                   .gradients = {{0.03220071265748214, 0.646768603034814,
                                  1.758099340847377, 1.05070098735548,
                                  1.05070098735548}}}});
  OpCase celu = Activation(
      CeluOp(), Avoiding({0}),
      {{.inputs = {kPoints},
        .outputs = {-1.729329433526775, -0.7869386805747332, 0, 0.5, 3},
        .gradients = {{0.1353352832366127, 0.6065306597126334, 1, 1, 1}},
        .attributes = {{"alpha", 2.0}}}});
  AddAttributes(celu, Avoiding({0}), {{"alpha", 2.0}});
  AddRangeErrors(celu, "alpha", 0, 1e7);
  return {elu, selu, celu};
}

OpCase LeakyReluCase() {
  OpCase leaky_relu = Activation(LeakyReluOp(), Avoiding({0}),
                                 {{.inputs = {kPoints},
                                   .outputs = {-0.04, -0.01, 0, 0.5, 3},
                                   .gradients = {{0.01, 0.01, 0.01, 1, 1}}},
                                  {.inputs = {kPoints},
                                   .outputs = {-1.2, -0.3, 0, 0.5, 3},
                                   .gradients = {{0.3, 0.3, 0.3, 1, 1}},
                                   .attributes = {{"slope", 0.3}}}});
  AddAttributes(leaky_relu, Avoiding({0}), {{"slope", 0.3}});
  AddAttributes(leaky_relu, Avoiding({0}), {{"slope", -0.5}});
  AddRangeErrors(leaky_relu, "slope", -1e7, 1e7);
  return leaky_relu;
}

OpCase HardSigmoidCase() {
  OpCase hard_sigmoid =
      Activation(HardSigmoidOp(), {.low = -5, .high = 5, .kinks = {-3, 3}},
                 {{.inputs = {{-4, -3, 0, 1.5, 3, 4}},
                   .outputs = {0, 0, 0.5, 0.75, 1, 1},
                   .gradients = {{0, 0, 1.0 / 6, 1.0 / 6, 0, 0}}},
                  {.inputs = {{-4, -2.5, 0, 1, 4}},
                   .outputs = {0, 0, 0.5, 0.7, 1},
                   .gradients = {{0, 0, 0.2, 0.2, 0}},
                   .attributes = {{"slope", 0.2}}}});
  AddAttributes(hard_sigmoid, {.low = -5, .high = 5, .kinks = {-2.5, 2.5}},
                {{"slope", 0.2}});
  AddRangeErrors(hard_sigmoid, "slope", -0.1, 1e7);
  return hard_sigmoid;
}

std::vector<OpCase> PiecewiseLinearCases() {
  OpCase relu = Activation(ReluOp(), Avoiding({0}),
                           {{.inputs = {kPoints},
                             .outputs = {0, 0, 0, 0.5, 3},
                             .gradients = {{0, 0, 0, 1, 1}}}});
  OpCase relu6 = Activation(Relu6Op(), {.low = -2, .high = 8, .kinks = {0, 6}},
                            {{.inputs = {{-1, 0, 3, 6, 7}},
                              .outputs = {0, 0, 3, 6, 6},
                              .gradients = {{0, 0, 1, 0, 0}}}});
  OpCase hard_swish =
      Activation(HardSwishOp(), {.low = -5, .high = 5, .kinks = {-3, 3}},
                 {{.inputs = {{-4, -3, -1, 0, 1, 3, 4}},
                   .outputs = {0, 0, -1.0 / 3, 0, 2.0 / 3, 3, 4},
                   .gradients = {{0, -0.5, 1.0 / 6, 0.5, 5.0 / 6, 1.5, 1}}}});
  OpCase hard_tanh = Activation(HardTanhOp(), Avoiding({-1, 1}),
                                {{.inputs = {{-2, -1, 0.5, 1, 2}},
                                  .outputs = {-1, -1, 0.5, 1, 1},
                                  .gradients = {{0, 0, 1, 0, 0}}}});
  const OpCase prelu = {
      .op = &PreluOp(),
      .samples = BinarySamples(Avoiding({0})),
      .errors = BinaryErrors("floating (f32, f64 or bf16)"),
      .points = {{.inputs = {kPoints, {0.3, 0.2, 0.1, 5, 6}},
                  .outputs = {-1.2, -0.2, 0, 0.5, 3},
                  .gradients = {{0.3, 0.2, 0.1, 1, 1}, {-4, -1, 0, 0, 0}}}}};
  return {relu,       LeakyReluCase(), relu6, HardSigmoidCase(),
          hard_swish, hard_tanh,       prelu};
}

// Softmax and its logarithm, along each axis.
OpCase AlongAxis(const OpDef& op, const std::vector<double>& outputs,
                 const std::vector<double>& gradients) {
  auto sample = [](const Shape& shape, int64_t axis) {
    return OpSample{.inputs = {{F32(shape)}}, .attributes = {{"axis", axis}}};
  };
  OpSample large = sample({64, 300}, -1);
  large.large = true;
  OpSample wide = sample({70, 5, 64}, 1);
  wide.large = true;
  OpSample spread = sample({4, 6}, -1);
  spread.inputs[0].domain = {.low = -80, .high = 80};
  return {
      .op = &op,
      .samples = {sample({3, 3}, -1), sample({3, 3}, 0), sample({2, 4, 3}, 1),
                  sample({5}, 0), sample({2, 1}, 1), spread, large, wide},
      .errors = {{.inputs = {F32({2, 3})},
                  .attributes = {{"axis", int64_t{2}}},
                  .message = "axis 2 is out of range for rank 2"},
                 {.inputs = {F32({})}, .message = "axis"},
                 {.inputs = {I32({4})}, .message = "must be floating"}},
      .points = {{.inputs = {{1, 2, 4}},
                  .outputs = outputs,
                  .gradients = {gradients}}}};
}

}  // namespace

std::vector<OpCase> ActivationCases() {
  std::vector<OpCase> cases = SmoothCases();
  for (const OpCase& row : PiecewiseSmoothCases()) cases.push_back(row);
  for (const OpCase& row : PiecewiseLinearCases()) cases.push_back(row);
  cases.push_back(
      AlongAxis(SoftmaxOp(),
                {0.04201006613406605, 0.1141951993845945, 0.8437947344813395},
                {0, 0, 0}));
  cases.push_back(
      AlongAxis(LogSoftmaxOp(),
                {-3.169846019556286, -2.169846019556286, -0.1698460195562857},
                {0.8739698015978019, 0.6574144018462166, -1.531384203444018}));
  return cases;
}

}  // namespace evengrad
