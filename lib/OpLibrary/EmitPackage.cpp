// lib/OpLibrary/EmitPackage.cpp: how build systems find a library, and what people read about it.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Emit.h"
#include "lathe/Compiler/Compiler.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/raw_ostream.h"

using llvm::StringRef;

namespace lathe::oplib {

std::string sharedObjectName(const Spec &spec) {
  return "lib" + spec.name + ".so." + StringRef(spec.version).split('.').first.str();
}

/// `@` stands for the library's name, `!` for its version, `^` for the first number of it, `~` for what `archs` is.
static std::string fill(StringRef text, const Spec &spec, StringRef archs = "") {
  std::string result;
  for (char c : text)
    if (c == '@')
      result += spec.name;
    else if (c == '!')
      result += spec.version;
    else if (c == '^')
      result += StringRef(spec.version).split('.').first;
    else if (c == '~')
      result += archs;
    else
      result += c;
  return result;
}

static constexpr StringRef cmakeConfig = R"(# find_package(@): the targets @::@ (shared) and @::@_static.
get_filename_component(_@_root "${CMAKE_CURRENT_LIST_DIR}/../../.." ABSOLUTE)
string(TOLOWER "${CMAKE_SYSTEM_PROCESSOR}" _@_arch)
if(_@_arch STREQUAL "amd64" OR _@_arch STREQUAL "x64")
  set(_@_arch x86_64)
elseif(_@_arch STREQUAL "arm64")
  set(_@_arch aarch64)
endif()
set(_@_lib "")
foreach(_@_pair ~)
  string(REPLACE "=" ";" _@_pair "${_@_pair}")
  list(GET _@_pair 0 _@_kind)
  if(_@_kind STREQUAL _@_arch)
    list(GET _@_pair 1 _@_lib)
  endif()
endforeach()
if(NOT _@_lib)
  set(@_FOUND FALSE)
  set(@_NOT_FOUND_MESSAGE
    "@ has no library for CMAKE_SYSTEM_PROCESSOR '${CMAKE_SYSTEM_PROCESSOR}'; it has ARCHITECTURE=FOLDER: ~")
  return()
endif()
foreach(_@_kind "@::@=SHARED=lib@.so.^" "@::@_static=STATIC=lib@.a")
  string(REPLACE "=" ";" _@_kind "${_@_kind}")
  list(GET _@_kind 0 _@_target)
  list(GET _@_kind 1 _@_form)
  list(GET _@_kind 2 _@_file)
  if(NOT TARGET ${_@_target})
    add_library(${_@_target} ${_@_form} IMPORTED)
    set_target_properties(${_@_target} PROPERTIES
      IMPORTED_LOCATION "${_@_root}/${_@_lib}/${_@_file}"
      INTERFACE_INCLUDE_DIRECTORIES "${_@_root}/include")
  endif()
endforeach()
set_target_properties(@::@ PROPERTIES IMPORTED_SONAME "lib@.so.^")
set_target_properties(@::@_static PROPERTIES INTERFACE_LINK_LIBRARIES m)
)";

static constexpr StringRef cmakeVersion = R"(set(PACKAGE_VERSION "!")
if(PACKAGE_FIND_VERSION_MAJOR EQUAL "^" AND NOT PACKAGE_FIND_VERSION VERSION_GREATER PACKAGE_VERSION)
  set(PACKAGE_VERSION_COMPATIBLE TRUE)
  if(PACKAGE_FIND_VERSION VERSION_EQUAL PACKAGE_VERSION)
    set(PACKAGE_VERSION_EXACT TRUE)
  endif()
endif()
)";

static constexpr StringRef pkgConfig = R"(prefix=${pcfiledir}/~
Name: @
Description: a library of operators
Version: !
Cflags: -I${prefix}/include
Libs: -L${pcfiledir}/.. -l@
Libs.private: -lm
)";

