"""Where compiled code is kept between starts: a directory a version of the sources.

Numba notices when the file of a function changes, but not when one that it calls does, in another file; and it fails on
what an older version left. So the directory's name is a digest of all sources that may be compiled into one another.
Its parent is `NUMBA_CACHE_DIR` if that is set (as in an image, which is built with the cache filled), or the user's cache.
"""

import hashlib
import os
from pathlib import Path

import numba

_CORE = Path(__file__).parent / "core"


def use_cache() -> bool:
    """Point numba to the directory; False if there is none that can be read or made, so that every start compiles anew."""
    base = (
        os.environ.get("NUMBA_CACHE_DIR")
        or Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "fenxiao"
    )
    directory = Path(base) / f"scorer-{_digest()}"
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except (OSError, RuntimeError):  # the latter: there is no home directory
        return False
    numba.config.CACHE_DIR = str(directory)  # type: ignore[attr-defined]
    return True


def _digest() -> str:
    digest = hashlib.sha256(numba.__version__.encode())
    for path in sorted(_CORE.glob("*.py")):
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:16]
