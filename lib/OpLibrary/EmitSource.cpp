// lib/OpLibrary/EmitSource.cpp: the C file of a library: its tables, and its functions on top of Functions.h.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Dims.h"
#include "Emit.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/raw_ostream.h"

using llvm::StringRef;

namespace lathe::oplib {

namespace {

/// Writes what one operator needs.
class OpSource {
public:
  OpSource(llvm::raw_ostream &out, const Spec &spec, size_t index, llvm::ArrayRef<BuiltTarget> targets)
      : out(out), spec(spec), op(*spec.ops[index]), index(index), targets(targets), name(functionName(spec, op)) {}

  void write() {
    writeKernels();
    writeCalls();
    for (size_t level = 0; level < targets.size(); ++level)
      writeLevel(level);
    writeOperands();
    writeDerived();
  }
  void writeEntry();
  void writeFunctions();

private:
  const BuiltOp &built(size_t level) { return targets[level].ops[index]; }
  void writeKernels();
  void writeCalls();
  void writeLevel(size_t level);
  void writeOperands();
  void writeDerived();
  void writePack(size_t position);

  llvm::raw_ostream &out;
  const Spec &spec;
  const Op &op;
  size_t index;
  llvm::ArrayRef<BuiltTarget> targets;
  std::string name;
};

} // namespace

/// Those that no other variant declares.
static llvm::ArrayRef<BuiltKernel> ownKernels(const Variant &variant) {
  return variant.sameAs.empty() ? llvm::ArrayRef(variant.kernels) : llvm::ArrayRef<BuiltKernel>();
}

void OpSource::writeKernels() {
  std::string sizes, pointers;
  for (size_t i = 0; i < op.sizes().size(); ++i)
    sizes += ", int64_t";
  for (size_t i = 0; i < op.operands.size(); ++i)
    pointers += ", const void *";
  out << "\n/* --- " << op.name << " */\n\n";
  if (op.isProgram) {
    for (size_t level = 0; level < targets.size(); ++level)
      for (const Variant &variant : built(level).variants)
        for (const BuiltKernel &kernel : ownKernels(variant))
          out << "HIDDEN const lathe_module_desc *" << kernel.symbol << "(uint32_t);\n";
    return;
  }
  out << "typedef int32_t lathe_" << op.name << "_run(lathe_call *" << sizes << pointers
      << ");\ntypedef uint64_t lathe_" << op.name << "_measure(const lathe_call *" << sizes << ");\n";
  for (size_t level = 0; level < targets.size(); ++level)
    for (const Variant &variant : built(level).variants)
      for (const BuiltKernel &kernel : ownKernels(variant))
        out << "HIDDEN extern lathe_" << op.name << "_run " << kernel.symbol << ";\nHIDDEN extern lathe_" << op.name
            << "_measure " << kernel.symbol << "_workspace;\n";
}

/// From arrays to the arguments of a kernel.
void OpSource::writeCalls() {
  if (op.isProgram)
    return;
  std::string sizes, pointers;
  for (size_t i = 0; i < op.sizes().size(); ++i)
    sizes += ", s[" + std::to_string(i) + "]";
  for (size_t i = 0; i < op.operands.size(); ++i)
    pointers += ", x[" + std::to_string(i) + "]";
  out << "\nstatic int32_t lathe_invoke_" << op.name
      << "(lathe_ops_function run, lathe_call *call, const int64_t *s, const void *const *x) {\n  return ((lathe_"
      << op.name << "_run *)run)(call" << sizes << pointers << ");\n}\nstatic uint64_t lathe_measure_" << op.name
      << "(lathe_ops_function workspace, const lathe_call *call, const int64_t *s) {\n  return ((lathe_" << op.name
      << "_measure *)workspace)(call" << sizes << ");\n}\n";
}

void OpSource::writeLevel(size_t level) {
  const BuiltOp &own = built(level);
  std::string prefix = "lathe_" + op.name + "_" + std::to_string(level);
  for (auto [i, variant] : llvm::enumerate(own.variants)) {
    out << "static const lathe_ops_kernel " << prefix << "_kernels_" << i << "[] = {\n";
    for (const BuiltKernel &kernel : variant.kernels)
      out << "    {(lathe_ops_function)" << kernel.symbol << ", "
          << (op.isProgram ? "0" : "(lathe_ops_function)" + kernel.symbol + "_workspace") << "},\n";
    out << "};\n";
    if (variant.specialization->fixed.empty())
      continue;
    out << "static const int64_t " << prefix << "_fixed_" << i << "[] = {";
    for (const std::optional<int64_t> &fixed : variant.specialization->fixed)
      out << fixed.value_or(-1) << ", ";
    out << "};\n";
  }
  out << "static const lathe_ops_variant " << prefix << "_variants[] = {\n";
  for (auto [i, variant] : llvm::enumerate(own.variants))
    out << "    {\"" << variant.name << "\", \"" << variant.key << "\", "
        << (variant.specialization->fixed.empty() ? "0" : prefix + "_fixed_" + std::to_string(i)) << ", " << prefix
        << "_kernels_" << i << "},\n";
  out << "};\n";
  for (auto [i, row] : llvm::enumerate(own.rows)) {
    if (row.ranges.empty())
      continue;
    out << "static const int64_t " << prefix << "_ranges_" << i << "[][2] = {";
    for (auto [low, high] : row.ranges)
      out << "{" << low << ", " << (high == INT64_MAX ? "INT64_MAX" : std::to_string(high)) << "}, ";
    out << "};\n";
  }
  out << "static const lathe_ops_row " << prefix << "_rows[] = {\n";
  for (auto [i, row] : llvm::enumerate(own.rows))
    out << "    {" << (row.ranges.empty() ? "0" : prefix + "_ranges_" + std::to_string(i)) << ", " << row.variant
        << ", \"" << row.by << "\"},\n";
  out << "};\n";
}

/// An initializer has an entry.
static std::string orZero(const std::string &list) { return list.empty() ? "0" : list; }

void OpSource::writeOperands() {
  out << "static const char *const lathe_symbols_" << op.name << "[] = {";
  for (const std::string &symbol : op.symbols)
    out << "\"" << symbol << "\", ";
  out << "0};\n";
  out << "static const lathe_ops_operand lathe_operands_" << op.name << "[] = {\n";
  for (const Operand &operand : op.operands) {
    std::string flags = "0", dims, strides;
    for (auto [set, flag] :
         {std::pair(operand.isOptional, "LATHE_OPS_OPTIONAL"), std::pair(operand.isZeroIfAbsent, "LATHE_OPS_ZERO"),
          std::pair(operand.isResult, "LATHE_OPS_RESULT"), std::pair(operand.isPacked, "LATHE_OPS_PACKED")})
      if (set)
        flags += std::string(" | ") + flag;
    for (auto [i, dim] : llvm::enumerate(operand.dims)) {
      int size = op.indexOfSize(dim);
      dims += (size < 0 ? dim : "~INT64_C(" + std::to_string(size) + ")") + ", ";
      strides += (i < operand.strides.size() ? std::to_string(op.indexOfSize(operand.strides[i])) : "-1") + ", ";
    }
    // Programs write vectors that are aligned as a model's outputs are.
    unsigned bytes = elementType(operand.dtype).bytes;
    out << "    {" << bytes << ", " << operand.dims.size() << ", " << flags << ", " << alignmentOf(op, operand) << ", {"
        << orZero(dims) << "}, {" << orZero(strides) << "}},\n";
  }
  out << "};\nstatic const uint32_t lathe_forms_" << op.name << "[] = {";
  for (const Form &form : op.forms) {
    unsigned present = 0;
    for (auto [i, operand] : llvm::enumerate(op.operands))
      present |= unsigned(operand.isOptional && !operand.isZeroIfAbsent && form.present[i]) << i;
    out << present << ", ";
  }
  out << "};\nstatic const lathe_ops_level lathe_levels_" << op.name << "[] = {\n";
  for (size_t level = 0; level < targets.size(); ++level) {
    const BuiltOp &own = built(level);
    std::string prefix = "lathe_" + op.name + "_" + std::to_string(level);
    out << "    {" << prefix << "_variants, " << prefix << "_rows, " << own.variants.size() << ", " << own.rows.size()
        << ", " << own.panel << "},\n";
  }
  out << "};\n";
}

/// The sizes that follow from symbols.
void OpSource::writeDerived() {
  if (op.derived.empty())
    return;
  out << "static void lathe_derive_" << op.name << "(int64_t *s) {\n";
  for (const auto &[name, expression] : op.derived)
    out << "  s[" << op.indexOfSize(name)
        << "] = " << toC(expression, [&](StringRef size) { return "s[" + std::to_string(op.indexOfSize(size)) + "]"; })
        << ";\n";
  out << "}\n";
}

void OpSource::writeEntry() {
  auto function = [&](bool isThere, StringRef kind) {
    return isThere ? ("lathe_" + kind + "_" + op.name).str() : std::string("0");
  };
  out << "    {\"" << op.name << "\", lathe_symbols_" << op.name << ", " << op.symbols.size() << ", "
      << op.sizes().size() + op.derived.size() << ", " << op.sizes().size() << ", " << op.operands.size() << ", "
      << op.forms.size() << ", lathe_operands_" << op.name << ", lathe_forms_" << op.name << ", lathe_levels_"
      << op.name << ", " << function(!op.derived.empty(), "derive") << ", " << function(!op.isProgram, "invoke") << ", "
      << function(!op.isProgram, "measure") << "},\n";
}

void OpSource::writePack(size_t position) {
  const Operand &operand = op.operands[position];
  out << "\nAPI " << spec.name << "_status " << name << "_pack_" << operand.name << "(const " << spec.name
      << "_ctx *ctx";
  for (const std::string &dim : operand.dims)
    out << ", int64_t " << dim;
  out << ", const " << elementType(operand.dtype).c << " *" << operand.name << ", int64_t ld" << operand.name
      << ", void *out, size_t *bytes) {\n  int64_t sizes[" << op.sizes().size() + op.derived.size() + 1 << "] = {0};\n";
  for (const std::string &dim : operand.dims)
    if (int size = op.indexOfSize(dim); size >= 0)
      out << "  sizes[" << size << "] = " << dim << ";\n";
  out << "  return (" << spec.name << "_status)lathe_ops_pack(&lathe_library, (const lathe_ops_context *)ctx, " << index
      << ", " << position << ", sizes, ld" << operand.name << ", " << operand.name << ", out, bytes);\n}\n";
}

void OpSource::writeFunctions() {
  std::string status = spec.name + "_status";
  out << "\nstatic " << status << " lathe_do_" << op.name << "(const " << spec.name << "_ctx *ctx, const " << name
      << "_args *args, size_t *needed) {\n  if (!args)\n    return " << StringRef(spec.name).upper()
      << "_BAD_ARGUMENT;\n  int64_t sizes[] = {";
  for (const std::string &size : op.sizes())
    out << "args->" << size << ", ";
  for (size_t i = 0; i < op.derived.size(); ++i)
    out << "0, ";
  out << "0};\n  const void *operands[] = {";
  for (const Operand &operand : op.operands)
    out << "args->" << operand.name << ", ";
  out << "};\n  return (" << status << ")lathe_ops_call(&lathe_library, (const lathe_ops_context *)ctx, " << index
      << ", sizes, operands, " << (op.choices.empty() ? "0" : "args->" + op.choiceName)
      << ", args->workspace,\n      args->workspace_bytes, needed);\n}\n\nAPI " << status << " " << name << "(const "
      << spec.name << "_ctx *ctx, const " << name << "_args *args) {\n  return lathe_do_" << op.name
      << "(ctx, args, 0);\n}\n\nAPI " << status << " " << name << "_workspace(const " << spec.name
      << "_ctx *ctx, const " << name << "_args *args, size_t *bytes) {\n  return bytes ? lathe_do_" << op.name
      << "(ctx, args, bytes) : " << StringRef(spec.name).upper() << "_BAD_ARGUMENT;\n}\n";
  for (auto [position, operand] : llvm::enumerate(op.operands))
    if (operand.isPacked)
      writePack(position);
}

/// `@` stands for the library's name, `^` for the same in capitals.
static constexpr StringRef common = R"(
_Static_assert(sizeof(@_ctx) == sizeof(lathe_ops_context) + LATHE_OP_COUNT * sizeof(lathe_ops_choices), "a context holds what it must");
_Static_assert((int)^_CHECK_FAILED == (int)LATHE_OPS_CHECK_FAILED, "statuses have the same numbers");

API const char *@_status_text(@_status status) { return lathe_ops_status_text((int)status); }

API @_status @_open(const @_config *config, @_ctx *ctx) {
  if (!ctx || (config && config->struct_size < sizeof *config))
    return ^_BAD_ARGUMENT;
  lathe_imports imports = {0};
  imports.parallel_for = config ? config->parallel_for : 0;
  imports.context = config ? config->context : 0;
  return (@_status)lathe_ops_open(&lathe_library, (lathe_ops_context *)ctx, &imports, config ? config->workers : 1);
}

API @_status @_force(@_ctx *ctx, const char *op, const char *isa_or_variant) {
  return (@_status)lathe_ops_force(&lathe_library, (lathe_ops_context *)ctx, op, isa_or_variant);
}

API @_status @_select(const @_ctx *ctx, const char *op, const int64_t *sizes, @_choice *choice) {
  lathe_ops_choice chosen = {0};
  lathe_ops_status status = choice ? lathe_ops_select(&lathe_library, (const lathe_ops_context *)ctx, op, sizes, &chosen) : LATHE_OPS_BAD_ARGUMENT;
  if (choice)
    *choice = (@_choice){chosen.isa, chosen.variant, chosen.key, chosen.by, chosen.row};
  return (@_status)status;
}

_Static_assert(sizeof(@_table_report) == sizeof(lathe_ops_table_report), "reports are the same");

API @_status @_load_table(@_ctx *ctx, const char *text, size_t length, void *memory, size_t *bytes, @_table_report *report) {
  lathe_ops_table_report own = {0};
  lathe_ops_status status = lathe_ops_load_table(&lathe_library, (lathe_ops_context *)ctx, text, length, memory, bytes, &own);
  if (report)
    *report = (@_table_report){own.rows, own.taken, own.refused, own.level, own.line, 0, own.why};
  return (@_status)status;
}

API @_status @_call(const @_ctx *ctx, size_t op, const int64_t *sizes, const void *const *operands, int32_t choice, void *workspace, size_t workspace_bytes, size_t *needed) {
  int64_t all[LATHE_OPS_MOST_SIZES] = {0};
  const void *pointers[LATHE_OPS_MOST_OPERANDS] = {0};
  if (op >= LATHE_OP_COUNT || !sizes || !operands)
    return ^_BAD_ARGUMENT;
  memcpy(all, sizes, lathe_library.ops[op].given_count * sizeof *all);
  memcpy(pointers, operands, lathe_library.ops[op].operand_count * sizeof *pointers);
  return (@_status)lathe_ops_call(&lathe_library, (const lathe_ops_context *)ctx, (uint32_t)op, all, pointers, choice, workspace, workspace_bytes, needed);
}

API const char *@_isa_name(size_t index) { return lathe_ops_isa_name(&lathe_library, index); }
API const char *@_op_name(size_t index) { return lathe_ops_op_name(&lathe_library, index); }
API const char *@_variant_name(const char *op, const char *isa, size_t index) {
  return lathe_ops_variant_name(&lathe_library, op, isa, index);
}
)";

