"""Makes this clone runnable: finds a Python and uv, and syncs `.venv`. Run by `make setup`, by any Python from 3.8 on.

Standard library only, and nothing newer than 3.8, because this is what runs before anything is installed. It asks
nothing and installs nothing outside this directory. What a machine has is tested by running it: a version manager's
shims are on the PATH also for versions that are not there.
"""
# ruff: noqa: INP001 - a script, not a package's module

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

ROOT = Path(__file__).resolve().parent.parent
BOOT = ROOT / ".boot"
UV_LINK = BOOT / "uv"
UV_VERSION = "0.13.9"
UV_VERSION_MIN = (0, 9)
# The preferred one first.
PYTHON_VERSIONS = ("3.13", "3.12")
INSTALL_ROOTS = (Path.home() / ".pyenv/versions", Path("/usr/lib"), Path("/usr/local"), Path("/opt"))
PROBE_S_MAX = 20
INSTALL_S_MAX = 600
SYNC_S_MAX = 1500
# Where a machine trusts certificates of its own, uv's built-in list does not do; the older name is for older uvs.
MACHINE_CERTIFICATES = {"UV_SYSTEM_CERTS": "1", "UV_NATIVE_TLS": "1"}
# A virtual environment's own executable would tie ours to it; a free-threaded build has no wheels for all we need.
PROBE = (
    "import sys, sysconfig;"
    "ok = sys.implementation.name == 'cpython' and not sysconfig.get_config_var('Py_GIL_DISABLED');"
    "print('%d.%d' % sys.version_info[:2] if ok else 'none', getattr(sys, '_base_executable', sys.executable))"
)


class SetupError(Exception):
    """Setup can't go on; the message is one line that says what is missing."""


def run(command: Sequence[str], timeout_s: int, env: dict[str, str] | None = None) -> tuple[int, str]:
    """Exit code and output of a command; a command that can't run or hangs counts as failed."""
    try:
        done = subprocess.run(  # noqa: S603 - what we found on this machine
            list(command),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=timeout_s,
            check=False,
            env=env,
            cwd=str(ROOT),
        )
    except subprocess.TimeoutExpired:
        return 124, f"it did not end within {timeout_s} s"
    except OSError as error:
        return 127, str(error)
    return done.returncode, done.stdout


def last_line(output: str) -> str:
    """The line in which installers say what went wrong."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    errors = [line for line in lines if line.lower().startswith("error")]
    return (errors or lines or ["it said nothing"])[-1]


def uv_reason(output: str) -> str:
    """What failed and its root, out of the chain of causes that uv prints a line each."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    errors = [line for line in lines if line.lower().startswith("error")]
    causes = [line for line in lines if line.lower().startswith(("cause", "caused by"))]
    return ", ".join(errors[:1] + causes[-1:]) or last_line(output)


def candidates(path: str, roots: Sequence[Path]) -> Iterator[Path]:
    """Executables that may be a fitting Python, likely ones first; none is trusted yet."""
    for version in PYTHON_VERSIONS:
        for name in ("python" + version, "python3", "python"):
            for directory in path.split(os.pathsep):
                yield Path(directory or ".") / name
        for root in roots:
            for pattern in ("{0}*/bin/python{0}", "*{0}*/bin/python{0}", "bin/python{0}", "*/bin/python{0}"):
                yield from sorted(root.glob(pattern.format(version)), reverse=True)


def probe(executable: Path) -> tuple[str, str]:
    """The version of an interpreter and its own path, or two empty strings if it does not work."""
    code, output = run([str(executable), "-I", "-c", PROBE], PROBE_S_MAX)
    words = output.split()
    return (words[0], words[1]) if code == 0 and len(words) == 2 else ("", "")


def find_interpreter(path: str, roots: Sequence[Path] = INSTALL_ROOTS) -> str | None:
    """The best Python that works here: the preferred version wherever it lies, then the next one."""
    found: dict[str, str] = {}
    seen: set[Path] = set()
    for executable in candidates(path, roots):
        if executable in seen or not os.access(str(executable), os.X_OK) or executable.is_dir():
            continue
        seen.add(executable)
        version, own_path = probe(executable)
        found.setdefault(version, own_path)
        if PYTHON_VERSIONS[0] in found:
            break
    return next((found[version] for version in PYTHON_VERSIONS if version in found), None)


