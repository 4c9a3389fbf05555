// include/lathe/Compiler/Compiler.h: the whole public C++ API of the compiler: std types only.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef LATHE_COMPILER_COMPILER_H
#define LATHE_COMPILER_COMPILER_H

#include "lathe-runtime/module_abi.h"
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace lathe {

class Diagnostics;

/// "0.1.0": part of every cache key.
const char *compilerVersion();
/// The same and, as versions live long, which build of the compiler this is: for
/// keys of what it made.
std::string compilerBuild();

/// The names of the phases in order: "import", "optimize", ... "emit".
std::vector<std::string> phaseNames();

struct LoadOptions {
  /// Tensor files of an ONNX model may be reached by links, as in the folders
  /// that hubs keep; a model may then read any file.
  bool allowLinks = false;
  /// Initializers of an ONNX model that are inputs, too: programs give their
  /// values in every call. The others are constants.
  std::vector<std::string> inputs = {};
  /// "NAME=NUMBER" in place of a limit on what a model may ask for, as docs/limits.md has
  /// them; they count when the program is compiled, too.
  std::vector<std::string> limits = {};
  /// The ranks of inputs for which an ONNX model has none, by name; all of their sizes are open.
  std::map<std::string, int64_t> ranks = {};
  /// Operators of one's own that an ONNX model has: libraries (`.so`), whose functions are registered with the
  /// runtime of this process, and declarations, with or without bodies: files (`.mlir`), or such text itself.
  std::vector<std::string> customOps = {};
};

/// Reads sources of operators, as `LoadOptions::customOps` has them: whether declarations are right, before any model
/// has them.
bool checkCustomOps(const std::vector<std::string> &sources, Diagnostics &diagnostics);

/// A model that is read as a function of a program.
struct FunctionSource {
  std::string path;            ///< Of its file; of `bytes`, what messages call them.
  std::string function = {};   ///< What it is to be called; "" after its file.
  const void *bytes = nullptr; ///< In the place of a file; they are copied.
  size_t size = 0;             ///< Of `bytes`.
};

/// A tensor that a program takes or returns.
struct ValueInfo {
  std::string name;
  std::string dtype; ///< As element_types.def has it; empty if it is no tensor.
  /// Each a number, the name of a symbol, or an expression of them in reverse Polish
  /// notation with the words + * / ^/ % (`/` rounds down, `^/` up), such as "n 2 *";
  /// empty if only the run knows it.
  std::vector<std::string> dims;
};

struct SignatureInfo {
  std::vector<std::string> symbols; ///< "s0" for the first if it has no name.
  std::vector<ValueInfo> inputs, outputs;
};

/// A tensor of an operation.
struct TensorInfo {
  std::string dtype;          ///< As element_types.def has it; empty if it is no tensor.
  std::vector<int64_t> shape; ///< -1: open.
  bool isConstant = false;
};

/// An operation of the graph dialect.
struct OperationInfo {
  std::string kind; ///< "matmul".
  std::vector<TensorInfo> operands, results;
  std::map<std::string, std::vector<int64_t>> numbers; ///< Attributes of whole numbers; {1} where it says yes.
  std::map<std::string, double> reals;
  /// Up to four kinds: what alone uses its one result, what alone uses that, and so on.
  std::vector<std::string> behind;
};

/// A loaded model. Holds an MLIR context of its own: use one per thread.
class Program {
public:
  /// Reads `.onnx`, the native graph format (`.mlir`, `.lathe`), told apart by
  /// content; "-" is standard input. Null after an error.
  static std::unique_ptr<Program> load(const std::string &path, Diagnostics &diagnostics,
                                       const LoadOptions &options = {});
  /// The same from memory, which is copied; `name` stands in messages.
  static std::unique_ptr<Program> parse(const void *bytes, size_t size, const std::string &name,
                                        Diagnostics &diagnostics, const LoadOptions &options = {});
  /// The same from several models in one program, which share their constants. Names of functions are letters, digits
  /// and '_', with no digit in front; a native file with several functions keeps their names. One path without a
  /// name is as in `load`. Of `options`, inputs are those of the models that have such initializers.
  static std::unique_ptr<Program> loadAll(const std::vector<FunctionSource> &sources, Diagnostics &diagnostics,
                                          const LoadOptions &options = {});
  /// The functions that callers see, in order: "main" of a model from one file, none of kernels.
  std::vector<std::string> functionNames() const;
  /// The names of the inputs of `function`, in order; "input0" for the first if it has none. Here and below, ""
  /// stands for "main" or the only function.
  std::vector<std::string> inputNames(const std::string &function = "") const;
  /// Of its file, without its ending; what symbols are named after if nothing else is said.
  const std::string &name() const;
  /// Equal for equal models, wherever they come from: of the text, the names of the nodes and a
  /// 64-bit checksum of each constant, as 64 hexadecimal digits. For caches.
  std::string contentKey() const;
  /// For each input, how many rows the smallest table has in which the model looks its elements
  /// up, as ids in an embedding; 0 if there is no such table or its size is open.
  std::vector<int64_t> indexBounds(const std::string &function = "") const;
  /// What `function` takes and returns; nothing if the program holds kernels.
  SignatureInfo signature(const std::string &function = "") const;
  /// Whether its functions call kernels, which `partition` makes: they are IR of a later phase, and no graph.
  bool callsKernels() const;
  /// All operations of the graph dialect, in order.
  std::vector<OperationInfo> operations() const;
  /// Leaves one of the functions that callers see, with what it calls. False after an error: there is none of this
  /// name.
  bool keepFunction(const std::string &function, Diagnostics &diagnostics);
  /// Leaves what one node of the model computes, called by its name in the file: a program that takes what the node
  /// takes but constants, which stay in it, as "x", or "x0", "x1" and so on, and gives its results. False after an
  /// error: there is no such node, or its sizes follow from more than its inputs.
  bool keepNode(const std::string &node, Diagnostics &diagnostics);
  /// Writes the native graph format: text if `path` ends in `.mlir`, bytecode
  /// if in `.lathe`; or ONNX if in `.onnx`. Replaces the file only when all of it is written.
  bool save(const std::string &path, Diagnostics &diagnostics) const;
  ~Program();

  struct Impl;
  std::unique_ptr<Impl> impl;
};

struct CompileOptions {
  std::string target = "host";   ///< As lathe::Target::parseList reads it.
  std::vector<std::string> dims; ///< "NAME=SIZE" fixes a named dim, "NAME=8..512%8" bounds it.
  std::string name;              ///< Of the model in symbols and headers; empty: that of its file.
  /// "INPUT=OUTPUT": callers may give the memory of the input for the output; with "FUNCTION:" in front, of one
  /// function.
  std::vector<std::string> donations;
  std::string startAt;         ///< Name of a phase; empty: the first.
  std::string stopAfter;       ///< Name of a phase; empty: the last.
  std::string dumpPhasesTo;    ///< If set, a directory for the IR after every phase.
  bool wholeConstants = false; ///< In the IR, so that it can be read back; else large ones are left out.
  unsigned threads = 0;        ///< That the compiler may use; 0: all.
  /// "standard": sums may be computed in other ways than term by term, where the error is
  /// of the same size and less work is done (3x3 convolutions by Winograd's filtering);
  /// "strict": none.
  std::string accuracy = "standard";
  /// "f32": products of f32 are products of f32; "bf16": those with constant weights round
  /// both factors to bf16 and add in f32, if one of the targets has instructions for it;
  /// "tf32": tensor cores of GPUs multiply f32, of which they round the factors to 11 bits.
  /// Inputs and results keep their types.
  std::string precision = "f32";
  /// A folder of compiled kernels that other models may have, too: what is there is
  /// not compiled again. Whoever names it bounds it. Empty: none.
  std::string kernelCache;
  /// A table of choices, as `lathe tune` writes it: its text, and what messages call it. For a kernel that it has,
  /// the alternative that it names is taken. Both empty: none.
  std::string choices, choicesFile;
  /// Nobody asked for this table: what is wrong with it is a warning.
  bool choicesAreOptional = false;
  /// To measure: of each kernel, the alternative of this number where there is one; 0: what is chosen.
  unsigned alternative = 0;
  bool remarks = false; ///< Also report what is right, but slower than it could be.
  /// Called with the name of each phase as it starts.
  std::function<void(const std::string &phase)> progress;
};

/// A matrix that a kernel without a model takes packed: in panels of so many
/// columns, each of which holds them of all rows, one row after another; what the
/// last panel lacks is zeros.
struct PackedOperand {
  unsigned operand = 0; ///< Among the tensors that the kernel takes.
  int64_t panel = 0;    ///< Columns.
};

/// One kernel of an artifact, for `lathe inspect`.
struct KernelInfo {
  std::string name, strategy;
  std::string key; ///< The same for equal kernels of any model.
  /// For a header: sizes, operands and results as C parameters, `int64_t s0,
  /// const float *x0, float *y0`, and what they are.
  std::string parameters, description;
  std::vector<std::string> nodes; ///< Of the model, that the kernel computes.
  unsigned calls = 0;
  bool isTuned = false;              ///< Computed as a table of choices says, and not as the strategies do.
  std::vector<PackedOperand> packed; ///< Of a kernel without a model.
};

/// A compiled model: an object file and its weights, or the IR after a phase.
class Artifact {
public:
  /// The IR as text if compilation stopped before `emit`, else "".
  const std::string &ir() const;
  /// Links the artifact into this process (once). Null after an error. Lives
  /// as long as the artifact.
  const lathe_module_desc *module(Diagnostics &diagnostics);
  /// Writes `.so`, `.a`, `.o` or `.lathebin`, by the ending. Replaces the file
  /// only when all of it is written.
  bool save(const std::string &path, Diagnostics &diagnostics) const;
  /// Writes a plain C header that says the model's shapes and dtypes.
  bool saveHeader(const std::string &path, Diagnostics &diagnostics) const;
  /// Reads what was saved as `.lathebin`, mapping its weights, which are compared
  /// with their checksum unless `uncheckedWeights`.
  static std::unique_ptr<Artifact> load(const std::string &path, Diagnostics &diagnostics,
                                        bool uncheckedWeights = false);

  /// Of the model, and the canonical target, of several joined with '+'.
  const std::string &name() const;
  const std::string &target() const;
  const std::vector<KernelInfo> &kernels() const;
  /// The ELF relocatables that hold its code, without the one that describes it:
  /// all that is needed of kernels without a model.
  std::vector<std::string_view> codeObjects() const;
  /// Whether a call asks for memory besides outputs and workspace. Known where
  /// compilation began before `codegen`.
  bool allocates() const;
  size_t codeBytes() const;
  size_t weightBytes() const;
  Artifact();
  ~Artifact();

  struct Impl;
  std::unique_ptr<Impl> impl;
};

/// Runs the phases `startAt` to `stopAfter`. `program` is not changed, so it
/// can be compiled again for another target. Null after an error.
std::unique_ptr<Artifact> compile(const Program &program, const CompileOptions &options, Diagnostics &diagnostics);

/// An operator of an ONNX model, with how its nodes are imported.
struct OperatorUse {
  std::string label;              ///< "Conv-11"; of a function of the model, its name.
  std::string how;                ///< "direct", "expanded", "function", "own" or "missing".
  std::vector<std::string> nodes; ///< By their names in the file.
};

/// An input or output: "x", "float32", "[batch, 3]", with "?" for sizes without a name.
struct ValueUse {
  std::string name, dtype, dims;
};

/// What a model needs, as far as it could be read.
struct CheckReport {
  std::vector<OperatorUse> operators; ///< Of an ONNX model; "expanded" ones are functions of ONNX.
  std::vector<ValueUse> inputs, outputs;
  std::vector<std::string> dims;          ///< The names of free dims.
  std::vector<std::string> sizesFromData; ///< Nodes whose results have sizes that follow from data.
  size_t weightBytes = 0;
};

/// Reports all that the model at `path` needs and Lathe lacks for the target and
/// the dims of `options`, and, as remarks, which products fall to plain loops.
/// Runs the phases up to `schedule`: no code is generated but for constants that
/// have to be folded. True if nothing is lacking. `report` may be null.
bool check(const std::string &path, const CompileOptions &options, Diagnostics &diagnostics,
           const LoadOptions &loading = {}, CheckReport *report = nullptr);

} // namespace lathe

#endif // LATHE_COMPILER_COMPILER_H
