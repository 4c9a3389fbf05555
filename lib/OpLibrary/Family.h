// lib/OpLibrary/Family.h: a family turns one entry of a specification into operators.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef LATHE_LIB_OPLIBRARY_FAMILY_H
#define LATHE_LIB_OPLIBRARY_FAMILY_H

#include "KernelText.h"
#include "Op.h"
#include "Yaml.h"

namespace lathe::oplib {

using Ops = std::vector<std::unique_ptr<Op>>;

struct Family {
  llvm::StringLiteral name;
  /// Adds the operators that `options` asks for. False after an error.
  bool (*expand)(const YamlNode &options, YamlReader &reader, Ops &ops);
};

/// Every family; a new one is a file in Families/ and a row in Families.cpp.
llvm::ArrayRef<const Family *> families();

/// The types that the entry `dtypes` of a family's options names; f32 without one. Nothing after an error.
std::optional<std::vector<std::string>> readDtypes(const YamlNode &options, YamlReader &reader, llvm::StringRef family,
                                                   llvm::ArrayRef<llvm::StringRef> known);
/// Texts of the entry `key` of a map that is called `what` in messages, or `otherwise`.
std::optional<std::vector<std::string>> readTexts(const YamlNode &options, llvm::StringRef key, YamlReader &reader,
                                                  const llvm::Twine &what, llvm::ArrayRef<llvm::StringRef> known,
                                                  std::vector<std::string> otherwise);
/// A whole number of the entry `key`, or `otherwise`.
std::optional<int64_t> readNumber(const YamlNode &options, llvm::StringRef key, YamlReader &reader,
                                  const llvm::Twine &what, int64_t low, int64_t high, int64_t otherwise);
/// Whether the name of an operator or an operand may be part of names in C.
bool checkName(const YamlNode &name, const llvm::Twine &what, YamlReader &reader);

/// What is done to each element of a result of sums: bias, activation, residual.
struct Epilogue {
  std::vector<std::string> activations = {"none"};
  bool hasBias = false, hasResidual = false;
};
bool readEpilogue(const YamlNode *node, YamlReader &reader, llvm::StringRef family, Epilogue &epilogue);
/// Adds "activation" with its values.
void addActivation(Op &op, const Epilogue &epilogue);
/// `value` of type `type` through the activation `kind`.
std::string activate(KernelText &text, llvm::StringRef kind, const std::string &value, const std::string &type);
/// For oracles: `NAMES`, the activations.
std::string activationNames(const Op &op);

/// All forms: each optional operand there or not, and each value of the choice; in the order that lathe_ops_op.forms
/// has them.
void addForms(Op &op);

} // namespace lathe::oplib

#endif // LATHE_LIB_OPLIBRARY_FAMILY_H
