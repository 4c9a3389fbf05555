// lib/OpLibrary/Harvest.cpp: a specification of the operators that a model needs.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Budget.h"
#include "lathe/Compiler/Compiler.h"
#include "lathe/OpLibrary/OpLibrary.h"
#include "lathe/Support/PartialFile.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/raw_ostream.h"
#include <map>

using llvm::StringRef;

namespace lathe::oplib {

namespace {

/// What a model has of one kind of operator.
struct Harvest {
  std::vector<std::string> gemmTypes, kinds, activations = {"none"};
  bool hasBias = false, hasConstantB = false;  ///< Of products of f32, one whose right matrix could be packed.
  std::map<std::vector<int64_t>, int64_t> hot; ///< Multiplications of all products of a shape.
  std::vector<std::string> convTypes, layouts, convs, convActivations = {"none"};
  bool convHasBias = false;
  std::vector<std::string> softmaxTypes, normTypes;
  std::vector<double> epsilons;
  std::map<std::string, unsigned> leftOut; ///< Why, and how many.
  size_t taken = 0;

  void leave(const llvm::Twine &why) { ++leftOut[why.str()]; }
  /// A convolution as the model has it, with its padding.
  void addConvolution(const OperationInfo &op);
  /// An operation of the optimized model, where patterns of norms and activations are found.
  void add(const OperationInfo &op);
  std::string write(StringRef model, StringRef name) const;

private:
  void addProduct(const OperationInfo &op);
  void writeGemm(llvm::raw_ostream &out) const;
};

constexpr size_t mostHot = 16;
constexpr StringRef floats[] = {"f32", "f64", "f16", "bf16"};

void addOnce(std::vector<std::string> &list, StringRef text) {
  if (!llvm::is_contained(list, text))
    list.push_back(text.str());
}

/// An addition behind a product, and an activation behind that, as far as an epilogue can have them.
void addEpilogue(const std::vector<std::string> &behind, bool &hasBias, std::vector<std::string> &activations) {
  llvm::ArrayRef<std::string> rest = behind;
  if (!rest.empty() && rest.front() == "add") {
    hasBias = true;
    rest = rest.drop_front();
  }
  if (!rest.empty() && llvm::is_contained({"relu", "gelu", "tanh", "sigmoid"}, StringRef(rest.front())))
    addOnce(activations, rest.front());
  if (!rest.empty() && rest.front() == "swish")
    addOnce(activations, "silu");
}

bool isWhole(const std::vector<int64_t> &shape) {
  return llvm::all_of(shape, [](int64_t size) { return size > 0; });
}

} // namespace

void Harvest::addProduct(const OperationInfo &op) {
  const TensorInfo &a = op.operands[0], &b = op.operands[1], &y = op.results[0];
  std::string type = a.dtype;
  if (y.dtype == "i32" && b.dtype == "i8" && (a.dtype == "u8" || a.dtype == "i8"))
    type = a.dtype == "u8" ? "u8*s8->s32" : "s8*s8->s32";
  else if (!llvm::is_contained(floats, a.dtype) || a.dtype != b.dtype || a.dtype != y.dtype)
    return leave("products of " + a.dtype + " by " + b.dtype + " to " + y.dtype);
  size_t rank = a.shape.size(), rankB = b.shape.size();
  bool isBatched = false;
  for (int64_t size : llvm::ArrayRef(b.shape).drop_back(2))
    isBatched |= size != 1;
  ++taken;
  addOnce(gemmTypes, type);
  addOnce(kinds, isBatched ? "batched" : "plain");
  hasConstantB |= type == "f32" && !isBatched && b.isConstant;
  addEpilogue(op.behind, hasBias, activations);
  if (isBatched || !isWhole(a.shape) || !isWhole(b.shape))
    return;
  int64_t m = 1, k = a.shape[rank - 1], n = b.shape[rankB - 1];
  for (int64_t size : llvm::ArrayRef(a.shape).drop_back())
    m *= size;
  hot[{m, n, k}] += m * n * k;
}

void Harvest::addConvolution(const OperationInfo &op) {
  const TensorInfo &x = op.operands[0], &filter = op.operands[1];
  if (x.shape.size() != 4)
    return leave("convolutions of " + llvm::Twine(x.shape.size() - 2) + " dims of an image");
  if (!llvm::is_contained(floats, x.dtype) || op.results[0].dtype != x.dtype)
    return leave("convolutions of " + x.dtype);
  auto one = [&](StringRef name) -> int64_t {
    auto found = op.numbers.find(name.str());
    return found != op.numbers.end() && llvm::all_equal(found->second) ? found->second.front() : -1;
  };
  int64_t kernel = filter.shape[2], stride = one("strides"), pad = one("pads"), dilation = one("dilations");
  int64_t groups = one("groups"), channels = filter.shape[1] * groups, filters = filter.shape[0];
  constexpr int64_t mostKernel = 64, mostChannels = 1 << 16;
  if (!isWhole(filter.shape) || kernel != filter.shape[3] || stride < 1 || pad < 0 || dilation < 1 ||
      std::max({kernel, stride, pad, dilation}) > mostKernel || std::max(channels, filters) > mostChannels)
    return leave("convolutions whose kernel, stride, dilation or padding is not the same on all sides");
  ++taken;
  addOnce(convTypes, x.dtype);
  addOnce(layouts, op.numbers.count("channels_last") ? "nhwc" : "nchw");
  addOnce(convs, ("{kernel: " + llvm::Twine(kernel) + ", stride: " + llvm::Twine(stride) + ", pad: " +
                  llvm::Twine(pad) + ", dilation: " + llvm::Twine(dilation) + ", channels: " + llvm::Twine(channels) +
                  ", filters: " + llvm::Twine(filters) + ", groups: " + llvm::Twine(groups) + "}")
                     .str());
}

void Harvest::add(const OperationInfo &op) {
  if (op.kind == "matmul")
    return addProduct(op);
  if (op.kind == "conv")
    return addEpilogue(op.behind, convHasBias, convActivations);
  if (op.kind != "softmax" && op.kind != "layer_norm")
    return;
  const TensorInfo &x = op.operands[0];
  auto axis = op.numbers.find("axis");
  if (axis == op.numbers.end() || axis->second.front() + 1 != static_cast<int64_t>(x.shape.size()) ||
      op.numbers.count("log"))
    return leave(op.kind + " that is not of the last dim alone, or logarithmic");
  if (!llvm::is_contained(floats, x.dtype))
    return leave(op.kind + " of " + x.dtype);
  ++taken;
  addOnce(op.kind == "softmax" ? softmaxTypes : normTypes, x.dtype);
  if (auto epsilon = op.reals.find("epsilon"); epsilon != op.reals.end())
    if (!llvm::is_contained(epsilons, epsilon->second))
      epsilons.push_back(epsilon->second);
}

static std::string listOf(const std::vector<std::string> &names) {
  std::string text = "[";
  for (const std::string &name : names)
    text += (text.size() > 1 ? ", " : "") + (StringRef(name).contains('*') ? "\"" + name + "\"" : name);
  return text + "]";
}

void Harvest::writeGemm(llvm::raw_ostream &out) const {
  bool isFloat = llvm::none_of(gemmTypes, [](const std::string &type) { return StringRef(type).contains('*'); });
  std::vector<std::string> wanted = kinds;
  if (hasConstantB && gemmTypes == std::vector<std::string>{"f32"})
    wanted.push_back("packed");
  out << "  gemm:\n    dtypes: " << listOf(gemmTypes) << "\n    b: " << listOf(wanted) << "\n";
  if (!isFloat && activations.size() > 1)
    out << "    # Without activations, which sums of integers do not take; the model has " << listOf(activations)
        << ".\n";
  out << "    epilogue: {bias: " << (hasBias ? "optional" : "none")
      << ", activation: " << (isFloat ? listOf(activations) : "[none]") << "}\n";
  std::vector<std::pair<int64_t, std::vector<int64_t>>> shapes;
  for (const auto &[shape, work] : hot)
    shapes.emplace_back(work, shape);
  llvm::stable_sort(shapes, [](const auto &a, const auto &b) { return a.first > b.first; });
  if (shapes.empty())
    return;
  if (shapes.size() > mostHot)
    out << "    # Those with the most work; " << shapes.size() - mostHot << " more have the kernels for any sizes.\n";
  out << "    hot:\n";
  for (const auto &[work, shape] : llvm::ArrayRef(shapes).take_front(mostHot))
    out << "      - [" << shape[0] << ", " << shape[1] << ", " << shape[2] << "]\n";
}

std::string Harvest::write(StringRef model, StringRef name) const {
  std::string text;
  llvm::raw_string_ostream out(text);
  out << "# Made by `lathe oplib harvest` of " << model << ": " << taken << " operations.\n";
  for (const auto &[why, count] : leftOut)
    out << "# Left out: " << count << " " << why << ".\n";
  out << "lathe-oplib: 1\nname: " << name << "\ntargets: [x86_64:v2, x86_64:v3]\nops:\n";
  if (!gemmTypes.empty())
    writeGemm(out);
  if (!convs.empty()) {
    out << "  conv2d:\n    dtypes: " << listOf(convTypes) << "\n    layout: " << listOf(layouts)
        << "\n    epilogue: {bias: " << (convHasBias ? "optional" : "none")
        << ", activation: " << listOf(convActivations) << "}\n    shapes:\n";
    for (const std::string &shape : convs)
      out << "      - " << shape << "\n";
  }
  if (!normTypes.empty()) {
    if (epsilons.size() > 1)
      out << "  # The model has " << epsilons.size() << " values of epsilon; this is the first.\n";
    out << "  layernorm: {dtypes: " << listOf(normTypes) << ", epsilon: " << llvm::format("%g", epsilons.front())
        << "}\n";
  }
  if (!softmaxTypes.empty())
    out << "  softmax: {dtypes: " << listOf(softmaxTypes) << "}\n";
  return text;
}

/// The name of a library after that of a model: what `name` of a specification takes.
static std::string libraryName(StringRef model) {
  std::string name;
  for (char c : model.lower())
    name += llvm::isAlnum(c) ? c : '_';
  constexpr size_t longest = 36;
  name.resize(std::min(name.size(), longest));
  return name.empty() || !llvm::isAlpha(name.front()) || StringRef(name).starts_with("lathe") ? "ops_" + name : name;
}

/// The model with its sizes known as far as they are, and its norms and activations found.
static std::unique_ptr<Program> optimize(const Program &program, const HarvestOptions &options,
                                         Diagnostics &diagnostics) {
  CompileOptions compiling;
  compiling.target = "x86_64:v3";
  compiling.dims = options.dims;
  compiling.stopAfter = "optimize";
  compiling.wholeConstants = true;
  std::unique_ptr<Artifact> artifact = compile(program, compiling, diagnostics);
  if (!artifact)
    return nullptr;
  LoadOptions loading;
  loading.limits = options.limits;
  return Program::parse(artifact->ir().data(), artifact->ir().size(), program.name() + ".mlir", diagnostics, loading);
}

bool harvest(const HarvestOptions &options, HarvestSummary &summary, Diagnostics &diagnostics) {
  LoadOptions loading;
  loading.limits = options.limits;
  std::unique_ptr<Program> program = Program::load(options.model, diagnostics, loading);
  std::unique_ptr<Program> optimized = program ? optimize(*program, options, diagnostics) : nullptr;
  if (!optimized)
    return false;
  Harvest found;
  for (const OperationInfo &op : program->operations())
    if (op.kind == "conv")
      found.addConvolution(op);
  for (const OperationInfo &op : optimized->operations())
    found.add(op);
  if (found.taken == 0) {
    diagnostics
        .error("oplib-harvest", options.model, "has no product, convolution, norm or softmax that a library can have")
        .note("write a specification by hand; 'graph' makes one operator of a whole model");
    return false;
  }
  StringRef model = llvm::sys::path::filename(options.model);
  std::string text = found.write(model, libraryName(model.split('.').first));
  if (std::error_code error = replaceFile(options.output, {text}))
    return reportWriteError(options.output, error, diagnostics);
  summary.taken = found.taken;
  for (const auto &[why, count] : found.leftOut)
    summary.leftOut += count;
  summary.hot = std::min(found.hot.size(), mostHot);
  summary.convolutions = found.convs.size();
  return true;
}

} // namespace lathe::oplib
