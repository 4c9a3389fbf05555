// lib/OpLibrary/EmitCpp.cpp: what a C++20 program sees of a library: the C interface with types, without exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Emit.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/raw_ostream.h"

using llvm::StringRef;

namespace lathe::oplib {

/// `@` stands for the library's name, `^` for the same in capitals.
static constexpr StringRef start = R"(// @.hpp: the library of operators @ for C++20; made by `lathe oplib build`.
//
// Functions of the same names as those of @.h, without prefixes. They throw nothing
// and return a status; arguments are the structs of @.h, with designated initializers:
//
//   @::context library;
//   @::status status = @::OPERATOR(library, {.m = 4, ...}, workspace);
#ifndef ^_HPP
#define ^_HPP

#include "@.h"
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace @ {

enum class [[nodiscard]] status : int {
  ok = ^_OK,
  bad_argument = ^_BAD_ARGUMENT,
  no_variant = ^_NO_VARIANT,
  small_workspace = ^_SMALL_WORKSPACE,
  wrong_packing = ^_WRONG_PACKING,
  no_such_name = ^_NO_SUCH_NAME,
  unsupported_isa = ^_UNSUPPORTED_ISA,
  task_failed = ^_TASK_FAILED,
  check_failed = ^_CHECK_FAILED,
};

inline std::string_view text(status value) noexcept { return ^TEXT(static_cast<@_status>(value)); }

// An open library; copies are open, too. Calls read it only.
class context {
public:
  explicit context(const @_config *config = nullptr) noexcept : opened(static_cast<status>(@_open(config, &own))) {}
  // What opening it came to: of a context that is not open, each call is a bad argument.
  status state() const noexcept { return opened; }
  const @_ctx *get() const noexcept { return opened == status::ok ? &own : nullptr; }
  // As @_force; null pointers stand for all operators and for the usual choice.
  status force(const char *op, const char *isa_or_variant) noexcept {
    return static_cast<status>(@_force(opened == status::ok ? &own : nullptr, op, isa_or_variant));
  }
  status select(const char *op, std::span<const std::int64_t> sizes, @_choice &choice) const noexcept {
    return static_cast<status>(@_select(get(), op, sizes.data(), &choice));
  }

private:
  @_ctx own{};
  status opened;
};
)";

static void writeOp(llvm::raw_ostream &out, const Spec &spec, const Op &op) {
  std::string name = functionName(spec, op), arguments = name + "_args";
  if (!op.choices.empty()) {
    out << "\nenum class " << op.name << "_" << op.choiceName << " : std::int32_t {\n";
    for (const std::string &choice : op.choices)
      out << "  " << choice << " = " << StringRef(name).upper() << "_" << StringRef(choice).upper() << ",\n";
    out << "};\n";
  }
  out << "\n// " << op.about << "\n// The bytes of workspace that a call needs are 0 or more; `workspace` of the "
      << "arguments is set from the span.\ninline status " << op.name << "_workspace(const context &library, const "
      << arguments << " &arguments, std::size_t &bytes) noexcept {\n  return static_cast<status>(" << name
      << "_workspace(library.get(), &arguments, &bytes));\n}\ninline status " << op.name << "(const context &library, "
      << arguments
      << " arguments, std::span<std::byte> workspace = {}) noexcept {\n  arguments.workspace = workspace.data();\n"
      << "  arguments.workspace_bytes = workspace.size();\n  return static_cast<status>(" << name
      << "(library.get(), &arguments));\n}\n";
  for (const Operand &operand : op.operands) {
    if (!operand.isPacked)
      continue;
    std::string sizes, values;
    for (const std::string &dim : operand.dims) {
      sizes += ", std::int64_t " + dim;
      values += ", " + dim;
    }
    StringRef type = elementType(operand.dtype).c;
    out << "// `bytes` becomes what the packed operand takes; an empty span only asks.\ninline status " << op.name
        << "_pack_" << operand.name << "(const context &library" << sizes << ", const " << type << " *" << operand.name
        << ", std::int64_t ld, std::span<std::byte> to, std::size_t &bytes) noexcept {\n  bytes = to.size();\n"
        << "  return static_cast<status>(" << name << "_pack_" << operand.name << "(library.get()" << values << ", "
        << operand.name << ", ld, to.data(), &bytes));\n}\n";
  }
}

std::string emitCppHeader(const Spec &spec) {
  std::string text, capitals = StringRef(spec.name).upper();
  llvm::raw_string_ostream out(text);
  StringRef rest = start;
  while (!rest.empty()) {
    if (rest.consume_front("^TEXT"))
      out << spec.name << "_status_text";
    else if (rest.consume_front("@"))
      out << spec.name;
    else if (rest.consume_front("^"))
      out << capitals;
    else {
      out << rest.front();
      rest = rest.drop_front();
    }
  }
  for (const auto &op : spec.ops)
    writeOp(out, spec, *op);
  out << "\n} // namespace " << spec.name << "\n\n#endif // " << capitals << "_HPP\n";
  return text;
}

} // namespace lathe::oplib
