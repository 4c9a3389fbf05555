# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Trials: calls of Lathe or of a peer that may crash or never end, each in a process of its own.

`python -m lathe._reduce.trials MODULE...` imports the modules, reads pickled requests from standard
input and forks for each; what a trial has to say, or how it ended, goes to standard output. Forking
makes a trial cost what it does, and not what the imports cost.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import pickle
import resource
import select
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

Stage = Callable[[str], object]
"""What a trial calls with the name of what it does next."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a trial ended.

    `status` is "ok", "error" for an exception, "crash" or "hang"; `stage` is what the trial did
    last, `error` its message, the name of the signal or the limit, `ids` are Lathe's stable ids.
    `answer` is what the trial returned.
    """

    status: str
    stage: str = ""
    error: str = ""
    ids: tuple[str, ...] = ()
    answer: Any = None
    words: str = ""  # The end of what the trial wrote to standard error.
    facts: dict[str, Any] = field(default_factory=dict)


class Trials:
    """The process that forks for each trial, and is started again where it ends itself."""

    def __init__(self, modules: tuple[str, ...], seconds: float) -> None:
        """Remember what to import first, and how long a trial may take."""
        self._modules = modules
        self.seconds = seconds
        self._process: subprocess.Popen[bytes] | None = None
        self.count = 0

    def run(self, function: str, request: Mapping[str, Any], seconds: float = 0.0) -> Outcome:
        """Return how `function` of `lathe._reduce.engines` ended for a request."""
        self.count += 1
        process = self._process or self._start()
        assert process.stdin is not None and process.stdout is not None
        try:
            pickle.dump((function, dict(request), seconds or self.seconds), process.stdin)
            process.stdin.flush()
            outcome: Outcome = pickle.load(process.stdout)
            return outcome
        except (EOFError, BrokenPipeError, pickle.UnpicklingError):
            code = process.wait()
            self._process = None
            return Outcome("error", "start", f"the process of the trials ended with code {code}")
        except BaseException:
            self.close()  # Its answer would be taken for that to the next request.
            raise

    def _start(self) -> subprocess.Popen[bytes]:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "lathe._reduce.trials", *self._modules],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            # Ctrl-C is for the parent, which still has to write what it has found.
            start_new_session=True,
            # Threads of NumPy's would not be there behind a fork.
            env={**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"},
        )
        return self._process

    def close(self) -> None:
        """End the process, and the trial that may be under way."""
        process, self._process = self._process, None
        if process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            for pipe in (process.stdin, process.stdout):
                with contextlib.suppress(BrokenPipeError):
                    if pipe is not None:
                        pipe.close()
            process.wait()


def _work(function: str, request: Mapping[str, Any], folder: Path) -> None:
    """In the child: run a trial and leave what it says in files."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    words = os.open(folder / "words", os.O_WRONLY | os.O_CREAT)
    os.dup2(words, 1)
    os.dup2(words, 2)

    def stage(name: str) -> None:
        (folder / "stage").write_text(name)

    from lathe._reduce import engines

    try:
        answer = engines.FUNCTIONS[function](request, stage)
        said = Outcome("ok", answer=answer)
    except Exception as error:
        text = str(error) or type(error).__name__
        said = Outcome("error", "", text, tuple(getattr(error, "ids", ())))
        traceback.print_exc()
    (folder / "answer").write_bytes(pickle.dumps(said))


def _attempt(function: str, request: Mapping[str, Any], seconds: float) -> Outcome:
    with tempfile.TemporaryDirectory(prefix="lathe-trial-") as name:
        folder = Path(name)
        child = os.fork()
        if child == 0:
            code = 1
            try:
                _work(function, request, folder)
                code = 0
            finally:
                # Nothing of the parent's is to be done at the end of the child.
                os._exit(code)
        ended = _wait(child, seconds)
        if not ended:
            os.kill(child, signal.SIGKILL)
        status = os.waitpid(child, 0)[1]
        return _read(folder, status, ended, seconds)


def _wait(child: int, seconds: float) -> bool:
    """Wait for the end of a child; False where it hangs, or where the parent has ended.

    It hangs if it has had so many seconds of the processor, or if they are over and it does
    nothing: on a busy machine, the time alone says little.
    """
    handle = os.pidfd_open(child)
    begin = moved = time.monotonic()
    used = 0.0
    try:
        while True:
            # Standard input ends with the parent; until the answer, it says nothing.
            ready = select.select([handle, 0], [], [], 0.05)[0]
            if ready:
                return handle in ready
            now, spent = time.monotonic(), _spent(child)
            if spent > used:
                used, moved = spent, now
            idles = now - begin > seconds and now - moved > max(1.0, seconds / 10)
            if used > seconds or idles:
                return False
    finally:
        os.close(handle)


def _spent(process: int) -> float:
    """Return the seconds of the processor that a process has had."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _read(folder: Path, status: int, ended: bool, seconds: float) -> Outcome:
    def text(name: str) -> str:
        path = folder / name
        return path.read_text(errors="replace") if path.exists() else ""

    stage, words = text("stage"), text("words")[-4000:]
    if not ended:
        limit = f"it was still running after {seconds:g} s of the processor, or waiting"
        return Outcome("hang", stage, limit, words=words)
    if os.WIFSIGNALED(status):
        name = signal.Signals(os.WTERMSIG(status)).name
        return Outcome("crash", stage, name, words=words)
    if os.WEXITSTATUS(status) or not (folder / "answer").exists():
        code = os.WEXITSTATUS(status)
        return Outcome("crash", stage, f"exit status {code}", words=words)
    said: Outcome = pickle.loads((folder / "answer").read_bytes())
    return Outcome(said.status, stage, said.error, said.ids, said.answer, words)


def main() -> None:
    """Answer until standard input ends."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # Whatever a library prints must not come between the answers.
    sys.path.append(str(Path.cwd()))  # For a peer that is a function of the user's.
    for module in sys.argv[1:]:
        with contextlib.suppress(ImportError):  # Each trial says it better.
            importlib.import_module(module)
    while True:
        try:
            function, request, seconds = pickle.load(sys.stdin.buffer)
        except EOFError:
            return
        pickle.dump(_attempt(function, request, seconds), answers)
        answers.flush()


if __name__ == "__main__":
    # As the module that the parent knows, so that both have one class Outcome.
    from lathe._reduce.trials import main as run

    run()
