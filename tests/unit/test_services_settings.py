"""Settings that are no settings: one line on standard error and a non-zero exit, never a traceback."""

import os
import subprocess
import sys

import pytest

GOOD_DSN = "postgresql://nobody@127.0.0.1:1/none"
KEYS = "k1:" + "ab" * 16


@pytest.mark.parametrize(
    ("service", "dsn", "kafka"),
    [
        ("scorer", "postgresql://u:pw@h:notaport/x", "127.0.0.1:1"),
        ("scorer", "postgresql://u:pw@127.0.0.1:99999/x", "127.0.0.1:1"),
        ("scorer", "postgresql://u:pw@[bad/x", "127.0.0.1:1"),
        ("scorer", GOOD_DSN, "127.0.0.1:1"),
        ("catalog", "nonsense", "127.0.0.1:1"),
        ("matcher", GOOD_DSN, "host:port"),
        ("matcher", GOOD_DSN, "127.0.0.1:99999"),
        ("matcher", GOOD_DSN, "127.0.0.1:1"),
    ],
)
def test_an_address_that_is_none_is_one_line(service: str, dsn: str, kafka: str) -> None:
    settings = {
        "FENXIAO_POSTGRES_DSN": dsn,
        "FENXIAO_KAFKA_BOOTSTRAP_SERVERS": kafka,
        "FENXIAO_CATALOG_BUYER_KEYS": KEYS,
    }
    done = subprocess.run(
        [sys.executable, "-m", f"fenxiao_{service}"],
        env=os.environ | settings | {"FENXIAO_HTTP_PORT": "0"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith(f"{service}: ")
    assert "pw@" not in done.stderr
