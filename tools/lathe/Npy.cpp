// tools/lathe/Npy.cpp: reads and writes .npy files, with every way in which a
// file can disappoint put in words.
//
// Part of the Lathe project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Npy.h"
#include "Command.h"
#include "Console.h"

#include "lathe/Support/Diagnostics.h"
#include "lathe/Support/MappedFile.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/ConvertUTF.h"
#include "llvm/Support/Endian.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"

#include <cstring>

using namespace lathe;
using namespace lathe::cli;
using llvm::StringRef;

static const StringRef magic("\x93NUMPY", 6);

/// Types that NumPy has. Of the others, ml_dtypes has raw bytes: two for bf16, and one
/// for an element of 8 bits and less.
static const struct {
  StringRef descr;
  lathe_dtype dtype;
} descrs[] = {
    {"<f4", LATHE_DTYPE_F32},  {"<f8", LATHE_DTYPE_F64}, {"<f2", LATHE_DTYPE_F16},   {"|V2", LATHE_DTYPE_BF16},
    {"|i1", LATHE_DTYPE_I8},   {"<i2", LATHE_DTYPE_I16}, {"<i4", LATHE_DTYPE_I32},   {"<i8", LATHE_DTYPE_I64},
    {"|u1", LATHE_DTYPE_U8},   {"<u2", LATHE_DTYPE_U16}, {"<u4", LATHE_DTYPE_U32},   {"<u8", LATHE_DTYPE_U64},
    {"|b1", LATHE_DTYPE_BOOL}, {"<c8", LATHE_DTYPE_C64}, {"<c16", LATHE_DTYPE_C128},
};

/// The bytes of a character of a fixed string: "U" has UTF-32, "S" bytes.
constexpr size_t wideCharacter = 4;
/// No text is longer, and no size of a file that there can be overflows.
constexpr size_t mostCharacters = size_t(1) << 20;

namespace {
/// Takes one file apart.
class Reader {
public:
  Reader(StringRef path, lathe_dtype wanted, Diagnostics &diagnostics)
      : path(path), diagnostics(diagnostics), wanted(wanted) {}

  std::optional<Tensor> read() {
    // Devices and pipes may never end.
    llvm::sys::fs::file_status status;
    if (std::error_code error = llvm::sys::fs::status(path, status))
      return fail("npy-unreadable", "cannot read the file: " + error.message());
    if (status.type() != llvm::sys::fs::file_type::regular_file)
      return fail("npy-unreadable", "is not a regular file");
    auto buffer = mapFile(path);
    if (!buffer)
      return fail("npy-unreadable", "cannot read the file: " + buffer.getError().message());
    data = (*buffer)->getBuffer();
    std::optional<StringRef> header = takeHeader();
    if (!header || !parseHeader(*header))
      return std::nullopt;
    std::optional<Tensor> tensor = takeElements();
    if (tensor && !isAsMapped(**buffer))
      return fail("npy-unreadable", "was changed while it was read");
    return tensor;
  }

private:
  std::nullopt_t fail(StringRef id, const llvm::Twine &message, StringRef note = "") {
    Diagnostic &error = diagnostics.error(id, path, message);
    if (!note.empty())
      error.note(note);
    return std::nullopt;
  }

  std::optional<StringRef> takeHeader() {
    if (!data.starts_with(magic))
      return fail("npy-magic",
                  "is not a .npy file: it does not start with "
                  "\"\\x93NUMPY\"",
                  "numpy.save(path, array) writes one");
    if (data.size() < 10)
      return truncated(10);
    unsigned major = uint8_t(data[6]), minor = uint8_t(data[7]);
    if (major != 1 && major != 2)
      return fail("npy-version",
                  "has format version " + llvm::Twine(major) + "." + llvm::Twine(minor) + ", but 1.0 and 2.0 are read");
    size_t start = major == 1 ? 10 : 12;
    if (data.size() < start)
      return truncated(start);
    const char *field = data.data() + 8;
    size_t length = major == 1 ? llvm::support::endian::read16le(field) : llvm::support::endian::read32le(field);
    if (data.size() - start < length)
      return truncated(start + length);
    StringRef header = data.substr(start, length);
    data = data.drop_front(start + length);
    return header;
  }

