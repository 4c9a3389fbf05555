// python/native/Cancel.cpp: cancellation tokens, and Ctrl-C while compiled code runs.
//
// Python only notes a signal and acts on it between two of its instructions, so
// nothing would happen before a call returns. While a call of the main thread is
// under way, its flag is therefore set by a handler that comes before Python's.
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Cancel.h"

#include "lathe-runtime/runtime.h"

#include <nanobind/nanobind.h>

#include <algorithm>
#include <unistd.h>

namespace nb = nanobind;

namespace lathe::python {

void CancelToken::cancel() {
  std::lock_guard<std::mutex> lock(mutex);
  cancelled = true;
  for (int32_t *flag : active)
    lathe_cancel(flag);
}

bool CancelToken::isCancelled() const {
  std::lock_guard<std::mutex> lock(mutex);
  return cancelled;
}

/// The flag of calls of the main thread. Static, because a handler may still run
/// on another thread when a call is over.
static int32_t watched;

/// Tells Python of the signal, too. The handler before this one is not called: it
/// may be LLVM's, which raises the signal again.
static void onInterrupt(int signal) {
  lathe_cancel(&watched);
  PyErr_SetInterruptEx(signal);
}

/// Whether this thread is the one in which Python raises for signals.
static bool isMainThread() {
#if defined(__linux__)
  return gettid() == getpid();
#else
  return nb::module_::import_("threading")
      .attr("current_thread")()
      .is(nb::module_::import_("threading").attr("main_thread")());
#endif
}

/// A program that handles the signal in its own way has its reasons.
static bool raisesKeyboardInterrupt() {
  nb::module_ module = nb::module_::import_("signal");
  return module.attr("getsignal")(SIGINT).is(module.attr("default_int_handler"));
}

CallFlag::CallFlag(CancelToken *token) : token(token) {
  if (isMainThread() && raisesKeyboardInterrupt()) {
    struct sigaction ours = {};
    ours.sa_handler = onInterrupt;
    ours.sa_flags = SA_RESTART;
    sigemptyset(&ours.sa_mask);
    watched = 0;
    watches = sigaction(SIGINT, &ours, &previous) == 0;
    if (watches)
      flag = &watched;
  }
  if (token) {
    std::lock_guard<std::mutex> lock(token->mutex);
    token->active.push_back(flag);
    if (token->cancelled)
      lathe_cancel(flag);
  }
}

CallFlag::~CallFlag() {
  if (token) {
    std::lock_guard<std::mutex> lock(token->mutex);
    token->active.erase(std::find(token->active.begin(), token->active.end(), flag));
  }
  if (watches)
    sigaction(SIGINT, &previous, nullptr);
}

} // namespace lathe::python
