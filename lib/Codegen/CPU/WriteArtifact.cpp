// lib/Codegen/CPU/WriteArtifact.cpp: compiled models as files: shared and static libraries, objects, and our own
// container.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "lathe-runtime/seal.h"
#include "lathe/Codegen/Codegen.h"
#include "lathe/Support/Diagnostics.h"
#include "llvm/ADT/ScopeExit.h"
#include "llvm/ADT/SmallString.h"
#include "llvm/Object/ArchiveWriter.h"
#include "llvm/Object/ELF.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/Program.h"
#include "llvm/Support/raw_ostream.h"
#include <deque>

using namespace llvm;

namespace lathe {

namespace {

/// The container: header, name, target, the size of each object as 64 bits,
/// objects, padding to a page, weights.
struct ContainerHeader {
  char magic[8] = {'L', 'A', 'T', 'H', 'E', 'B', 'I', 'N'};
  uint32_t version = 3;
  uint32_t nameSize = 0;
  uint64_t objectsSize = 0, weightsOffset = 0, weightsSize = 0;
  uint32_t targetSize = 0, objectCount = 0;
  uint64_t checksum = 0; ///< Of all before the weights, with this field as 0.
};
constexpr uint64_t pageSize = 4096;

/// The checksum of a container's header, names and object. The weights are
/// mapped, and reading them here would cost what that saves.
uint64_t containerChecksum(ContainerHeader header, StringRef rest) {
  header.checksum = 0;
  char first[2 * LATHE_CHECKSUM_BLOCK] = {};
  static_assert(sizeof(header) <= sizeof(first));
  memcpy(first, &header, sizeof(header));
  lathe_checksum sum;
  lathe_checksum_begin(&sum);
  lathe_checksum_add(&sum, first, sizeof(first));
  lathe_checksum_add(&sum, rest.data(), rest.size());
  return lathe_checksum_end(&sum);
}

/// Files made on the way, removed whatever happens.
struct TemporaryFiles {
  std::vector<std::string> paths;
  ~TemporaryFiles() {
    for (const std::string &path : paths)
      (void)sys::fs::remove(path); // What was renamed is there no more.
  }
  std::string add(StringRef beside, StringRef suffix) {
    SmallString<128> path;
    sys::fs::createUniquePath(beside + ".%%%%%%" + suffix, path, /*MakeAbsolute=*/false);
    paths.push_back(std::string(path));
    return paths.back();
  }
};

class Writer {
public:
  Writer(const CompiledModel &model, const std::string &path, Diagnostics &diagnostics)
      : model(model), path(path), diagnostics(diagnostics) {}
  bool write();

private:
  bool fail(StringRef id, const Twine &message, StringRef wayOut) {
    diagnostics.error(id, path, message).note(wayOut);
    return false;
  }
  bool writeBytes(const std::string &to, ArrayRef<StringRef> parts, sys::fs::OpenFlags flags = sys::fs::OF_None);
  bool writeContainer(const std::string &to);
  bool writeObjects(std::vector<std::string> &objects);
  bool writeArchive(const std::string &to);
  bool link(const std::string &to, bool isShared);
  bool assembleWeights(const std::string &to);
  bool seal(const std::string &to);

