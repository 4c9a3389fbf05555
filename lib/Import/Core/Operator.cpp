// lib/Import/Core/Operator.cpp: looks up attributes.
//
// Part of the Lathe project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Operator.h"

using namespace lathe::importer;

const Attribute *Operator::find(llvm::StringRef name) const {
  for (const Attribute &attribute : attributes)
    if (attribute.name == name)
      return &attribute;
  return nullptr;
}
