// tools/lathe/StoredModule.cpp: does to the data of an ELF file what a linker or a loader would, and checks each
// address in it.
//
// Part of the Lathe project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "StoredModule.h"

#include "lathe-runtime/seal.h"
#include "lathe/Support/Diagnostics.h"

#include "llvm/BinaryFormat/ELF.h"
#include "llvm/Object/Archive.h"
#include "llvm/Object/ELF.h"

using namespace lathe;
using namespace lathe::cli;
using llvm::StringRef;
namespace ELF = llvm::ELF;

/// Every architecture that Lathe has targets for has 64 bits, the least significant byte first.
using Elf = llvm::object::ELF64LE;
using ElfFile = llvm::object::ELFFile<Elf>;

namespace {

/// An object whose data gets the addresses that it has in `bytes`.
class Object {
public:
  Object(llvm::WritableMemoryBuffer &bytes, const ElfFile &file) : bytes(bytes), file(file) {}

  /// Writes the addresses; returns the description, or null if there is none.
  llvm::Expected<const lathe_module_desc *> link();

private:
  char *at(uint64_t offset, uint64_t size = 1) {
    bool isInside = offset <= bytes.getBufferSize() && size <= bytes.getBufferSize() - offset;
    return isInside ? bytes.getBufferStart() + offset : nullptr;
  }
  bool isLibrary() const { return file.getHeader().e_type == ELF::ET_DYN; }
  char *atAddress(uint64_t address, uint64_t size = 1);
  char *atSymbol(const Elf::Sym &symbol);
  llvm::Error relocate(const Elf::Shdr &section);
  llvm::Expected<char *> target(const Elf::Rela &relocation, const Elf::Shdr &section);

  llvm::WritableMemoryBuffer &bytes;
  const ElfFile &file;
  Elf::ShdrRange sections;
  Elf::PhdrRange segments;
};

/// The kinds of relocations that data has, by machine.
struct DataRelocations {
  unsigned machine, absolute, relative;
};

} // namespace

static constexpr DataRelocations dataRelocations[] = {
    {ELF::EM_X86_64, ELF::R_X86_64_64, ELF::R_X86_64_RELATIVE},
    {ELF::EM_AARCH64, ELF::R_AARCH64_ABS64, ELF::R_AARCH64_RELATIVE},
    {ELF::EM_RISCV, ELF::R_RISCV_64, ELF::R_RISCV_RELATIVE},
};

/// Where an address of a library is in its file; null for what is in none.
char *Object::atAddress(uint64_t address, uint64_t size) {
  for (const Elf::Phdr &segment : segments)
    if (segment.p_type == ELF::PT_LOAD && address >= segment.p_vaddr && address - segment.p_vaddr < segment.p_filesz)
      return at(segment.p_offset + (address - segment.p_vaddr), size);
  return nullptr;
}

/// Null for what another object defines.
char *Object::atSymbol(const Elf::Sym &symbol) {
  if (isLibrary())
    return symbol.st_shndx == ELF::SHN_UNDEF ? nullptr : atAddress(symbol.st_value);
  if (symbol.st_shndx == ELF::SHN_UNDEF || symbol.st_shndx >= sections.size())
    return nullptr;
  const Elf::Shdr &section = sections[symbol.st_shndx];
  return section.sh_type == ELF::SHT_NOBITS ? nullptr : at(section.sh_offset + symbol.st_value);
}

/// What a relocation says that its place holds; null for kinds that data has not.
llvm::Expected<char *> Object::target(const Elf::Rela &relocation, const Elf::Shdr &section) {
  const DataRelocations *kinds = llvm::find_if(
      dataRelocations, [&](const DataRelocations &row) { return row.machine == file.getHeader().e_machine; });
  if (kinds == std::end(dataRelocations))
    return nullptr;
  uint32_t kind = relocation.getType(/*isMips64EL=*/false);
  if (isLibrary() && kind == kinds->relative)
    return atAddress(relocation.r_addend);
  if (kind != kinds->absolute)
    return nullptr;
  auto table = file.getSection(section.sh_link);
  if (!table)
    return table.takeError();
  auto symbol = file.getRelocationSymbol(relocation, *table);
  if (!symbol)
    return symbol.takeError();
  char *place = *symbol ? atSymbol(**symbol) : nullptr;
  return place ? at(place - bytes.getBufferStart() + relocation.r_addend) : nullptr;
}

