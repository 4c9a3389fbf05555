// lib/OpLibrary/EmitWheel.cpp: a library as a wheel for any Python 3: the shared library, its manifest and a binding.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Emit.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/Base64.h"
#include "llvm/Support/CRC.h"
#include "llvm/Support/Endian.h"
#include "llvm/Support/SHA256.h"
#include "llvm/Support/raw_ostream.h"

using llvm::StringRef;

namespace lathe::oplib {

namespace {

/// A zip archive whose files are stored as they are (PKWARE's APPNOTE, 4.3), without times: the same bytes each time.
class Zip {
public:
  void add(StringRef name, StringRef content) {
    uint32_t begin = bytes.size(), check = llvm::crc32(llvm::arrayRefFromStringRef(content));
    std::string fields;
    number<uint16_t>(fields, 20);    // The version that reads it: 2.0.
    number<uint16_t>(fields, 0x800); // Names are UTF-8.
    number<uint16_t>(fields, 0);     // Stored.
    number<uint16_t>(fields, 0);     // 00:00 on
    number<uint16_t>(fields, 0x21);  // 1 January 1980, the first day there is.
    number<uint32_t>(fields, check);
    number<uint32_t>(fields, content.size());
    number<uint32_t>(fields, content.size());
    number<uint16_t>(fields, name.size());
    number<uint16_t>(fields, 0); // No extra field.
    bytes += "PK\x03\x04" + fields + name.str() + content.str();
    directory += "PK\x01\x02";
    number<uint16_t>(directory, 3 << 8 | 20); // Made on Unix.
    directory += fields;
    number<uint16_t>(directory, 0); // No comment.
    number<uint16_t>(directory, 0); // The first disk.
    number<uint16_t>(directory, 0); // No text.
    number<uint32_t>(directory, 0100644u << 16);
    number<uint32_t>(directory, begin);
    directory += name;
    ++count;
  }
  std::string finish() {
    std::string end = "PK\x05\x06";
    number<uint32_t>(end, 0); // One disk.
    number<uint16_t>(end, count);
    number<uint16_t>(end, count);
    number<uint32_t>(end, directory.size());
    number<uint32_t>(end, bytes.size());
    number<uint16_t>(end, 0); // No comment.
    return bytes + directory + end;
  }

private:
  template <typename T> static void number(std::string &to, T value) {
    char part[sizeof(T)];
    llvm::support::endian::write<T>(part, value, llvm::endianness::little);
    to.append(part, sizeof(T));
  }

  std::string bytes, directory;
  uint16_t count = 0;
};

} // namespace

/// A function for each operator, which calls it by its name.
static std::string emitModule(const Spec &spec) {
  std::string text;
  llvm::raw_string_ostream out(text);
  out << "\"\"\"The library of operators " << spec.name << ", made by `lathe oplib build`.\n\n"
      << "Operands are arrays of NumPy, or of what has DLPack on the CPU; results are of the kind of the\n"
      << "first operand that is of another package than NumPy: tensors of PyTorch, arrays of JAX. After\n"
      << "`import " << spec.name << ".torch`, each operator is one of PyTorch's, in torch.ops." << spec.name
      << ".\n\"\"\"\n\n"
      << "import pathlib\n\nfrom ._binding import Choice, Library, OplibError\n\n__version__ = \"" << spec.version
      << "\"\nlibrary = Library(pathlib.Path(__file__).parent)\nforce = library.force\nselect = library.select\n"
      << "pack = library.pack\n__all__ = [\"Choice\", \"OplibError\", \"force\", \"library\", \"pack\", \"select\"";
  for (const auto &op : spec.ops)
    out << ", \"" << op->name << "\"";
  out << "]\n";
  for (const auto &op : spec.ops) {
    std::string parameters, values, optional;
    for (const Operand &operand : llvm::ArrayRef(op->operands).drop_back()) {
      (operand.isOptional ? optional : parameters) += operand.name + (operand.isOptional ? "=None, " : ", ");
      values += ", " + operand.name + "=" + operand.name;
    }
    if (!op->choices.empty()) {
      optional += op->choiceName + "=\"" + op->choices.front() + "\", ";
      values += ", " + op->choiceName + "=" + op->choiceName;
    }
    out << "\n\ndef " << op->name << "(" << parameters << "*, " << optional << "out=None, **sizes):\n    \"\"\""
        << op->about << "\"\"\"\n    return library.call_any(\"" << op->name << "\"" << values
        << ", out=out, **sizes)\n";
  }
  return text;
}

/// Makes the operators PyTorch's, for who asks for that: importing PyTorch takes seconds.
static std::string emitTorch(const Spec &spec) {
  return "\"\"\"The operators of " + spec.name + " as those of PyTorch: import " + spec.name +
         ".torch, and call torch.ops." + spec.name +
         ".OP.\"\"\"\n\nfrom . import library\n\nlibrary.register_torch(\"" + spec.name + "\")\n";
}

static std::string recordLine(StringRef name, StringRef content) {
  llvm::SHA256 hash;
  hash.update(content);
  std::string digest = llvm::encodeBase64(hash.final());
  for (char &c : digest)
    c = c == '+' ? '-' : c == '/' ? '_' : c;
  return (name + ",sha256=" + StringRef(digest).rtrim('=') + "," + llvm::Twine(content.size()) + "\n").str();
}

/// "linux_aarch64", "linux_x86_64": what a wheel says it is for, sorted as its name has to have them.
static std::vector<std::string> platforms(const Spec &spec) {
  std::vector<std::string> result;
  for (const std::string &arch : spec.archs())
    result.push_back("linux_" + arch);
  llvm::sort(result);
  return result;
}

std::string wheelName(const Spec &spec) {
  return spec.name + "-" + spec.version + "-py3-none-" + llvm::join(platforms(spec), ".") + ".whl";
}

std::string emitWheel(const Spec &spec, llvm::ArrayRef<LinkedLibrary> libraries, StringRef manifest) {
  std::string tags;
  for (const std::string &platform : platforms(spec))
    tags += "Tag: py3-none-" + platform + "\n";
  std::string info = spec.name + "-" + spec.version + ".dist-info/";
  std::vector<std::pair<std::string, std::string>> files = {
      {spec.name + "/__init__.py", emitModule(spec)},
      {spec.name + "/torch.py", emitTorch(spec)},
      {spec.name + "/_binding.py", embeddedFile("python/oplib.py").str()},
      {spec.name + "/share/" + spec.name + "/manifest.json", manifest.str()},
      {info + "METADATA", "Metadata-Version: 2.1\nName: " + spec.name + "\nVersion: " + spec.version +
                              "\nSummary: A library of operators\nRequires-Dist: numpy\n"},
      {info + "WHEEL", "Wheel-Version: 1.0\nGenerator: lathe\nRoot-Is-Purelib: false\n" + tags}};
  for (const LinkedLibrary &library : libraries)
    files.emplace_back(spec.name + "/" + spec.libraryFolder(library.arch) + "/" + sharedObjectName(spec),
                       library.binary->getBuffer().str());
  std::string record;
  Zip zip;
  for (const auto &[name, content] : files) {
    zip.add(name, content);
    record += recordLine(name, content);
  }
  zip.add(info + "RECORD", record + info + "RECORD,,\n");
  return zip.finish();
}

} // namespace lathe::oplib
