"""The page of messages (`docs/messages.md`), rendered from the table of topics; `export` writes it.

A topic becomes one table, a message one row: what it means, what its record's key is, its fields with their bounds.
Fields that all messages of a topic share stand once above its table; Structs inside of messages are the last rows.
"""

from collections.abc import Iterable, Iterator
from typing import Any, Final, NamedTuple

import msgspec
from msgspec import inspect

from fenxiao_schemas import base
from fenxiao_schemas.tiers import Digest
from fenxiao_schemas.topics import Topic

NAMED: Final[dict[str, Any]] = {
    "id": base.Id,
    "text": base.Text,
    "category": base.Category,
    "currency": base.Currency,
    "digest": Digest,
}
"""Strings with a pattern: their bounds are told once, under a name."""
SHORT: Final = {base.REVISION_MAX: "2^53-1", 10**12: "10^12", 10**10: "10^10"}
"""Bounds that nobody wants to count the digits of."""
_HEAD: Final = """\
# Messages

Made from the code by `python -m fenxiao_schemas.export`; change it there. Each message is one JSON object whose `type`
is the name in the first column. `a..b` bounds a number, or the length of a string or list; `?` marks what may be
absent, and what follows `=` is its value then (null if nothing does). Readers ignore fields that they do not know.
Examples, as they are on the wire: `schemas/fenxiao_schemas/examples/`. JSON Schemas: `schemas/json_schema/`.
"""


class _Row(NamedTuple):
    message: str
    meaning: str
    key: str
    fields: tuple[str, ...]


def render_messages(topics: Iterable[Topic]) -> str:
    """The whole page, in Markdown."""
    return "\n".join([_HEAD, *_named_strings(), *(line for topic in topics for line in _topic(topic))])


def structs_of(message: Any) -> list[inspect.StructType]:
    """The Structs that a topic's message type is made of: one, or those of its union in order."""
    root = inspect.type_info(message)
    members = root.types if isinstance(root, inspect.UnionType) else (root,)
    return [member for member in members if isinstance(member, inspect.StructType)]


def _named_strings() -> Iterator[str]:
    yield from ("| string | length | pattern |", "|---|---|---|")
    for name, annotated in NAMED.items():
        match inspect.type_info(annotated):
            case inspect.StrType(min_length=low, max_length=high, pattern=str(pattern)):
                yield f"| {name} | {_range(low, high)} | {_code(pattern)} |"
    yield ""


def _topic(topic: Topic) -> Iterator[str]:
    rows = [_message_row(struct, topic) for struct in structs_of(topic.message)]
    shared = _shared_fields(rows)
    yield from (f"## {topic.name}", "")
    yield f"Written by {topic.writer}, read by {', '.join(topic.readers)}."
    if shared:
        yield f"Every message has: {'; '.join(shared)}."
    yield from ("", "| message | meaning | key | fields |", "|---|---|---|---|")
    parts = [_part_row(struct) for struct in _inner_structs(structs_of(topic.message))]
    for row in rows + parts:
        own = "; ".join(field for field in row.fields if field not in shared)
        yield f"| {row.message} | {row.meaning} | {row.key} | {own} |"
    yield ""


def _message_row(struct: inspect.StructType, topic: Topic) -> _Row:
    key = getattr(struct.cls, "KEY_FIELD", topic.key)
    return _Row(f"`{struct.tag}`", _meaning(struct.cls), key, _fields(struct))


def _part_row(struct: inspect.StructType) -> _Row:
    return _Row(f"part {struct.cls.__name__}", _meaning(struct.cls), "", _fields(struct))


def _shared_fields(rows: list[_Row]) -> tuple[str, ...]:
    if len(rows) == 1:
        return ()
    return tuple(field for field in rows[0].fields if all(field in row.fields for row in rows))


def _meaning(struct: type) -> str:
    return (struct.__doc__ or "").strip().splitlines()[0].replace("|", "\\|")


def _fields(struct: inspect.StructType) -> tuple[str, ...]:
    return tuple(_field(field) for field in struct.fields)


def _field(field: inspect.Field) -> str:
    text = f"`{field.encode_name}`{'' if field.required else '?'} {_type(field.type)}"
    if field.required or field.default in (None, msgspec.NODEFAULT):
        return text
    return f"{text} = {_code(msgspec.json.encode(field.default).decode())}"


def _type(info: inspect.Type) -> str:
    name = next((name for name, known in NAMED.items() if inspect.type_info(known) == info), None)
    if name:
        return name
    match info:
        case inspect.UnionType(types=types):
            return " or ".join("null" if isinstance(member, inspect.NoneType) else _type(member) for member in types)
        case inspect.IntType(ge=low, le=high):
            return f"int{_bounds(low, high)}"
        case inspect.StrType(min_length=low, max_length=high, pattern=None):
            return f"string{_bounds(low, high)}"
        case inspect.BytesType(min_length=low, max_length=high):
            return f"base64 of bytes{_bounds(low, high)}"
        case inspect.BoolType():
            return "bool"
        case inspect.LiteralType(values=values):
            return " / ".join(_code(str(value)) for value in values)
        case inspect.StructType(cls=cls):
            return cls.__name__
        case inspect.VarTupleType(item_type=item, min_length=low, max_length=high):
            return f"list{_bounds(low, high)} of {_type(item)}"
        case _:
            raise NotImplementedError(f"no words for {info}: name it in NAMED, or add a case here")


def _bounds(low: int | None, high: int | None) -> str:
    return "" if low is None and high is None else f" {_range(low, high)}"


def _range(low: int | None, high: int | None) -> str:
    least = 0 if low is None else low
    return str(least) if least == high else f"{least}..{'' if high is None else SHORT.get(high, high)}"


def _code(text: str) -> str:
    return f"`{text.replace('|', '\\|')}`"


def _inner_structs(structs: Iterable[inspect.StructType]) -> list[inspect.StructType]:
    """The Structs inside of `structs`, at any depth, each once, in the order in which they are met."""
    found: dict[type, inspect.StructType] = {}
    waiting = [field.type for struct in structs for field in struct.fields]
    while waiting:
        match waiting.pop(0):
            case inspect.UnionType(types=types):
                waiting.extend(types)
            case inspect.VarTupleType(item_type=item):
                waiting.append(item)
            case inspect.StructType(cls=cls) as struct if cls not in found:
                found[cls] = struct
                waiting.extend(field.type for field in struct.fields)
    return list(found.values())
