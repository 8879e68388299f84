"""Messages may change only so that nobody has to change with them on the same day.

Two roles are judged by `jsoncompat`, each topic's checked-in schema against the code's:

- *reader*: new code reads whatever writers of the old schema wrote. Asked of every topic, because logs are read again.
- *writer*: readers of the old schema read whatever new code writes. Asked of the topics that outsiders read, because
  only our own readers can be upgraded before the writers; and of the tags that those readers know, because a new tag is
  allowed: they skip it.

What `jsoncompat` can prove neither way (`unknown`) counts as incompatible. What a schema can't say is checked here:
no default changes, since an absent field means its default, and no field goes away unnoticed.

The base is the checked-in file, or the file at the git revision in `FENXIAO_SCHEMAS_BASE`, which CI should set to the
released one: a file that was exported anew together with an incompatible change agrees with itself.
"""

import copy
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import jsoncompat
import pytest

from fenxiao_schemas.export import COMMAND, SCHEMA_DIRECTORY, artefacts, main, stale_files, topic_schemas, write_files
from fenxiao_schemas.topics import COMMANDS, EVENTS, TOPICS, Topic

ROOT = Path(__file__).parents[2]
BASE_VARIABLE = "FENXIAO_SCHEMAS_BASE"
Schema = dict[str, Any]
NAMES = [topic.name for topic in TOPICS]


def base_schema(name: str) -> Schema | None:
    """The schema to compare with; None if the base does not have the topic yet."""
    path = f"{SCHEMA_DIRECTORY}/{name}.json"
    if revision := os.environ.get(BASE_VARIABLE):
        subprocess.run(["git", "cat-file", "-e", f"{revision}^{{commit}}"], cwd=ROOT, check=True)
        shown = subprocess.run(["git", "show", f"{revision}:{path}"], cwd=ROOT, capture_output=True, check=False)
        return json.loads(shown.stdout) if shown.returncode == 0 else None
    return cast("Schema", json.loads((ROOT / path).read_text(encoding="utf-8")))


def messages_of(schema: Schema) -> dict[str, Schema]:
    """The definitions of a topic's messages by their tags."""
    references = [member["$ref"].rsplit("/", 1)[1] for member in schema.get("anyOf", [schema])]
    found = [schema["$defs"][name] for name in references]
    return {message["properties"]["type"]["enum"][0]: message for message in found}


def known_to(old: Schema, new: Schema) -> Schema:
    """`new` with those tags only that `old` has."""
    names = [message["title"] for tag, message in messages_of(new).items() if tag in messages_of(old)]
    return {"$defs": new["$defs"], "anyOf": [{"$ref": f"#/$defs/{name}"} for name in names]}


def problems(old: Schema, new: Schema, *, as_writer: bool) -> list[str]:
    """Why `new` may not follow `old`; empty if it may."""
    found = _judge(old, new, jsoncompat.Role.DESERIALIZER) + _silent_changes(old, new)
    return found + _judge(old, known_to(old, new), jsoncompat.Role.SERIALIZER) if as_writer else found


def _judge(old: Schema, new: Schema, role: jsoncompat.RoleLiteral) -> list[str]:
    result = jsoncompat.analyze_compat(json.dumps(old), json.dumps(new), role)
    return [] if result["status"] == "compatible" else [f"{role}: {result}"]


def _silent_changes(old: Schema, new: Schema) -> list[str]:
    """What no reader would notice, and what means something else from then on."""
    found = []
    for title, definition in old["$defs"].items():
        fields = new["$defs"].get(title, {}).get("properties", {})
        for name, field in definition.get("properties", {}).items():
            if title in new["$defs"] and name not in fields:
                found.append(f"{title}.{name} is gone")
            elif name in fields and field.get("default") != fields[name].get("default"):
                found.append(f"{title}.{name} has another default")
    return found


def outsiders_read(topic: Topic) -> bool:
    """Whether someone reads the topic whom we can't upgrade first."""
    return "anyone" in topic.readers


@pytest.mark.parametrize("topic", TOPICS, ids=NAMES)
def test_the_code_is_compatible_with_the_checked_in_schema(topic: Topic) -> None:
    """Whoever must break this rule makes a new topic (`.v2`) instead."""
    old = base_schema(topic.name)
    if old is None:
        pytest.skip("the topic is new since the base")
    assert problems(old, topic_schemas()[topic.name], as_writer=outsiders_read(topic)) == []


def test_the_generated_files_are_fresh() -> None:
    """The checked-in schemas and the page of messages are what the code says."""
    stale = stale_files(ROOT, artefacts())
    assert not stale, f"stale: {', '.join(stale)}; mend it with: cd {ROOT} && {sys.executable} -m {COMMAND.split()[-1]}"


