// lib/Compiler/Compile.cpp: a program walks the phases.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "CheckLimits.h"
#include "CheckReport.h"
#include "Choices.h"
#include "CustomOps.h"
#include "Functions.h"
#include "Implementation.h"
#include "NativeModel.h"
#include "StartPhase.h"
#include "dialects/Graph/MappedFiles.h"
#include "dialects/Host/Host.h"
#include "dialects/Kernel/Accuracy.h"
#include "dialects/Kernel/Kernel.h"
#include "lathe-runtime/runtime.h"
#include "lathe/Codegen/KernelCache.h"
#include "lathe/Conversion/PlaceConstants.h"
#include "lathe/Pipeline/Pipeline.h"
#include "lathe/Target/DotUnits.h"
#include "lathe/Target/Target.h"
#include "lathe/Target/Title.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include <dlfcn.h>

using namespace mlir;

namespace lathe {

const char *compilerVersion() { return LATHE_VERSION; }

std::string compilerBuild() {
  std::string self = llvm::sys::fs::getMainExecutable(nullptr, nullptr);
  // In Python and in a wheel the compiler is in a library, and the program is always the same.
  Dl_info library = {};
  if (dladdr(reinterpret_cast<void *>(&compilerVersion), &library) && StringRef(library.dli_fname).contains(".so"))
    self = library.dli_fname;
  llvm::sys::fs::file_status status;
  if (llvm::sys::fs::status(self, status))
    return compilerVersion();
  auto written = status.getLastModificationTime().time_since_epoch();
  return compilerVersion() + (" " + llvm::Twine(status.getSize()) + " " + llvm::Twine(written.count())).str();
}

std::vector<std::string> phaseNames() {
  std::vector<std::string> names;
  for (StringRef name : getPhaseNames())
    names.push_back(name.str());
  return names;
}

LogicalResult emitModel(ArrayRef<ModelVariant> variants, const std::string &name, uint64_t fingerprint,
                        unsigned threads, FoldedResources *folded, CompileWatch *watch, CompiledModel &model,
                        KernelCache *cache) {
  auto mayTake = [&](int64_t bytes) { return !watch || (!watch->isOver() && watch->allows(bytes)); };
  SmallVector<ModuleOp> modules;
  std::string names;
  for (const ModelVariant &variant : variants) {
    modules.push_back(variant.module);
    bool isFirst = names.empty(), isOther = variant.target.arch() != variants.front().target.arch();
    names += (isFirst ? "" : "+") + (isFirst || isOther ? variant.target.str() : variant.target.name());
  }
  auto weights = writeWeights(modules, mayTake, [&](DenseResourceElementsHandle handle) {
    if (AsmResourceBlob *blob = handle.getBlob())
      graph::MappedFiles::of(*modules.front().getContext()).release(blob->getData());
    if (folded)
      folded->release(handle);
  });
  if (failed(weights))
    return failure();
  for (ModuleOp module : modules)
    for (auto constant : llvm::make_early_inc_range(module.getOps<host::ConstantOp>()))
      constant.erase();
  auto objects =
      emitObjects(variants, name, fingerprint, threads, mayTake, variants.size() == 1 ? &model.ptx : nullptr, cache);
  if (failed(objects))
    return failure();
  model.name = name;
  model.fingerprint = fingerprint;
  model.target = names;
  model.objects = std::move(*objects);
  model.weights = std::move(*weights);
  return success();
}

namespace {
/// One run of the compiler.
class Run {
public:
  Run(const Program &program, const CompileOptions &options, Diagnostics &diagnostics)
      : program(*program.impl), options(options), diagnostics(diagnostics),
        watch(*this->program.context, this->program.limits) {}
  /// Null after an error. Without `wantsIr`, nothing is kept where compilation stops early.
  std::unique_ptr<Artifact> run(bool wantsIr = true);

private:
  // Each step returns false after an error.
  /// Reads the first and the last phase, and the targets.
  bool readOptions();
  std::optional<Phase> phaseNamed(const std::string &name, Phase otherwise);
  /// Mark the module, which the phases look at.
  bool setAccuracy(ModuleOp module);
  bool setPrecision(ModuleOp module);
  /// What the option says, or a mark that comes with the IR where the option says f32.
  std::optional<StringRef> readPrecision(ModuleOp module);
  bool setDonations(ModuleOp module);
  bool checkStart(ModuleOp module, Phase first);
  /// Of a file of kernels without a model.
  bool checkTargetsOfKernels();
  bool setPipeline(ModuleOp module);
  bool dump(ModuleOp module, Phase phase, StringRef variant = "");
  bool runPhases(ModuleOp module, Phase from, Phase to, const Target *variant);
  /// The phases behind `optimize`, for each target.
  bool runVariants(OwningOpRef<ModuleOp> module);
  bool emit(uint64_t fingerprint);
  /// Whether the table of choices has the kernel with this key.
  bool isInTable(StringRef key) const {
    return llvm::any_of(pipeline.choices, [&](StringRef entry) { return entry.split('=').first == key; });
  }
  /// Tells who gave a table of choices that it is for other kernels.
  void warnOfUnusedChoices();
  void printIr();

