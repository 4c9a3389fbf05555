// lib/OpLibrary/EmitTests.cpp: the CTest project that ships with a library: a program for each operator.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Dims.h"
#include "Emit.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/raw_ostream.h"

using llvm::StringRef;

namespace lathe::oplib {

/// `@` stands for the library's name.
static std::string fill(StringRef text, const Spec &spec) {
  std::string result;
  for (char c : text)
    result += c == '@' ? spec.name : std::string(1, c);
  return result;
}

static constexpr StringRef functions = R"(
static int32_t backwards(void *context, int64_t tasks, uint32_t workers, @_body body, void *scratch, size_t stride,
                         void *closure) {
  (void)context;
  for (int64_t task = tasks; task-- > 0;) {
    uint32_t worker = (uint32_t)(task % workers);
    int32_t status = body(task, task + 1, worker, (char *)scratch + worker * stride, closure);
    if (status)
      return status;
  }
  return 0;
}
static int open_library(void *ctx, int reversed) {
  @_config config = {sizeof config, reversed ? backwards : 0, 0, 3};
  return @_open(&config, ctx);
}
static int force(void *ctx, const char *op, const char *what) { return @_force(ctx, op, what); }
static const test_library library = {"@", sizeof(@_ctx), open_library, force};
)";

static void writeCall(llvm::raw_ostream &out, const Spec &spec, const Op &op) {
  std::string name = functionName(spec, op);
  out << "static void fill(" << name << "_args *args, const int64_t *s, const void *const *x, int choice) {\n";
  for (auto [i, size] : llvm::enumerate(op.sizes()))
    out << "  args->" << size << " = s[" << i << "];\n";
  for (auto [i, operand] : llvm::enumerate(op.operands))
    out << "  args->" << operand.name << " = " << (operand.isResult ? "(void *)" : "") << "x[" << i << "];\n";
  if (op.choices.empty())
    out << "  (void)choice;\n";
  else
    out << "  args->" << op.choiceName << " = choice;\n";
  out << "}\nstatic int query(const void *ctx, const int64_t *s, const void *const *x, int choice, int times) {\n  "
      << name << "_args args = {0};\n  size_t bytes = 0;\n  int status = 0;\n  fill(&args, s, x, choice);\n"
      << "  for (int i = 0; i < times && !status; ++i)\n    status = " << name
      << "_workspace(ctx, &args, &bytes);\n  return status;\n}\n"
      << "static int call(const void *ctx, const int64_t *s, const void *const *x, int choice) {\n  " << name
      << "_args args = {0};\n  fill(&args, s, x, choice);\n  size_t bytes = 0;\n  int status = " << name
      << "_workspace(ctx, &args, &bytes);\n  if (status)\n"
      << "    return status;\n  args.workspace = bytes ? malloc(bytes) : 0;\n  args.workspace_bytes = bytes;\n"
      << "  status = " << name << "(ctx, &args);\n  free(args.workspace);\n  return status;\n}\n";
}

static void writePack(llvm::raw_ostream &out, const Spec &spec, const Op &op) {
  out << "static int pack(const void *ctx, int operand, const int64_t *s, int64_t stride, const void *from, void *to,\n"
      << "                size_t *bytes) {\n  (void)ctx, (void)s, (void)stride, (void)from, (void)to, (void)bytes;\n";
  for (auto [i, operand] : llvm::enumerate(op.operands)) {
    if (!operand.isPacked)
      continue;
    out << "  if (operand == " << i << ")\n    return " << functionName(spec, op) << "_pack_" << operand.name << "(ctx";
    for (const std::string &dim : operand.dims)
      out << ", " << (op.indexOfSize(dim) < 0 ? dim : "s[" + std::to_string(op.indexOfSize(dim)) + "]");
    out << ", from, stride, to, bytes);\n";
  }
  out << "  return operand < 0;\n}\n";
}

static void writeTables(llvm::raw_ostream &out, const Op &op, size_t index, const std::vector<BuiltTarget> &targets) {
  out << "static const test_operand operands[] = {\n";
  for (const Operand &operand : op.operands) {
    std::string dims, strides;
    for (auto [i, dim] : llvm::enumerate(operand.dims)) {
      int size = op.indexOfSize(dim);
      dims += (size < 0 ? dim : "~INT64_C(" + std::to_string(size) + ")") + ", ";
      strides += (i < operand.strides.size() ? std::to_string(op.indexOfSize(operand.strides[i])) : "-1") + ", ";
    }
    const ElementType &type = elementType(operand.dtype);
    out << "    {\"" << operand.name << "\", " << type.kind << ", " << type.bytes << ", " << alignmentOf(op, operand)
        << ", " << operand.dims.size() << ", " << operand.isOptional << ", " << operand.isResult << ", "
        << operand.isPacked << ", " << operand.testedSpan << ", "
        << (operand.indexOf.empty() ? -1 : op.indexOfSize(operand.indexOf)) << ", {" << (dims.empty() ? "0" : dims)
        << "}, {" << (strides.empty() ? "0" : strides) << "}},\n";
  }
  out << "};\nstatic const test_variant variants[] = {\n";
  StringRef arch;
  for (const BuiltTarget &target : targets) {
    // Those that the library for another architecture does not have.
    if (arch != target.target.arch())
      out << (arch.empty() ? "#if" : "#elif") << " defined(__" << target.target.arch() << "__)\n";
    arch = target.target.arch();
    for (const Variant &variant : target.ops[index].variants) {
      out << "    {\"" << levelName(target.target) << "\", \"" << variant.name << "\", {";
      for (size_t i = 0; i < op.symbols.size(); ++i)
        out << (variant.specialization->fixed.empty() ? -1 : variant.specialization->fixed[i].value_or(-1)) << ", ";
      out << "}},\n";
    }
  }
  out << "#endif\n};\n";
  if (!op.derived.empty()) {
    out << "static void derive(int64_t *s) {\n";
    for (const auto &[name, expression] : op.derived)
      out << "  s[" << op.indexOfSize(name) << "] = " << toC(expression, [&](StringRef size) {
        return "s[" + std::to_string(op.indexOfSize(size)) + "]";
      }) << ";\n";
    out << "}\n";
  }
  out << "static const test_op op = {\"" << op.name << "\", " << op.symbols.size() << ", " << op.sizes().size() << ", "
      << op.operands.size() << ", " << op.choices.size() << ", (int)(sizeof variants / sizeof *variants), "
      << op.mostDim << ", operands, variants, call, query, pack, oracle, " << (op.derived.empty() ? "0" : "derive")
      << "};\n";
}