llvm::StringMap<std::string> emitPackage(const Spec &spec) {
  llvm::StringMap<std::string> files;
  std::string cmake = "lib/cmake/" + spec.name + "/" + spec.name;
  std::string folders;
  for (const std::string &arch : spec.archs())
    folders += (folders.empty() ? "" : " ") + arch + "=" + spec.libraryFolder(arch);
  files[cmake + "Config.cmake"] = fill(cmakeConfig, spec, folders);
  files[cmake + "ConfigVersion.cmake"] = fill(cmakeVersion, spec);
  for (const std::string &arch : spec.archs())
    files[spec.libraryFolder(arch) + "/pkgconfig/" + spec.name + ".pc"] =
        fill(pkgConfig, spec, spec.archs().size() == 1 ? "../.." : "../../..");
  return files;
}

/// What a program that knows no C needs to call an operator.
static void writeInterface(llvm::json::OStream &json, const Op &op) {
  auto texts = [&](StringRef name, const std::vector<std::string> &list) {
    json.attributeArray(name, [&] {
      for (const std::string &text : list)
        json.value(text);
    });
  };
  json.object([&] {
    json.attribute("op", op.name);
    json.attribute("family", op.family);
    json.attribute("about", op.about);
    texts("symbols", op.symbols);
    json.attributeObject("derived", [&] {
      for (const auto &[name, expression] : op.derived)
        json.attribute(name, expression);
    });
    json.attributeArray("operands", [&] {
      for (const Operand &operand : op.operands)
        json.object([&] {
          json.attribute("name", operand.name);
          json.attribute("dtype", operand.dtype);
          texts("dims", operand.dims);
          texts("strides", operand.strides);
          json.attribute("optional", operand.isOptional);
          json.attribute("result", operand.isResult);
          json.attribute("packed", operand.isPacked);
          json.attribute("alignment", static_cast<int64_t>(alignmentOf(op, operand)));
        });
    });
    json.attribute("choice", op.choiceName);
    texts("choices", op.choices);
  });
}

std::string emitManifest(const Spec &spec, const std::vector<BuiltTarget> &targets) {
  std::string text;
  llvm::raw_string_ostream out(text);
  llvm::json::OStream json(out, 2);
  json.object([&] {
    json.attribute("lathe-oplib", 1);
    json.attribute("name", spec.name);
    json.attribute("version", spec.version);
    json.attribute("compiler", compilerVersion());
    json.attribute("spec", spec.hash);
    json.attribute("context_words", static_cast<int64_t>(contextWords(spec)));
    json.attributeObject("libraries", [&] {
      for (const std::string &arch : spec.archs())
        json.attribute(arch, spec.libraryFolder(arch) + "/" + sharedObjectName(spec));
    });
    json.attributeArray("interface", [&] {
      for (const auto &op : spec.ops)
        writeInterface(json, *op);
    });
    json.attributeArray("ops", [&] {
      for (const BuiltTarget &target : targets)
        for (const BuiltOp &op : target.ops)
          json.object([&] {
            json.attribute("op", op.op->name);
            json.attribute("target", target.target.str());
            json.attribute("object_bytes", static_cast<int64_t>(op.bytes));
            json.attribute("code_bytes", static_cast<int64_t>(op.codeBytes));
            if (op.panel)
              json.attribute("panel_columns", op.panel);
            json.attributeArray("variants", [&] {
              for (const Variant &variant : op.variants)
                json.object([&] {
                  json.attribute("name", variant.name);
                  json.attribute("kernel", variant.key);
                  json.attribute("why", variant.specialization->why);
                  if (!variant.sameAs.empty())
                    json.attribute("same_as", variant.sameAs);
                  json.attribute("object_bytes", static_cast<int64_t>(variant.bytes));
                  json.attribute("code_bytes", static_cast<int64_t>(variant.codeBytes));
                  json.attributeArray("kernels", [&] {
                    for (size_t i = 0; i < variant.kernels.size(); ++i)
                      json.object([&] {
                        json.attribute("form", op.op->forms[i].name);
                        json.attribute("symbol", variant.kernels[i].symbol);
                        json.attribute("key", variant.kernels[i].key);
                        json.attribute("strategy", variant.kernels[i].strategy);
                      });
                  });
                });
            });
          });
    });
  });
  return text + "\n";
}

} // namespace lathe::oplib
