"""Services as processes: their death is told in one line, and none outlives the one who started it."""

import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from fenxiao_tools.errors import ToolError
from fenxiao_tools.health import last_words
from fenxiao_tools.processes import BUYER_KEYS, Services
from fenxiao_tools.stack.model import Stack
from fenxiao_tools.stack.waiting import wait_until

STACK = Stack(bootstrap_servers="127.0.0.1:1", postgres_dsn="postgresql://u:secret@127.0.0.1:1/x", origin="environment")
GONE_S_MAX = 20.0
HEALTHY = """
import http.server, os
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.end_headers(); self.wfile.write(b'{"ready":true,"lag":0}')
    def log_message(self, *_): pass
print("key", os.environ["FENXIAO_CATALOG_BUYER_KEYS"], flush=True)
http.server.HTTPServer(("127.0.0.1", int(os.environ["FENXIAO_HTTP_PORT"])), Handler).serve_forever()
"""
PARENT = """
import sys, time
from pathlib import Path
from fenxiao_tools.processes import Services
from fenxiao_tools.stack.model import Stack
stack = Stack(bootstrap_servers="a", postgres_dsn="b", origin="environment")
command = [sys.executable, "-c", "import time; time.sleep(600)"]
services = Services(stack, Path(sys.argv[1]), names=["catalog", "scorer"], argv=lambda _: command, report=print)
for name in ("catalog", "scorer"):
    services.launch(name)
print(services.pid("catalog"), services.pid("scorer"), flush=True)
time.sleep(600)
"""


def services(tmp_path: Path, code: str, ready_s_max: float = 30.0) -> Services:
    argv = [sys.executable, "-c", textwrap.dedent(code)]
    return Services(
        STACK, tmp_path, names=["scorer"], argv=lambda _: argv, ready_s_max=ready_s_max, report=lambda _: None
    )


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_one_that_dies_at_once_is_told_with_its_last_line(tmp_path: Path) -> None:
    code = "import sys; print('all well'); sys.exit('no Kafka at nowhere:1')"
    with pytest.raises(ToolError) as raised, services(tmp_path, code):
        pass
    assert str(raised.value) == f"scorer ended: no Kafka at nowhere:1 (log: {tmp_path / 'scorer.log'})"


def test_one_that_never_is_ready_is_told_after_the_deadline(tmp_path: Path) -> None:
    code = "import time; print('still thinking', flush=True); time.sleep(600)"
    made = services(tmp_path, code, ready_s_max=1.0)
    with pytest.raises(ToolError, match="scorer was not ready after 1 s: it does not answer; still thinking"), made:
        pass
    assert not made.running("scorer")


def test_a_killed_one_comes_back_with_the_same_key(tmp_path: Path) -> None:
    with services(tmp_path, HEALTHY) as made:
        first = made.pid("scorer")
        assert made.health("scorer").report == {"ready": True, "lag": 0}
        made.kill("scorer")
        assert not alive(first)
        with pytest.raises(ToolError, match="scorer ended"):
            made.check()
        made.restart("scorer")
        assert made.pid("scorer") != first
        made.check()
    assert not made.running("scorer")
    keys = [line for line in made.log_path("scorer").read_text().splitlines() if line.startswith("key ")]
    assert len(keys) == 2
    assert set(keys) == {f"key {made.environment[BUYER_KEYS]}"}


def test_our_own_environment_is_left_as_it_was(tmp_path: Path) -> None:
    before = dict(os.environ)
    with services(tmp_path, HEALTHY):
        assert dict(os.environ) == before


@pytest.mark.skipif(sys.platform != "linux", reason="the guard's last tie is Linux's")
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_they_die_with_the_parent(tmp_path: Path, number: signal.Signals) -> None:
    parent = subprocess.Popen([sys.executable, "-c", PARENT, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    pids = [int(pid) for pid in parent.stdout.readline().split()]
    parent.send_signal(number)
    parent.wait()
    parent.stdout.close()
    assert len(pids) == 2
    wait_until(lambda: not any(alive(pid) for pid in pids), timeout_s=GONE_S_MAX, what="the children's end")


@pytest.mark.parametrize(
    ("log", "words"),
    [
        ("", "it said nothing"),
        ("a\n\n b \n", "b"),
        ('{"event":"halted","level":"error","reason":"x"}\n', "halted (reason=x)"),
        ('{"event":"boom","exception":"Traceback\\n  File\\nValueError: no"}\n', "boom: ValueError: no"),
        ("[1]\n", "[1]"),
    ],
)
def test_last_words(log: str, words: str) -> None:
    assert last_words(log) == words
