"""What readers in other languages and readers of prose need, made from the code: JSON Schemas and `docs/messages.md`.

    python -m fenxiao_schemas.export [--check] [DIR]

`DIR` is the root of the repository, the current directory if not given. `--check` writes nothing and fails if a file
differs from what it should be: the files are checked in, so that a change of a message shows in its review.
"""

import argparse
import inspect
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import msgspec

from fenxiao_schemas.message_tables import render_messages
from fenxiao_schemas.policy import Policy
from fenxiao_schemas.topics import TOPICS

SCHEMA_DIRECTORY: Final = "schemas/json_schema"
MESSAGES_PAGE: Final = "docs/messages.md"
COMMAND: Final = "python -m fenxiao_schemas.export"
_DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"


def schema_of(title: str, message: Any) -> dict[str, Any]:
    """The JSON Schema of a Struct or of a union of them, with the bounds and patterns of its fields."""
    schema = {"$schema": _DIALECT, "title": title, **msgspec.json.schema(message)}
    plain: dict[str, Any] = json.loads(json.dumps(schema))  # tuples become lists, as in the file
    for definition in plain["$defs"].values():
        if "description" in definition:  # Python 3.13 takes the indentation out of docstrings, 3.12 leaves it in
            definition["description"] = inspect.cleandoc(definition["description"])
    return plain


def topic_schemas() -> dict[str, dict[str, Any]]:
    """The JSON Schema of each topic's messages, by the topic's name."""
    return {topic.name: schema_of(topic.name, topic.message) for topic in TOPICS}


def artefacts() -> dict[str, str]:
    """The text of every generated file, by its path from the root of the repository."""
    schemas = topic_schemas() | {"policy": schema_of("policy", Policy)}
    files = {f"{SCHEMA_DIRECTORY}/{name}.json": _json_text(schema) for name, schema in schemas.items()}
    return files | {MESSAGES_PAGE: render_messages(TOPICS)}


def stale_files(root: Path, files: Mapping[str, str]) -> list[str]:
    """Which of `files` are missing or differ under `root`, and which schemas there belong to no topic any more."""
    differing = [path for path, text in files.items() if _text_or_none(root / path) != text]
    found = (path.relative_to(root).as_posix() for path in (root / SCHEMA_DIRECTORY).glob("*.json"))
    return sorted(differing + [path for path in found if path not in files])


def write_files(root: Path, files: Mapping[str, str]) -> None:
    """Write `files` under `root`, and delete the schemas there that belong to no topic any more."""
    for path in (root / SCHEMA_DIRECTORY).glob("*.json"):
        if path.relative_to(root).as_posix() not in files:
            path.unlink()
    for relative, text in files.items():
        path = root / relative
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8", newline="\n")


def main(arguments: list[str] | None = None) -> int:
    """Write or check the files; the exit code is 1 if the check found a stale one."""
    parser = argparse.ArgumentParser(prog=COMMAND, description="Export JSON Schemas and the page of messages.")
    parser.add_argument("--check", action="store_true", help="write nothing, fail if a file is stale")
    parser.add_argument("directory", nargs="?", default=".", type=Path, help="the root of the repository")
    options = parser.parse_args(arguments)
    files = artefacts()
    if not options.check:
        write_files(options.directory, files)
        return 0
    stale = stale_files(options.directory, files)
    for path in stale:
        sys.stderr.write(f"stale: {path}; mend it with: {COMMAND}\n")
    return 1 if stale else 0


def _json_text(schema: Mapping[str, Any]) -> str:
    return json.dumps(schema, ensure_ascii=False, indent=2) + "\n"


def _text_or_none(path: Path) -> str | None:
    return path.read_text(encoding="utf-8") if path.is_file() else None


if __name__ == "__main__":
    sys.exit(main())
