// lib/Codegen/CPU/WriteArtifact.cpp: compiled models as files: shared and static libraries, objects, and our own
// container.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "lathe-runtime/seal.h"
#include "lathe/Codegen/Codegen.h"
#include "lathe/Support/Pages.h"
#include "lathe/Support/PartialFile.h"
#include "llvm/ADT/ScopeExit.h"
#include "llvm/ADT/SmallString.h"
#include "llvm/BinaryFormat/ELF.h"
#include "llvm/MC/StringTableBuilder.h"
#include "llvm/Object/ArchiveWriter.h"
#include "llvm/Object/ELF.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/Program.h"
#include "llvm/Support/ThreadPool.h"
#include "llvm/TargetParser/Host.h"
#include "llvm/TargetParser/Triple.h"
#include <deque>

using namespace llvm;

namespace lathe {

namespace {

/// The container: header, name, target, the size of each object as 64 bits,
/// objects, padding to a page, weights.
struct ContainerHeader {
  char magic[8] = {'L', 'A', 'T', 'H', 'E', 'B', 'I', 'N'};
  uint32_t version = 4;
  uint32_t nameSize = 0;
  uint64_t objectsSize = 0, weightsOffset = 0, weightsSize = 0;
  uint32_t targetSize = 0, objectCount = 0;
  uint64_t fingerprint = 0, weightsChecksum = 0;
  uint64_t checksum = 0; ///< Of all before the weights, with this field as 0.
};
constexpr uint64_t pageSize = 4096;

/// The checksum of a container's header, names and object.
uint64_t containerChecksum(ContainerHeader header, StringRef rest) {
  header.checksum = 0;
  char first[3 * LATHE_CHECKSUM_BLOCK] = {};
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

uint64_t weightsChecksum(StringRef bytes) {
  constexpr size_t share = 16; // Chunks that are worth a thread.
  std::vector<uint64_t> sums(lathe_checksum_chunks(bytes.size()));
  auto sum = [&](size_t begin) {
    for (size_t i = begin; i < std::min(begin + share, sums.size()); ++i) {
      StringRef part = bytes.substr(i * LATHE_CHECKSUM_CHUNK, LATHE_CHECKSUM_CHUNK);
      sums[i] = lathe_checksum_of(part.data(), part.size());
    }
  };
  if (sums.size() <= share) {
    sum(0);
  } else {
    DefaultThreadPool pool;
    for (size_t begin = 0; begin < sums.size(); begin += share)
      pool.async(sum, begin);
    pool.wait();
  }
  return lathe_checksum_of(sums.data(), sums.size() * sizeof(uint64_t));
}

bool Writer::writeBytes(const std::string &to, ArrayRef<StringRef> parts, sys::fs::OpenFlags flags) {
  std::error_code error = lathe::writeBytes(to, parts, flags);
  return !error || reportWriteError(path, error, diagnostics);
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
  header.fingerprint = model.fingerprint;
  header.weightsChecksum = lathe::weightsChecksum(weights);
  std::string rest = model.name + model.target + table.str();
  for (const auto &object : model.objects)
    rest += object->getBuffer();
  rest += padding;
  header.checksum = containerChecksum(header, rest);
  return writeBytes(to, {StringRef(reinterpret_cast<const char *>(&header), sizeof(header)), rest, weights});
}

/// An ELF object that holds the weights in read-only data: one section and one
/// symbol, which need no assembler, and no copy of the weights.
template <class ELFT>
static std::error_code writeWeightsObject(StringRef to, StringRef symbol, StringRef weights, StringRef object) {
  // One of the model's own objects says the machine and what its flags are,
  // such as how floating point numbers are passed on RISC-V.
  const auto &model = *reinterpret_cast<const typename ELFT::Ehdr *>(object.data());
  typename ELFT::Ehdr header;
  memset(&header, 0, sizeof(header));
  memcpy(header.e_ident, model.e_ident, sizeof(header.e_ident));
  header.e_type = ELF::ET_REL;
  header.e_machine = model.e_machine;
  header.e_version = ELF::EV_CURRENT;
  header.e_flags = model.e_flags;
  header.e_ehsize = sizeof(header);
  header.e_shentsize = sizeof(typename ELFT::Shdr);

  StringTableBuilder strings(StringTableBuilder::ELF);
  // A section of their own, so that the seal can treat them apart.
  StringRef names[] = {".lathe.weights", ".symtab", ".strtab", ".note.GNU-stack", symbol};
  for (StringRef name : names)
    strings.add(name);
  strings.finalize();
  enum { Null, Weights, Symbols, Strings, NoStack, Count };
  header.e_shnum = Count;
  header.e_shstrndx = Strings;

  typename ELFT::Sym symbols[2];
  memset(symbols, 0, sizeof(symbols));
  symbols[1].st_name = strings.getOffset(symbol);
  symbols[1].setBindingAndType(ELF::STB_GLOBAL, ELF::STT_OBJECT);
  symbols[1].setVisibility(ELF::STV_HIDDEN);
  symbols[1].st_shndx = Weights;
  symbols[1].st_size = weights.size();

  typename ELFT::Shdr sections[Count];
  memset(sections, 0, sizeof(sections));
  std::vector<std::string> gaps; // Zeros before each part.
  uint64_t end = sizeof(header);
  gaps.reserve(Count);
  auto place = [&](unsigned index, unsigned type, uint64_t size, uint64_t align) {
    gaps.emplace_back(alignTo(end, align) - end, '\0');
    sections[index].sh_name = strings.getOffset(names[index - 1]);
    sections[index].sh_type = type;
    sections[index].sh_offset = alignTo(end, align);
    sections[index].sh_size = size;
    sections[index].sh_addralign = align;
    end = sections[index].sh_offset + size;
  };
  place(Weights, ELF::SHT_PROGBITS, weights.size(), pageSize);
  sections[Weights].sh_flags = ELF::SHF_ALLOC;
  place(Symbols, ELF::SHT_SYMTAB, sizeof(symbols), alignof(uint64_t));
  sections[Symbols].sh_link = Strings;
  sections[Symbols].sh_info = 1; // The first that is not local.
  sections[Symbols].sh_entsize = sizeof(symbols[0]);
  place(Strings, ELF::SHT_STRTAB, strings.getSize(), 1);
  place(NoStack, ELF::SHT_PROGBITS, 0, 1);
  header.e_shoff = alignTo(end, alignof(uint64_t));
  gaps.emplace_back(header.e_shoff - end, '\0');
  std::string text(strings.getSize(), '\0');
  strings.write(reinterpret_cast<uint8_t *>(text.data()));
  auto bytes = [](const auto &value) { return StringRef(reinterpret_cast<const char *>(&value), sizeof(value)); };
  return lathe::writeBytes(
      to, {bytes(header), gaps[0], weights, gaps[1], bytes(symbols), gaps[2], text, gaps[3], gaps[4], bytes(sections)});
}

bool Writer::assembleWeights(const std::string &to) {
  StringRef object = model.objects.front()->getBuffer(), weights = model.weights->getBuffer();
  std::string symbol = weightsSymbol(model.name);
  auto [bits, order] = object::getElfArchType(object);
  std::error_code error;
  if (bits == ELF::ELFCLASS64 && order == ELF::ELFDATA2LSB)
    error = writeWeightsObject<object::ELF64LE>(to, symbol, weights, object);
  else if (bits == ELF::ELFCLASS64 && order == ELF::ELFDATA2MSB)
    error = writeWeightsObject<object::ELF64BE>(to, symbol, weights, object);
  else if (bits == ELF::ELFCLASS32 && order == ELF::ELFDATA2LSB)
    error = writeWeightsObject<object::ELF32LE>(to, symbol, weights, object);
  else
    error = writeWeightsObject<object::ELF32BE>(to, symbol, weights, object);
  return !error || reportWriteError(path, error, diagnostics);
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
                    : i < model.objects.size() ? "code" + std::to_string(i) + ".o"
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

/// `name` of the C library for the architecture of `target`, "" if it is not
/// installed. A library that names libm can be loaded by a program without it; one
/// that names libc binds the versions of its functions that are there now, where
/// the dynamic linker would take the oldest: for memcpy one without vectors.
static std::string findLibrary(StringRef target, StringRef name) {
  std::string arch = target.split(':').first.str(), gnu = arch + "-linux-gnu";
  bool isNative = Triple(sys::getProcessTriple()).getArchName() == arch;
  for (const std::string &folder : {"/lib/" + gnu, "/usr/" + gnu + "/lib", std::string(isNative ? "/lib64" : ""),
                                    std::string(isNative ? "/usr/lib" : "")})
    if (std::string file = folder + "/" + name.str(); !folder.empty() && sys::fs::exists(file))
      return file;
  return "";
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
    for (StringRef library : {"libm.so.6", "libc.so.6"})
      if (std::string file = findLibrary(model.target, library); !file.empty())
        words.insert(words.end(), {"--as-needed", file});
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
  lathe_seal seal = {LATHE_SEAL_MAGIC, bytes.size() + sizeof(lathe_seal), 0, 0, 0, 0};
  for (const auto &section : *sections)
    if (auto name = library->getSectionName(section); !name) {
      consumeError(name.takeError());
    } else if (*name == ".lathe.weights") {
      seal.weights_begin = alignTo(section.sh_offset, LATHE_CHECKSUM_BLOCK);
      seal.weights_end =
          std::max(seal.weights_begin, alignDown(section.sh_offset + section.sh_size, LATHE_CHECKSUM_BLOCK));
    }
  lathe_checksum sum;
  lathe_checksum_begin(&sum);
  lathe_checksum_add(&sum, bytes.data(), seal.weights_begin);
  lathe_checksum_add(&sum, bytes.data() + seal.weights_end, bytes.size() - seal.weights_end);
  seal.checksum = lathe_checksum_end(&sum);
  seal.weights_checksum = lathe::weightsChecksum(bytes.slice(seal.weights_begin, seal.weights_end));
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
  PartialFile file(path);
  const std::string &to = file.name();
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
  std::error_code error = file.keep();
  return !error || reportWriteError(path, error, diagnostics);
}

bool writeArtifact(const CompiledModel &model, const std::string &path, Diagnostics &diagnostics) {
  return Writer(model, path, diagnostics).write();
}

bool readArtifact(const std::string &path, bool uncheckedWeights, CompiledModel &model, Diagnostics &diagnostics) {
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
  if (StringRef weights = bytes.substr(header.weightsOffset); !uncheckedWeights) {
    bool isWhole = lathe::weightsChecksum(weights) == header.weightsChecksum;
    releasePages(ArrayRef<char>(weights.data(), weights.size()));
    if (!isWhole)
      return fail("artifact-damaged", "is damaged: weights were changed since it was written");
  }
  model.fingerprint = header.fingerprint;
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
