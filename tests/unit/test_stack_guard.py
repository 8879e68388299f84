"""A server never outlives the one who started it, and no other process is touched."""

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from fenxiao_tools.stack.child import Child, Command
from fenxiao_tools.stack.model import StackError
from fenxiao_tools.stack.waiting import wait_until

GONE_S_MAX = 15.0
PARENT = """
import signal, sys, time
from pathlib import Path
from fenxiao_tools.stack.child import Child, Command
work = Path(sys.argv[1])
command = Command(argv=["sleep", "600"], log=work / "log", stop_signal=signal.SIGTERM, remove=(work,))
print(Child(command).pid, flush=True)
time.sleep(600)
"""


def sleeper(tmp_path: Path) -> Command:
    return Command(argv=["sleep", "600"], log=tmp_path / "log", stop_signal=signal.SIGTERM)


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_it_stops_when_told(tmp_path: Path) -> None:
    child = Child(sleeper(tmp_path))
    assert child.running
    child.stop()
    assert not child.running
    assert not alive(child.pid)
    child.stop()


def test_a_kill_hits_the_server_itself(tmp_path: Path) -> None:
    child = Child(sleeper(tmp_path))
    child.kill()
    assert not alive(child.pid)


def test_it_outlives_the_thread_that_started_it(tmp_path: Path) -> None:
    """The parent-death signal of Linux would fire here, which is why a guard holds the server."""
    children: list[Child] = []
    thread = threading.Thread(target=lambda: children.append(Child(sleeper(tmp_path))))
    thread.start()
    thread.join()
    assert children[0].running
    children[0].stop()


def test_after_a_sigkill_of_its_parent_nothing_is_left(tmp_path: Path) -> None:
    work = tmp_path / "stack" / "server"
    work.mkdir(parents=True)
    with subprocess.Popen([sys.executable, "-c", PARENT, work], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        assert alive(pid)
        parent.kill()
    wait_until(lambda: not alive(pid), timeout_s=GONE_S_MAX, what="the end of the server")
    wait_until(lambda: not work.parent.exists(), timeout_s=GONE_S_MAX, what="the removal of its files")


def test_a_program_that_is_not_there_gives_one_line(tmp_path: Path) -> None:
    command = Command(argv=[str(tmp_path / "nothing")], log=tmp_path / "log", stop_signal=signal.SIGTERM)
    with pytest.raises(StackError, match="could not run") as caught:
        Child(command)
    assert "\n" not in str(caught.value)