  std::nullopt_t truncated(size_t needed) {
    return fail("npy-truncated", "the file is cut off: its header ends at byte " + llvm::Twine(needed) +
                                     ", but it has " + llvm::Twine(data.size()));
  }

  /// The value of `key` in the header, a dictionary as Python prints it.
  std::optional<StringRef> valueOf(StringRef header, StringRef key) {
    std::string pattern = ("'" + key + "':").str();
    size_t at = header.find(pattern);
    if (at == StringRef::npos)
      return std::nullopt;
    return header.drop_front(at + pattern.size()).ltrim();
  }

  bool parseHeader(StringRef header) {
    std::optional<StringRef> descr = valueOf(header, "descr");
    std::optional<StringRef> order = valueOf(header, "fortran_order");
    std::optional<StringRef> shape = valueOf(header, "shape");
    if (!descr || !order || !shape) {
      fail("npy-header", "the header " + quoted(header.trim()) + " lacks 'descr', 'fortran_order' or 'shape'");
      return false;
    }
    if (order->starts_with("True")) {
      fail("npy-fortran-order", "the elements are in Fortran order, but C order is read",
           "save numpy.ascontiguousarray(array)");
      return false;
    }
    if (!order->starts_with("False")) {
      fail("npy-header", "the header " + quoted(header.trim()) +
                             " has a 'fortran_order' that is neither True nor "
                             "False");
      return false;
    }
    return parseDescr(*descr) && parseShape(*shape);
  }

  bool parseDescr(StringRef text) {
    if (!text.consume_front("'")) {
      fail("npy-dtype", "the elements are records, but numbers are read", "save one field of the array");
      return false;
    }
    StringRef descr = text.take_until([](char c) { return c == '\''; });
    if (descr.starts_with(">")) {
      fail("npy-big-endian", "the elements are big-endian (" + quoted(descr) + "), but little-endian ones are read",
           "save array.astype(array.dtype.newbyteorder('<'))");
      return false;
    }
    for (const auto &row : descrs)
      // The first letter says nothing where an element is one byte, or raw.
      if (descr == row.descr || (row.descr[0] == '|' && descr.drop_front() == row.descr.drop_front()))
        tensor.view.dtype = row.dtype;
    if ((descr.ends_with("V1") || descr.ends_with("f1")) && isNarrow(wanted))
      tensor.view.dtype = wanted;
    if (descr.size() > 2 && (descr[1] == 'U' || descr[1] == 'S') && !descr.drop_front(2).getAsInteger(10, characters)) {
      tensor.view.dtype = LATHE_DTYPE_STRING;
      characterBytes = descr[1] == 'U' ? wideCharacter : 1;
    }
    if (tensor.view.dtype == LATHE_DTYPE_INVALID) {
      fail("npy-dtype", "elements of type " + quoted(descr) + " are not read",
           "save floats, integers, bools, complex numbers, or strings of a fixed size, as in "
           "array.astype(numpy.float32) or array.astype(str)");
      return false;
    }
    return true;
  }

  bool parseShape(StringRef text) {
    StringRef all = text.take_until([](char c) { return c == ')'; });
    llvm::SmallVector<StringRef> parts;
    bool wellFormed = all.size() < text.size() && all.consume_front("(");
    all.split(parts, ',');
    if (parts.back().trim().empty())
      parts.pop_back(); // Of "(3,)" and "()".
    if (wellFormed && parts.size() > LATHE_MAX_RANK) {
      fail("npy-rank", "the array has " + llvm::Twine(parts.size()) + " dims, but at most " +
                           llvm::Twine(LATHE_MAX_RANK) + " are possible");
      return false;
    }
    for (StringRef part : parts) {
      std::optional<int64_t> size = parseSize(part.trim());
      wellFormed = wellFormed && size;
      if (!wellFormed)
        break;
      tensor.view.dims[tensor.view.rank++] = *size;
    }
    if (!wellFormed)
      fail("npy-header", "the header has a 'shape' that cannot be read: " + quoted(text.take_front(60).trim()));
    return wellFormed;
  }