  /// A target and the code for it, while it is made.
  struct Variant {
    Target target;
    OwningOpRef<ModuleOp> module;
  };

  const Program::Impl &program;
  const CompileOptions &options;
  Diagnostics &diagnostics;
  CompileWatch watch;
  std::optional<Phase> first, last;
  bool hasChosenKernels = false; ///< Some kernel is in the table of choices.
  std::vector<Target> targets;
  PipelineOptions pipeline;
  SmallVector<Variant> variants;
  FoldedResources folded;
  std::unique_ptr<Artifact> artifact = std::make_unique<Artifact>();
};
} // namespace

std::optional<Phase> Run::phaseNamed(const std::string &name, Phase otherwise) {
  if (name.empty())
    return otherwise;
  std::optional<Phase> phase = parsePhase(name);
  if (!phase) {
    std::string known;
    for (StringRef entry : getPhaseNames())
      known += (known.empty() ? "" : ", ") + entry.str();
    diagnostics
        .error("phase-unknown", program.file, "there is no phase '" + name + "'" + didYouMean(name, getPhaseNames()))
        .note("the phases are: " + known);
  }
  return phase;
}

bool Run::checkStart(ModuleOp module, Phase first) {
  StartPhase start = findStartPhase(module);
  if (!start.fits(first))
    diagnostics
        .error("phase-wrong-start", program.file,
               "is " + start.is + ", but '" + phaseName(first) + "' is to be the first phase")
        .note(start.way);
  return start.fits(first);
}

bool Run::dump(ModuleOp module, Phase phase, StringRef variant) {
  if (options.dumpPhasesTo.empty())
    return true;
  std::error_code error = llvm::sys::fs::create_directories(options.dumpPhasesTo);
  llvm::SmallString<128> path(options.dumpPhasesTo);
  llvm::sys::path::append(path, std::to_string(static_cast<unsigned>(phase)) + "-" + phaseName(phase).str() +
                                    (variant.empty() ? "" : "." + variant.str()) + ".mlir");
  std::optional<llvm::raw_fd_ostream> out;
  if (!error)
    out.emplace(path, error);
  if (error) {
    diagnostics.error("output-not-writable", path, "cannot write: " + error.message())
        .note("choose another folder for --dump-phases");
    return false;
  }
  OpPrintingFlags flags;
  flags.elideLargeResourceString(64).elideLargeElementsAttrs(64);
  module.print(*out, flags);
  return true;
}

/// Runs phases for one target, or, with null, for all of them.
bool Run::runPhases(ModuleOp module, Phase from, Phase to, const Target *variant) {
  std::string name = variant && targets.size() > 1 ? variant->name() : "";
  llvm::StringMap<KernelInfo> forC;
  auto observe = [&](Phase phase, bool isDone) -> LogicalResult {
    if (watch.isOver())
      return failure();
    if (!isDone) {
      // Types lose signs and sizes in this phase.
      if (phase == Phase::Lower && isKernelLibrary(module))
        forC = describeForC(module);
      if (options.progress)
        options.progress(phaseName(phase).str() + (name.empty() ? "" : " for " + name));
      return success();
    }
    if (phase == Phase::Schedule && isKernelLibrary(module))
      describePacking(module, artifact->impl->kernels);
    if (phase == Phase::Bufferize)
      artifact->impl->allocates |= module.walk([](host::AllocOp) { return WalkResult::interrupt(); }).wasInterrupted();
    if (phase == Phase::Lower) {
      std::vector<KernelInfo> kernels = describeKernels(module, std::move(forC));
      hasChosenKernels |= llvm::any_of(kernels, [&](const KernelInfo &kernel) { return isInTable(kernel.key); });
      if (artifact->impl->kernels.empty())
        artifact->impl->kernels = std::move(kernels);
    }
    return success(dump(module, phase, name));
  };
  if (variant)
    pipeline.target = variant->str();
  if (succeeded(lathe::runPhases(module, std::max(from, *first), std::min(to, *last), pipeline, observe)))
    return true;
  if (watch.isOver())
    watch.report(program.file, diagnostics);
  if (!diagnostics.hasErrors())
    diagnostics.error("phase-failed", program.file, "internal: a phase failed without a message")
        .note("please report this with the model");
  return false;
}

/// The IR of one target, or one module for each of several.
void Run::printIr() {
  llvm::raw_string_ostream out(artifact->impl->ir);
  OpPrintingFlags flags;
  if (!options.wholeConstants)
    flags.elideLargeResourceString(64);
  if (variants.size() == 1) {
    variants.front().module->print(out, flags);
    return;
  }
  OwningOpRef<ModuleOp> all = ModuleOp::create(UnknownLoc::get(program.context.get()));
  for (Variant &variant : variants) {
    variant.module->setSymName(variant.target.name());
    all->push_back(variant.module.release());
  }
  all->print(out, flags);
}

bool Run::setAccuracy(ModuleOp module) {
  static constexpr StringLiteral names[] = {"standard", "strict"};
  StringRef given = options.accuracy.empty() ? StringRef(names[0]) : StringRef(options.accuracy);
  if (given == names[1])
    module->setAttr(kernel::KernelDialect::strictAttrName, UnitAttr::get(module.getContext()));
  if (llvm::is_contained(names, given))
    return true;
  diagnostics
      .error("accuracy-unknown", program.file,
             "there is no accuracy '" + given + "'" + didYouMean(given, {names[0], names[1]}))
      .note("'standard' allows other sums than term by term, 'strict' does not");
  return false;
}

/// Whether `target` has instructions that multiply `type` with sums in f32.
static bool multiplies(const Target &target, DotType type) {
  const DotUnit *unit = findDotUnit(target, type, type, DotType::F32, /*mostStep=*/64, /*withTiles=*/true);
  return unit && unit->multipliesAsStored();
}

/// Whether `target` has a unit that multiplies matrices of bf16, which no filtering makes up for.
static bool multipliesMatrices(const Target &target) {
  const DotUnit *unit = findDotUnit(target, DotType::BF16, DotType::BF16, DotType::F32, 64, /*withTiles=*/true);
  return unit && unit->multipliesMatrices();
}

std::optional<StringRef> Run::readPrecision(ModuleOp module) {
  static constexpr StringLiteral names[] = {"f32", "bf16", "tf32"};
  StringRef given = options.precision.empty() ? StringRef(names[0]) : StringRef(options.precision);
  if (!llvm::is_contained(names, given)) {
    diagnostics
        .error("precision-unknown", program.file,
               "there is no precision '" + given + "'" + didYouMean(given, {names[0], names[1], names[2]}))
        .note("'f32' multiplies f32, 'bf16' rounds the factors of products with constant weights to bf16, and with "
              "'tf32' tensor cores of GPUs round factors of f32 to 11 bits");
    return std::nullopt;
  }
  bool hasBF16 = module->hasAttr(kernel::bf16AttrName), hasTF32 = module->hasAttr(kernel::tf32AttrName);
  if (!hasBF16 && !hasTF32)
    return given;
  StringRef marked = hasBF16 ? names[1] : names[2];
  bool isClear = hasBF16 != hasTF32;
  if (isClear && (given == names[0] || given == marked))
    return marked;
  diagnostics
      .error("precision-conflict", program.file,
             isClear ? "the IR is marked 'kernel." + marked + "', but the precision '" + given + "' is given"
                     : "the IR is marked 'kernel.bf16' and 'kernel.tf32', of which only one can hold")
      .note(isClear ? "give the precision '" + marked + "' or none, or remove the mark of the module"
                    : Twine("remove one of the marks of the module"));
  return std::nullopt;
}

bool Run::setPrecision(ModuleOp module) {
  std::optional<StringRef> chosen = readPrecision(module);
  if (!chosen || *chosen == "f32")
    return chosen.has_value();
  StringRef given = *chosen;
  bool isBF16 = given == "bf16";
  StringRef mark = isBF16 ? kernel::bf16AttrName : kernel::tf32AttrName;
  // The phase that looks at the mark was run by the one who made the IR.
  if (isBF16 && *first > Phase::Optimize && module->hasAttr(mark))
    return true;
  DotType type = isBF16 ? DotType::BF16 : DotType::TF32;
  bool isUsed = llvm::any_of(targets, [&](const Target &target) { return multiplies(target, type); });
  for (const Target &target : targets)
    if (!multiplies(target, type))
      diagnostics.warning("precision-no-unit", program.file,
                          "the target '" + titleOf(target) + "' has no instruction that multiplies " + given + ", so " +
                              (isUsed && isBF16 ? "its variant takes the factors apart and is slower than one of f32"
                                                : "products stay f32"));
  module->removeAttr(mark);
  if (!isUsed)
    return true;
  module->setAttr(mark, UnitAttr::get(module.getContext()));
  if (isBF16 && *first > Phase::Optimize)
    diagnostics.warning("precision-too-late", program.file,
                        "products are chosen in the phase 'optimize', so those of IR that starts at '" +
                            phaseName(*first) + "' stay what they are");
  return true;
}

bool Run::readOptions() {
  first = phaseNamed(options.startAt, Phase::Optimize);
  last = phaseNamed(options.stopAfter, Phase::Emit);
  targets = Target::parseList(options.target.empty() ? "host" : options.target, diagnostics);
  if (!first || !last || targets.empty())
    return false;
  if (targets.size() > 1 && *first > Phase::Partition) {
    diagnostics
        .error("phase-several-targets", program.file,
               "'" + phaseName(*first) + "' starts from IR for one target, but " + Twine(targets.size()) + " are given")
        .note("start at a phase up to 'partition', or name one target");
    return false;
  }
  return true;
}

bool Run::setDonations(ModuleOp module) {
  if (!options.donations.empty() && *first > Phase::Bufferize) {
    diagnostics
        .error("donation-too-late", program.file,
               "where results are is decided in the phase 'bufferize', but '" + phaseName(*first) +
                   "' is to be the first phase")
        .note("donate where the model is compiled");
    return false;
  }
  return lathe::setDonations(module, options.donations, program.file, diagnostics);
}

bool Run::checkTargetsOfKernels() {
  if (targets.size() > 1) {
    diagnostics
        .error("kernel-several-targets", program.file,
               "holds kernels without a model, which C code calls by their names, but " + Twine(targets.size()) +
                   " targets are given")
        .note("compile it once for each target");
    return false;
  }
  if (targets.front().kind() == TargetKind::Gpu) {
    diagnostics
        .error("kernel-gpu-target", program.file,
               "holds kernels without a model, which C code calls by their names, but the target '" +
                   targets.front().str() + "' runs kernels of models only")
        .note("compile it for a CPU; for a GPU, make functions of a model of them: func.func with return in place of "
              "kernel.func with kernel.return");
    return false;
  }
  return true;
}

bool Run::setPipeline(ModuleOp module) {
  auto choices = readChoices(options, diagnostics);
  if (!choices)
    return false;
  pipeline.choices = std::move(*choices);
  pipeline.alternative = options.alternative;
  // What the process may use by its affinity and its quota, or was told to.
  pipeline.threads = options.threads ? options.threads : lathe_get_threads();
  pipeline.dims = options.dims;
  pipeline.dimNames = namedDims(module);
  pipeline.keepWeightCodes =
      llvm::all_of(targets, [](const Target &target) { return target.kind() == TargetKind::Cpu; });
  bool isStrict = module->hasAttr(kernel::KernelDialect::strictAttrName);
  pipeline.keepFiltered =
      !isStrict && llvm::none_of(targets, [](const Target &target) { return multipliesMatrices(target); });
  // Where it is strict, it would be written out again.
  pipeline.formAttention = !isStrict;
  pipeline.foldedBytes = program.limits[Limit::FoldedBytes];
  pipeline.evaluator = [&](ModuleOp constants, SmallVectorImpl<ElementsAttr> &results) {
    // What runs once may be slow.
    ScopedDiagnosticHandler quiet(program.context.get(), [](mlir::Diagnostic &diagnostic) {
      return success(diagnostic.getSeverity() == DiagnosticSeverity::Remark);
    });
    return evaluateConstants(constants, results, &folded, &watch);
  };
  return true;
}

bool Run::runVariants(OwningOpRef<ModuleOp> module) {
  // How operations are grouped depends on the target, too.
  if (*last > Phase::Optimize)
    for (const Target &target : llvm::drop_end(targets))
      variants.push_back({target, cast<ModuleOp>(module.get()->clone())});
  variants.push_back({targets.back(), std::move(module)});
  for (Variant &variant : variants)
    if (!runPhases(*variant.module, Phase::Partition, Phase::Bufferize, &variant.target))
      return false;
  if (*first <= Phase::Codegen && *last >= Phase::Codegen) {
    SmallVector<ModuleOp> modules;
    for (Variant &variant : variants)
      modules.push_back(*variant.module);
    placeConstants(modules);
  }
  for (Variant &variant : variants)
    if (!runPhases(*variant.module, Phase::Codegen, Phase::Codegen, &variant.target))
      return false;
  return true;
}

void Run::warnOfUnusedChoices() {
  if (pipeline.choices.empty() || options.choicesAreOptional || hasChosenKernels || *last < Phase::Lower)
    return;
  std::string count = std::to_string(pipeline.choices.size());
  if (*first > Phase::Lower)
    diagnostics.warning("choices-too-late", program.file,
                        "choices are taken in the phase 'lower', so kernels of IR that starts at '" +
                            phaseName(*first) + "' stay what they are");
  else
    diagnostics
        .warning("choices-unused", options.choicesFile,
                 "has choices for " + count + " kernels, of which '" + program.file + "' has none for '" +
                     options.target + "'")
        .note("tune this model, with the dims that it is compiled with");
}

bool Run::emit(uint64_t fingerprint) {
  if (watch.isOver()) {
    watch.report(program.file, diagnostics);
    return false;
  }
  if (options.progress)
    options.progress("emit");
  if (*first > Phase::Lower)
    artifact->impl->kernels = readKernels(*variants.front().module);
  SmallVector<ModelVariant> codes;
  for (Variant &variant : variants)
    codes.push_back({*variant.module, variant.target});
  const std::string &name = options.name.empty() ? program.name : options.name;
  KernelCache cache(options.kernelCache, compilerBuild(), diagnostics);
  if (succeeded(emitModel(codes, name, fingerprint, pipeline.threads, &folded, &watch, artifact->impl->model, &cache)))
    return true;
  if (watch.isOver())
    watch.report(program.file, diagnostics);
  return false;
}

std::unique_ptr<Artifact> Run::run(bool wantsIr) {
  if (!readOptions())
    return nullptr;
  DiagnosticHandler handler(*program.context, diagnostics, program.file, options.remarks);
  // What is wrong then is that passes were left out.
  handler.setMute([this] { return watch.isOver(); });
  OwningOpRef<ModuleOp> module =
      cast<ModuleOp>(const_cast<OwningOpRef<ModuleOp> &>(program.module)->getOperation()->clone());
  if (!setAccuracy(*module) || !setPrecision(*module) || !checkStart(*module, *first) || !setDonations(*module))
    return nullptr;
  if (isKernelLibrary(*module)) {
    // Kernels are what `partition` makes; there is no graph to optimize.
    first = std::max(*first, Phase::Partition);
    if (!checkTargetsOfKernels())
      return nullptr;
  }
  if (!setPipeline(*module))
    return nullptr;
  uint64_t fingerprint = *last == Phase::Emit ? modelFingerprint(*module, options.dims) : 0;
  if (!dump(*module, Phase::Import) || !runPhases(*module, Phase::Optimize, Phase::Optimize, nullptr))
    return nullptr;
  // Dims may have been fixed.
  if (failed(checkLimits(*module, program.limits)) || !runVariants(std::move(module)))
    return nullptr;
  warnOfUnusedChoices();
  if (*last != Phase::Emit && wantsIr)
    printIr();
  if (*last == Phase::Emit && !emit(fingerprint))
    return nullptr;
  return checkFiles(*program.context, diagnostics) ? std::move(artifact) : nullptr;
}

std::unique_ptr<Artifact> compile(const Program &program, const CompileOptions &options, Diagnostics &diagnostics) {
  return Run(program, options, diagnostics).run();
}

bool check(const std::string &path, const CompileOptions &options, Diagnostics &diagnostics, const LoadOptions &loading,
           CheckReport *report) {
  std::unique_ptr<Program> program;
  Limits limits;
  if (!limits.set(loading.limits, path, diagnostics))
    return false;
  std::shared_ptr<MLIRContext> context = createContext(); // Of the declarations alone.
  Diagnostics unheard;                                    // Loading the model says the same.
  std::optional<CustomOps> customOps = CustomOps::load(loading.customOps, *context, unheard);
  ImportOptions importing{.allowLinks = loading.allowLinks, .limits = limits};
  if (customOps)
    importing.customOps = customOps->declarations();
  // A pipe can be read once.
  if (llvm::sys::fs::is_regular_file(path)) {
    program = Program::load(path, diagnostics, loading);
    if (report)
      describeOperators(listONNXOperators(path, importing), *report);
  } else {
    std::string name = path == "-" ? stdinName : path;
    std::unique_ptr<llvm::MemoryBuffer> piped = readModel(path, name, limits, diagnostics);
    if (!piped)
      return false;
    StringRef bytes = piped->getBuffer();
    program = Program::parse(bytes.data(), bytes.size(), name, diagnostics, loading);
    if (report)
      describeOperators(listONNXOperators(std::move(piped), importing), *report);
  }
  if (!program)
    return false;
  if (report)
    describeNeeds(*program->impl->module, *report);
  CompileOptions all = options;
  all.remarks = true;
  all.startAt = "";
  all.stopAfter = phaseName(Phase::Schedule).str();
  return Run(*program, all, diagnostics).run(/*wantsIr=*/false) && !diagnostics.hasErrors();
}

} // namespace lathe