def uv_works(uv: Path) -> bool:
    """Whether this uv runs and is new enough for our lock file."""
    if not uv.exists():
        return False
    code, output = run([str(uv), "--version"], PROBE_S_MAX)
    version = re.match(r"uv (\d+)\.(\d+)", output)
    return code == 0 and version is not None and (int(version.group(1)), int(version.group(2))) >= UV_VERSION_MIN


def find_uv(interpreter: str | None) -> Path:
    """The machine's uv, ours from an earlier run, or ours now.

    Raises:
        SetupError: None can be had.
    """
    on_path = shutil.which("uv")
    for known in ([Path(on_path)] if on_path else []) + [BOOT / "bin" / "uv", BOOT / "site" / "bin" / "uv"]:
        if uv_works(known):
            return known
    return install_uv([sys.executable] + ([interpreter] if interpreter else []))


def install_uv(pythons: Sequence[str]) -> Path:
    """Install the pinned uv below `.boot`: in a virtual environment, or beside one where Python comes without venv."""
    say(f"installing uv {UV_VERSION} in {BOOT}")
    requirement = f"uv=={UV_VERSION}"
    reasons: list[str] = []
    for python in pythons:
        code, output = run([python, "-m", "venv", "--clear", str(BOOT)], INSTALL_S_MAX)
        if code == 0:
            install, uv = [str(BOOT / "bin" / "python"), "-m", "pip", "install"], BOOT / "bin" / "uv"
        else:
            reasons.append("no venv module: " + last_line(output))
            install, uv = [python, "-m", "pip", "install", "--target", str(BOOT / "site")], BOOT / "site" / "bin" / "uv"
        code, output = run([*install, "--quiet", "--disable-pip-version-check", requirement], INSTALL_S_MAX)
        if code == 0 and uv_works(uv):
            return uv
        reasons.append(f"pip could not install {requirement}: {last_line(output)}")
    raise SetupError(
        f"uv is missing and could not be installed ({'; '.join(reasons)}); it needs pip, venv (Debian: python3-venv)"
        " and the network, or install uv by hand",
    )


def link_uv(uv: Path) -> None:
    """Put the chosen uv where the Makefile looks for it."""
    BOOT.mkdir(exist_ok=True)
    if UV_LINK.is_symlink() and os.readlink(str(UV_LINK)) == str(uv):  # noqa: PTH115 - Path's came with 3.9
        return
    if UV_LINK.is_symlink() or UV_LINK.exists():
        UV_LINK.unlink()
    UV_LINK.symlink_to(uv)


def sync(uv: Path, interpreter: str | None) -> None:
    """Bring `.venv` to the lock file; quick when nothing has changed.

    Raises:
        SetupError: A package or a Python can't be had, or the lock file is out of date.
    """
    env = {key: value for key, value in os.environ.items() if key not in ("VIRTUAL_ENV", "PYTHONHOME", "PYTHONPATH")}
    env["UV_PROJECT_ENVIRONMENT"] = ".venv"
    if not (ROOT / ".venv").exists():
        say("installing the packages of uv.lock in .venv" + ("" if interpreter else ", and a Python for it"))
    command = [str(uv), "sync", "--locked", "--python", interpreter or PYTHON_VERSIONS[0]]
    code, output = run(command, SYNC_S_MAX, env)
    if code != 0 and "certificate" in output:
        code, output = run(command, SYNC_S_MAX, {**env, **MACHINE_CERTIFICATES})
    if code == 0:
        return
    what = "uv sync failed" if interpreter else f"no Python {' or '.join(PYTHON_VERSIONS)} here, and uv sync failed"
    raise SetupError(f"{what}: {uv_reason(output)}")


def say(line: str) -> None:
    """One line for the person who waits."""
    print("setup: " + line, file=sys.stderr, flush=True)  # noqa: T201 - that is what it is for


def main() -> int:
    """Set everything up, or say in one line what is missing."""
    try:
        interpreter = find_interpreter(os.environ.get("PATH", os.defpath))
        uv = find_uv(interpreter)
        link_uv(uv)
        sync(uv, interpreter)
    except SetupError as error:
        say(str(error))
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
