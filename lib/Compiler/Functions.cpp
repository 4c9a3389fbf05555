// lib/Compiler/Functions.cpp: several functions in one program, and what is said of each.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Functions.h"
#include "CheckLimits.h"
#include "Implementation.h"
#include "NativeModel.h"
#include "dialects/Graph/Graph.h"
#include "dialects/Host/HostBase.h"
#include "dialects/Kernel/Kernel.h"
#include "lathe/Import/ONNXInputs.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"

using namespace mlir;

namespace lathe {

bool isFunctionName(StringRef name) {
  return !name.empty() && !llvm::isDigit(name.front()) &&
         llvm::all_of(name, [](char c) { return llvm::isAlnum(c) || c == '_'; });
}

func::FuncOp findFunction(ModuleOp module, StringRef name) {
  auto functions = module.getOps<func::FuncOp>();
  if (auto found = module.lookupSymbol<func::FuncOp>(name.empty() ? "main" : name); found || !name.empty())
    return found;
  return llvm::hasSingleElement(functions) ? *functions.begin() : func::FuncOp();
}

std::string inputName(func::FuncOp func, unsigned input) {
  auto name = func.getArgAttrOfType<StringAttr>(input, "graph.name");
  return name ? name.str() : "input" + std::to_string(input);
}

std::string outputName(func::FuncOp func, unsigned output) {
  auto name = func.getResultAttrOfType<StringAttr>(output, "graph.name");
  return name ? name.str() : "output" + std::to_string(output);
}

std::vector<std::string> Program::functionNames() const {
  std::vector<std::string> names;
  for (auto func : impl->module->getOps<func::FuncOp>())
    names.push_back(func.getSymName().str());
  return names;
}

bool Program::callsKernels() const { return lathe::callsKernels(*impl->module); }

bool Program::keepFunction(const std::string &function, Diagnostics &diagnostics) {
  auto kept = impl->module->lookupSymbol<func::FuncOp>(function);
  if (!kept) {
    std::vector<std::string> names = functionNames();
    SmallVector<StringRef> known(names.begin(), names.end());
    diagnostics
        .error("function-unknown", impl->file, "has no function " + quoted(function) + didYouMean(function, known))
        .note(names.empty()       ? "it holds kernels, and no functions"
              : names.size() == 1 ? "its only function is " + names.front()
                                  : "its functions are " + shortList(names));
    return false;
  }
  for (func::FuncOp func : llvm::make_early_inc_range(impl->module->getOps<func::FuncOp>()))
    if (func != kept)
      func.erase();
  return true;
}

std::vector<std::string> Program::inputNames(const std::string &function) const {
  std::vector<std::string> names;
  func::FuncOp func = findFunction(*impl->module, function);
  for (unsigned i = 0, e = func ? func.getNumArguments() : 0; i < e; ++i)
    names.push_back(inputName(func, i));
  return names;
}

std::vector<std::string> namedDims(ModuleOp module) {
  llvm::SetVector<StringRef> names;
  for (auto func : module.getOps<func::FuncOp>())
    if (auto symbols = func->getAttrOfType<ArrayAttr>("graph.symbols"))
      for (auto symbol : symbols.getAsRange<graph::SymbolAttr>())
        if (symbol.isInputDim() && !symbol.getName().empty())
          names.insert(symbol.getName().getValue());
  std::vector<std::string> result;
  for (StringRef name : names)
    result.push_back(name.str());
  return result;
}

//===----------------------------------------------------------------------===//
// Donations
//===----------------------------------------------------------------------===//

/// The place of `name` in `names`; none after an error.
static std::optional<unsigned> find(StringRef name, ArrayRef<std::string> names, StringRef kind, StringRef donation,
                                    func::FuncOp func, StringRef file, Diagnostics &diagnostics) {
  const auto *found = llvm::find(names, name);
  if (found != names.end())
    return found - names.begin();
  SmallVector<StringRef> known(names.begin(), names.end());
  diagnostics
      .error("donation-unknown", file,
             "'" + donation + "': function \"" + func.getSymName() + "\" has no " + kind + " " + quoted(name) +
                 didYouMean(name, known))
      .note("its " + kind + "s are " + llvm::join(names, ", "));
  return std::nullopt;
}

static bool setDonation(func::FuncOp func, StringRef input, StringRef output, StringRef donation, StringRef file,
                        Diagnostics &diagnostics) {
  SmallVector<std::string> inputs, outputs;
  for (unsigned i = 0; i < func.getNumArguments(); ++i)
    inputs.push_back(inputName(func, i));
  for (unsigned i = 0; i < func.getNumResults(); ++i)
    outputs.push_back(outputName(func, i));
  std::optional<unsigned> from = find(input, inputs, "input", donation, func, file, diagnostics);
  if (!from)
    return false;
  std::optional<unsigned> to = find(output, outputs, "output", donation, func, file, diagnostics);
  if (!to)
    return false;
  if (func.getResultAttr(*to, host::aliasAttrName)) {
    diagnostics
        .error("donation-twice", file, "'" + donation + "': output " + quoted(output) + " has the memory of an input")
        .note("donate one input for each output");
    return false;
  }
  func.setResultAttr(*to, host::aliasAttrName, Builder(func.getContext()).getI64IntegerAttr(*from));
  return true;
}

bool setDonations(ModuleOp module, ArrayRef<std::string> donations, StringRef file, Diagnostics &diagnostics) {
  SmallVector<StringRef> names;
  for (auto func : module.getOps<func::FuncOp>())
    names.push_back(func.getSymName());
  for (const std::string &donation : donations) {
    // Names in models may have a colon, but those of functions have none.
    auto [scope, rest] = StringRef(donation).split(':');
    func::FuncOp func = isFunctionName(scope) ? module.lookupSymbol<func::FuncOp>(scope) : func::FuncOp();
    auto [input, output] = (func ? rest : StringRef(donation)).split('=');
    if (names.empty()) {
      diagnostics
          .error("donation-function", file, "holds kernels without a model, so '" + donation + "' is of no input")
          .note("programs give kernels the memory of their results in every call");
      return false;
    }
    if (!func && names.size() == 1)
      func = module.lookupSymbol<func::FuncOp>(names.front());
    if (!func) {
      diagnostics
          .error("donation-function", file,
                 "'" + donation + "' does not say of which function it is" +
                     (rest.empty() ? "" : didYouMean(scope, names)))
          .note("write FUNCTION:" + (rest.empty() ? StringRef(donation) : rest) + "; the functions are " +
                llvm::join(names, ", "));
      return false;
    }
    if (input.empty() || output.empty()) {
      diagnostics.error("donation-syntax", file, "'" + donation + "' is no donation")
          .note("write INPUT=OUTPUT, or FUNCTION:INPUT=OUTPUT");
      return false;
    }
    if (!setDonation(func, input, output, donation, file, diagnostics))
      return false;
  }
  return true;
}

//===----------------------------------------------------------------------===//
// Several files in one program
//===----------------------------------------------------------------------===//

/// The stem of a file as the name of a function.
static std::string nameAfter(StringRef path) {
  std::string name;
  for (char c : llvm::sys::path::stem(path))
    name += llvm::isAlnum(c) ? c : '_';
  return isFunctionName(name) ? name : "f" + name;
}

/// Whether `source` can be read as a function, as far as its words say.
static bool checkSource(const FunctionSource &source, Diagnostics &diagnostics) {
  if (source.function.empty() || isFunctionName(source.function))
    return true;
  diagnostics
      .error("function-name", source.path,
             "is to be the function " + quoted(source.function) +
                 ", but programs call functions by names of letters, digits and '_' with no digit in front")
      .note("give it another name, as in " + nameAfter(source.function));
  return false;
}

/// Functions of graph ops can be put beside those of other files; what later phases made of them refers to its module.
static bool isOfFunctions(ModuleOp module, StringRef file, Diagnostics &diagnostics) {
  bool isLibrary = isKernelLibrary(module);
  if (!isLibrary && llvm::all_of(module.getOps(), llvm::IsaPred<func::FuncOp>))
    return true;
  diagnostics
      .error("function-kernels", file,
             isLibrary
                 ? "holds kernels without a model, which are no function"
                 : "holds IR from behind the phase 'optimize', not just functions, so it cannot be one of several")
      .note("compile it by itself");
  return false;
}

/// Gives the functions of `module` the names by which the whole program calls them.
static bool nameFunctions(ModuleOp module, const FunctionSource &source, bool isAlone, Diagnostics &diagnostics) {
  SmallVector<func::FuncOp> functions(module.getOps<func::FuncOp>());
  if (functions.size() == 1) {
    func::FuncOp func = functions.front();
    if (source.function.empty() && (isAlone || func.getSymName() != "main"))
      return true;
    func.setSymName(source.function.empty() ? nameAfter(source.path) : source.function);
    return true;
  }
  if (source.function.empty())
    return true;
  SmallVector<StringRef> names;
  for (func::FuncOp func : functions)
    names.push_back(func.getSymName());
  diagnostics
      .error("function-several", source.path,
             "holds the functions " + llvm::join(names, ", ") + ", which cannot all be called '" + source.function +
                 "'")
      .note("give the path alone: they keep their names");
  return false;
}

/// What was decided for all of a module, such as the accuracy, is the same in both.
static bool checkDecisions(ModuleOp into, ModuleOp from, StringRef file, Diagnostics &diagnostics) {
  for (auto [one, other] : {std::pair(into, from), std::pair(from, into)})
    for (NamedAttribute entry : one->getDiscardableAttrs())
      if (isa_and_nonnull<kernel::KernelDialect>(entry.getNameDialect()) &&
          other->getAttr(entry.getName()) != entry.getValue()) {
        diagnostics
            .error("function-options", file,
                   "has '" + entry.getName().getValue() +
                       "' otherwise than the files before it, but a program is "
                       "compiled as a whole")
            .note("write the files with the same --accuracy and --precision");
        return false;
      }
  return true;
}

/// Adds metadata of a later file; where there is such a key, the first file's stays.
static void mergeMetadata(ModuleOp into, ModuleOp from, StringRef file, Diagnostics &diagnostics) {
  NamedAttrList metadata(into->getAttrOfType<DictionaryAttr>("graph.metadata"));
  auto added = from->getAttrOfType<DictionaryAttr>("graph.metadata");
  if (!added)
    return;
  for (NamedAttribute entry : added) {
    Attribute known = metadata.get(entry.getName());
    if (!known)
      metadata.push_back(entry);
    else if (known != entry.getValue())
      diagnostics.warning("function-metadata", file,
                          "says " + quoted(entry.getName().getValue()) +
                              " otherwise than a file before it, whose metadata the program has");
  }
  into->setAttr("graph.metadata", metadata.getDictionary(into.getContext()));
}

/// Moves the functions of `from` behind those of `into`, and what its metadata adds.
static bool merge(ModuleOp into, ModuleOp from, const FunctionSource &source, Diagnostics &diagnostics) {
  if (!checkDecisions(into, from, source.path, diagnostics))
    return false;
  for (auto func : llvm::make_early_inc_range(from.getOps<func::FuncOp>())) {
    if (into.lookupSymbol(func.getSymName())) {
      diagnostics.error("function-twice", source.path, "'" + func.getSymName() + "' is a function of another file, too")
          .note("give it another name: NAME=" + source.path);
      return false;
    }
    func->moveBefore(into.getBody(), into.getBody()->end());
  }
  mergeMetadata(into, from, source.path, diagnostics);
  return true;
}

/// The inputs of each of `sources`.
static SmallVector<ONNXInputs> listInputs(ArrayRef<FunctionSource> sources, bool allowLinks, const Limits &limits) {
  SmallVector<ONNXInputs> inputs;
  for (const FunctionSource &source : sources) {
    StringRef bytes(static_cast<const char *>(source.bytes), source.size);
    inputs.push_back(source.bytes ? listONNXInputs(llvm::MemoryBuffer::getMemBuffer(bytes, source.path, false), limits)
                                  : listONNXInputs(source.path, allowLinks, limits));
  }
  return inputs;
}

/// Whether `name` is among `known`; reports that no model has it, and what it would have to be.
static bool isKnown(const std::string &name, ArrayRef<StringRef> known, StringRef id, const Twine &what, StringRef file,
                    Diagnostics &diagnostics) {
  if (llvm::is_contained(known, name))
    return true;
  diagnostics.error(id, file, "no model has " + what + didYouMean(name, known))
      .note("name an input of one of the graphs");
  return false;
}

/// For each of `sources`, what `options` say of inputs that it has: initializers that calls may override, and ranks,
/// which those models get that have none, if there are any. False after an error: no model has one of them.
static bool shareOptions(ArrayRef<FunctionSource> sources, const LoadOptions &options, StringRef file,
                         std::vector<LoadOptions> &shares, Diagnostics &diagnostics) {
  shares.assign(sources.size(), options);
  if (sources.size() < 2 || (options.inputs.empty() && options.ranks.empty()))
    return true;
  Limits limits;
  if (!limits.set(options.limits, file, diagnostics))
    return false;
  SmallVector<ONNXInputs> inputs = listInputs(sources, options.allowLinks, limits);
  SmallVector<StringRef> defaults, tensors, unranked;
  for (const ONNXInputs &own : inputs) {
    llvm::append_range(defaults, own.defaults);
    llvm::append_range(tensors, own.tensors);
    llvm::append_range(unranked, own.unranked);
  }
  for (const std::string &name : options.inputs)
    if (!isKnown(name, defaults, "onnx-no-default",
                 "an initializer " + quoted(name) + " that is an input, too, so calls cannot override it", file,
                 diagnostics))
      return false;
  for (const auto &[name, rank] : options.ranks)
    if (!isKnown(name, tensors, "onnx-rank", "an input " + quoted(name) + " that could have rank " + Twine(rank), file,
                 diagnostics))
      return false;
  for (auto [own, share] : llvm::zip_equal(inputs, shares)) {
    llvm::erase_if(share.inputs, [&](const std::string &name) { return !llvm::is_contained(own.defaults, name); });
    std::erase_if(share.ranks, [&](const auto &entry) {
      const auto &having = llvm::is_contained(unranked, entry.first) ? own.unranked : own.tensors;
      return !llvm::is_contained(having, entry.first);
    });
  }
  return true;
}

std::unique_ptr<Program> Program::loadAll(const std::vector<FunctionSource> &sources, Diagnostics &diagnostics,
                                          const LoadOptions &options) {
  if (sources.empty()) {
    diagnostics.error("function-none", "", "there are no models").note("give one for each function");
    return nullptr;
  }
  SmallVector<std::string> files;
  for (const FunctionSource &source : sources)
    files.push_back(source.path);
  std::string file = llvm::join(files, ", ");
  std::vector<LoadOptions> shares;
  if (!llvm::all_of(sources, [&](const FunctionSource &source) { return checkSource(source, diagnostics); }) ||
      !shareOptions(sources, options, file, shares, diagnostics))
    return nullptr;
  std::shared_ptr<MLIRContext> context = createContext();
  bool isAlone = sources.size() == 1;
  std::unique_ptr<Program> whole;
  for (auto [source, share] : llvm::zip_equal(sources, shares)) {
    std::unique_ptr<Program> program = loadInto(context, source, diagnostics, share);
    if (!program)
      return nullptr;
    ModuleOp module = *program->impl->module;
    if ((!isAlone || !source.function.empty()) &&
        (!isOfFunctions(module, source.path, diagnostics) || !nameFunctions(module, source, isAlone, diagnostics)))
      return nullptr;
    if (!whole)
      whole = std::move(program);
    else if (!merge(*whole->impl->module, module, source, diagnostics))
      return nullptr;
  }
  if (isAlone)
    return whole;
  whole->impl->file = file;
  // What is said of the whole is of all files.
  whole->impl->module->getOperation()->setLoc(UnknownLoc::get(context.get()));
  DiagnosticHandler handler(*context, diagnostics, file);
  return succeeded(checkLimits(*whole->impl->module, whole->impl->limits)) ? std::move(whole) : nullptr;
}

} // namespace lathe
