// lib/Compiler/Compile.cpp: a program walks the phases; constants are evaluated by compiling them the same way.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Implementation.h"
#include "NativeModel.h"
#include "dialects/Graph/MappedFiles.h"
#include "dialects/Graph/NodeLocation.h"
#include "dialects/Host/Host.h"
#include "dialects/Kernel/Kernel.h"
#include "lathe-runtime/runtime.h"
#include "lathe/Compiler/EvaluateConstants.h"
#include "lathe/Pipeline/Pipeline.h"
#include "lathe/Target/Target.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/DialectResourceBlobManager.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/ThreadPool.h"

using namespace mlir;

namespace lathe {

const char *compilerVersion() { return LATHE_VERSION; }

std::vector<std::string> phaseNames() {
  std::vector<std::string> names;
  for (StringRef name : getPhaseNames())
    names.push_back(name.str());
  return names;
}

static LogicalResult runPhase(ModuleOp module, Phase phase, const PipelineOptions &options) {
  PassManager manager(module.getContext());
#ifdef NDEBUG
  // Half of the time of `codegen`, whose result LLVM verifies once more.
  manager.enableVerifier(phase != Phase::Codegen);
#endif
  buildPhase(manager, phase, options);
  return manager.run(module);
}

/// Where every kernel of the module comes from, for descriptors and `inspect`;
/// to be called after `schedule`, while calls and strategies are both there.
static std::vector<KernelInfo> describeKernels(ModuleOp module) {
  std::vector<KernelInfo> result;
  llvm::StringMap<size_t> position;
  for (auto kernel : module.getOps<kernel::FuncOp>()) {
    KernelInfo info;
    info.name = kernel.getSymName().str();
    if (auto strategy = kernel.getStrategyAttr()) {
      info.strategy = strategy.getName().str();
      if (strategy.getConfig()) {
        std::string text;
        llvm::raw_string_ostream(text) << strategy.getConfig();
        info.strategy += " " + text;
      }
    }
    position[info.name] = result.size();
    result.push_back(std::move(info));
  }
  module.walk([&](kernel::CallOp call) {
    auto found = position.find(call.getCallee());
    if (found == position.end())
      return;
    KernelInfo &info = result[found->second];
    ++info.calls;
    for (const std::string &node : graph::getNodeNames(call.getLoc()))
      info.nodes.push_back(node);
  });
  Builder builder(module.getContext());
  SmallVector<Attribute> entries;
  for (const KernelInfo &info : result) {
    std::string nodes;
    for (const std::string &node : info.nodes)
      nodes += (nodes.empty() ? "" : ", ") + node;
    entries.push_back(
        builder.getDictionaryAttr({builder.getNamedAttr("calls", builder.getI64IntegerAttr(info.calls)),
                                   builder.getNamedAttr("name", builder.getStringAttr(info.name)),
                                   builder.getNamedAttr("nodes", builder.getStringAttr(nodes)),
                                   builder.getNamedAttr("strategy", builder.getStringAttr(info.strategy))}));
  }
  module->setAttr("host.kernels", builder.getArrayAttr(entries));
  return result;
}

/// What `describeKernels` noted before the IR was written and read again.
static std::vector<KernelInfo> readKernels(ModuleOp module) {
  std::vector<KernelInfo> result;
  auto list = module->getAttrOfType<ArrayAttr>("host.kernels");
  for (Attribute entry : list ? list.getValue() : ArrayRef<Attribute>()) {
    auto fields = dyn_cast<DictionaryAttr>(entry);
    auto name = fields ? fields.getAs<StringAttr>("name") : StringAttr();
    auto strategy = fields ? fields.getAs<StringAttr>("strategy") : StringAttr();
    auto nodes = fields ? fields.getAs<StringAttr>("nodes") : StringAttr();
    auto calls = fields ? fields.getAs<IntegerAttr>("calls") : IntegerAttr();
    if (!name || !strategy || !nodes || !calls)
      continue;
    KernelInfo info;
    info.name = name.str();
    info.strategy = strategy.str();
    info.calls = calls.getInt();
    SmallVector<StringRef> parts;
    nodes.getValue().split(parts, ", ", /*MaxSplit=*/-1, /*KeepEmpty=*/false);
    for (StringRef part : parts)
      info.nodes.push_back(part.str());
    result.push_back(std::move(info));
  }
  return result;
}

/// Resources that constant folding made in one run of the compiler. Nothing
/// refers to them after it, but the context would keep them.
class FoldedResources {
public:
  void add(DenseResourceElementsHandle handle) { handles.insert(handle); }
  void release(DenseResourceElementsHandle handle) {
    if (handles.erase(handle))
      handle.getResource()->setBlob(AsmResourceBlob());
  }
  ~FoldedResources() {
    while (!handles.empty())
      release(cast<DenseResourceElementsHandle>(*handles.begin()));
  }

private:
  DenseSet<AsmDialectResourceHandle> handles;
};

static LogicalResult emit(ModuleOp module, const std::string &name, const Target &target, unsigned threads,
                          FoldedResources *folded, CompiledModel &model) {
  auto weights = writeWeights(module, [&](DenseResourceElementsHandle handle) {
    if (AsmResourceBlob *blob = handle.getBlob())
      graph::MappedFiles::of(*module.getContext()).release(blob->getData());
    if (folded)
      folded->release(handle);
  });
  if (failed(weights))
    return failure();
  for (auto constant : llvm::make_early_inc_range(module.getOps<host::ConstantOp>()))
    constant.erase();
  auto objects = emitObjects(module, name, target, threads);
  if (failed(objects))
    return failure();
  model.name = name;
  model.target = target.str();
  model.objects = std::move(*objects);
  model.weights = std::move(*weights);
  return success();
}

/// Compiles and runs a program without inputs.
static LogicalResult evaluateConstants(ModuleOp module, SmallVectorImpl<ElementsAttr> &results,
                                       FoldedResources *folded) {
  Target host = Target::host();
  PipelineOptions options;
  options.target = host.str();
  options.isEvaluator = true;
  auto main = module.lookupSymbol<func::FuncOp>("main");
  SmallVector<RankedTensorType> types;
  for (Type type : main.getResultTypes())
    types.push_back(cast<RankedTensorType>(type));
  for (Phase phase :
       {Phase::Optimize, Phase::Partition, Phase::Lower, Phase::Schedule, Phase::Bufferize, Phase::Codegen})
    if (failed(runPhase(module, phase, options)))
      return failure();
  CompiledModel model;
  if (failed(emit(module, "constants", host, 1, nullptr, model)))
    return failure();
  Diagnostics diagnostics;
  std::unique_ptr<LoadedModel> loaded = loadInProcess(model, diagnostics);
  lathe_module *handle = nullptr;
  if (!loaded || lathe_module_from_desc(loaded->desc(), &handle) != LATHE_OK)
    return module.emitError() << "internal: constants cannot be evaluated: "
                              << (loaded ? std::string(lathe_last_error()) : diagnostics.text()) << " [fold-constants]";
  SmallVector<lathe_tensor> outputs(types.size());
  SmallVector<AsmResourceBlob> blobs;
  for (auto [type, output] : llvm::zip(types, outputs)) {
    memset(&output, 0, sizeof(output));
    size_t bytes = type.getNumElements() * std::max<size_t>(8, type.getElementTypeBitWidth()) / 8;
    AsmResourceBlob blob =
        HeapAsmResourceBlob::allocate(std::max<size_t>(bytes, 1), LATHE_ALIGNMENT, /*dataIsMutable=*/true);
    output.data = blob.getMutableData().data();
    output.rank = type.getRank();
    const lathe_value_desc &desc = loaded->desc()->functions[0].outputs[&output - outputs.begin()];
    output.dtype = static_cast<lathe_dtype>(desc.dtype);
    llvm::copy(type.getShape(), output.dims);
    blobs.push_back(std::move(blob));
  }
  lathe_status status = lathe_module_call(handle, "main", nullptr, 0, outputs.data(), outputs.size());
  std::string message = status == LATHE_OK ? "" : lathe_last_error();
  lathe_module_free(handle);
  if (status != LATHE_OK)
    return module.emitError() << "internal: constants cannot be evaluated: " << message << " [fold-constants]";
  for (auto [type, blob] : llvm::zip(types, blobs)) {
    // Small constants are values that patterns and kernels look at.
    bool isSplat;
    ArrayRef<char> bytes =
        ArrayRef<char>(blob.getData())
            .take_front(type.getNumElements() * std::max<int64_t>(8, type.getElementTypeBitWidth()) / 8);
    if (type.getNumElements() <= 64 && !type.getElementType().isInteger(1) &&
        DenseElementsAttr::isValidRawBuffer(type, bytes, isSplat))
      results.push_back(DenseElementsAttr::getFromRawBuffer(type, bytes));
    else {
      auto resource = DenseResourceElementsAttr::get(type, "folded", std::move(blob));
      if (folded)
        folded->add(resource.getRawHandle());
      results.push_back(resource);
    }
  }
  return success();
}

LogicalResult evaluateConstants(ModuleOp module, SmallVectorImpl<ElementsAttr> &results) {
  return evaluateConstants(module, results, nullptr);
}

namespace {
/// While it lives, passes of `context` may use `count` threads.
class Threads {
public:
  Threads(MLIRContext &context, unsigned count) : context(context) {
    if (count == 1)
      return;
    pool.emplace(llvm::hardware_concurrency(count));
    context.setThreadPool(*pool);
  }
  ~Threads() {
    if (pool)
      context.disableMultithreading();
  }

private:
  MLIRContext &context;
  std::optional<llvm::DefaultThreadPool> pool;
};

/// One run of the compiler.
class Run {
public:
  Run(const Program &program, const CompileOptions &options, Diagnostics &diagnostics)
      : program(*program.impl), options(options), diagnostics(diagnostics) {}
  std::unique_ptr<Artifact> run();

private:
  std::optional<Phase> phaseNamed(const std::string &name, Phase otherwise);
  bool checkStart(ModuleOp module, Phase first);
  bool dump(ModuleOp module, Phase phase);