llvm::Error Object::relocate(const Elf::Shdr &section) {
  uint64_t base = 0; // Of the places in an object; those in a library are addresses.
  if (!isLibrary()) {
    if (section.sh_info >= sections.size() || !(sections[section.sh_info].sh_flags & ELF::SHF_ALLOC))
      return llvm::Error::success();
    base = sections[section.sh_info].sh_offset;
  }
  auto relocations = file.relas(section);
  if (!relocations)
    return relocations.takeError();
  for (const Elf::Rela &relocation : *relocations) {
    auto value = target(relocation, section);
    if (!value)
      return value.takeError();
    constexpr uint64_t size = sizeof(*value);
    char *place = isLibrary() ? atAddress(relocation.r_offset, size) : at(base + relocation.r_offset, size);
    if (place && *value)
      memcpy(place, &*value, size);
  }
  return llvm::Error::success();
}

llvm::Expected<const lathe_module_desc *> Object::link() {
  auto allSections = file.sections();
  if (!allSections)
    return allSections.takeError();
  auto allSegments = file.program_headers();
  if (!allSegments)
    return allSegments.takeError();
  sections = *allSections;
  segments = *allSegments;
  const char *found = nullptr;
  for (const Elf::Shdr &section : sections) {
    if (section.sh_type == ELF::SHT_RELA)
      if (llvm::Error error = relocate(section))
        return error;
    if (section.sh_type != ELF::SHT_SYMTAB)
      continue;
    auto symbols = file.symbols(&section);
    auto names = symbols ? file.getStringTableForSymtab(section) : symbols.takeError();
    if (!names)
      return names.takeError();
    for (const Elf::Sym &symbol : *symbols) {
      auto name = symbol.getName(*names);
      if (!name)
        return name.takeError();
      // As descriptorSymbol of Codegen.h has it.
      if (!found && symbol.getType() == ELF::STT_OBJECT && name->starts_with("lathe_module_"))
        found = atSymbol(symbol);
    }
  }
  return reinterpret_cast<const lathe_module_desc *>(found);
}

namespace {
/// Whether a description is whole: what it refers to, code and weights aside, is inside of `bytes`.
class Check {
public:
  explicit Check(StringRef bytes) : bytes(bytes) {}
  bool module(const lathe_module_desc *module) const;

private:
  bool range(const void *start, uint64_t size, uint64_t alignment) const {
    auto from = reinterpret_cast<uintptr_t>(start), begin = reinterpret_cast<uintptr_t>(bytes.begin());
    return from % alignment == 0 && from >= begin && from - begin <= bytes.size() &&
           size <= bytes.size() - (from - begin);
  }
  bool text(const char *text) const { return range(text, 1, 1) && memchr(text, 0, bytes.end() - text) != nullptr; }
  /// A structure that says its size and has at least all up to what is asked for.
  template <class T> bool structure(const T *value, uint64_t atLeast) const {
    return range(value, sizeof(uint32_t), alignof(T)) && value->struct_size >= atLeast &&
           range(value, value->struct_size, alignof(T));
  }
  template <class T, class F> bool array(const T *values, uint64_t count, F isWhole) const {
    return count == 0 || (count <= bytes.size() && range(values, count * sizeof(T), alignof(T)) &&
                          llvm::all_of(llvm::ArrayRef(values, count), isWhole));
  }
  bool value(const lathe_value_desc *value, uint32_t symbols) const;
  bool function(const lathe_function_desc *function) const;
  bool kernel(const lathe_kernel_desc *kernel) const;
  bool variant(const lathe_variant_desc *variant) const;

  StringRef bytes;
};
} // namespace

