// lib/Codegen/CPU/Descriptors.cpp: what a compiled model says of itself.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Descriptors.h"
#include "dialects/Graph/Sequence.h"
#include "dialects/Host/Host.h"
#include "dialects/Host/RuntimeTypes.h"
#include "dialects/Kernel/Kernel.h"
#include "lathe-runtime/tensor_maps.h"
#include "lathe/Codegen/Codegen.h"
#include "llvm/IR/IRBuilder.h"

using namespace mlir;

namespace lathe {

namespace {

class Builder {
public:
  explicit Builder(llvm::Module &code)
      : code(code), context(code.getContext()), ptr(llvm::PointerType::get(context, 0)),
        i32(llvm::Type::getInt32Ty(context)), i64(llvm::Type::getInt64Ty(context)) {}

  llvm::Constant *string(StringRef text) {
    llvm::Constant *&made = strings[text];
    if (!made)
      made = global(llvm::ConstantDataArray::getString(context, text), "text");
    return made;
  }
  /// What programs read in place.
  llvm::Constant *binary(StringRef bytes) {
    auto *made = cast<llvm::GlobalVariable>(
        global(llvm::ConstantDataArray::getString(context, bytes, /*AddNull=*/false), "binary"));
    made->setAlignment(llvm::Align(16));
    return made;
  }
  llvm::Constant *number(int64_t n) { return llvm::ConstantInt::get(i64, n); }
  llvm::Constant *small(uint32_t n) { return llvm::ConstantInt::get(i32, n); }
  llvm::Constant *global(llvm::Constant *value, StringRef name) {
    return new llvm::GlobalVariable(code, value->getType(), /*isConstant=*/true, llvm::GlobalValue::PrivateLinkage,
                                    value, name);
  }
  /// A structure whose field at `place` is its size.
  llvm::Constant *withSize(SmallVector<llvm::Constant *> fields, unsigned place) {
    llvm::Type *type = llvm::ConstantStruct::getAnon(context, fields)->getType();
    fields[place] = small(code.getDataLayout().getTypeAllocSize(type));
    return llvm::ConstantStruct::getAnon(context, fields);
  }
  /// A global structure that starts with its size: what arrays of the ABI point to.
  llvm::Constant *sized(ArrayRef<llvm::Constant *> fields, StringRef name) {
    SmallVector<llvm::Constant *> all = {small(0)};
    llvm::append_range(all, fields);
    return global(withSize(std::move(all), /*place=*/0), name);
  }
  /// A global array; null where there is nothing.
  llvm::Constant *array(ArrayRef<llvm::Constant *> entries, StringRef name) {
    if (entries.empty())
      return llvm::ConstantPointerNull::get(ptr);
    return global(llvm::ConstantArray::get(llvm::ArrayType::get(entries[0]->getType(), entries.size()), entries), name);
  }
  llvm::Constant *stringArray(ArrayAttr list, StringRef name) {
    SmallVector<llvm::Constant *> entries;
    for (auto text : list.getAsRange<StringAttr>())
      entries.push_back(string(text.getValue()));
    return array(entries, name);
  }
  /// A lathe_value_desc for each entry of `list`.
  llvm::Constant *values(ArrayAttr list, StringRef name);
  llvm::Constant *function(host::SignatureOp signature);
  /// A lathe_argument_desc for each tensor of `types`.
  llvm::Constant *arguments(ArrayAttr types, StringRef name);
  llvm::Constant *kernel(host::KernelOp info);
  llvm::Constant *deviceKernel(const DeviceCode::Kernel &kernel);
  llvm::Constant *describe(const DescribedVariant &described);
  /// A function of the variant that is being described, in another object; null
  /// if there is none.
  llvm::Constant *functionOf(StringRef function);

