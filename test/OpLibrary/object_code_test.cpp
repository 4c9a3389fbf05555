// test/OpLibrary/object_code_test.cpp: the fingerprints of object files differ where what they do differs.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "../../lib/OpLibrary/ObjectCode.h"
#include "llvm/ADT/SmallString.h"
#include "llvm/ObjectYAML/yaml2obj.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/YAMLTraits.h"
#include "llvm/Support/raw_ostream.h"

using llvm::StringRef;

static int failures = 0;

static void expect(bool condition, StringRef what) {
  if (condition)
    return;
  ++failures;
  llvm::outs() << "FAILED: " << what << "\n";
}

/// A function called `name` that reads the first byte of one of two tables, which are in sections of one name, beside
/// `zeros` bytes that are in no file.
static std::string object(StringRef name, int table, int zeros) {
  std::string yaml = llvm::formatv(R"(--- !ELF
FileHeader: {{ Class: ELFCLASS64, Data: ELFDATA2LSB, Type: ET_REL, Machine: EM_X86_64 }
Sections:
  - {{ Name: .text, Type: SHT_PROGBITS, Flags: [ SHF_ALLOC, SHF_EXECINSTR ], Content: "8A0500000000C3" }
  - {{ Name: '.table (1)', Type: SHT_PROGBITS, Flags: [ SHF_ALLOC ], Content: "01" }
  - {{ Name: '.table (2)', Type: SHT_PROGBITS, Flags: [ SHF_ALLOC ], Content: "02" }
  - {{ Name: .bss, Type: SHT_NOBITS, Flags: [ SHF_ALLOC, SHF_WRITE ], Size: {2} }
  - Name: .rela.text
    Type: SHT_RELA
    Info: .text
    Relocations: [ {{ Offset: 2, Type: R_X86_64_PC32, Symbol: {1}, Addend: -4 } ]
Symbols:
  - {{ Type: STT_SECTION, Section: '.table (1)' }
  - {{ Type: STT_SECTION, Section: '.table (2)' }
  - {{ Name: {0}, Type: STT_FUNC, Section: .text, Binding: STB_GLOBAL }
)",
                                   name, table, zeros);
  llvm::yaml::Input input(yaml);
  std::string bytes;
  llvm::raw_string_ostream os(bytes);
  expect(llvm::yaml::convertYAML(input, os, [](const llvm::Twine &message) { llvm::outs() << message << "\n"; }),
         "the object is written");
  return bytes;
}

static std::string fingerprint(StringRef name, int table, int zeros) {
  std::string one = object(name, table, zeros);
  return lathe::oplib::fingerprintOf(one);
}

int main() {
  std::string first = fingerprint("f", 1, 8);
  expect(!first.empty(), "an object has a fingerprint");
  expect(first == fingerprint("g", 1, 8), "names do not count");
  expect(first != fingerprint("f", 2, 8), "the section that a load reads counts");
  expect(first != fingerprint("f", 1, 16), "bytes that are in no file count");
  return failures ? 1 : 0;
}
