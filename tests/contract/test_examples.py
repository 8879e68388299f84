"""The golden messages: bytes that other teams build against, so that nothing may change what they mean."""

from importlib import resources
from pathlib import Path
from typing import Any

import jsoncompat
import pytest

from fenxiao_schemas.codec import encode
from fenxiao_schemas.message_tables import structs_of
from fenxiao_schemas.outcomes import REASONS, Outcome
from fenxiao_schemas.partitioning import partition_of
from fenxiao_schemas.topics import COMMANDS, EVENTS, INVITATIONS, RECOMMENDATIONS, TIERS, TOPICS, Topic, codec_of

EXAMPLES = Path(str(resources.files("fenxiao_schemas"))) / "examples"
SCHEMAS = Path(__file__).parents[2] / "schemas/json_schema"
PARTITIONS = 64
CONTROL = {"calendar_started", "barrier", "day_closed"}
"""Records of a partition, not of a key: written to each partition by its number."""


def short_name(topic: Topic) -> str:
    """`fenxiao.catalog.commands.v1` -> `catalog.commands`: the folder of the topic's examples."""
    return topic.name.removeprefix("fenxiao.").removesuffix(".v1")


def examples_of(topic: Topic) -> list[Path]:
    return sorted((EXAMPLES / short_name(topic)).glob("*.json"))


def key_of(topic: Topic, message: Any) -> str | None:
    """The key of the message's record, as far as the message itself tells it."""
    if topic is COMMANDS:
        return str(getattr(message, message.KEY_FIELD))
    if topic in (TIERS, RECOMMENDATIONS, INVITATIONS):
        return str(getattr(message, topic.key))
    if topic is EVENTS:
        fields = ("product_id", "merchant_id", "creator_id")
        return next((str(getattr(message, field)) for field in fields if hasattr(message, field)), None)
    return None


CASES = [
    pytest.param(topic, path, id=f"{short_name(topic)}/{path.stem}") for topic in TOPICS for path in examples_of(topic)
]


@pytest.mark.parametrize(("topic", "path"), CASES)
def test_an_example_survives_the_round_trip_byte_for_byte(topic: Topic, path: Path) -> None:
    """Old bytes stay readable, and what we write stays what others were shown."""
    body = path.read_bytes()
    message = codec_of(topic).decode(body)
    assert encode(message) == body
    assert message.__struct_config__.tag == path.name.split(".")[0]
    assert codec_of(topic).decode_own_batch([body, body]) == [message, message]


@pytest.mark.parametrize(("topic", "path"), CASES)
def test_an_example_satisfies_the_published_schema(topic: Topic, path: Path) -> None:
    """The JSON Schema accepts what the codec writes, so that others may validate with it."""
    validator = jsoncompat.validator_for((SCHEMAS / f"{topic.name}.json").read_text(encoding="utf-8"))
    assert validator.is_valid_json(path.read_text(encoding="utf-8"))


@pytest.mark.parametrize(("topic", "path"), CASES)
def test_the_key_of_an_example_gives_a_partition(topic: Topic, path: Path) -> None:
    """Every message whose key stands in itself can be routed; control records alone have none."""
    message = codec_of(topic).decode(path.read_bytes())
    key = key_of(topic, message)
    if key is None:
        assert topic is not EVENTS or message.__struct_config__.tag in CONTROL
    else:
        assert key
        assert 0 <= partition_of(key.encode(), PARTITIONS) < PARTITIONS


@pytest.mark.parametrize("topic", TOPICS, ids=short_name)
def test_every_tag_has_an_example_and_every_field_stands_in_one(topic: Topic) -> None:
    """A new message or field comes with an example that shows it, and no example is left of what is gone."""
    shown: dict[str, set[str]] = {}
    for path in examples_of(topic):
        body = codec_of(topic).decode(path.read_bytes())
        wire = {name for name in body.__struct_fields__ if f'"{name}":'.encode() in path.read_bytes()}
        shown.setdefault(path.name.split(".")[0], set()).update(wire)
    assert shown == {str(struct.tag): {field.name for field in struct.fields} for struct in structs_of(topic.message)}


@pytest.mark.parametrize("topic", TOPICS, ids=short_name)
def test_every_optional_field_is_absent_from_some_example(topic: Topic) -> None:
    """The examples show what a message looks like without it, too."""
    bodies = [(path.name.split(".")[0], path.read_bytes()) for path in examples_of(topic)]
    for struct in structs_of(topic.message):
        for field in struct.fields:
            absent = (f'"{field.encode_name}":'.encode() not in body for tag, body in bodies if tag == struct.tag)
            assert field.required or any(absent), f"{struct.tag}.{field.encode_name}"


def test_every_folder_of_examples_belongs_to_a_topic() -> None:
    assert {path.name for path in EXAMPLES.iterdir()} == {short_name(topic) for topic in TOPICS}


def test_the_outcomes_shown_give_known_reasons() -> None:
    """The examples are what a reader copies from."""
    outcomes = [codec_of(TOPICS[1]).decode(path.read_bytes()) for path in examples_of(TOPICS[1])]
    assert {outcome.reason for outcome in outcomes if isinstance(outcome, Outcome)} <= {"", *REASONS}
