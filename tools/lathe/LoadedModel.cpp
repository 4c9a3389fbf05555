// tools/lathe/LoadedModel.cpp: compiles or loads, by what the file is.
//
// Part of the Lathe project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "LoadedModel.h"
#include "Cache.h"
#include "Choices.h"
#include "Command.h"
#include "Console.h"
#include "Inputs.h"
#include "Options.h"
#include "StoredModule.h"

#include "lathe-runtime/cuda.h"
#include "lathe/Compiler/Compiler.h"
#include "lathe/Support/Diagnostics.h"
#include "lathe/Support/Limits.h"
#include "lathe/Target/Target.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/BinaryFormat/Magic.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Program.h"
#include "llvm/Support/raw_ostream.h"

using namespace lathe;
using namespace lathe::cli;
using llvm::ArrayRef;
using llvm::StringRef;

FileKind cli::fileKind(StringRef path) {
  if (path.ends_with(".lathebin"))
    return FileKind::Lathebin;
  FileKind byEnding = path.ends_with(".so") ? FileKind::SharedLibrary : FileKind::Model;
  // Elsewhere the content decides; pipes are left to whoever reads them.
  llvm::file_magic magic;
  if (auto start = llvm::MemoryBuffer::getFileSlice(path, 8, 0); start && (*start)->getBuffer() == "LATHEBIN")
    return FileKind::Lathebin;
  if (!llvm::sys::fs::is_regular_file(path) || llvm::identify_magic(path, magic))
    return byEnding;
  switch (magic) {
  case llvm::file_magic::elf_shared_object:
    return FileKind::SharedLibrary;
  case llvm::file_magic::archive:
  case llvm::file_magic::elf:
  case llvm::file_magic::elf_core:
  case llvm::file_magic::elf_executable:
  case llvm::file_magic::elf_relocatable:
    return FileKind::ObjectOrArchive;
  default:
    return byEnding;
  }
}

LoadedModel::LoadedModel() = default;
LoadedModel::~LoadedModel() { lathe_module_free(handle); }

const lathe_module_desc &LoadedModel::description() const {
  return foreign ? *foreign : *lathe_module_description(handle);
}

const lathe_variant_desc &LoadedModel::variant() const {
  return foreign ? *foreignVariant : *lathe_module_variant(handle);
}

/// The number of the GPU in `cuda:N`, as --device has it; nothing, and an error, if
/// it is something else.
static std::optional<uint32_t> deviceNumber(StringRef device, StringRef path, Diagnostics &diagnostics) {
  StringRef text = device;
  uint32_t number = 0;
  if (text.consume_front("cuda") && (text.empty() || (text.consume_front(":") && !text.getAsInteger(10, number))))
    return number;
  diagnostics.error("cli-device", path, "--device is '" + device + "', which is no device")
      .note("use cuda:0 for the first NVIDIA GPU; leave the option out for the CPU");
  return std::nullopt;
}

/// Takes what --device says into what to load: the variant for it.
static bool chooseDevice(StringRef path, const Arguments &arguments, lathe_load_options &load,
                         Diagnostics &diagnostics) {
  if (!arguments.has("--device"))
    return true;
  std::optional<uint32_t> number = deviceNumber(arguments.get("--device"), path, diagnostics);
  if (!number)
    return false;
  load.device = *number;
  load.flags |= LATHE_LOAD_ON_DEVICE;
  return true;
}

/// What to compile for: as --target says, else for the device, else for this machine.
static bool chooseTarget(StringRef path, const Arguments &arguments, const lathe_load_options &load,
                         std::string &target, Diagnostics &diagnostics) {
  target = arguments.get("--target", "host").str();
  if (arguments.has("--target") || !(load.flags & LATHE_LOAD_ON_DEVICE))
    return true;
  char name[32];
  if (lathe_cuda_target(load.device, name, sizeof(name)) != LATHE_OK) {
    addRuntimeError(diagnostics, path);
    return false;
  }
  target = name;
  return true;
}

/// There is no function of that name, or several are there to choose from if it is "".
static void reportFunction(StringRef path, StringRef name, ArrayRef<std::string> names, Diagnostics &diagnostics) {
  std::vector<StringRef> known(names.begin(), names.end());
  diagnostics
      .error("cli-function", path,
             name.empty() ? "has several functions" : "has no function " + quoted(name) + didYouMean(name, known))
      .note(names.empty() ? "it has none at all" : "choose one with --function: " + llvm::join(names, ", "));
}