static std::string emitTest(const Spec &spec, size_t index, const std::vector<BuiltTarget> &targets) {
  const Op &op = *spec.ops[index];
  std::string text;
  llvm::raw_string_ostream out(text);
  out << "/* test_" << op.name << ".c: made by `lathe oplib build`. */\n#include \"" << spec.name << "/" << spec.name
      << ".h\"\n#include \"harness.h\"\n#include \"Ops/Sizes.h\"\n#include \"reference.h\"\n#include <stdlib.h>\n"
      << fill(functions, spec) << "\n";
  writeCall(out, spec, op);
  writePack(out, spec, op);
  // Sums are computed in this precision; the harness adds what rounding the result costs.
  out << "#define EPS " << (elementType(op.result().dtype).sums == "f64" ? "DBL_EPSILON" : "FLT_EPSILON") << "\n";
  const char *oracle =
      "static void oracle(const int64_t *s, const double *const *x, int choice, double *y, double *bound)";
  out << oracle << ";\n";
  writeTables(out, op, index, targets);
  out << oracle << " {\n" << op.oracle << "}\n";
  out << "\nint main(int count, char **words) { return test_main(&library, &op, count, words); }\n";
  return text;
}

static constexpr StringRef project = R"(# Tests of the library @:
#   cmake -S test -B build && cmake --build build && ctest --test-dir build
cmake_minimum_required(VERSION 3.16)
project(@_test LANGUAGES C)
enable_testing()
find_package(@ REQUIRED CONFIG PATHS "${CMAKE_CURRENT_SOURCE_DIR}/.." NO_DEFAULT_PATH)
# What the library computes of the sizes of a call, too.
include_directories("${CMAKE_CURRENT_SOURCE_DIR}/../share/@/src")
foreach(op #)
  file(GLOB oracle "${CMAKE_CURRENT_SOURCE_DIR}/${_@_arch}/oracle_${op}.a")
  add_executable(test_${op} test_${op}.c harness.c reference.c)
  target_compile_features(test_${op} PRIVATE c_std_11)
  target_link_libraries(test_${op} PRIVATE @::@ ${oracle} m)
  add_test(NAME ${op} COMMAND test_${op})
  add_executable(test_${op}_static test_${op}.c harness.c reference.c)
  target_compile_features(test_${op}_static PRIVATE c_std_11)
  target_link_libraries(test_${op}_static PRIVATE @::@_static ${oracle} m)
  add_test(NAME ${op}_static COMMAND test_${op}_static)
  list(APPEND fuzz COMMAND test_${op} fuzz)
  list(APPEND dispatch COMMAND test_${op} dispatch)
endforeach()
# cmake --build build --target fuzz: 10^6 structs of arguments of any kind for each operator. --target dispatch: what a
# call costs besides its kernel.
add_custom_target(fuzz ${fuzz} VERBATIM)
add_custom_target(dispatch ${dispatch} VERBATIM)
)";

llvm::StringMap<std::string> emitTests(const Spec &spec, const std::vector<BuiltTarget> &targets) {
  llvm::StringMap<std::string> files;
  std::string names;
  for (size_t i = 0; i < spec.ops.size(); ++i) {
    files["test/test_" + spec.ops[i]->name + ".c"] = emitTest(spec, i, targets);
    for (const auto &[name, content] : spec.ops[i]->testFiles)
      files["test/" + name] = content;
    names += (names.empty() ? "" : " ") + spec.ops[i]->name;
  }
  std::string lists = fill(project, spec);
  lists.replace(lists.find("foreach(op #"), strlen("foreach(op #"), "foreach(op " + names);
  files["test/CMakeLists.txt"] = lists;
  for (StringRef name : {"test/harness.c", "test/harness.h", "test/reference.c", "test/reference.h"})
    files[name] = embeddedFile(name).str();
  return files;
}

} // namespace lathe::oplib