  const CompiledModel &model;
  const std::string &path;
  Diagnostics &diagnostics;
  TemporaryFiles temporary;
};

} // namespace

bool Writer::writeBytes(const std::string &to, ArrayRef<StringRef> parts, sys::fs::OpenFlags flags) {
  std::error_code error;
  raw_fd_ostream out(to, error, flags);
  if (error)
    return fail("output-not-writable", "cannot write: " + error.message(),
                "choose a folder that exists and is writable");
  for (StringRef part : parts)
    out << part;
  out.close();
  if (out.has_error()) {
    std::string message = out.error().message();
    out.clear_error();
    return fail("output-write-failed", "writing failed: " + message, "free some disk space and try again");
  }
  return true;
}

bool Writer::writeContainer(const std::string &to) {
  ContainerHeader header;
  header.nameSize = model.name.size();
  header.targetSize = model.target.size();
  header.objectCount = model.objects.size();
  std::vector<uint64_t> sizes;
  for (const auto &object : model.objects) {
    sizes.push_back(object->getBufferSize());
    header.objectsSize += sizes.back();
  }
  StringRef table(reinterpret_cast<const char *>(sizes.data()), sizes.size() * sizeof(uint64_t));
  uint64_t end = sizeof(header) + header.nameSize + header.targetSize + table.size() + header.objectsSize;
  header.weightsOffset = alignTo(end, pageSize);
  header.weightsSize = model.weights ? model.weights->getBufferSize() : 0;
  std::string padding(header.weightsOffset - end, '\0');
  StringRef weights = model.weights ? model.weights->getBuffer() : StringRef();
  std::string rest = model.name + model.target + table.str();
  for (const auto &object : model.objects)
    rest += object->getBuffer();
  rest += padding;
  header.checksum = containerChecksum(header, rest);
  return writeBytes(to, {StringRef(reinterpret_cast<const char *>(&header), sizeof(header)), rest, weights});
}

/// An ELF object that holds the weights in read-only data, written by hand:
/// one section and one symbol need no assembler.
bool Writer::assembleWeights(const std::string &to) {
  struct Header {
    unsigned char ident[16];
    uint16_t type, machine;
    uint32_t version;
    uint64_t entry, phoff, shoff;
    uint32_t flags;
    uint16_t ehsize, phentsize, phnum, shentsize, shnum, shstrndx;
  };
  struct Section {
    uint32_t name, type;
    uint64_t flags, addr, offset, size;
    uint32_t link, info;
    uint64_t align, entsize;
  };
  struct Symbol {
    uint32_t name;
    unsigned char info, other;
    uint16_t shndx;
    uint64_t value, size;
  };
  uint64_t size = model.weights->getBufferSize();
  std::string names("\0.symtab\0.strtab\0.note.GNU-stack\0.lathe.weights\0", 48);
  std::string symbolNames = std::string("\0", 1) + weightsSymbol(model.name) + std::string("\0", 1);
  Header header = {};
  memcpy(header.ident,
         "\x7f"
         "ELF\2\1\1",
         7);
  // The object says the machine.
  memcpy(&header.machine, model.objects.front()->getBufferStart() + 18, 2);
  header.type = 1; // ET_REL
  header.version = 1;
  header.ehsize = sizeof(Header);
  header.shentsize = sizeof(Section);
  header.shnum = 5;
  header.shstrndx = 3;
  uint64_t dataOffset = 4096, symbolOffset = alignTo(dataOffset + size, 8);
  Symbol symbols[2] = {};
  symbols[1] = {1, (1 << 4) | 1, 2 /*hidden*/, 1, 0, size}; // Global object.
  uint64_t stringOffset = symbolOffset + sizeof(symbols);
  std::string strings = names + symbolNames;
  header.shoff = alignTo(stringOffset + strings.size(), 8);
  Section sections[5] = {};
  // A section of their own, so that the seal can leave them out.
  sections[1] = {33, 1, 2, 0, dataOffset, size, 0, 0, 4096, 0};
  sections[2] = {1, 2, 0, 0, symbolOffset, sizeof(symbols), 3, 1, 8, sizeof(Symbol)};
  sections[3] = {9, 3, 0, 0, stringOffset, strings.size(), 0, 0, 1, 0};
  sections[4] = {17, 1, 0, 0, stringOffset, 0, 0, 0, 1, 0};
  symbols[1].name = names.size() + 1;
  std::string before(dataOffset - sizeof(header), '\0');
  std::string gap(symbolOffset - dataOffset - size, '\0'), last(header.shoff - stringOffset - strings.size(), '\0');
  auto bytes = [](const auto &value) { return StringRef(reinterpret_cast<const char *>(&value), sizeof(value)); };
  return writeBytes(
      to, {bytes(header), before, model.weights->getBuffer(), gap, bytes(symbols), strings, last, bytes(sections)});
}

bool Writer::writeObjects(std::vector<std::string> &objects) {
  for (const auto &object : model.objects) {
    objects.push_back(temporary.add(path, ".o"));
    if (!writeBytes(objects.back(), object->getBuffer()))
      return false;
  }
  if (!model.weights || !model.weights->getBufferSize())
    return true;
  objects.push_back(temporary.add(path, ".weights.o"));
  return assembleWeights(objects.back());
}

bool Writer::writeArchive(const std::string &to) {
  std::vector<std::string> objects;
  if (!writeObjects(objects))
    return false;
  std::vector<NewArchiveMember> members;
  std::deque<std::string> names; // Members refer to them.
  for (auto [i, object] : enumerate(objects)) {
    auto member = NewArchiveMember::getFile(object, /*Deterministic=*/true);
    if (!member)
      return fail("output-write-failed", toString(member.takeError()), "free some disk space and try again");
    names.push_back(i == 0                     ? std::string("model.o")
                    : i < model.objects.size() ? "kernels" + std::to_string(i) + ".o"
                                               : "weights.o");
    member->MemberName = names.back();
    members.push_back(std::move(*member));
  }
  if (Error error = llvm::writeArchive(to, members, SymtabWritingMode::NormalSymtab, object::Archive::K_GNU,
                                       /*Deterministic=*/true, /*Thin=*/false))
    return fail("output-write-failed", "writing the archive failed: " + toString(std::move(error)),
                "free some disk space and try again");
  return true;
}

bool Writer::link(const std::string &to, bool isShared) {
  std::string linker;
  for (StringRef name : {"ld.lld-22", "ld.lld", "ld"})
    if (ErrorOr<std::string> found = sys::findProgramByName(name); found && linker.empty())
      linker = *found;
  if (linker.empty())
    return fail("link-no-linker", "no linker was found on PATH (looked for ld.lld-22, ld.lld and ld)",
                "install lld-22, or write a .a or .lathebin, which need no linker");
  std::vector<std::string> objects;
  if (!writeObjects(objects))
    return false;
  std::string script = temporary.add(path, ".version"), log = temporary.add(path, ".log");
  if (!writeBytes(script, {"{ global: lathe_module_query; local: *; };\n"}))
    return false;
  std::vector<std::string> words = {linker, isShared ? "-shared" : "-r", "-o", to};
  if (isShared) {
    words.insert(words.end(), {"--version-script=" + script, "--gc-sections", "-z", "noexecstack", "--hash-style=gnu"});
    // What links later may not have libm loaded.
    for (const char *libm : {"/lib/x86_64-linux-gnu/libm.so.6", "/lib64/libm.so.6", "/usr/lib/libm.so.6"})
      if (sys::fs::exists(libm) && StringRef(model.target).starts_with("x86_64")) {
        words.insert(words.end(), {"--as-needed", libm});
        break;
      }
  }
  words.insert(words.end(), objects.begin(), objects.end());
  std::vector<StringRef> arguments(words.begin(), words.end());
  std::string message;
  int status = sys::ExecuteAndWait(linker, arguments, std::nullopt, {std::nullopt, StringRef(log), StringRef(log)}, 0,
                                   0, &message);
  if (status == 0)
    return true;
  if (auto text = MemoryBuffer::getFile(log))
    message += (*text)->getBuffer().take_front(2000);
  return fail("link-failed", "'" + linker + "' failed: " + message,
              "see what the linker says above; a full disk is a common cause");
}

/// Appends the seal that the runtime looks at before it loads the library.
bool Writer::seal(const std::string &to) {
  auto file = MemoryBuffer::getFile(to, /*IsText=*/false, /*RequiresNullTerminator=*/false);
  if (!file)
    return fail("output-write-failed", "cannot read what was linked: " + file.getError().message(),
                "free some disk space and try again");
  StringRef bytes = (*file)->getBuffer();
  auto library = object::ELF64LEFile::create(bytes);
  auto sections = library ? library->sections() : library.takeError();
  if (!sections)
    return fail("link-failed", "the linker wrote no library: " + toString(sections.takeError()),
                "report this with the model");
  lathe_seal seal = {LATHE_SEAL_MAGIC, bytes.size() + sizeof(lathe_seal), 0, 0, 0};
  for (const auto &section : *sections)
    if (auto name = library->getSectionName(section); !name) {
      consumeError(name.takeError());
    } else if (*name == ".lathe.weights") {
      seal.skipped_begin = alignTo(section.sh_offset, LATHE_CHECKSUM_BLOCK);
      seal.skipped_end =
          std::max(seal.skipped_begin, alignDown(section.sh_offset + section.sh_size, LATHE_CHECKSUM_BLOCK));
    }
  lathe_checksum sum;
  lathe_checksum_begin(&sum);
  lathe_checksum_add(&sum, bytes.data(), seal.skipped_begin);
  lathe_checksum_add(&sum, bytes.data() + seal.skipped_end, bytes.size() - seal.skipped_end);
  seal.checksum = lathe_checksum_end(&sum);
  return writeBytes(to, {StringRef(reinterpret_cast<const char *>(&seal), sizeof(seal))}, sys::fs::OF_Append);
}

bool Writer::write() {
  StringRef ending = sys::path::extension(path);
  StringRef folder = sys::path::parent_path(path);
  if (!folder.empty() && !sys::fs::is_directory(folder))
    return fail("output-no-folder", "the folder '" + folder + "' does not exist",
                "create it, or choose another output path");
  if (sys::fs::is_directory(path))
    return fail("output-is-folder", "the output path is a folder", "add a file name such as model.so");
  std::string to = temporary.add(path, ".partial");
  bool written;
  if (ending == ".so")
    written = link(to, true) && seal(to);
  else if (ending == ".o")
    written = link(to, false);
  else if (ending == ".a")
    written = writeArchive(to);
  else if (ending == ".lathebin")
    written = writeContainer(to);
  else
    return fail("output-unknown-kind", "the ending '" + ending + "' says no kind of artifact",
                "use .so, .a, .o or .lathebin");
  if (!written)
    return false;
  if (std::error_code error = sys::fs::rename(to, path))
    return fail("output-not-writable", "cannot replace the file: " + error.message(),
                "choose a folder that is writable");
  return true;
}

bool writeArtifact(const CompiledModel &model, const std::string &path, Diagnostics &diagnostics) {
  return Writer(model, path, diagnostics).write();
}

bool readArtifact(const std::string &path, CompiledModel &model, Diagnostics &diagnostics) {
  auto fail = [&](StringRef id, const Twine &message) {
    diagnostics.error(id, path, message).note("compile the model again with this version of Lathe");
    return false;
  };
  auto file = MemoryBuffer::getFile(path, false, /*RequiresNullTerminator=*/false);
  if (!file)
    return fail("artifact-not-readable", "cannot read: " + file.getError().message());
  StringRef bytes = (*file)->getBuffer();
  ContainerHeader header, expected;
  if (bytes.size() < sizeof(header))
    return fail("artifact-truncated", "has " + Twine(bytes.size()) + " bytes, less than a header");
  memcpy(&header, bytes.data(), sizeof(header));
  if (memcmp(header.magic, expected.magic, sizeof(header.magic)) != 0)
    return fail("artifact-wrong-magic", "is not a .lathebin file");
  if (header.version != expected.version)
    return fail("artifact-wrong-version",
                "has version " + Twine(header.version) + ", but this is version " + Twine(expected.version));
  uint64_t names = sizeof(header) + uint64_t(header.nameSize) + header.targetSize;
  uint64_t objects = names + uint64_t(header.objectCount) * sizeof(uint64_t);
  if (objects > bytes.size() || header.objectsSize > bytes.size() - objects || header.weightsOffset > bytes.size() ||
      header.weightsOffset < objects + header.objectsSize || header.weightsOffset % pageSize || !header.objectCount ||
      header.weightsSize != bytes.size() - header.weightsOffset)
    return fail("artifact-truncated", "is damaged or was not written to its end");
  if (containerChecksum(header, bytes.slice(sizeof(header), header.weightsOffset)) != header.checksum)
    return fail("artifact-damaged", "is damaged: bytes were changed since it was written");
  model.name = bytes.substr(sizeof(header), header.nameSize).str();
  model.target = bytes.substr(sizeof(header) + header.nameSize, header.targetSize).str();
  for (uint32_t i = 0; i < header.objectCount; ++i) {
    uint64_t size;
    memcpy(&size, bytes.data() + names + i * sizeof(size), sizeof(size));
    if (size > header.objectsSize)
      return fail("artifact-truncated", "is damaged or was not written to its end");
    model.objects.push_back(MemoryBuffer::getMemBufferCopy(bytes.substr(objects, size), model.name + ".o"));
    objects += size;
    header.objectsSize -= size;
  }
  if (!header.weightsSize)
    return true;
  auto mapped = MemoryBuffer::getFileSlice(path, header.weightsSize, header.weightsOffset);
  if (!mapped)
    return fail("artifact-not-readable", "cannot map the weights: " + mapped.getError().message());
  model.weights = std::move(*mapped);
  return true;
}

} // namespace lathe