bool LoadedModel::chooseFunction(StringRef path, const Arguments &arguments, bool onlyToShow,
                                 Diagnostics &diagnostics) {
  std::vector<std::string> names;
  StringRef name = arguments.get("--function");
  for (uint32_t i = 0; i < variant().function_count; ++i) {
    const lathe_function_desc &function = *variant().functions[i];
    names.push_back(function.name);
    if (name == function.name || (name.empty() && (names.back() == "main" || variant().function_count == 1)))
      called = &function;
  }
  if (called || (name.empty() && onlyToShow))
    return true;
  if (names.empty() && name.empty())
    diagnostics.error("cli-no-function", path, "holds no function to call");
  else
    reportFunction(path, name, names, diagnostics);
  return false;
}

/// Compiles the model at `path` for this process.
static std::unique_ptr<Artifact> compileNow(StringRef path, const Arguments &arguments, const std::string &target,
                                            LoadedModel &model, Diagnostics &diagnostics) {
  CompileOptions options;
  if (!addChoices(arguments, options, diagnostics))
    return nullptr;
  Progress progress(path, arguments.has("--progress"), phaseNames().size() + 1);
  progress.step("load");
  std::unique_ptr<Program> program = Program::load(path.str(), diagnostics, loadOptions(arguments));
  if (!program)
    return nullptr;
  std::string function = arguments.get("--function").str();
  std::vector<std::string> names = program->functionNames();
  // Slips of the keyboard should not cost the time that compiling takes.
  if (arguments.has("--function") && !llvm::is_contained(names, function)) {
    reportFunction(path, function, names, diagnostics);
    return nullptr;
  }
  if ((names.size() < 2 || arguments.has("--function")) &&
      !checkInputs(program->inputNames(function), InputOptions::from(arguments), path, diagnostics))
    return nullptr;
  model.indexBounds = program->indexBounds(function);
  options.target = target;
  options.dims = arguments.ranges("--dim");
  options.accuracy = arguments.get("--accuracy", "standard").str();
  options.precision = arguments.get("--precision", "f32").str();
  options.progress = progress.callback();
  auto build = [&] { return compile(*program, options, diagnostics); };
  if (arguments.has("--no-cache"))
    return build();
  Cache cache;
  options.kernelCache = cache.folder();
  std::vector<Target> targets = Target::parseList(options.target, diagnostics, path);
  if (targets.empty())
    return nullptr;
  std::vector<std::string> parts = {compilerBuild(),  program->contentKey(),
                                    program->name(),  llvm::join(options.dims, ","),
                                    options.accuracy, options.precision};
  for (const Target &each : targets)
    parts.push_back(each.str());
  for (const std::string &limit : arguments.all("--limit"))
    parts.push_back("limit " + limit);
  if (!options.choicesFile.empty())
    parts.push_back((options.choicesAreOptional ? "own choices " : "choices ") + options.choices);
  // Where NVIDIA's assembler is there, the artifact has its code.
  bool isForGpu = llvm::any_of(targets, [](const Target &each) { return each.kind() == TargetKind::Gpu; });
  if (isForGpu && llvm::sys::findProgramByName("ptxas"))
    parts.push_back("ptxas");
  return cache.get(cacheKey(parts), build, model.fromCache);
}

/// Whether the runtime refused a library only because of the processor.
static bool isForAnotherMachine(StringRef error) {
  return llvm::any_of(llvm::ArrayRef({"[module-machine]", "[module-no-variant]", "[target-processor]",
                                      "[target-missing-feature]", "[target-unknown-feature]", "[module-custom-op]"}),
                      [&](StringRef id) { return error.contains(id); });
}

/// Registers the operators of libraries: what is compiled, or in the native format, has only their names.
static bool loadCustomOps(const Arguments &arguments, Diagnostics &diagnostics) {
  for (const std::string &path : arguments.all("--custom-op"))
    if (StringRef(path).ends_with(".so") && lathe_load_custom_ops(path.c_str(), nullptr) != LATHE_OK) {
      addRuntimeError(diagnostics, path);
      return false;
    }
  return true;
}

/// The variant called `isa`, which is there, or the first.
static const lathe_variant_desc *variantNamed(const lathe_module_desc &module, StringRef isa) {
  for (uint32_t i = 0; i < module.variant_count; ++i)
    if (isa == module.variants[i]->name || isa == module.variants[i]->target)
      return module.variants[i];
  return module.variants[0];
}

