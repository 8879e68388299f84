"""The set-up of a bare machine: it believes no executable that it has not run, and says in one line what is missing."""

import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

SCRIPT = Path(__file__).parents[2] / "tools" / "bootstrap.py"
VERSION = "{}.{}".format(*sys.version_info[:2])


@pytest.fixture(scope="module")
def bootstrap() -> ModuleType:
    spec = importlib.util.spec_from_file_location("bootstrap", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def executable(path: Path, text: str) -> Path:
    """A small shell script."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


def broken_shim(path: Path) -> Path:
    """What a version manager leaves for a version that is not there."""
    return executable(path, "echo 'pyenv: command not found' >&2; exit 127")


def working_python(path: Path) -> Path:
    """The Python of these tests under another name."""
    return executable(path, f'exec "{sys.executable}" "$@"')


def test_a_broken_shim_is_skipped(bootstrap: ModuleType, tmp_path: Path) -> None:
    for name in ("python3.13", "python3.12", "python3"):
        broken_shim(tmp_path / "shims" / name)
    working_python(tmp_path / "bin" / f"python{VERSION}")
    path = os.pathsep.join([str(tmp_path / "shims"), str(tmp_path / "bin")])
    found = bootstrap.find_interpreter(path, roots=())
    assert bootstrap.probe(Path(found)) == (VERSION, found)


def test_an_interpreter_off_the_path_is_found(bootstrap: ModuleType, tmp_path: Path) -> None:
    broken_shim(tmp_path / "shims" / f"python{VERSION}")
    working_python(tmp_path / "versions" / f"{VERSION}.7" / "bin" / f"python{VERSION}")
    assert bootstrap.find_interpreter(str(tmp_path / "shims"), roots=(tmp_path / "versions",)) is not None


def test_a_name_that_promises_too_much_is_not_believed(bootstrap: ModuleType, tmp_path: Path) -> None:
    executable(tmp_path / "python3.13", "echo 3.9 /usr/bin/python3.9")
    executable(tmp_path / "python3.12", "echo what is this")
    (tmp_path / "python3").mkdir()
    assert bootstrap.find_interpreter(str(tmp_path), roots=()) is None


def test_the_preferred_version_wins_wherever_it_lies(bootstrap: ModuleType, tmp_path: Path) -> None:
    executable(tmp_path / "near" / "python3", "echo 3.12 /near/python3.12")
    executable(tmp_path / "far" / "3.13.1" / "bin" / "python3.13", "echo 3.13 /far/python3.13")
    assert bootstrap.find_interpreter(str(tmp_path / "near"), roots=(tmp_path / "far",)) == "/far/python3.13"
    assert bootstrap.find_interpreter(str(tmp_path / "near"), roots=()) == "/near/python3.12"


def test_nothing_found_gives_none(bootstrap: ModuleType, tmp_path: Path) -> None:
    assert bootstrap.find_interpreter(str(tmp_path), roots=(tmp_path,)) is None


def test_without_uv_and_without_packages_it_says_one_line(tmp_path: Path) -> None:
    """The whole script, in a tree of its own, with a uv that does not run and a pip that finds nothing."""
    broken_shim(tmp_path / "bin" / "uv")
    (tmp_path / "clone" / "tools").mkdir(parents=True)
    shutil.copy(SCRIPT, tmp_path / "clone" / "tools")
    environment = {"PATH": str(tmp_path / "bin"), "HOME": str(tmp_path), "PIP_NO_INDEX": "1"}
    done = subprocess.run(
        [sys.executable, tmp_path / "clone" / "tools" / "bootstrap.py"],
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 1
    assert done.stdout == ""
    *progress, last = done.stderr.splitlines()
    assert all(line.startswith("setup: installing uv") for line in progress)
    assert last.startswith("setup: uv is missing and could not be installed")
    assert "Traceback" not in done.stderr
