// lib/Codegen/CPU/Descriptors.cpp: what a compiled model says of itself.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Descriptors.h"
#include "dialects/Graph/Graph.h"
#include "lathe-runtime/module_abi.h"
#include "lathe/Codegen/Codegen.h"
#include "llvm/IR/IRBuilder.h"

using namespace mlir;

namespace lathe {

namespace {

class Builder {
public:
  Builder(llvm::Module &code, ModuleOp module)
      : code(code), module(module), context(code.getContext()), ptr(llvm::PointerType::get(context, 0)),
        i32(llvm::Type::getInt32Ty(context)), i64(llvm::Type::getInt64Ty(context)) {}

  llvm::Constant *string(StringRef text) {
    llvm::Constant *&made = strings[text];
    if (!made)
      made = global(llvm::ConstantDataArray::getString(context, text), "text");
    return made;
  }
  llvm::Constant *number(int64_t n) { return llvm::ConstantInt::get(i64, n); }
  llvm::Constant *small(uint32_t n) { return llvm::ConstantInt::get(i32, n); }
  llvm::Constant *global(llvm::Constant *value, StringRef name) {
    return new llvm::GlobalVariable(code, value->getType(), /*isConstant=*/true, llvm::GlobalValue::PrivateLinkage,
                                    value, name);
  }
  llvm::Constant *structure(ArrayRef<llvm::Constant *> fields) {
    return llvm::ConstantStruct::getAnon(context, fields);
  }
  /// A global array; null where there is nothing.
  llvm::Constant *array(ArrayRef<llvm::Constant *> entries, StringRef name) {
    if (entries.empty())
      return llvm::ConstantPointerNull::get(ptr);
    return global(llvm::ConstantArray::get(llvm::ArrayType::get(entries[0]->getType(), entries.size()), entries), name);
  }
  llvm::Constant *stringArray(StringRef attribute) {
    SmallVector<llvm::Constant *> entries;
    for (auto text : list(attribute).getAsRange<StringAttr>())
      entries.push_back(string(text.getValue()));
    return array(entries, attribute);
  }
  ArrayAttr list(StringRef attribute) {
    auto found = module->getAttrOfType<ArrayAttr>(attribute);
    return found ? found : ArrayAttr::get(module.getContext(), {});
  }
  /// lathe_value_desc for each entry of an attribute.
  llvm::Constant *values(StringRef attribute);

  llvm::Module &code;
  ModuleOp module;
  llvm::LLVMContext &context;
  llvm::PointerType *ptr;
  llvm::Type *i32, *i64;
  llvm::StringMap<llvm::Constant *> strings;
};

lathe_dtype dtypeOf(Type type) {
  if (type.isF32())
    return LATHE_DTYPE_F32;
  if (type.isF64())
    return LATHE_DTYPE_F64;
  if (type.isF16())
    return LATHE_DTYPE_F16;
  if (type.isBF16())
    return LATHE_DTYPE_BF16;
  auto integer = dyn_cast<IntegerType>(type);
  if (!integer)
    return LATHE_DTYPE_INVALID;
  bool isUnsigned = integer.isUnsigned();
  switch (integer.getWidth()) {
  case 1:
    return LATHE_DTYPE_BOOL;
  case 8:
    return isUnsigned ? LATHE_DTYPE_U8 : LATHE_DTYPE_I8;
  case 16:
    return isUnsigned ? LATHE_DTYPE_U16 : LATHE_DTYPE_I16;
  case 32:
    return isUnsigned ? LATHE_DTYPE_U32 : LATHE_DTYPE_I32;
  case 64:
    return isUnsigned ? LATHE_DTYPE_U64 : LATHE_DTYPE_I64;
  default:
    return LATHE_DTYPE_INVALID;
  }
}

} // namespace

llvm::Constant *Builder::values(StringRef attribute) {
  SmallVector<llvm::Constant *> entries;
  for (auto entry : list(attribute).getAsRange<DictionaryAttr>()) {
    auto type = cast<RankedTensorType>(entry.getAs<TypeAttr>("type").getValue());
    auto encoding = dyn_cast_or_null<graph::DimsAttr>(type.getEncoding());
    SmallVector<llvm::Constant *> dims;
    for (auto [i, size] : llvm::enumerate(type.getShape())) {
      int64_t dim = size;
      if (ShapedType::isDynamic(size)) {
        auto symbol = encoding ? dyn_cast<AffineSymbolExpr>(encoding.getMap().getResult(i)) : AffineSymbolExpr(nullptr);
        dim = symbol ? ~static_cast<int64_t>(symbol.getPosition()) : INT64_MIN;
      }
      dims.push_back(number(dim));
    }
    entries.push_back(structure({string(entry.getAs<StringAttr>("name").getValue()),
                                 small(dtypeOf(type.getElementType())), small(type.getRank()), array(dims, "dims")}));
  }
  return array(entries, attribute);
}

void addDescriptors(llvm::Module &code, ModuleOp module, StringRef name, StringRef target) {
  Builder b(code, module);
  auto count = [&](StringRef attribute) { return b.small(b.list(attribute).size()); };
  llvm::Constant *function =
      b.structure({b.string("main"), count("host.inputs"), count("host.outputs"), b.values("host.inputs"),
                   b.values("host.outputs"), count("host.symbols"), count("host.checks"), b.stringArray("host.symbols"),
                   b.stringArray("host.checks"), code.getFunction("lathe.plan"), code.getFunction("lathe.run")});
  SmallVector<llvm::Constant *> kernels;
  for (auto entry : b.list("host.kernels").getAsRange<DictionaryAttr>())
    kernels.push_back(b.structure(
        {b.string(entry.getAs<StringAttr>("name").getValue()), b.string(entry.getAs<StringAttr>("strategy").getValue()),
         b.string(entry.getAs<StringAttr>("nodes").getValue()), b.number(entry.getAs<IntegerAttr>("calls").getInt())}));
  SmallVector<llvm::Constant *> metadata; // key, value, key, value, ...
  if (auto custom = module->getAttrOfType<DictionaryAttr>("graph.metadata"))
    for (NamedAttribute entry : custom)
      if (auto text = dyn_cast<StringAttr>(entry.getValue()))
        metadata.append({b.string(entry.getName()), b.string(text.getValue())});
  auto size = module->getAttrOfType<IntegerAttr>("host.weights_size");
  llvm::Constant *weights =
      new llvm::GlobalVariable(code, b.i64, true, llvm::GlobalValue::ExternalLinkage, nullptr, weightsSymbol(name));
  cast<llvm::GlobalVariable>(weights)->setVisibility(llvm::GlobalValue::HiddenVisibility);
  if (!size.getInt())
    weights = llvm::ConstantPointerNull::get(b.ptr);
  llvm::Constant *desc =
      b.structure({b.small(LATHE_ABI_VERSION), b.small(1), b.string(target), b.string(LATHE_VERSION), b.string(name),
                   b.array({function}, "functions"), weights, b.number(size.getInt()), b.small(kernels.size()),
                   b.small(metadata.size() / 2), b.array(kernels, "kernels"), b.array(metadata, "metadata")});
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
  // Weak, so that several models can be linked into one program, where each
  // header names its own query function.
  auto *alias =
      llvm::GlobalAlias::create(type, 0, llvm::GlobalValue::WeakAnyLinkage, "lathe_module_query", query, &code);
  alias->setVisibility(llvm::GlobalValue::DefaultVisibility);
}

} // namespace lathe
