// lib/OpLibrary/EmitHeader.cpp: what a C program sees of a library.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Dims.h"
#include "Emit.h"
#include "lathe-runtime/module_abi.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/raw_ostream.h"

using llvm::StringRef;

namespace lathe::oplib {

/// `@` stands for the library's name, `^` for the same in capitals.
static constexpr StringRef start = R"(/* @.h: a library of operators, made by `lathe oplib build`.
 *
 * Plain C11. A call allocates nothing, starts no thread, keeps no state and ends
 * with a status. Any number of threads may call with one context at once. Sizes
 * count elements, strides too: the distance of one row from the next, where 0
 * stands for rows without gaps. The result overlaps no operand. Elements of half
 * precision are uint16_t, which holds their bits. Numbers are rounded to nearest,
 * and the same arguments give the same bits with any number of workers.
 */
#ifndef ^_H
#define ^_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum @_status {
  ^_OK = 0,
  ^_BAD_ARGUMENT = 1,    /* NULL, negative, too large, not aligned to its elements, or overlapping. */
  ^_NO_VARIANT = 2,      /* Not built for this form, or forced to a variant that is not for these sizes. */
  ^_SMALL_WORKSPACE = 3, /* The workspace, or what is to be packed into, is too small. */
  ^_WRONG_PACKING = 4,   /* Packed for another operator, size or instruction set, or not at all. */
  ^_NO_SUCH_NAME = 5,    /* No operator, variant or instruction set has the name. */
  ^_UNSUPPORTED_ISA = 6, /* This machine cannot run that code. */
  ^_TASK_FAILED = 7,     /* The caller's parallel_for returned something other than 0. */
  ^_CHECK_FAILED = 8     /* An element is out of range, such as an index. */
} @_status;

/* A sentence; never NULL. */
const char *@_status_text(@_status status);

/* Does tasks `begin` to `end` of a loop on the thread `worker`; returns 0. */
typedef int32_t (*@_body)(int64_t begin, int64_t end, uint32_t worker, void *scratch, void *closure);

typedef struct @_config {
  size_t struct_size; /* sizeof(@_config) */
  /* Calls `body` for disjoint ranges that together are [0, tasks), on any threads,
   * and returns when all have returned: 0, or what a body returned. Ranges that run
   * at the same time have different workers below `workers`; worker w is given
   * `scratch + w * scratch_stride`. NULL: the calling thread does all. */
  int32_t (*parallel_for)(void *context, int64_t tasks, uint32_t workers, @_body body, void *scratch,
                          size_t scratch_stride, void *closure);
  void *context;
  uint32_t workers; /* The most that run at once; 0 stands for 1. */
} @_config;

/* What a program keeps of an open library, in memory of its own; there is nothing
 * to close. */
typedef struct @_ctx {
  uint64_t words[%];
} @_ctx;

/* Chooses the best instruction set that processor and operating system have.
 * `config` may be NULL for the defaults. */
@_status @_open(const @_config *config, @_ctx *ctx);

/* Makes the operator `op` (NULL: all) take one instruction set ("v2") or one
 * variant ("v3.any") in calls that begin later; NULL brings the choice back. No
 * call with `ctx` may be under way. Packed operands must be packed anew. */
@_status @_force(@_ctx *ctx, const char *op, const char *isa_or_variant);

typedef struct @_choice {
  const char *isa, *variant;
  const char *kernel; /* What the manifest calls the key. */
  const char *by;     /* "model", "measured", or "forced". */
  int32_t row;        /* Of the table; -1 if it was forced. */
} @_choice;

/* Says what computes `op` for `sizes`, its symbols in the order of its arguments. */
@_status @_select(const @_ctx *ctx, const char *op, const int64_t *sizes, @_choice *choice);

typedef struct @_table_report {
  int32_t rows, taken, refused; /* Of the table, for this machine's target. */
  int32_t isa;                  /* Whose rows were read: @_isa_name(isa). */
  int32_t line;                 /* Of the first row that was refused. */
  int32_t reserved;
  const char *why; /* It was; NULL if none was. */
} @_table_report;

/* Replaces the library's choices by those of a dispatch table in YAML, such as
 * share/@/tables has and `lathe oplib tune` writes; operators that it does not
 * name keep theirs. Rows of other kernels, or for sizes that a variant is not for,
 * are refused. `bytes` first says how large `memory` is, which the context uses from
 * then on and which is aligned to 8 bytes; it becomes what the table takes. Where
 * `memory` is NULL, nothing is loaded. No call with `ctx` may be under way. */
@_status @_load_table(@_ctx *ctx, const char *text, size_t length, void *memory, size_t *bytes,
                      @_table_report *report);

/* Any operator by its number, for bindings: `sizes` are the symbols and then the
 * strides of its arguments in their order, `operands` a pointer each. Where `needed`
 * is not NULL, it becomes the bytes of workspace and nothing is computed. */