/// Whether kernels may convert to bf16; what a graph does inside, nobody knows here.
static bool hasBfloat(const Spec &spec) {
  return llvm::any_of(spec.ops, [](const auto &op) {
    return !op->file.empty() ||
           llvm::any_of(op->operands, [](const Operand &operand) { return operand.dtype == "bf16"; });
  });
}

std::string sourcePath(const Spec &spec, StringRef arch) {
  std::string ending = spec.archs().size() == 1 ? "" : ("_" + arch).str();
  return "share/" + spec.name + "/src/" + spec.name + ending + ".c";
}

std::string emitSource(const Spec &spec, llvm::ArrayRef<BuiltTarget> targets) {
  std::string text, capitals = StringRef(spec.name).upper();
  llvm::raw_string_ostream out(text);
  out << "/* " << spec.name << ".c: made by `lathe oplib build`; compiled into the library, and here to be read. */\n"
      << "#include \"" << spec.name << "/" << spec.name << ".h\"\n\n#include \"Ops/Functions.h\"\n"
      << (hasBfloat(spec) ? "#include \"Ops/HalfPrecision.h\"\n" : "") << "\n"
      << "#define API __attribute__((visibility(\"default\")))\n"
      << "#define HIDDEN __attribute__((visibility(\"hidden\")))\nenum { LATHE_OP_COUNT = " << spec.ops.size()
      << " };\n";
  std::vector<OpSource> ops;
  for (size_t i = 0; i < spec.ops.size(); ++i)
    ops.emplace_back(out, spec, i, targets).write();
  out << "\nstatic const lathe_ops_op lathe_ops[] = {\n";
  for (OpSource &op : ops)
    op.writeEntry();
  out << "};\nstatic const char *const level_names[] = {";
  for (const BuiltTarget &target : targets)
    out << "\"" << levelName(target.target) << "\", ";
  out << "};\nstatic const char *const level_targets[] = {";
  for (const BuiltTarget &target : targets)
    out << "\"" << target.target.str() << "\", ";
  out << "};\nstatic const lathe_ops_library lathe_library = {\"" << spec.name
      << "\", level_names, level_targets, lathe_ops, " << targets.size() << ", LATHE_OP_COUNT};\n";
  for (char c : common)
    if (c == '@')
      out << spec.name;
    else if (c == '^')
      out << capitals;
    else
      out << c;
  for (OpSource &op : ops)
    op.writeFunctions();
  return text;
}

} // namespace lathe::oplib
