// python/native/Cancel.h: how a call under way is ended from Python: by a token, or by Ctrl-C.
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef LATHE_PYTHON_CANCEL_H
#define LATHE_PYTHON_CANCEL_H

#include <csignal>
#include <cstdint>
#include <mutex>
#include <vector>

namespace lathe::python {

/// What Python holds to end calls; any thread may use it. Each call has a flag
/// of its own, so that Ctrl-C can end one without spending the token.
class CancelToken {
public:
  void cancel();
  bool isCancelled() const;

private:
  friend class CallFlag;
  mutable std::mutex mutex;
  bool cancelled = false;
  std::vector<int32_t *> active; ///< The flags of calls under way.
};

/// The flag of one call, for lathe_call_options.cancel, while it lives. The
/// token, which may be null, sets it; so does Ctrl-C, where Python would raise
/// KeyboardInterrupt for it. Needs the GIL to be made and destroyed.
class CallFlag {
public:
  explicit CallFlag(CancelToken *token);
  CallFlag(const CallFlag &) = delete;
  CallFlag &operator=(const CallFlag &) = delete;
  ~CallFlag();

  const int32_t *get() const { return flag; }

private:
  CancelToken *token;
  int32_t own = 0;
  int32_t *flag = &own;
  bool watches = false;
  struct sigaction previous = {};
};

} // namespace lathe::python

#endif // LATHE_PYTHON_CANCEL_H