@_status @_call(const @_ctx *ctx, size_t op, const int64_t *sizes, const void *const *operands, int32_t choice,
                void *workspace, size_t workspace_bytes, size_t *needed);

/* Names for programs that list what there is; NULL behind the last. */
const char *@_isa_name(size_t index);
const char *@_op_name(size_t index);
const char *@_variant_name(const char *op, const char *isa, size_t index);
)";

static constexpr StringRef end = R"(
#ifdef __cplusplus
}
#endif

#endif /* ^_H */
)";

size_t contextWords(const Spec &spec) {
  // What lathe_ops_context holds, which lib/Runtime/Ops/Ops.h defines: magic, imports, two numbers, three words an
  // operator.
  static_assert(sizeof(lathe_imports) % sizeof(uint64_t) == 0);
  return 2 + sizeof(lathe_imports) / sizeof(uint64_t) + 3 * spec.ops.size();
}

/// `text` with the library's name filled in.
static std::string fill(StringRef text, const Spec &spec) {
  std::string result, capitals = StringRef(spec.name).upper();
  for (char c : text)
    if (c == '@')
      result += spec.name;
    else if (c == '^')
      result += capitals;
    else if (c == '%')
      result += std::to_string(contextWords(spec));
    else
      result += c;
  return result;
}

std::string shapeOf(const Op &op, const Operand &operand) {
  std::vector<std::string> dims;
  for (const std::string &dim : operand.dims) {
    dims.push_back(dim);
    for (const auto &[name, expression] : op.derived)
      if (name == dim)
        dims.back() = toText(expression);
  }
  return "[" + llvm::join(dims, ", ") + "]";
}

unsigned alignmentOf(const Op &op, const Operand &operand) {
  return op.isProgram && operand.isResult ? LATHE_ALIGNMENT : elementType(operand.dtype).bytes;
}

static void writeOp(llvm::raw_ostream &out, const Spec &spec, const Op &op) {
  std::string name = functionName(spec, op), capitals = StringRef(name).upper();
  if (!op.choices.empty()) {
    out << "\ntypedef enum " << name << "_" << op.choiceName << " {\n";
    for (size_t i = 0; i < op.choices.size(); ++i)
      out << "  " << capitals << "_" << StringRef(op.choices[i]).upper() << " = " << i
          << (i + 1 < op.choices.size() ? ",\n" : "\n");
    out << "} " << name << "_" << op.choiceName << ";\n";
  }
  out << "\n/* " << op.about << " */\ntypedef struct " << name << "_args {\n";
  for (size_t i = 0; i < op.symbols.size(); ++i)
    out << "  int64_t " << op.symbols[i] << "; /* " << op.symbolsAbout[i] << " */\n";
  for (const Operand &operand : op.operands) {
    out << "  " << (operand.isResult ? "" : "const ") << (operand.isPacked ? "void" : elementType(operand.dtype).c)
        << " *" << operand.name << "; /* " << shapeOf(op, operand) << ": " << operand.about
        << (operand.isOptional ? "; NULL: none" : "")
        << (alignmentOf(op, operand) == LATHE_ALIGNMENT ? "; aligned to 64 bytes" : "") << " */\n";
    for (const std::string &stride : operand.strides)
      out << "  int64_t " << stride << ";\n";
  }
  if (!op.choices.empty())
    out << "  int32_t " << op.choiceName << "; /* " << name << "_" << op.choiceName << " */\n";
  out << "  void *workspace; /* NULL where none is needed. */\n  size_t workspace_bytes;\n} " << name << "_args;\n\n"
      << spec.name << "_status " << name << "(const " << spec.name << "_ctx *ctx, const " << name << "_args *args);\n"
      << "/* The bytes of workspace that this call needs: arguments as for the call, but for the workspace. */\n"
      << spec.name << "_status " << name << "_workspace(const " << spec.name << "_ctx *ctx, const " << name
      << "_args *args, size_t *bytes);\n";
  for (const Operand &operand : op.operands) {
    if (!operand.isPacked)
      continue;
    out << "/* Packs " << operand.name << shapeOf(op, operand)
        << " for the instruction set of `ctx`. Sets `bytes` to what that takes; where\n"
        << " * `out` is not NULL, `bytes` first says what there is. */\n"
        << spec.name << "_status " << name << "_pack_" << operand.name << "(const " << spec.name << "_ctx *ctx";
    for (const std::string &dim : operand.dims)
      out << ", int64_t " << dim;
    out << ", const " << elementType(operand.dtype).c << " *" << operand.name << ", int64_t ld" << operand.name
        << ", void *out, size_t *bytes);\n";
  }
}

std::string emitHeader(const Spec &spec) {
  std::string text;
  llvm::raw_string_ostream out(text);
  out << fill(start, spec);
  for (const auto &op : spec.ops)
    writeOp(out, spec, *op);
  out << fill(end, spec);
  return text;
}

} // namespace lathe::oplib