def test_a_stale_a_missing_and_a_surplus_file_are_found(tmp_path: Path) -> None:
    """The check sees each kind of difference, and an export mends all of them."""
    files = artefacts()
    write_files(tmp_path, files)
    assert main(["--check", str(tmp_path)]) == 0
    stale, missing, surplus = (f"{SCHEMA_DIRECTORY}/{name}.json" for name in (NAMES[0], NAMES[1], "gone.v1"))
    (tmp_path / stale).write_text("{}", encoding="utf-8")
    (tmp_path / missing).unlink()
    (tmp_path / surplus).write_text("{}", encoding="utf-8")
    assert stale_files(tmp_path, files) == sorted([stale, missing, surplus])
    assert main(["--check", str(tmp_path)]) == 1
    assert main([str(tmp_path)]) == 0
    assert stale_files(tmp_path, files) == []


# The judge is judged: changes whose verdict is known.

Change = Callable[[Schema], object]
SALE = {COMMANDS.name: "RecordSale", EVENTS.name: "SaleRecorded"}


def fields(schema: Schema) -> Schema:
    """The properties of the sale in either topic's schema, to be changed in place."""
    return cast("Schema", schema["$defs"][SALE[schema["title"]]]["properties"])


def required(schema: Schema) -> list[str]:
    return cast("list[str]", schema["$defs"][SALE[schema["title"]]]["required"])


def choices(schema: Schema) -> list[str]:
    """The faults that a refund may give."""
    name = "RecordRefund" if schema["title"] == COMMANDS.name else "RefundRecorded"
    return cast("list[str]", schema["$defs"][name]["properties"]["fault"]["enum"])


def remove_required_field(schema: Schema) -> None:
    fields(schema).pop("order_id")
    required(schema).remove("order_id")


def add_required_field(schema: Schema) -> None:
    fields(schema)["gift"] = {"type": "boolean"}
    required(schema).append("gift")


def require_creator(schema: Schema) -> None:
    required(schema).append("creator_id")


def add_message(schema: Schema) -> None:
    schema["$defs"]["Gift"] = {
        "title": "Gift",
        "type": "object",
        "properties": {"type": {"enum": ["gift"]}},
        "required": ["type"],
    }
    schema["anyOf"].append({"$ref": "#/$defs/Gift"})


def remove_message(schema: Schema) -> None:
    schema["anyOf"].remove({"$ref": f"#/$defs/{SALE[schema['title']]}"})


BREAKING: dict[str, Change] = {
    "a required field is removed": remove_required_field,
    "an optional field is removed": lambda s: fields(s).pop("creator_id"),
    "a required field is added": add_required_field,
    "a bound is narrowed": lambda s: fields(s)["quantity"].update(maximum=10),
    "a length is narrowed": lambda s: fields(s)["order_id"].update(maxLength=10),
    "a pattern is narrowed": lambda s: fields(s)["order_id"].update(pattern="^[a-z]+$"),
    "a choice is removed": lambda s: choices(s).pop(),
    "a tag is renamed": lambda s: fields(s)["type"].update(enum=["sale_noted"]),
    "a message is removed": remove_message,
    "optional is made required": require_creator,
    "nullable is made not null": lambda s: fields(s).update(creator_id=fields(s)["order_id"]),
    "a type is changed": lambda s: fields(s).update(paid_minor={"type": "string"}),
    "a default is changed": lambda s: fields(s)["creator_id"].update(default="nobody"),
}
COMPATIBLE: dict[str, Change] = {
    "nothing": lambda _: None,
    "an optional field is added": lambda s: fields(s).update(gift={"type": "boolean", "default": False}),
    "a message is added": add_message,
    "words are changed": lambda s: s["$defs"][SALE[s["title"]]].update(description="Other words."),
}
READERS_FIRST: dict[str, Change] = {
    "a bound is widened": lambda s: fields(s)["quantity"].update(maximum=10**9),
    "a length is widened": lambda s: fields(s)["order_id"].update(maxLength=128),
    "a choice is added": lambda s: choices(s).append("other"),
    "an integer becomes a number": lambda s: fields(s)["paid_minor"].update(type="number"),
}
"""Only where all readers are ours."""


def verdict(topic: Topic, change: Change) -> list[str]:
    old = topic_schemas()[topic.name]
    new = copy.deepcopy(old)
    change(new)
    return problems(old, new, as_writer=outsiders_read(topic))


@pytest.mark.parametrize("topic", [COMMANDS, EVENTS], ids=["commands", "events"])
@pytest.mark.parametrize("change", BREAKING.values(), ids=BREAKING)
def test_a_breaking_change_is_caught(topic: Topic, change: Change) -> None:
    assert verdict(topic, change) != []


@pytest.mark.parametrize("topic", [COMMANDS, EVENTS], ids=["commands", "events"])
@pytest.mark.parametrize("change", COMPATIBLE.values(), ids=COMPATIBLE)
def test_a_compatible_change_is_let_through(topic: Topic, change: Change) -> None:
    assert verdict(topic, change) == []


@pytest.mark.parametrize("change", READERS_FIRST.values(), ids=READERS_FIRST)
def test_what_old_readers_would_not_read_is_let_through_only_where_all_readers_are_ours(change: Change) -> None:
    """The catalog alone reads commands and is upgraded first; events have readers outside."""
    assert verdict(COMMANDS, change) == []
    assert verdict(EVENTS, change) != []
