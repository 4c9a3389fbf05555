// lib/Compiler/Header.cpp: a plain C header for a compiled model.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Implementation.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"

using namespace llvm;

namespace lathe {

static const char *const dtypeNames[] = {"invalid", "float",   "double",  "float16",  "bfloat16", "int8_t",   "int16_t",
                                         "int32_t", "int64_t", "uint8_t", "uint16_t", "uint32_t", "uint64_t", "bool"};

/// Comments must not end early, whatever a model calls its tensors.
static std::string commentText(StringRef text) {
  std::string result;
  for (char c : text)
    result += isPrint(c) && c != '*' ? c : '_';
  return result;
}

static std::string identifier(StringRef text) {
  std::string result;
  for (char c : text)
    result += isAlnum(c) ? c : '_';
  return result.empty() || isDigit(result[0]) ? "m" + result : result;
}

static void describe(raw_ostream &out, StringRef kind, const lathe_value_desc &value, unsigned index,
                     const lathe_function_desc &function) {
  out << " *   " << kind << " " << index << ": " << commentText(value.name) << ", " << dtypeNames[value.dtype] << "[";
  for (uint32_t i = 0; i < value.rank; ++i) {
    int64_t dim = value.dims[i];
    out << (i ? ", " : "");
    if (dim >= 0)
      out << dim;
    else if (dim == INT64_MIN || !*function.symbol_names[~dim])
      out << "any";
    else
      out << commentText(function.symbol_names[~dim]);
  }
  out << "]\n";
}

bool Artifact::saveHeader(const std::string &path, Diagnostics &diagnostics) const {
  const lathe_module_desc *desc = const_cast<Artifact *>(this)->module(diagnostics);
  if (!desc)
    return false;
  const lathe_function_desc &main = desc->functions[0];
  std::string name = identifier(impl->model.name), guard = "LATHE_MODEL_" + StringRef(name).upper() + "_H", text;
  raw_string_ostream out(text);
  out << "/* " << commentText(impl->model.name) << ": a model compiled by Lathe " << desc->compiler << " for "
      << desc->target << ".\n"
      << " *\n * Tensors are contiguous, in row-major order. Load the model with\n"
      << " * lathe_module_from_query(" << querySymbol(impl->model.name) << ", &module) and call its function\n"
      << " * \"main\" with lathe_module_call of lathe-runtime/runtime.h:\n *\n";
  for (uint32_t i = 0; i < main.input_count; ++i)
    describe(out, "input", main.inputs[i], i, main);
  for (uint32_t i = 0; i < main.output_count; ++i)
    describe(out, "output", main.outputs[i], i, main);
  out << " */\n#ifndef " << guard << "\n#define " << guard << "\n\n#include \"lathe-runtime/module_abi.h\"\n\n"
      << "#ifdef __cplusplus\nextern \"C\" {\n#endif\n\n"
      << "const lathe_module_desc *" << querySymbol(impl->model.name) << "(uint32_t runtime_abi_version);\n\n"
      << "#define " << StringRef(name).upper() << "_INPUT_COUNT " << main.input_count << "\n"
      << "#define " << StringRef(name).upper() << "_OUTPUT_COUNT " << main.output_count << "\n\n"
      << "#ifdef __cplusplus\n}\n#endif\n\n#endif /* " << guard << " */\n";
  std::string partial = path + ".partial";
  std::error_code error;
  raw_fd_ostream file(partial, error);
  if (!error) {
    file << text;
    file.close();
    error = file.error();
    file.clear_error();
  }
  if (!error)
    error = sys::fs::rename(partial, path);
  if (error) {
    (void)sys::fs::remove(partial); // The first error is the one to report.
    diagnostics.error("output-not-writable", path, "cannot write: " + error.message())
        .note("choose a folder that exists and is writable");
    return false;
  }
  return true;
}

} // namespace lathe