bool Check::value(const lathe_value_desc *value, uint32_t symbols) const {
  if (!structure(value, sizeof(*value)) || !text(value->name) || value->kind > LATHE_KIND_MAP)
    return false;
  if (value->rank == LATHE_ANY_RANK)
    return true;
  return value->rank <= LATHE_MAX_RANK && array(value->dims, value->rank, [&](int64_t dim) {
           return dim >= 0 || dim == INT64_MIN || ~dim < int64_t(symbols);
         });
}

bool Check::function(const lathe_function_desc *function) const {
  if (!structure(function, offsetof(lathe_function_desc, plan)) || !text(function->name))
    return false;
  auto isText = [&](const char *name) { return text(name); };
  auto isValue = [&](const lathe_value_desc *entry) { return value(entry, function->symbol_count); };
  bool hasRanges = LATHE_HAS(function, symbol_ranges) && function->symbol_ranges;
  return array(function->symbol_names, function->symbol_count, isText) &&
         (!hasRanges || array(function->symbol_ranges, 3 * uint64_t(function->symbol_count),
                              [](int64_t limit) { return limit >= 0; })) &&
         array(function->inputs, function->input_count, isValue) &&
         array(function->outputs, function->output_count, isValue);
}

bool Check::kernel(const lathe_kernel_desc *kernel) const {
  return structure(kernel, offsetof(lathe_kernel_desc, phases)) && text(kernel->name) && text(kernel->key) &&
         text(kernel->strategy) && text(kernel->nodes);
}

bool Check::variant(const lathe_variant_desc *variant) const {
  if (!structure(variant, offsetof(lathe_variant_desc, code_bytes)) || !text(variant->name) || !text(variant->target))
    return false;
  if (!array(variant->functions, variant->function_count,
             [&](const lathe_function_desc *entry) { return function(entry); }) ||
      !array(variant->kernels, variant->kernel_count, [&](const lathe_kernel_desc *entry) { return kernel(entry); }))
    return false;
  return !LATHE_HAS(variant, device_kernel_count) ||
         array(variant->device_kernels, variant->device_kernel_count, [&](const lathe_device_kernel_desc *entry) {
           return structure(entry, sizeof(*entry)) && text(entry->name);
         });
}

bool Check::module(const lathe_module_desc *module) const {
  if (!range(module, sizeof(*module), alignof(lathe_module_desc)) || module->struct_size < sizeof(*module) ||
      !text(module->compiler) || !text(module->model) || module->variant_count == 0)
    return false;
  return array(module->variants, module->variant_count,
               [&](const lathe_variant_desc *entry) { return variant(entry); }) &&
         array(module->metadata, 2 * uint64_t(module->metadata_count), [&](const char *entry) { return text(entry); });
}

/// Whether the code and the tables of a library are as Lathe wrote them; true where it says nothing of it.
static bool isSealed(StringRef bytes) {
  lathe_seal seal;
  if (bytes.size() < sizeof(seal))
    return true;
  memcpy(&seal, bytes.end() - sizeof(seal), sizeof(seal));
  if (StringRef(seal.magic, sizeof(seal.magic)) != StringRef(LATHE_SEAL_MAGIC, sizeof(seal.magic)))
    return true;
  uint64_t end = bytes.size() - sizeof(seal);
  if (seal.file_size != bytes.size() || seal.weights_begin > seal.weights_end || seal.weights_end > end ||
      seal.weights_begin % LATHE_CHECKSUM_BLOCK || seal.weights_end % LATHE_CHECKSUM_BLOCK)
    return false;
  lathe_checksum sum;
  lathe_checksum_begin(&sum);
  lathe_checksum_add(&sum, bytes.data(), seal.weights_begin);
  lathe_checksum_add(&sum, bytes.data() + seal.weights_end, end - seal.weights_end);
  return lathe_checksum_end(&sum) == seal.checksum;
}

static void reportDamage(StringRef path, const llvm::Twine &how, Diagnostics &diagnostics) {
  diagnostics.error("artifact-damaged", path, "is damaged: " + how).note("copy it, or compile the model, again");
}