  const Program::Impl &program;
  const CompileOptions &options;
  Diagnostics &diagnostics;
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

/// The phases up to `bufferize` start from a function of tensors, `codegen` from
/// programs of the host and `emit` from LLVM functions.
bool Run::checkStart(ModuleOp module, Phase first) {
  bool isProgram = module.lookupSymbol<host::ProgramOp>("plan") && module.lookupSymbol<host::ProgramOp>("run");
  bool isCode =
      module->hasAttr("host.weights_size") && module.lookupSymbol("lathe.plan") && module.lookupSymbol("lathe.run");
  StringRef is = "a model", way = "start at a phase up to 'bufferize', or leave --start-at out";
  bool fits = first <= Phase::Bufferize;
  if (isBehindBufferize(module)) {
    is = isProgram ? "IR that 'codegen' starts from" : isCode ? "IR that 'emit' starts from" : "IR that is not whole";
    way = isProgram ? "use --start-at codegen" : isCode ? "use --start-at emit" : "write it again from the model";
    fits = (isProgram && first == Phase::Codegen) || (isCode && first == Phase::Emit);
  }
  if (!fits)
    diagnostics
        .error("phase-wrong-start", program.file,
               "is " + is + ", but '" + phaseName(first) + "' is to be the first phase")
        .note(way);
  return fits;
}

bool Run::dump(ModuleOp module, Phase phase) {
  if (options.dumpPhasesTo.empty())
    return true;
  std::error_code error = llvm::sys::fs::create_directories(options.dumpPhasesTo);
  llvm::SmallString<128> path(options.dumpPhasesTo);
  llvm::sys::path::append(path, std::to_string(static_cast<unsigned>(phase)) + "-" + phaseName(phase).str() + ".mlir");
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

std::unique_ptr<Artifact> Run::run() {
  std::optional<Phase> first = phaseNamed(options.startAt, Phase::Optimize),
                       last = phaseNamed(options.stopAfter, Phase::Emit);
  std::optional<Target> target = Target::parse(options.target.empty() ? "host" : options.target, diagnostics);
  if (!first || !last || !target)
    return nullptr;
  DiagnosticHandler handler(*program.context, diagnostics, program.file);
  OwningOpRef<ModuleOp> module =
      cast<ModuleOp>(const_cast<OwningOpRef<ModuleOp> &>(program.module)->getOperation()->clone());
  if (!checkStart(*module, *first))
    return nullptr;
  // What the process may use by its affinity and its quota, or was told to.
  unsigned threads = options.threads ? options.threads : lathe_get_threads();
  PipelineOptions pipeline;
  pipeline.target = target->str();
  pipeline.dims = options.dims;
  FoldedResources folded;
  pipeline.evaluator = [&](ModuleOp constants, SmallVectorImpl<ElementsAttr> &results) {
    return evaluateConstants(constants, results, &folded);
  };
  auto artifact = std::make_unique<Artifact>();
  if (!dump(*module, Phase::Import))
    return nullptr;
  for (Phase phase :
       {Phase::Optimize, Phase::Partition, Phase::Lower, Phase::Schedule, Phase::Bufferize, Phase::Codegen}) {
    if (phase < *first || phase > *last)
      continue;
    if (options.progress)
      options.progress(phaseName(phase).str());
    LogicalResult done = success();
    if (phase == Phase::Codegen) {
      // The one phase whose passes see each kernel alone.
      Threads pool(*program.context, threads);
      done = runPhase(*module, phase, pipeline);
    } else {
      done = runPhase(*module, phase, pipeline);
    }
    if (failed(done)) {
      if (!diagnostics.hasErrors())
        diagnostics
            .error("phase-failed", program.file,
                   "internal: phase '" + phaseName(phase).str() + "' failed without a message")
            .note("please report this with the model");
      return nullptr;
    }
    if (phase == Phase::Lower)
      artifact->impl->kernels = describeKernels(*module);
    if (!dump(*module, phase))
      return nullptr;
  }
  if (*last != Phase::Emit) {
    llvm::raw_string_ostream out(artifact->impl->ir);
    OpPrintingFlags flags;
    if (!options.wholeConstants)
      flags.elideLargeResourceString(64);
    module->print(out, flags);
    return artifact;
  }
  if (options.progress)
    options.progress("emit");
  if (*first > Phase::Lower)
    artifact->impl->kernels = readKernels(*module);
  if (failed(emit(*module, program.name, *target, threads, &folded, artifact->impl->model)))
    return nullptr;
  return artifact;
}

std::unique_ptr<Artifact> compile(const Program &program, const CompileOptions &options, Diagnostics &diagnostics) {
  return Run(program, options, diagnostics).run();
}

bool check(const std::string &path, Diagnostics &diagnostics) {
  std::unique_ptr<Program> program = Program::load(path, diagnostics);
  if (!program)
    return false;
  CompileOptions options;
  options.stopAfter = "partition";
  // Shapes are inferred and kernels formed, but nothing is folded or compiled.
  DiagnosticHandler handler(*program->impl->context, diagnostics, path);
  PipelineOptions pipeline;
  return succeeded(runPhase(*program->impl->module, Phase::Optimize, pipeline)) && !diagnostics.hasErrors();
}

} // namespace lathe
