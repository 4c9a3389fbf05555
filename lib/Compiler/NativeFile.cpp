// lib/Compiler/NativeFile.cpp: writes and checks the header of .lathe files.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "NativeFile.h"

#include "lathe-runtime/seal.h"

using llvm::StringRef;
using llvm::Twine;

namespace lathe {

namespace {
struct Header {
  char magic[8] = {'\x7f', 'L', 'A', 'T', 'H', 'E', '\r', '\n'};
  uint32_t version = 1; ///< Of the header and of the dialects' ops in the bytecode.
  uint32_t headerSize = sizeof(Header);
  uint64_t bytecodeSize = 0, checksum = 0;
  char compiler[32] = "Lathe " LATHE_VERSION; ///< For the message of another version.
};
static_assert(sizeof(Header) == 64, "the bytecode after it keeps its alignment");
} // namespace

static uint64_t checksumOf(StringRef bytes) {
  lathe_checksum sum;
  lathe_checksum_begin(&sum);
  lathe_checksum_add(&sum, bytes.data(), bytes.size());
  return lathe_checksum_end(&sum);
}

bool isNativeFile(StringRef bytes) {
  return bytes.starts_with(StringRef(Header().magic, sizeof(Header::magic))) || bytes.starts_with("ML\xefR");
}

std::string nativeHeader(StringRef bytecode) {
  Header header;
  header.bytecodeSize = bytecode.size();
  header.checksum = checksumOf(bytecode);
  return std::string(reinterpret_cast<const char *>(&header), sizeof(header));
}

StringRef openNativeFile(StringRef bytes, StringRef name, Diagnostics &diagnostics) {
  auto fail = [&](StringRef id, const Twine &message, StringRef wayOut) {
    diagnostics.error(id, name, message).note(wayOut);
    return StringRef();
  };
  Header header, expected;
  if (bytes.starts_with("ML\xefR"))
    return fail("native-no-checksum", "is bytecode of MLIR without the header of a .lathe file",
                "convert it to text with mlir-opt, or write it again with lathe convert");
  if (bytes.size() < sizeof(header) || !isNativeFile(bytes))
    return fail("native-damaged", "does not begin with the header of a .lathe file",
                "copy the file again, or convert the model again");
  memcpy(&header, bytes.data(), sizeof(header));
  if (header.version != expected.version || header.headerSize != expected.headerSize)
    return fail("native-version",
                "was written by " +
                    quoted(StringRef(header.compiler, strnlen(header.compiler, sizeof(header.compiler)))) +
                    " with format version " + Twine(header.version) + ", but this version of Lathe reads " +
                    Twine(expected.version),
                "convert the model again with this version of Lathe");
  StringRef bytecode = bytes.drop_front(sizeof(header));
  if (bytecode.size() != header.bytecodeSize)
    return fail("native-damaged",
                "has " + Twine(bytes.size()) + " bytes, but its header asks for " + Twine(sizeof(header)) + " and " +
                    Twine(header.bytecodeSize),
                "copy the file again, or convert the model again");
  if (checksumOf(bytecode) != header.checksum)
    return fail("native-damaged", "is damaged: its bytes are not those that were written",
                "copy the file again, or convert the model again");
  return bytecode;
}

} // namespace lathe