/// The object in an archive that describes the model, aligned as an object in a file is; null after an error.
static std::unique_ptr<llvm::WritableMemoryBuffer> openArchive(StringRef path, Diagnostics &diagnostics) {
  auto file = llvm::MemoryBuffer::getFile(path, /*IsText=*/false, /*RequiresNullTerminator=*/false);
  if (!file) {
    diagnostics.error("artifact-not-readable", path, "cannot read: " + file.getError().message())
        .note("check the path and its permissions");
    return nullptr;
  }
  auto archive = llvm::object::Archive::create(**file);
  if (!archive) {
    reportDamage(path, toString(archive.takeError()), diagnostics);
    return nullptr;
  }
  llvm::Error error = llvm::Error::success();
  std::unique_ptr<llvm::WritableMemoryBuffer> found;
  for (const llvm::object::Archive::Child &child : (*archive)->children(error)) {
    auto name = child.getName();
    auto bytes = name ? child.getBuffer() : name.takeError();
    if (!bytes) {
      reportDamage(path, toString(bytes.takeError()), diagnostics);
      consumeError(std::move(error));
      return nullptr;
    }
    // As WriteArtifact.cpp calls it.
    if (*name != "model.o" || found)
      continue;
    found = llvm::WritableMemoryBuffer::getNewUninitMemBuffer(bytes->size(), path, llvm::Align(4096));
    llvm::copy(*bytes, found->getBufferStart());
  }
  if (error) {
    reportDamage(path, toString(std::move(error)), diagnostics);
    return nullptr;
  }
  if (!found)
    diagnostics.error("artifact-no-description", path, "holds no model: no member is called model.o")
        .note("give a .so, .a, .o or .lathebin file that lathe compile wrote");
  return found;
}

std::unique_ptr<StoredModule> StoredModule::read(StringRef path, Diagnostics &diagnostics) {
  std::unique_ptr<StoredModule> stored(new StoredModule);
  // Mapped for this process alone: only pages with addresses are copied.
  auto file = llvm::WritableMemoryBuffer::getFile(path);
  if (!file) {
    diagnostics.error("artifact-not-readable", path, "cannot read: " + file.getError().message())
        .note("check the path and its permissions");
    return nullptr;
  }
  stored->bytes = std::move(*file);
  auto contents = [&] { return StringRef(stored->bytes->getBufferStart(), stored->bytes->getBufferSize()); };
  StringRef bytes = contents();
  if (bytes.starts_with("!<arch>\n")) {
    stored->bytes = openArchive(path, diagnostics);
    if (!stored->bytes)
      return nullptr;
    bytes = contents();
  } else if (!isSealed(bytes)) {
    reportDamage(path, "bytes were changed since it was written", diagnostics);
    return nullptr;
  }
  auto object =
      bytes.size() > ELF::EI_DATA && bytes[ELF::EI_CLASS] == ELF::ELFCLASS64 && bytes[ELF::EI_DATA] == ELF::ELFDATA2LSB
          ? ElfFile::create(bytes)
          : llvm::createStringError("it has not the 64 bits of all machines that Lathe compiles for");
  auto found = object ? Object(*stored->bytes, *object).link() : object.takeError();
  if (!found) {
    reportDamage(path, toString(found.takeError()), diagnostics);
    return nullptr;
  }
  stored->found = *found;
  if (!stored->found) {
    diagnostics.error("artifact-no-description", path, "holds no description of a model that can be found")
        .note("give a .so, .a, .o or .lathebin file that lathe compile wrote, with its symbols: strip takes them away");
    return nullptr;
  }
  Check check(bytes);
  uint32_t version = 0;
  memcpy(&version, stored->found, std::min<size_t>(sizeof(version), bytes.end() - (const char *)stored->found));
  if (version != LATHE_ABI_VERSION) {
    diagnostics
        .error("artifact-wrong-version", path,
               "has version " + llvm::Twine(version) + " of the module ABI, but this is version " +
                   llvm::Twine(LATHE_ABI_VERSION))
        .note("compile the model again with this version of Lathe");
    return nullptr;
  }
  if (check.module(stored->found))
    return stored;
  reportDamage(path, "its description refers to what it does not hold", diagnostics);
  return nullptr;
}
