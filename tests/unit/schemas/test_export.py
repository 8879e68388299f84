"""The JSON Schemas say all that the code asks: no bound and no pattern is lost on the way to other languages."""

import math
from collections.abc import Iterator
from typing import Any

import pytest
from msgspec import inspect

from fenxiao_schemas.export import artefacts, schema_of
from fenxiao_schemas.message_tables import render_messages, structs_of
from fenxiao_schemas.policy import Policy
from fenxiao_schemas.topics import TOPICS

ROOTS = [pytest.param(topic.message, id=topic.name) for topic in TOPICS] + [pytest.param(Policy, id="policy")]


def missing_keywords(info: inspect.Type, schema: dict[str, Any], where: str) -> Iterator[str]:
    """The bounds and patterns of `info` that `schema` does not repeat."""
    expected: dict[str, Any] = {}
    match info:
        case inspect.IntType(ge=low, le=high):
            expected = {"minimum": low, "maximum": high}
        case inspect.StrType(min_length=low, max_length=high, pattern=pattern):
            expected = {"minLength": low, "maxLength": high, "pattern": pattern}
        case inspect.BytesType(max_length=int(high)):
            expected = {"contentEncoding": "base64", "maxLength": 4 * math.ceil(high / 3)}
        case inspect.LiteralType(values=values):
            expected = {"enum": list(values)}
        case inspect.VarTupleType(item_type=item, min_length=low, max_length=high):
            expected = {"minItems": low, "maxItems": high}
            yield from missing_keywords(item, schema["items"], where)
        case inspect.DictType(value_type=value):
            yield from missing_keywords(value, schema["additionalProperties"], where)
        case inspect.UnionType(types=types):
            for member, branch in zip(types, schema["anyOf"], strict=True):
                yield from missing_keywords(member, branch, where)
        case inspect.BoolType() | inspect.NoneType() | inspect.StructType():
            pass
        case _:
            raise NotImplementedError(info)
    yield from (f"{where}: {word}" for word, value in expected.items() if value is not None and schema[word] != value)


def all_structs(message: Any) -> list[inspect.StructType]:
    """The Structs of a message type, and those inside of them."""
    found: list[inspect.StructType] = []
    waiting: list[inspect.Type] = list(structs_of(message))
    while waiting:
        match waiting.pop():
            case inspect.StructType() as struct if struct not in found:
                found.append(struct)
                waiting += [field.type for field in struct.fields]
            case inspect.UnionType(types=types):
                waiting += types
            case inspect.VarTupleType(item_type=item):
                waiting.append(item)
    return found


@pytest.mark.parametrize("message", ROOTS)
def test_every_bound_and_pattern_is_in_the_schema(message: Any) -> None:
    definitions = schema_of("any", message)["$defs"]
    structs = all_structs(message)
    assert {struct.cls.__name__ for struct in structs} == set(definitions)
    for struct in structs:
        definition = definitions[struct.cls.__name__]
        for field in struct.fields:
            where = f"{struct.cls.__name__}.{field.encode_name}"
            assert list(missing_keywords(field.type, definition["properties"][field.encode_name], where)) == []
            assert (field.encode_name in definition.get("required", ())) == field.required


def test_the_export_is_deterministic() -> None:
    assert artefacts() == artefacts()


def test_the_page_has_a_row_for_every_message() -> None:
    page = render_messages(TOPICS)
    for topic in TOPICS:
        assert f"## {topic.name}\n" in page
        for struct in structs_of(topic.message):
            assert f"| `{struct.tag}` |" in page
