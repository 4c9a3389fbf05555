// lib/OpLibrary/Families/Graph.cpp: any function of the graph dialect, or model, as one operator.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "../Compile.h"
#include "../Dims.h"
#include "../Family.h"
#include "lathe/Compiler/Compiler.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/ScopeExit.h"
#include "llvm/ADT/SmallString.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"

using llvm::StringRef;

namespace lathe::oplib {

static constexpr StringRef keys[] = {"file", "function", "tolerance", "hot"};
static constexpr StringRef keysOfNode[] = {"file", "function", "node", "tolerance", "hot"};
static constexpr size_t mostInputs = 15;
static constexpr unsigned mostRank = 8;

//===----------------------------------------------------------------------===//
// The oracle: the same program in double precision
//===----------------------------------------------------------------------===//

/// `text` with all floats as f64: a word that names a narrower type becomes "f64".
static std::string widen(StringRef text) {
  std::string result;
  auto isWord = [](char c) { return llvm::isAlnum(c) || c == '_' || c == '.'; };
  for (size_t i = 0; i < text.size();) {
    size_t end = i;
    while (end < text.size() && isWord(text[end]))
      ++end;
    StringRef word = text.slice(i, end);
    // "4x8xf32" ends in a type.
    for (StringRef type : {"bf16", "f16", "f32"})
      if (word == type || (word.ends_with(type) && word.drop_back(type.size()).ends_with("x"))) {
        result += word.drop_back(type.size()).str() + "f64";
        word = "";
        break;
      }
    result += word;
    if (end == i)
      result += text[end++];
    i = end;
  }
  return result;
}

/// An archive that holds `program` for any machine of the architecture of `target`.
static std::optional<std::string> archiveOf(const Program &program, const std::string &name, const Target &target) {
  Diagnostics ignored;
  CompileOptions options;
  options.target = target.baseline().str();
  options.name = name;
  std::unique_ptr<Artifact> artifact = compile(program, options, ignored);
  llvm::SmallString<128> path;
  if (!artifact || llvm::sys::fs::createTemporaryFile("lathe-oplib", "a", path))
    return std::nullopt;
  llvm::scope_exit remove([&] { (void)llvm::sys::fs::remove(path); });
  if (!artifact->save(std::string(path), ignored))
    return std::nullopt;
  auto buffer = llvm::MemoryBuffer::getFile(path, /*IsText=*/false, /*RequiresNullTerminator=*/false);
  return buffer ? std::optional((*buffer)->getBuffer().str()) : std::nullopt;
}

/// Sets the oracle of `op`: its program in double precision, or, where its constants cannot be widened as text, for the
/// least of processors.
static bool makeReference(Op &op, const Target &target, double tolerance, Diagnostics &diagnostics) {
  std::unique_ptr<Program> program = loadProgram(op, diagnostics);
  llvm::SmallString<128> path;
  if (!program || llvm::sys::fs::createTemporaryFile("lathe-oplib", "mlir", path))
    return false;
  llvm::scope_exit remove([&] { (void)llvm::sys::fs::remove(path); });
  std::string name = "oracle_" + op.name;
  std::optional<std::string> archive;
  bool isWide = false;
  if (program->save(std::string(path), diagnostics)) {
    auto text = llvm::MemoryBuffer::getFile(path, /*IsText=*/true);
    std::string wide = text ? widen((*text)->getBuffer()) : "";
    Diagnostics ignored;
    if (auto other = Program::parse(wide.data(), wide.size(), name + ".mlir", ignored))
      archive = archiveOf(*other, name, target);
    isWide = archive.has_value();
  }
  if (!archive)
    archive = archiveOf(*program, name, target);
  if (!archive) {
    diagnostics.error("oplib-graph-oracle", op.name, "internal: the program cannot be compiled for its tests")
        .note("please report this with the graph");
    return false;
  }
  op.testFiles.emplace_back(target.arch().str() + "/" + name + ".a", std::move(*archive));
  op.oracle = "  (void)choice;\n  const lathe_module_desc *lathe_query_" + name +
              "(uint32_t);\n  run_reference(lathe_query_" + name + ", operands, " + std::to_string(op.operands.size()) +
              ", " + (isWide ? "1" : "0") + ", " + std::to_string(tolerance) + ", s, x, y, bound);\n";
  return true;
}

//===----------------------------------------------------------------------===//
// The interface
//===----------------------------------------------------------------------===//

namespace {
class Reader {
public:
  /// `wantsNode`: the entry is of `from-model`, and names a node.
  Reader(const YamlNode &key, const YamlNode &node, YamlReader &reader, bool wantsNode)
      : key(key), node(node), reader(reader), wantsNode(wantsNode) {}
  std::unique_ptr<Op> read();

private:
  bool fail(StringRef id, const llvm::Twine &message, const llvm::Twine &wayOut) {
    reader.error(id, *file, message).note(wayOut);
    return false;
  }
  bool readTolerance(double &tolerance);
  bool readName(const YamlNode &given, StringRef what, StringRef expected, std::string &name);
  bool readFunction();
  bool readNode();
  bool addSymbols(const SignatureInfo &signature);
  bool addOperand(const ValueInfo &value, bool isResult);
  bool readHot();
  std::string argumentName(const std::string &name) const;

