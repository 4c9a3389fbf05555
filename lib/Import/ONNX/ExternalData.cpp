// lib/Import/ONNX/ExternalData.cpp: maps tensor files beside the model, and
// nothing else.
//
// Part of the Lathe project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "ExternalData.h"

#include "lathe/Support/MappedFile.h"

#include "llvm/ADT/ScopeExit.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"

#include <cerrno>
#include <fcntl.h>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>

using namespace lathe;
using namespace lathe::onnx_import;
using llvm::failure;
using llvm::FailureOr;
using llvm::StringRef;
using llvm::Twine;

/// Opens the components of a relative path one by one below `folder`, so that
/// no symbolic link is followed at any place. Returns -1 and errno.
static int openBelow(const std::string &folder, llvm::ArrayRef<StringRef> components, bool allowLinks) {
  int directory = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  for (auto [index, component] : llvm::enumerate(components)) {
    if (directory < 0)
      return -1;
    bool last = index + 1 == components.size();
    // O_NONBLOCK: a named pipe must not block us before it is refused.
    int flags = O_RDONLY | (allowLinks ? 0 : O_NOFOLLOW) | O_CLOEXEC | (last ? O_NONBLOCK : O_DIRECTORY);
    int next = ::openat(directory, component.str().c_str(), flags);
    int error = errno;
    ::close(directory);
    errno = error;
    directory = next;
  }
  return directory;
}

/// True if a component of the path is a symbolic link: openat's errno alone
/// does not tell one from a plain file in place of a folder.
static bool hasSymlink(const std::string &folder, llvm::ArrayRef<StringRef> components) {
  std::string path = folder;
  for (StringRef component : components) {
    path += "/" + component.str();
    struct stat status;
    if (::lstat(path.c_str(), &status) == 0 && S_ISLNK(status.st_mode))
      return true;
  }
  return false;
}

FailureOr<std::shared_ptr<llvm::MemoryBuffer>> ExternalData::open(StringRef location, StringRef place,
                                                                  Diagnostics &diagnostics) {
  if (auto known = files.find(location); known != files.end())
    return known->second;

  llvm::SmallVector<StringRef> components;
  location.split(components, '/', /*MaxSplit=*/-1, /*KeepEmpty=*/false);
  llvm::erase(components, ".");
  bool outside = location.starts_with("/") || location.contains('\\') || location.contains('\0') ||
                 llvm::is_contained(components, "..");
  if (outside || components.empty()) {
    diagnostics
        .error("onnx-external-data-outside", place,
               "external data is at " + quoted(location) + ", which is not a path inside the model's folder")
        .note("keep tensor files beside the model, and name them by a "
              "relative path without '..'");
    return failure();
  }

  int descriptor = openBelow(*folder, components, allowLinks);
  int error = errno;
  llvm::scope_exit close([&] {
    if (descriptor >= 0)
      ::close(descriptor);
  });
  auto refuseLink = [&](const Twine &what) {
    diagnostics.error("onnx-external-data-link", place, "external data file " + quoted(location) + " " + what)
        .note("links can lead out of the model's folder; if you trust the model, allow them with --allow-links or "
              "allow_links=True, else put a copy of the file in their place");
    return failure();
  };
  if (descriptor < 0) {
    if (!allowLinks && hasSymlink(*folder, components))
      return refuseLink("is reached by a symbolic link");
    diagnostics
        .error("onnx-external-data-missing", place,
               "external data file " + quoted(location) + " cannot be opened in folder " + quoted(*folder) + ": " +
                   std::generic_category().message(error))
        .note("copy the tensor files together with the model");
    return failure();
  }
  struct stat status;
  if (::fstat(descriptor, &status) != 0 || !S_ISREG(status.st_mode)) {
    diagnostics
        .error("onnx-external-data-location", place, "external data " + quoted(location) + " is not a regular file")
        .note("name a file with the bytes of the tensor");
    return failure();
  }
  if (!allowLinks && status.st_nlink > 1)
    return refuseLink("has " + Twine(status.st_nlink) + " hard links");

  auto mapped = mapFile(descriptor, *folder + "/" + location.str());
  if (!mapped) {
    diagnostics.error("onnx-external-data-missing", place,
                      "external data file " + quoted(location) + " cannot be mapped: " + mapped.getError().message());
    return failure();
  }
  return files[location] = std::shared_ptr<llvm::MemoryBuffer>(std::move(*mapped));
}

FailureOr<ExternalBytes> ExternalData::read(const ::onnx::TensorProto &tensor, uint64_t expectedSize, StringRef place,
                                            Diagnostics &diagnostics) {
  if (!folder) {
    diagnostics
        .error("onnx-external-data-no-folder", place,
               "the tensor is in another file, but the model was given as "
               "bytes and has no folder")
        .note("give the path of the model, or save it with its tensors inside");
    return failure();
  }
  StringRef location;
  std::optional<uint64_t> offset, length;
  for (const auto &entry : tensor.external_data()) {
    StringRef key = entry.key(), value = entry.value();
    if (key == "location") {
      location = value;
    } else if (key == "offset" || key == "length") {
      uint64_t number;
      if (value.getAsInteger(10, number)) {
        diagnostics
            .error("onnx-external-data-entry", place,
                   "'" + key + "' of the external data is " + quoted(value) + ", but a number of bytes is expected")
            .note("save the model again with its exporter");
        return failure();
      }
      (key == "offset" ? offset : length) = number;
    }
  }
  FailureOr<std::shared_ptr<llvm::MemoryBuffer>> file = open(location, place, diagnostics);
  if (failed(file))
    return failure();

  uint64_t fileSize = (*file)->getBufferSize(), begin = offset.value_or(0);
  uint64_t available = begin > fileSize ? 0 : fileSize - begin;
  // Older exporters wrote a length of 0 for all that the tensor needs.
  uint64_t size = length.value_or(0) ? *length : expectedSize;
  if (begin > fileSize || size > available) {
    diagnostics
        .error("onnx-external-data-range", place,
               "the tensor has " + Twine(size) + " bytes at offset " + Twine(begin) + " of " + quoted(location) +
                   ", but the file has only " + Twine(fileSize) + " bytes")
        .note("the tensor file is cut short or belongs to another model; copy "
              "it again");
    return failure();
  }
  return ExternalBytes{{(*file)->getBufferStart() + begin, size}, *file};
}