void LoadedModel::show(const lathe_module_desc &description, StringRef isa) {
  foreign = &description;
  foreignVariant = variantNamed(description, isa);
}

std::unique_ptr<LoadedModel> LoadedModel::open(StringRef path, const Arguments &arguments, Diagnostics &diagnostics,
                                               bool onlyToShow) {
  double begin = now();
  // A folder of another length than is possible is no obstacle: nothing is kept there.
  if (!arguments.has("--no-cache"))
    lathe_cuda_keep_code(Cache().folder().c_str());
  std::unique_ptr<LoadedModel> model(new LoadedModel);
  model->kind = fileKind(path);
  std::string isa = arguments.get("--isa").str();
  lathe_load_options load = {};
  load.struct_size = sizeof(load);
  load.isa = isa.empty() ? nullptr : isa.c_str();
  bool unchecked = arguments.has("--unchecked-weights");
  load.flags = unchecked ? LATHE_LOAD_UNCHECKED_WEIGHTS : 0;
  std::string target;
  Limits limits;
  if (!limits.set(arguments.all("--limit"), path, diagnostics))
    return nullptr;
  model->callBytes = limits[Limit::CallBytes];
  if (!chooseDevice(path, arguments, load, diagnostics))
    return nullptr;
  if (unchecked && model->kind != FileKind::Model)
    llvm::errs() << path << ": note: the weights are not compared with their checksum\n";
  for (StringRef option : {"--target", "--accuracy", "--precision", "--choices"})
    if (model->kind != FileKind::Model && arguments.has(option)) {
      diagnostics.error("cli-target-of-artifact", path,
                        "is compiled already, so " + option +
                            " cannot change its code; name the model it was compiled from");
      return nullptr;
    }
  if (std::vector<std::string> ranges = arguments.ranges("--dim"); model->kind != FileKind::Model && !ranges.empty()) {
    diagnostics.error("cli-target-of-artifact", path,
                      "is compiled already, so --dim " + ranges.front() +
                          " cannot change its code; give a size, or name the model it was compiled from");
    return nullptr;
  }
  if (!loadCustomOps(arguments, diagnostics))
    return nullptr;
  auto showStored = [&] {
    model->stored = StoredModule::read(path, diagnostics);
    if (!model->stored)
      return false;
    model->show(model->stored->description(), isa);
    return true;
  };
  switch (model->kind) {
  case FileKind::ObjectOrArchive:
    if (onlyToShow)
      return showStored() && model->chooseFunction(path, arguments, onlyToShow, diagnostics) ? std::move(model)
                                                                                             : nullptr;
    diagnostics.error("cli-not-loadable", path, "is to be linked into a program; it cannot be loaded by itself")
        .note("compile the model with -o FILE.so or -o FILE.lathebin");
    return nullptr;
  case FileKind::SharedLibrary:
    if (lathe_module_load_with(path.str().c_str(), &load, &model->handle) != LATHE_OK) {
      // Of another machine, or of this architecture with more features.
      if (onlyToShow && isForAnotherMachine(lathe_last_error()))
        return showStored() && model->chooseFunction(path, arguments, onlyToShow, diagnostics) ? std::move(model)
                                                                                               : nullptr;
      addRuntimeError(diagnostics, path);
      return nullptr;
    }
    break;
  case FileKind::Lathebin:
    model->own = Artifact::load(path.str(), diagnostics, unchecked);
    break;
  case FileKind::Model:
    if (!chooseTarget(path, arguments, load, target, diagnostics))
      return nullptr;
    model->own = compileNow(path, arguments, target, *model, diagnostics);
    break;
  }
  if (!model->handle) {
    if (!model->own)
      return nullptr;
    const lathe_module_desc *description = model->own->module(diagnostics);
    if (!description)
      return nullptr;
    lathe_status status = lathe_module_from_desc_with(description, &load, &model->handle);
    if (status == LATHE_INCOMPATIBLE && onlyToShow) {
      model->show(*description, isa);
    } else if (status != LATHE_OK) {
      addRuntimeError(diagnostics, path);
      return nullptr;
    }
  }
  if (!model->chooseFunction(path, arguments, onlyToShow, diagnostics))
    return nullptr;
  model->loadSeconds = now() - begin;
  return model;
}
