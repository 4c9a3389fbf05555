// lib/Compiler/ModelFormat.cpp: tells the formats of models apart, and names those that are none.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "ModelFormat.h"

#include "NativeFile.h"
#include "lathe/Support/Diagnostics.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"

using llvm::StringRef;

namespace lathe {

namespace {
/// Files that people have in their hands instead of a model.
struct OtherFormat {
  StringRef magic, what, wayOut;
};
} // namespace

static const OtherFormat otherFormats[] = {
    {StringRef("PK\x03\x04"), "a ZIP archive, as PyTorch saves models and NumPy arrays",
     "export the model to ONNX, in PyTorch with torch.onnx.export"},
    {StringRef("\x80\x02"), "a Python pickle", "export the model to ONNX, in PyTorch with torch.onnx.export"},
    {StringRef("\x89HDF\r\n"), "an HDF5 file, as Keras saves models", "export the model to ONNX with tf2onnx"},
    {StringRef("\x1f\x8b"), "compressed with gzip", "decompress it first: gunzip"},
    {StringRef("BZh"), "compressed with bzip2", "decompress it first: bunzip2"},
    {StringRef("\xfd"
               "7zXZ"),
     "compressed with xz", "decompress it first: unxz"},
    {StringRef("\x28\xb5\x2f\xfd"), "compressed with zstd", "decompress it first: unzstd"},
    {StringRef("GGUF"), "a GGUF file", "export the model to ONNX"},
    {StringRef("\x7f"
               "ELF"),
     "a library or an object", "name the model it was compiled from; a shared library ends in .so"},
    {StringRef("LATHEBIN"), "compiled already", "name the model it was compiled from"},
    {StringRef("version https://git-lfs"), "a pointer of Git LFS, not the file itself", "fetch it: git lfs pull"},
};

/// Whether the first words, behind comments, are an operation, an alias or resources of MLIR.
static bool looksLikeMlir(StringRef text) {
  for (text = text.ltrim(); text.consume_front("//"); text = text.ltrim())
    text = text.drop_until([](char c) { return c == '\n'; });
  if (text.empty() || text.starts_with("{-#") || text.starts_with("\"") || text.starts_with("%"))
    return true;
  if (text.consume_front("#") || text.consume_front("!"))
    return !text.empty() && llvm::isAlpha(text.front());
  StringRef word = text.take_while([](char c) { return llvm::isAlnum(c) || c == '_' || c == '.'; });
  return word == "module" || (word.contains('.') && llvm::isAlpha(word.front()) && !word.ends_with("."));
}

static bool isText(StringRef start) {
  return !start.empty() &&
         llvm::all_of(start, [](char c) { return llvm::isPrint(c) || llvm::isSpace(c) || (c & 0x80); });
}

std::optional<ModelFormat> modelFormat(StringRef bytes, StringRef name, Diagnostics &diagnostics) {
  if (isNativeFile(bytes) || name.ends_with(".lathe"))
    return ModelFormat::Bytecode;
  if (name.ends_with(".mlir"))
    return ModelFormat::Text;
  auto refuse = [&](const llvm::Twine &what, StringRef wayOut) {
    diagnostics.error("model-other-format", name, "is no model that Lathe reads: it is " + what).note(wayOut);
    return std::nullopt;
  };
  for (const OtherFormat &other : otherFormats)
    if (bytes.starts_with(other.magic))
      return refuse(other.what, other.wayOut);
  // An ONNX file begins with the tag and the number of its version, which is no text.
  StringRef start = bytes.take_front(4096);
  if (!isText(start))
    return ModelFormat::Onnx;
  if (looksLikeMlir(start))
    return ModelFormat::Text;
  return refuse("text that begins with " +
                    quoted(start.ltrim().take_until([](char c) { return c == '\n'; }).take_front(40)) +
                    ", but neither an ONNX file nor MLIR",
                "models are ONNX files or Lathe's own format, text (.mlir) or bytecode (.lathe)");
}

} // namespace lathe