  llvm::Module &code;
  const DescribedVariant *variant = nullptr;
  llvm::LLVMContext &context;
  llvm::PointerType *ptr;
  llvm::Type *i32, *i64;
  llvm::StringMap<llvm::Constant *> strings;
};

/// What a description says of a type, and the tensors that it is of.
struct ValueKind {
  lathe_kind kind;
  unsigned flags;
  TensorType tensor;
  Type key; ///< Of a map.
};

ValueKind kindOf(Type type) {
  if (auto sequence = dyn_cast<graph::SequenceType>(type))
    return {LATHE_KIND_SEQUENCE, 0, sequence.getElement(), {}};
  if (auto map = dyn_cast<graph::MapType>(type))
    return {LATHE_KIND_MAP, map.getMany() ? unsigned(LATHE_VALUE_OF_SEQUENCE) : 0u,
            RankedTensorType::get({ShapedType::kDynamic}, map.getValue()), map.getKey()};
  auto optional = dyn_cast<graph::OptionalType>(type);
  if (!optional)
    return {LATHE_KIND_TENSOR, 0, cast<TensorType>(type), {}};
  ValueKind content = kindOf(optional.getContent());
  return {LATHE_KIND_OPTIONAL,
          content.kind == LATHE_KIND_SEQUENCE ? unsigned(LATHE_VALUE_OF_SEQUENCE) : 0u,
          content.tensor,
          {}};
}

} // namespace

llvm::Constant *Builder::values(ArrayAttr list, StringRef name) {
  SmallVector<llvm::Constant *> entries;
  for (auto entry : list.getAsRange<host::ValueAttr>()) {
    ValueKind kind = kindOf(entry.getType());
    auto type = dyn_cast<RankedTensorType>(kind.tensor);
    auto encoding = type ? dyn_cast_or_null<graph::DimsAttr>(type.getEncoding()) : graph::DimsAttr();
    SmallVector<llvm::Constant *> dims;
    for (auto [i, size] : llvm::enumerate(type ? type.getShape() : ArrayRef<int64_t>())) {
      int64_t dim = size;
      if (ShapedType::isDynamic(size)) {
        auto symbol = encoding ? dyn_cast<AffineSymbolExpr>(encoding.getMap().getResult(i)) : AffineSymbolExpr(nullptr);
        dim = symbol ? ~static_cast<int64_t>(symbol.getPosition()) : INT64_MIN;
      }
      dims.push_back(number(dim));
    }
    unsigned flags = kind.flags | (entry.getSizedByRun() ? LATHE_VALUE_SIZED_BY_RUN : 0) |
                     (entry.getMoves() ? LATHE_VALUE_MOVES : 0);
    uint32_t rank = type ? static_cast<uint32_t>(type.getRank()) : LATHE_ANY_RANK;
    entries.push_back(
        sized({small(kind.kind), string(entry.getName()), small(host::getRuntimeType(kind.tensor.getElementType())),
               small(rank), array(dims, "dims"), small(static_cast<uint32_t>(entry.getSpace())), small(flags),
               small(static_cast<uint32_t>(entry.getAlias())),
               small(kind.key ? host::getRuntimeType(kind.key) : LATHE_DTYPE_INVALID)},
              "value"));
  }
  return array(entries, name);
}

/// lathe_function_desc.
llvm::Constant *Builder::function(host::SignatureOp signature) {
  auto count = [&](ArrayAttr list) { return small(list.size()); };
  SmallVector<llvm::Constant *> ranges;
  for (int64_t limit : signature.getRanges().value_or(ArrayRef<int64_t>()))
    ranges.push_back(number(limit));
  return sized({count(signature.getInputs()), string(signature.getName()), values(signature.getInputs(), "inputs"),
                values(signature.getOutputs(), "outputs"), count(signature.getOutputs()), count(signature.getSymbols()),
                stringArray(signature.getSymbols(), "symbols"), stringArray(signature.getChecks(), "checks"),
                count(signature.getChecks()), small(0), functionOf(signature.getPlan().value_or("")),
                functionOf(signature.getRun().value_or("")), array(ranges, "ranges")},
               "function");
}

llvm::Constant *Builder::arguments(ArrayAttr types, StringRef name) {
  SmallVector<llvm::Constant *> entries;
  for (auto type : types.getAsValueRange<TypeAttr>()) {
    auto tensor = cast<RankedTensorType>(type);
    SmallVector<llvm::Constant *> dims;
    for (int64_t size : tensor.getShape())
      dims.push_back(number(ShapedType::isDynamic(size) ? -1 : size));
    entries.push_back(sized({small(host::getRuntimeType(tensor.getElementType())),
                             small(static_cast<uint32_t>(tensor.getRank())), small(0), array(dims, "dims")},
                            "argument"));
  }
  return array(entries, name);
}

/// lathe_kernel_desc.
llvm::Constant *Builder::kernel(host::KernelOp info) {
  std::string nodes;
  for (auto node : info.getNodes().getAsRange<StringAttr>())
    nodes += (nodes.empty() ? "" : ", ") + node.str();
  SmallVector<llvm::Constant *> phases;
  // A kernel that no call needs may have been dropped.
  ModuleOp module = variant->module;
  std::string symbol = kernel::EntryOp::symbolInCode(info.getName());
  if (auto compiled = module.lookupSymbol<kernel::EntryOp>(symbol))
    for (auto phase : compiled.getPhases().getAsRange<kernel::PhaseAttr>())
      if (llvm::Constant *body = functionOf(phase.getBody().getValue()))
        phases.push_back(sized({small(0), body}, "phase"));
  return sized({small(phases.size()), string(info.getName()), string(info.getKey()), string(info.getStrategy()),
                string(nodes), number(info.getCalls()), array(phases, "phases"), small(info.getSizes()),
                small(info.getOperands().size()), small(info.getResults().size()), small(0),
                arguments(info.getOperands(), "operands"), arguments(info.getResults(), "results")},
               "kernel");
}

/// Whether kindOf and getRuntimeType know it.
static bool isDescribable(Type type) {
  if (auto optional = dyn_cast<graph::OptionalType>(type))
    type = optional.getContent();
  if (isa<graph::MapType>(type))
    return true;
  if (auto sequence = dyn_cast<graph::SequenceType>(type))
    type = sequence.getElement();
  auto tensor = dyn_cast<TensorType>(type);
  return tensor && (!tensor.hasRank() || tensor.getRank() <= LATHE_MAX_RANK) &&
         host::getRuntimeType(tensor.getElementType()) != LATHE_DTYPE_INVALID;
}

LogicalResult verifyDescriptions(ModuleOp module) {
  for (auto signature : module.getOps<host::SignatureOp>())
    for (ArrayAttr list : {signature.getInputs(), signature.getOutputs()})
      for (auto value : list.getAsRange<host::ValueAttr>())
        if (!isDescribable(value.getType()))
          return signature.emitOpError("has the value ")
                 << value.getName() << " of type " << value.getType() << ", which programs cannot have [codegen-value]";
  for (auto kernel : module.getOps<host::KernelOp>())
    for (ArrayAttr list : {kernel.getOperands(), kernel.getResults()})
      for (Type type : list.getAsValueRange<TypeAttr>())
        if (!isa<RankedTensorType>(type))
          return kernel.emitOpError("'") << kernel.getName() << "' has an argument of type " << type
                                         << ", which kernels cannot have [codegen-value]";
  return success();
}

llvm::StringSet<> describedFunctions(ModuleOp module) {
  llvm::StringSet<> names;
  for (auto signature : module.getOps<host::SignatureOp>())
    for (std::optional<StringRef> code : {signature.getPlan(), signature.getRun()})
      names.insert(code.value_or(""));
  for (auto entry : module.getOps<kernel::EntryOp>())
    for (auto phase : entry.getPhases().getAsRange<kernel::PhaseAttr>())
      names.insert(phase.getBody().getValue());
  return names;
}

llvm::Constant *Builder::functionOf(StringRef function) {
  auto symbol = variant->functions.find(function);
  if (symbol == variant->functions.end())
    return nullptr;
  auto *type = llvm::FunctionType::get(i32, false); // Only its address counts.
  auto *found = cast<llvm::Function>(code.getOrInsertFunction(symbol->second, type).getCallee());
  found->setVisibility(llvm::GlobalValue::HiddenVisibility);
  found->setDSOLocal(true);
  return found;
}

/// lathe_variant_desc.spaces: 0 where there is host memory only.
static uint32_t spacesOf(ModuleOp module) {
  uint32_t mask = 0;
  for (auto signature : module.getOps<host::SignatureOp>())
    mask |= signature.getSpaces();
  return mask & ~(1u << LATHE_SPACE_HOST);
}

/// lathe_device_kernel_desc, or lathe_mapped_kernel_desc.
llvm::Constant *Builder::deviceKernel(const DeviceCode::Kernel &kernel) {
  SmallVector<llvm::Constant *> maps;
  for (const DeviceCode::Map &map : kernel.maps) {
    SmallVector<llvm::Constant *> box;
    for (int64_t size : map.box)
      box.push_back(small(size));
    box.resize(LATHE_TENSOR_MAP_RANK, small(0));
    auto *boxes = llvm::ConstantArray::get(llvm::ArrayType::get(i32, LATHE_TENSOR_MAP_RANK), box);
    maps.push_back(
        sized({small(map.word), small(host::getRuntimeType(map.element)), small(map.box.size()), boxes}, "map"));
  }
  uint32_t flags = (kernel.makesChecks ? LATHE_DEVICE_KERNEL_CHECKS : 0) |
                   (kernel.isForBlocks ? LATHE_DEVICE_KERNEL_BLOCKS : 0) |
                   (kernel.stays ? LATHE_DEVICE_KERNEL_STAYS : 0) | (maps.empty() ? 0 : LATHE_DEVICE_KERNEL_MAPS);
  SmallVector<llvm::Constant *> fields = {small(flags),
                                          string(kernel.name),
                                          small(kernel.blockThreads),
                                          small(kernel.sharedBytes),
                                          small(kernel.registers),
                                          small(kernel.spillBytes)};
  if (!maps.empty())
    fields.append({array(maps, "maps"), small(maps.size()), small(0)});
  return sized(fields, "device_kernel");
}

/// lathe_variant_desc.
llvm::Constant *Builder::describe(const DescribedVariant &described) {
  variant = &described;
  SmallVector<llvm::Constant *> kernels;
  ModuleOp module = described.module;
  for (auto info : module.getOps<host::KernelOp>())
    kernels.push_back(kernel(info));
  SmallVector<llvm::Constant *> images, deviceKernels;
  if (const std::string &cubin = described.device.cubin; !cubin.empty())
    images.push_back(sized({small(LATHE_IMAGE_CUBIN), binary(cubin), number(cubin.size())}, "image"));
  if (const std::string &ptx = described.device.ptx; !ptx.empty())
    images.push_back(sized({small(LATHE_IMAGE_PTX), string(ptx), number(ptx.size() + 1)}, "image"));
  for (const DeviceCode::Kernel &kernel : described.device.kernels)
    deviceKernels.push_back(deviceKernel(kernel));
  // Kernels without a model are called by their own names.
  SmallVector<llvm::Constant *> functions;
  for (auto signature : module.getOps<host::SignatureOp>())
    functions.push_back(function(signature));
  return sized({small(functions.size()), string(described.target.name()), string(described.target.str()),
                array(functions, "functions"), array(kernels, "kernels"), small(kernels.size()), small(0),
                number(described.codeBytes), small(spacesOf(described.module)), small(0), array(images, "images"),
                array(deviceKernels, "device_kernels"), small(images.size()), small(deviceKernels.size())},
               "variant");
}

void addDescriptors(llvm::Module &code, ArrayRef<DescribedVariant> variants, StringRef name, uint64_t fingerprint) {
  Builder b(code);
  SmallVector<llvm::Constant *> described;
  for (const DescribedVariant &variant : variants)
    described.push_back(b.describe(variant));
  ModuleOp module = variants.front().module;
  SmallVector<llvm::Constant *> metadata; // key, value, key, value, ...
  if (auto custom = module->getAttrOfType<DictionaryAttr>("graph.metadata"))
    for (NamedAttribute entry : custom)
      if (auto text = dyn_cast<StringAttr>(entry.getValue()))
        metadata.append({b.string(entry.getName()), b.string(text.getValue())});
  int64_t size = 0;
  for (auto all : module.getOps<host::WeightsOp>())
    size = all.getSize();
  llvm::Constant *weights =
      new llvm::GlobalVariable(code, b.i64, true, llvm::GlobalValue::ExternalLinkage, nullptr, weightsSymbol(name));
  cast<llvm::GlobalVariable>(weights)->setVisibility(llvm::GlobalValue::HiddenVisibility);
  if (!size)
    weights = llvm::ConstantPointerNull::get(b.ptr);
  int64_t features = 0;
  for (const DescribedVariant &variant : variants) {
    ModuleOp described = variant.module;
    for (auto signature : described.getOps<host::SignatureOp>())
      features |= signature.getFeatures();
    if (spacesOf(described))
      features |= LATHE_FEATURE_SPACES;
    if (!variant.device.ptx.empty())
      features |= LATHE_FEATURE_IMAGES;
    if (llvm::any_of(variant.device.kernels, [](const DeviceCode::Kernel &kernel) { return !kernel.maps.empty(); }))
      features |= LATHE_FEATURE_TENSOR_MAPS;
  }
  llvm::Constant *desc =
      b.withSize({b.small(LATHE_ABI_VERSION), b.small(0), b.number(features), b.string(LATHE_VERSION), b.string(name),
                  weights, b.number(size), b.array(described, "variants"), b.small(described.size()),
                  b.small(metadata.size() / 2), b.array(metadata, "metadata")},
                 /*place=*/1);
  // Named, so that a compiler can read what it holds of a model for another
  // machine, whose code it cannot run.
  auto *global = cast<llvm::GlobalVariable>(b.global(desc, descriptorSymbol(name)));
  global->setLinkage(llvm::GlobalValue::ExternalLinkage);
  global->setVisibility(llvm::GlobalValue::HiddenVisibility);

  auto *type = llvm::FunctionType::get(b.ptr, {b.i32}, false);
  auto *query = llvm::Function::Create(type, llvm::GlobalValue::ExternalLinkage, querySymbol(name), code);
  llvm::IRBuilder<> at(llvm::BasicBlock::Create(b.context, "", query));
  llvm::Value *known = at.CreateICmpEQ(query->getArg(0), b.small(LATHE_ABI_VERSION));
  at.CreateRet(at.CreateSelect(known, global, llvm::ConstantPointerNull::get(b.ptr)));
  llvm::GlobalAlias::create(type, 0, llvm::GlobalValue::ExternalLinkage, querySymbol(name, fingerprint), query, &code);
  // Weak, so that several models can be linked into one program, where each
  // header names its own query function.
  auto *alias =
      llvm::GlobalAlias::create(type, 0, llvm::GlobalValue::WeakAnyLinkage, "lathe_module_query", query, &code);
  alias->setVisibility(llvm::GlobalValue::DefaultVisibility);
}

} // namespace lathe
