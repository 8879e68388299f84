"""Where the real data sets are, if they are on this machine."""

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of the public data sets, which this repository must not hold."""
    root = Path(__file__).parents[3]
    shared = Path(os.environ.get("FENXIAO_SHARED_DIR", root.parent / "shared")) / "data"
    if not shared.is_dir():
        pytest.skip(f"the public data sets are not on this machine: no {shared} (FENXIAO_SHARED_DIR names another)")
    return shared
