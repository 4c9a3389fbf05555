// lib/OpLibrary/ObjectCode.cpp: what ELF relocatables put into memory.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "ObjectCode.h"
#include "Compile.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/BinaryFormat/ELF.h"
#include "llvm/Object/ELFObjectFile.h"

using llvm::StringRef;
using namespace llvm::object;

namespace lathe::oplib {

/// Null if `bytes` are no ELF relocatable.
static std::unique_ptr<ObjectFile> open(StringRef bytes) {
  llvm::Expected<std::unique_ptr<ObjectFile>> file =
      ObjectFile::createObjectFile(llvm::MemoryBufferRef(bytes, "object"));
  if (!file) {
    llvm::consumeError(file.takeError());
    return nullptr;
  }
  return (*file)->isELF() ? std::move(*file) : nullptr;
}

static bool isLoaded(const SectionRef &section) { return ELFSectionRef(section).getFlags() & llvm::ELF::SHF_ALLOC; }

uint64_t loadedBytes(StringRef object) {
  std::unique_ptr<ObjectFile> file = open(object);
  uint64_t bytes = 0;
  if (file)
    for (const SectionRef &section : file->sections())
      if (isLoaded(section))
        bytes += section.getSize();
  return bytes;
}

/// What `expected` holds; an empty value where the file is damaged, which the linker will say.
template <typename T> static T orNothing(llvm::Expected<T> expected) {
  if (expected)
    return *expected;
  llvm::consumeError(expected.takeError());
  return T();
}

/// The number of the section that a symbol is in, or stands for; 0 if it is in none.
static uint64_t sectionOf(const SymbolRef &symbol) {
  section_iterator none = symbol.getObject()->section_end();
  llvm::Expected<section_iterator> section = symbol.getSection();
  uint64_t index = section && *section != none ? (*section)->getIndex() : 0;
  llvm::consumeError(section.takeError());
  return index;
}

namespace {
/// Describes objects in words that two kernels have in common if their code is the same.
class Describer {
public:
  void addSymbols(const ObjectFile &file);
  void addSections(const ObjectFile &file);
  std::string text;

private:
  void addRelocations(const SectionRef &section);
  /// A number for what the objects define; all else has its name.
  std::string nameOf(StringRef symbol) const {
    auto found = defined.find(symbol);
    return found == defined.end() ? symbol.str() : "#" + std::to_string(found->second);
  }

  llvm::StringMap<size_t> defined;
};
} // namespace

/// Where each function begins that other objects may call.
void Describer::addSymbols(const ObjectFile &file) {
  for (const SymbolRef &symbol : file.symbols()) {
    uint32_t flags = orNothing(symbol.getFlags());
    if (flags & SymbolRef::SF_Undefined || !(flags & SymbolRef::SF_Global))
      continue;
    defined.try_emplace(orNothing(symbol.getName()), defined.size());
    text += "symbol " + std::to_string(sectionOf(symbol)) + " " + std::to_string(orNothing(symbol.getValue())) + "\n";
  }
}

void Describer::addRelocations(const SectionRef &section) {
  for (const ELFRelocationRef relocation : section.relocations()) {
    symbol_iterator symbol = relocation.getSymbol();
    bool hasSymbol = symbol != section.getObject()->symbol_end();
    text += "relocation " + std::to_string(relocation.getOffset()) + " " + std::to_string(relocation.getType()) + " " +
            std::to_string(orNothing(relocation.getAddend()));
    // What stands for a section has its name, which others may have, too.
    if (hasSymbol)
      text += " " + nameOf(orNothing(symbol->getName())) + " " + std::to_string(orNothing(symbol->getValue())) + " " +
              std::to_string(sectionOf(*symbol));
    text += "\n";
  }
}

void Describer::addSections(const ObjectFile &file) {
  for (const SectionRef &section : file.sections()) {
    if (isLoaded(section)) {
      // Zeros that are in no file are bytes of a section, too.
      text += "section " + std::to_string(section.getIndex()) + " " + std::to_string(section.getSize()) + "\n";
      text += orNothing(section.getContents());
    }
    llvm::Expected<section_iterator> relocated = section.getRelocatedSection();
    if (relocated && *relocated != file.section_end() && isLoaded(**relocated))
      addRelocations(section);
    llvm::consumeError(relocated.takeError());
  }
}

std::string fingerprintOf(llvm::ArrayRef<std::string> objects) {
  std::vector<std::unique_ptr<ObjectFile>> files;
  Describer describer;
  for (StringRef object : objects) {
    files.push_back(open(object));
    if (!files.back())
      return "";
    describer.addSymbols(*files.back());
  }
  for (const std::unique_ptr<ObjectFile> &file : files)
    describer.addSections(*file);
  return hashOf(describer.text);
}

} // namespace lathe::oplib
