// lib/Import/Core/OpTable.cpp: rows by domain, name and since-version.
//
// Part of the Lathe project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "OpTable.h"

using namespace lathe::importer;

void OpTable::add(const Key &key, llvm::ArrayRef<int> versions, OpRow row) {
  for (int version : versions)
    table[key][version] = row;
}

const OpRow *OpTable::find(const OpSchema &schema) const {
  auto versions = table.find(Key(schema.domain, schema.name));
  if (versions == table.end())
    return nullptr;
  auto row = versions->second.find(schema.since);
  return row == versions->second.end() ? nullptr : &row->second;
}
