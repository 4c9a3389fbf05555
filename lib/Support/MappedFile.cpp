// lib/Support/MappedFile.cpp: the one handler of SIGBUS, so that files which get shorter are errors and end no process.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "lathe/Support/MappedFile.h"

#include "llvm/ADT/ScopeExit.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Process.h"

#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <fcntl.h>
#include <mutex>
#include <string>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

namespace lathe {

namespace {
/// A mapping that the handler knows. It reads `begin`, `size` and `next` only, which the others change in that order;
/// an entry is used again, and never freed.
struct Mapping {
  std::atomic<uintptr_t> begin = 0, size = 0; ///< A size of 0: none.
  std::atomic<bool> isShort = false;
  std::atomic<Mapping *> next = nullptr;
  std::string path;
  struct stat status = {};
};

class Mappings {
public:
  Mapping *add(const char *begin, llvm::StringRef path, const struct stat &status);
  void remove(Mapping *mapping);
  /// Null if there is none that begins there.
  Mapping *find(const char *begin);

  std::mutex mutex;

private:
  static void handle(int signal, siginfo_t *info, void *context);
  static void handOn(int signal, siginfo_t *info, void *context);

  static std::atomic<Mapping *> first;
  static struct sigaction before; ///< What handled the signal before.
  size_t count = 0;
};

std::atomic<Mapping *> Mappings::first = nullptr;
struct sigaction Mappings::before = {};
} // namespace

static Mappings &mappings() {
  static auto *all = new Mappings; // Threads may still read when the process ends.
  return *all;
}

static uintptr_t pageSize() {
  static const uintptr_t size = llvm::sys::Process::getPageSizeEstimate();
  return size;
}

void Mappings::handOn(int signal, siginfo_t *info, void *context) {
  if (before.sa_flags & SA_SIGINFO)
    before.sa_sigaction(signal, info, context);
  else if (before.sa_handler != SIG_DFL && before.sa_handler != SIG_IGN)
    before.sa_handler(signal);
  else
    sigaction(signal, &before, nullptr); // The access is made again, and ends the process.
}

void Mappings::handle(int signal, siginfo_t *info, void *context) {
  auto at = reinterpret_cast<uintptr_t>(info->si_addr);
  for (Mapping *mapping = first.load(std::memory_order_acquire); mapping;
       mapping = mapping->next.load(std::memory_order_acquire)) {
    uintptr_t begin = mapping->begin.load(std::memory_order_acquire);
    uintptr_t size = mapping->size.load(std::memory_order_acquire);
    if (at < begin || at - begin >= size)
      continue;
    // What follows is behind the end of the file as well.
    int error = errno;
    uintptr_t page = at & ~(pageSize() - 1);
    void *zeros = mmap(reinterpret_cast<void *>(page), begin + size - page, PROT_READ,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE, -1, 0);
    errno = error;
    mapping->isShort.store(true, std::memory_order_release);
    if (zeros != MAP_FAILED)
      return;
    break;
  }
  handOn(signal, info, context);
}

Mapping *Mappings::add(const char *begin, llvm::StringRef path, const struct stat &status) {
  Mapping *mapping = first.load();
  while (mapping && mapping->size.load())
    mapping = mapping->next.load();
  bool isNew = !mapping;
  if (isNew)
    mapping = new Mapping;
  mapping->path = path.str();
  mapping->status = status;
  mapping->isShort = false;
  mapping->begin.store(reinterpret_cast<uintptr_t>(begin), std::memory_order_release);
  mapping->size.store(static_cast<uintptr_t>(status.st_size), std::memory_order_release);
  if (isNew) {
    mapping->next.store(first.load(), std::memory_order_release);
    first.store(mapping, std::memory_order_release);
  }
  if (count++ == 0) {
    struct sigaction action = {};
    action.sa_sigaction = handle;
    action.sa_flags = SA_SIGINFO | SA_ONSTACK;
    sigemptyset(&action.sa_mask);
    (void)pageSize(); // Which the handler must not be the first to ask for.
    sigaction(SIGBUS, &action, &before);
  }
  return mapping;
}

void Mappings::remove(Mapping *mapping) {
  mapping->size.store(0, std::memory_order_release);
  if (--count != 0)
    return;
  // Who came after us has us to hand on to, and stays.
  struct sigaction now = {};
  if (sigaction(SIGBUS, nullptr, &now) == 0 && (now.sa_flags & SA_SIGINFO) && now.sa_sigaction == handle)
    sigaction(SIGBUS, &before, nullptr);
}

Mapping *Mappings::find(const char *begin) {
  for (Mapping *mapping = first.load(); mapping; mapping = mapping->next.load())
    if (mapping->size.load() && mapping->begin.load() == reinterpret_cast<uintptr_t>(begin))
      return mapping;
  return nullptr;
}

namespace {
class MappedFile final : public llvm::MemoryBuffer {
public:
  MappedFile(const char *begin, size_t size, llvm::StringRef path, Mapping *mapping)
      : path(path.str()), mapping(mapping) {
    init(begin, begin + size, /*RequiresNullTerminator=*/false);
  }
  ~MappedFile() override {
    {
      std::lock_guard lock(mappings().mutex);
      mappings().remove(mapping);
    }
    munmap(const_cast<char *>(getBufferStart()), getBufferSize());
  }
  llvm::StringRef getBufferIdentifier() const override { return path; }
  BufferKind getBufferKind() const override { return MemoryBuffer_MMap; }

private:
  std::string path;
  Mapping *mapping;
};
} // namespace

llvm::ErrorOr<std::unique_ptr<llvm::MemoryBuffer>> mapFile(int descriptor, llvm::StringRef path) {
  struct stat status = {};
  if (fstat(descriptor, &status) != 0)
    return std::error_code(errno, std::generic_category());
  auto size = static_cast<size_t>(status.st_size);
  // To map less costs more than to read it.
  if (size < 4 * pageSize())
    return llvm::MemoryBuffer::getOpenFile(descriptor, path, size, /*RequiresNullTerminator=*/false);
  void *begin = mmap(nullptr, size, PROT_READ, MAP_PRIVATE, descriptor, 0);
  if (begin == MAP_FAILED)
    return std::error_code(errno, std::generic_category());
  std::lock_guard lock(mappings().mutex);
  auto *bytes = static_cast<const char *>(begin);
  return std::make_unique<MappedFile>(bytes, size, path, mappings().add(bytes, path, status));
}

llvm::ErrorOr<std::unique_ptr<llvm::MemoryBuffer>> mapFile(llvm::StringRef path) {
  int descriptor = -1;
  if (std::error_code error = llvm::sys::fs::openFileForRead(path, descriptor))
    return error;
  llvm::scope_exit close([&] { ::close(descriptor); });
  return mapFile(descriptor, path);
}

bool isAsMapped(const llvm::MemoryBuffer &file) {
  std::lock_guard lock(mappings().mutex);
  Mapping *mapping = mappings().find(file.getBufferStart());
  if (!mapping)
    return true;
  struct stat now = {};
  const struct stat &then = mapping->status;
  bool isSame = stat(mapping->path.c_str(), &now) == 0 && now.st_dev == then.st_dev && now.st_ino == then.st_ino;
  bool isOther = isSame && (now.st_size != then.st_size || now.st_mtim.tv_sec != then.st_mtim.tv_sec ||
                            now.st_mtim.tv_nsec != then.st_mtim.tv_nsec);
  return !isOther && !mapping->isShort.load(std::memory_order_acquire);
}

} // namespace lathe
