// lib/Support/Pages.cpp: the one place that tells the system which pages nobody needs in memory.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "lathe/Support/Pages.h"

#include "llvm/Support/MathExtras.h"
#include "llvm/Support/Process.h"
#include <sys/mman.h>

void lathe::releasePages(llvm::ArrayRef<char> bytes) {
  // Whole pages only: the others hold what others need.
  uintptr_t page = llvm::sys::Process::getPageSizeEstimate();
  uintptr_t begin = llvm::alignTo(reinterpret_cast<uintptr_t>(bytes.begin()), page);
  uintptr_t end = llvm::alignDown(reinterpret_cast<uintptr_t>(bytes.end()), page);
  if (begin < end)
    (void)madvise(reinterpret_cast<void *>(begin), end - begin, MADV_DONTNEED);
}