  const YamlNode &key, &node;
  YamlReader &reader;
  bool wantsNode;
  const YamlNode *file = nullptr;
  std::unique_ptr<Op> op = std::make_unique<Op>();
};
} // namespace

bool Reader::readTolerance(double &tolerance) {
  const YamlNode *given = node.find("tolerance");
  if (given && (given->kind != YamlNode::Kind::Text || StringRef(given->text).getAsDouble(tolerance) ||
                !(tolerance > 0) || tolerance > 1)) {
    reader
        .error("oplib-spec-number", *given,
               "'tolerance' is " + given->describe() + ", but a number above 0 and at most 1 is expected")
        .note("write it as a part of the largest element, such as 1e-4");
    return false;
  }
  return true;
}

/// A text that is not empty.
bool Reader::readName(const YamlNode &given, StringRef what, StringRef expected, std::string &name) {
  std::optional<std::string> text = reader.text(given, what);
  if (text && text->empty())
    reader.error("oplib-spec-empty", given, what + " is empty").note("write " + expected);
  name = text.value_or("");
  return !name.empty();
}

bool Reader::readFunction() {
  const YamlNode *given = node.find("function");
  return !given || readName(*given, "'function' of a file",
                            "the name of a function, or leave the key out where the file has one", op->function);
}

bool Reader::readNode() {
  const YamlNode *given = node.find("node");
  if (!given) {
    reader.error("oplib-spec-missing", node, "the key 'node' is missing")
        .note("write node: and the name that the node has in the model; 'graph' takes all of a file");
    return false;
  }
  return readName(*given, "'node' of a model", "the name that the node has in the model", op->node);
}

/// A name of the graph as one in C that no other argument has.
std::string Reader::argumentName(const std::string &name) const {
  std::string result;
  for (char c : StringRef(name).lower())
    result += llvm::isAlnum(c) ? c : '_';
  if (result.empty() || !llvm::isAlpha(result.front()))
    result = "x_" + result;
  Diagnostics ignored;
  YamlReader quiet(ignored);
  YamlNode word;
  word.kind = YamlNode::Kind::Text;
  word.text = result;
  if (!checkName(word, "", quiet))
    result = "x_" + result.substr(0, 30);
  auto isTaken = [&] {
    return llvm::is_contained(op->symbols, result) ||
           llvm::any_of(op->operands, [&](const Operand &operand) { return operand.name == result; });
  };
  while (isTaken())
    result += "_";
  return result;
}

bool Reader::addSymbols(const SignatureInfo &signature) {
  for (const std::string &symbol : signature.symbols) {
    std::string name = argumentName(symbol.empty() ? "size" : symbol);
    if (!symbol.empty() && name != symbol)
      return fail("oplib-graph-symbol", "the graph has the symbol " + quoted(symbol) + ", which is no name in C",
                  "rename it: a letter and then a-z, 0-9 and '_'");
    op->symbols.push_back(name);
    op->symbolsAbout.push_back("a size of the graph");
  }
  return true;
}

bool Reader::addOperand(const ValueInfo &value, bool isResult) {
  if (value.dtype.empty() || !llvm::is_contained(allTypes(), StringRef(value.dtype)))
    return fail("oplib-graph-type",
                quoted(value.name) + " has the type " + quoted(value.dtype.empty() ? "no tensor" : value.dtype) +
                    ", which operators do not take",
                "they take tensors of " + llvm::join(allTypes(), ", "));
  if (value.dims.size() > mostRank)
    return fail("oplib-graph-type", quoted(value.name) + " has " + llvm::Twine(value.dims.size()) + " dims",
                "an operand has at most 8");
  Operand operand{argumentName(value.name), value.dtype, {}, {}, isResult ? "the result" : "an input", false, isResult};
  for (auto [i, dim] : llvm::enumerate(value.dims)) {
    bool isSimple = isNumber(dim) || llvm::is_contained(op->symbols, dim);
    if (dim.empty() || (!isSimple && !isResult))
      return fail("oplib-graph-dims",
                  "dim " + llvm::Twine(i) + " of " + quoted(value.name) + " is " +
                      (dim.empty() ? std::string("known only when the graph runs") : "'" + toText(dim) + "'"),
                  "dims of inputs are numbers or symbols, those of the result follow from them");
    operand.dims.push_back(dim);
    if (!isSimple) {
      operand.dims.back() = operand.name + "_dim" + std::to_string(i);
      op->derived.emplace_back(operand.dims.back(), dim);
    }
  }
  op->operands.push_back(std::move(operand));
  return true;
}

bool Reader::readHot() {
  const YamlNode *list = node.find("hot");
  if (!list)
    return true;
  if (list->kind != YamlNode::Kind::List) {
    return reader.wrongKind(*list, "'hot'", "a list of maps", "a list of sizes by symbol, such as [{batch: 8}]");
  }
  std::vector<StringRef> known(op->symbols.begin(), op->symbols.end());
  for (const YamlNode &entry : list->items) {
    if (!reader.isMap(entry, "an entry of 'hot'", known))
      return false;
    Specialization special{"", std::vector<std::optional<int64_t>>(op->symbols.size()), "asked for by 'hot'"};
    for (auto [i, symbol] : llvm::enumerate(op->symbols))
      if (const YamlNode *size = entry.find(symbol)) {
        special.fixed[i] = reader.number(*size, "a size of 'hot'", 1, int64_t(1) << 31);
        if (!special.fixed[i])
          return false;
        special.name += (special.name.empty() ? "" : "x") + symbol + std::to_string(*special.fixed[i]);
      }
    bool isThere = llvm::any_of(op->specializations, [&](const auto &other) { return other.name == special.name; });
    if (special.name.empty() || isThere) {
      reader.error("oplib-spec-twice", entry, "an entry of 'hot' is empty, or there twice").note("leave it out");
      return false;
    }
    op->specializations.push_back(std::move(special));
  }
  return true;
}

std::unique_ptr<Op> Reader::read() {
  // Sums of some dozens of rounded numbers; half precision is added by the tests themselves.
  double tolerance = 2e-5;
  if (!checkName(key, "an operator", reader) ||
      !reader.isMap(node, wantsNode ? "an operator of a model" : "a graph",
                    wantsNode ? llvm::ArrayRef(keysOfNode) : keys) ||
      !readTolerance(tolerance))
    return nullptr;
  file = node.find("file");
  if (!file) {
    reader.error("oplib-spec-missing", node, "the key 'file' is missing").note("write file: and the path of a graph");
    return nullptr;
  }
  std::optional<std::string> path = reader.text(*file, "'file' of a graph");
  if (!path)
    return nullptr;
  llvm::SmallString<128> full(reader.folder);
  if (llvm::sys::path::is_absolute(*path))
    full = *path;
  else
    llvm::sys::path::append(full, *path);
  op->family = wantsNode ? "from-model" : "graph";
  op->name = key.text;
  op->file = std::string(full);
  op->isProgram = true;
  op->mostDim = 17;
  op->place = node.place;
  op->limits = reader.limits;
  if (!readFunction() || (wantsNode && !readNode()))
    return nullptr;
  Diagnostics loading;
  std::unique_ptr<Program> program = loadProgram(*op, loading);
  passOn(loading, reader.diagnostics, op->place + " asks for the operator '" + op->name + "'");
  if (!program)
    return nullptr;
  SignatureInfo signature = program->signature();
  if (signature.outputs.size() != 1 || signature.inputs.size() > mostInputs) {
    fail("oplib-graph-results",
         "the graph has " + llvm::Twine(signature.inputs.size()) + " inputs and " +
             llvm::Twine(signature.outputs.size()) + " results",
         "an operator has one result and at most 15 inputs; a file of kernels is none");
    return nullptr;
  }
  if (!addSymbols(signature))
    return nullptr;
  for (const ValueInfo &value : signature.inputs)
    if (!addOperand(value, /*isResult=*/false))
      return nullptr;
  if (!addOperand(signature.outputs.front(), /*isResult=*/true) || !readHot())
    return nullptr;
  op->about = op->operands.back().name + " = what " + (wantsNode ? "node " + op->node + " of " : "") +
              (op->function.empty() ? "" : "function " + op->function + " of ") +
              llvm::sys::path::filename(*path).str() + " computes";
  addForms(*op);
  op->specializations.push_back({"any", {}, "serves all sizes"});
  op->finishTests = [tolerance](Op &own, const Target &target, Diagnostics &diagnostics) {
    return makeReference(own, target, tolerance, diagnostics);
  };
  return std::move(op);
}

static bool expandPrograms(const YamlNode &node, YamlReader &reader, Ops &ops, bool wantsNode) {
  if (node.kind != YamlNode::Kind::Map || node.keys.empty()) {
    StringRef name = wantsNode ? "from-model" : "graph";
    reader.error("oplib-spec-kind", node, "'" + name + "' is " + node.describe() + ", but a map of names is expected")
        .note(wantsNode ? "write from-model: {stem: {file: model.onnx, node: conv1}}"
                        : "write graph: {swiglu: {file: swiglu.mlir}}");
    return false;
  }
  bool fits = true;
  for (auto [key, value] : llvm::zip_equal(node.keys, node.items)) {
    std::unique_ptr<Op> op = Reader(key, value, reader, wantsNode).read();
    fits &= op != nullptr;
    if (op)
      ops.push_back(std::move(op));
  }
  return fits;
}

static bool expand(const YamlNode &node, YamlReader &reader, Ops &ops) {
  return expandPrograms(node, reader, ops, /*wantsNode=*/false);
}

static bool expandNodes(const YamlNode &node, YamlReader &reader, Ops &ops) {
  return expandPrograms(node, reader, ops, /*wantsNode=*/true);
}

extern const Family graphFamily, fromModelFamily;
const Family graphFamily = {"graph", expand};
const Family fromModelFamily = {"from-model", expandNodes};

} // namespace lathe::oplib