  std::optional<Tensor> takeElements() {
    size_t bytes = 0;
    if (lathe_tensor_bytes(&tensor.view, &bytes) != LATHE_OK) {
      addRuntimeError(diagnostics, path);
      return std::nullopt;
    }
    size_t count = size_t(elementCount(tensor.view));
    bool isString = tensor.view.dtype == LATHE_DTYPE_STRING;
    if (isString) {
      if (characters > mostCharacters)
        return fail("npy-dtype", "strings of " + llvm::Twine(characters) + " characters are not read");
      bytes = count * characters * characterBytes;
    } else if (isNarrow(tensor.view.dtype)) {
      bytes = count;
    }
    std::string sizes = "elements of shape " + formatShape(tensor.view) + " take " + std::to_string(bytes) +
                        " bytes, but the file has " + std::to_string(data.size());
    if (data.size() < bytes)
      return fail("npy-truncated", sizes);
    if (data.size() > bytes)
      return fail("npy-excess", sizes);
    if (isString)
      return takeStrings(count);
    if (lathe_tensor_alloc(&tensor.view) != LATHE_OK) {
      addRuntimeError(diagnostics, path);
      return std::nullopt;
    }
    if (isNarrow(tensor.view.dtype)) {
      if (size_t packed = 0; lathe_tensor_bytes(&tensor.view, &packed) == LATHE_OK)
        std::memset(tensor.view.data, 0, packed);
      for (size_t i = 0; i < count; ++i)
        setElementCode(tensor.view, int64_t(i), uint8_t(data[i]));
    } else if (bytes)
      std::memcpy(tensor.view.data, data.data(), bytes);
    if (tensor.view.dtype == LATHE_DTYPE_BOOL)
      for (char byte : data)
        if (byte != 0 && byte != 1)
          return fail("npy-bool", "a bool is stored as " + llvm::Twine(unsigned(uint8_t(byte))) +
                                      ", but 0 and 1 are its only values");
    return std::move(tensor);
  }

  /// Pointers, and the texts behind them.
  std::optional<Tensor> takeStrings(size_t count) {
    std::string texts;
    std::vector<size_t> starts;
    for (size_t i = 0; i < count; ++i) {
      starts.push_back(texts.size());
      StringRef element = data.substr(i * characters * characterBytes, characters * characterBytes);
      for (size_t c = 0; c < characters; ++c) {
        uint32_t code = characterBytes == 1 ? uint8_t(element[c])
                                            : llvm::support::endian::read32le(element.data() + c * wideCharacter);
        if (code == 0) { // What is left is padding, or nothing that a string can have.
          if (element.drop_front(c * characterBytes).find_first_not_of('\0') != StringRef::npos)
            return fail("npy-string-zero", "element " + llvm::Twine(i) + " has a zero within its text");
          break;
        }
        if (characterBytes == 1) {
          texts += char(code);
          continue;
        }
        char utf8[4], *end = utf8;
        if (!llvm::ConvertCodePointToUTF8(code, end))
          return fail("npy-string", "element " + llvm::Twine(i) + " has a character that is none of Unicode");
        texts.append(utf8, end);
      }
      texts += '\0';
    }
    lathe_tensor block = {};
    block.dtype = LATHE_DTYPE_U8;
    block.rank = 1;
    block.dims[0] = int64_t(count * sizeof(char *) + texts.size());
    if (lathe_tensor_alloc(&block) != LATHE_OK) {
      addRuntimeError(diagnostics, path);
      return std::nullopt;
    }
    auto **pointers = static_cast<char **>(block.data);
    char *text = reinterpret_cast<char *>(pointers + count);
    std::memcpy(text, texts.data(), texts.size());
    for (size_t i = 0; i < count; ++i)
      pointers[i] = text + starts[i];
    tensor.view.data = block.data;
    return std::move(tensor);
  }

