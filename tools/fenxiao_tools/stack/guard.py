"""A small process between us and a server, so that the server never outlives us.

Run by path, in a session of its own, by `child`; imports nothing of ours, so that it starts in a few milliseconds.
It starts the command and writes its pid to stdout. It stops the command when told ("stop" on stdin), and when its
parent is gone: stdin ends, or its parent's pid changes. Only in the second case it also removes the server's files,
because nobody else is left to do it.

PR_SET_PDEATHSIG alone would not do: it fires when the *thread* that started the server ends, and a SIGKILL of this
guard is the only case left to it here.
"""

import argparse
import contextlib
import ctypes
import os
import select
import shutil
import signal
import subprocess
import sys
import threading
from pathlib import Path

PARENT_POLL_S = 0.5
PR_SET_PDEATHSIG = 1


def parse(arguments: list[str]) -> argparse.Namespace:
    """Read the command line that `child` wrote."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--signal", type=lambda name: signal.Signals[name], required=True)
    parser.add_argument("--grace-s", type=float, required=True)
    parser.add_argument("--log", type=Path, required=True)
    parser.add_argument("--user")
    parser.add_argument("--remove", type=Path, action="append", default=[])
    parser.add_argument("command", nargs="+")
    return parser.parse_args(arguments)


def spawn(args: argparse.Namespace) -> subprocess.Popen[bytes]:
    """Start the command as `--user`, tied to this process's life."""

    def tie_to_guard() -> None:
        # Runs after the change of user, which would have cleared it. Elsewhere than on Linux the pipe must do.
        if sys.platform == "linux":
            ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, args.signal)

    identity = {"user": args.user, "group": group_of(args.user), "extra_groups": []} if args.user else {}
    with args.log.open("ab") as log:
        return subprocess.Popen(  # noqa: S603 - the command is the parent's
            args.command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            preexec_fn=tie_to_guard,  # noqa: PLW1509 - no thread runs yet
            **identity,
        )


def group_of(user: str) -> int:
    """The user's own group."""
    import pwd  # noqa: PLC0415 - needed by root only

    return pwd.getpwnam(user).pw_gid


def await_order(parent: int) -> bool:
    """Block until told to stop (True) or until the parent is gone (False)."""
    while os.getppid() == parent:
        if select.select([sys.stdin], [], [], PARENT_POLL_S)[0]:
            return sys.stdin.readline().strip() == "stop"
    return False


def stop(server: subprocess.Popen[bytes], args: argparse.Namespace, parent: int, orphaned: threading.Event) -> None:
    """Wait for the order, then end the server: politely first."""
    if not await_order(parent):
        orphaned.set()
    server.send_signal(args.signal)
    try:
        server.wait(args.grace_s)
    except subprocess.TimeoutExpired:
        server.kill()


def main() -> int:
    """Guard one command until it ends; give its exit code."""
    args = parse(sys.argv[1:])
    parent, orphaned = os.getppid(), threading.Event()
    server = spawn(args)
    print(server.pid, flush=True)  # noqa: T201 - this is the answer to the parent
    threading.Thread(target=stop, args=(server, args, parent, orphaned), daemon=True).start()
    code = server.wait()
    if orphaned.is_set():
        remove(args.remove)
    return code if code >= 0 else 128 - code


def remove(directories: list[Path]) -> None:
    """Remove the server's files, and what holds them if that is empty now: the last guard of several finds it so."""
    for directory in directories:
        shutil.rmtree(directory, ignore_errors=True)
    for directory in directories[:1]:
        with contextlib.suppress(OSError):
            directory.parent.rmdir()


if __name__ == "__main__":
    raise SystemExit(main())