  StringRef path, data;
  Diagnostics &diagnostics;
  lathe_dtype wanted;
  size_t characters = 0, characterBytes = 1; ///< Of a string.
  Tensor tensor;
};
} // namespace

std::optional<Tensor> cli::readNpy(StringRef path, lathe_dtype wanted, Diagnostics &diagnostics) {
  return Reader(path, wanted, diagnostics).read();
}

namespace {
/// What a file holds of a tensor.
struct Elements {
  std::string descr, bytes;
};
} // namespace

/// Strings of the size of the longest, as UTF-32.
static Elements stringElements(const lathe_tensor &view) {
  int64_t count = elementCount(view);
  std::vector<std::vector<uint32_t>> texts;
  size_t longest = 1;
  for (int64_t i = 0; i < count; ++i) {
    const auto *at = reinterpret_cast<const llvm::UTF8 *>(static_cast<const char *const *>(view.data)[i]);
    const auto *end = at + std::strlen(reinterpret_cast<const char *>(at));
    std::vector<llvm::UTF32> text(size_t(end - at) + 1);
    llvm::UTF32 *target = text.data();
    // Bytes that are no UTF-8 become U+FFFD.
    llvm::ConvertUTF8toUTF32(&at, end, &target, target + text.size(), llvm::lenientConversion);
    text.resize(size_t(target - text.data()));
    longest = std::max(longest, text.size());
    texts.emplace_back(text.begin(), text.end());
  }
  Elements result{"<U" + std::to_string(longest), std::string(size_t(count) * longest * wideCharacter, '\0')};
  for (auto [i, text] : llvm::enumerate(texts))
    for (auto [c, code] : llvm::enumerate(text))
      llvm::support::endian::write32le(&result.bytes[(i * longest + c) * wideCharacter], code);
  return result;
}

/// A byte for each element, as ml_dtypes has them: integers with their sign.
static Elements narrowElements(const lathe_tensor &view) {
  Elements result{"|V1", ""};
  size_t bits = lathe_dtype_bits(view.dtype);
  bool isSigned = view.dtype == LATHE_DTYPE_I4 || view.dtype == LATHE_DTYPE_I2;
  for (int64_t i = 0, count = elementCount(view); i < count; ++i) {
    unsigned code = elementCode(view, i);
    if (isSigned && code >> (bits - 1))
      code |= ~0u << bits;
    result.bytes += char(code);
  }
  return result;
}

bool cli::writeNpy(StringRef path, const Tensor &tensor, Diagnostics &diagnostics) {
  const lathe_tensor &view = tensor.view;
  size_t bytes = 0;
  if (lathe_tensor_bytes(&view, &bytes) != LATHE_OK) {
    addRuntimeError(diagnostics, path);
    return false;
  }
  Elements own;
  if (view.dtype == LATHE_DTYPE_STRING)
    own = stringElements(view);
  else if (isNarrow(view.dtype))
    own = narrowElements(view);
  for (const auto &row : descrs)
    if (row.dtype == view.dtype)
      own.descr = row.descr;
  std::string shape;
  for (uint32_t i = 0; i < view.rank; ++i)
    shape += std::to_string(view.dims[i]) + (view.rank == 1 ? "," : "") + (i + 1 < view.rank ? ", " : "");
  std::string header = ("{'descr': '" + own.descr + "', 'fortran_order': False, 'shape': (" + shape + "), }");
  // The elements start at a multiple of 64 bytes, so that they can be mapped.
  constexpr size_t fixed = 10;
  header.append(63 - (fixed + header.size()) % 64, ' ');
  header += '\n';
  std::string start = magic.str() + std::string("\x01\x00", 2);
  start += char(header.size() & 0xff);
  start += char(header.size() >> 8);
  bool isWhole = own.bytes.empty() && view.dtype != LATHE_DTYPE_STRING && !isNarrow(view.dtype);
  StringRef elements = isWhole ? StringRef(static_cast<const char *>(view.data), bytes) : StringRef(own.bytes);
  return writeFile(path, {start, header, elements}, diagnostics);
}
