"""The table of topics holds together: everything that it names is there, once."""

from collections import Counter

import pytest
from msgspec import inspect

from fenxiao_schemas.base import snake_case
from fenxiao_schemas.commands import Command
from fenxiao_schemas.dead_letters import AnyDeadLetter, DeadLetter
from fenxiao_schemas.message_tables import structs_of
from fenxiao_schemas.outcomes import REASONS, Outcome
from fenxiao_schemas.topics import COMMANDS, EVENTS, INVITATIONS, RECOMMENDATIONS, TIERS, TOPICS, Topic

NAMES = [topic.name for topic in TOPICS]


def field_of(struct: type, name: str) -> inspect.Field:
    info = inspect.type_info(struct)
    assert isinstance(info, inspect.StructType)
    return next(field for field in info.fields if field.name == name)


def test_topic_names_are_unique() -> None:
    assert len(set(NAMES)) == len(NAMES)


@pytest.mark.parametrize("topic", TOPICS, ids=NAMES)
def test_a_dead_letter_topic_is_in_the_table(topic: Topic) -> None:
    """It takes dead letters, written by the one service that could not read."""
    if topic.dead_letters is not None:
        (target,) = [other for other in TOPICS if other.name == topic.dead_letters]
        assert target.message is AnyDeadLetter
        assert target.dead_letters is None
        assert topic.readers == (target.writer,)


def test_what_others_write_has_a_dead_letter_topic_and_no_compression() -> None:
    """Nobody outside can halt a service or bomb it."""
    for topic in TOPICS:
        assert (topic.dead_letters is not None) == (topic.writer == "anyone")
        assert topic.uncompressed == (topic.writer == "anyone")


@pytest.mark.parametrize("struct", structs_of(COMMANDS.message), ids=lambda struct: str(struct.tag))
def test_the_key_of_a_command_is_a_required_id(struct: inspect.StructType) -> None:
    """Without it nobody could say which partition the command belongs to."""
    assert issubclass(struct.cls, Command)
    key = field_of(struct.cls, struct.cls.KEY_FIELD)
    assert key.required
    assert key.type == field_of(Command, "command_id").type


@pytest.mark.parametrize("topic", [TIERS, RECOMMENDATIONS, INVITATIONS], ids=lambda topic: topic.name)
def test_the_key_of_a_compacted_topic_is_a_required_field(topic: Topic) -> None:
    """Compaction keeps the last message of each key, so that the key must be the message's own."""
    assert topic.cleanup == "compact"
    (struct,) = structs_of(topic.message)
    assert field_of(struct.cls, topic.key).required


def test_a_tag_names_one_message_of_all() -> None:
    """Also across topics, so that a record that strayed is never taken for another message."""
    structs = [struct for topic in TOPICS for struct in structs_of(topic.message)]
    assert [tag for tag, count in Counter(struct.tag for struct in structs).items() if count > 1] == []
    assert all(struct.tag == snake_case(struct.cls.__name__) for struct in structs)
    assert all(struct.tag_field == "type" for struct in structs)


@pytest.mark.parametrize(
    ("name", "tag"),
    [("Barrier", "barrier"), ("RecordSale", "record_sale"), ("CorrectSaleByHand", "correct_sale_by_hand")],
)
def test_snake_case(name: str, tag: str) -> None:
    assert snake_case(name) == tag


@pytest.mark.parametrize("struct", [Outcome, DeadLetter])
def test_every_reason_fits_its_field(struct: type) -> None:
    info = field_of(struct, "reason").type
    assert isinstance(info, inspect.StrType)
    assert info.max_length is not None
    assert max(len(reason) for reason in REASONS) <= info.max_length


def test_reasons_are_words_for_programs_with_a_sentence_for_people() -> None:
    assert all(reason.isidentifier() and reason.islower() for reason in REASONS)
    assert all(sentence and "\n" not in sentence for sentence in REASONS.values())


def test_settings_are_named_as_kafka_names_them() -> None:
    assert COMMANDS.config() == {
        "cleanup.policy": "delete",
        "retention.ms": "2592000000",
        "compression.type": "uncompressed",
    }
    assert EVENTS.config() == {"cleanup.policy": "delete", "retention.ms": "-1", "compression.type": "producer"}
    assert TIERS.config()["cleanup.policy"] == "compact"


def test_the_shared_partition_count_is_the_deployments() -> None:
    assert EVENTS.partition_count(64) == 64
    own = Topic(name="t", key="k", writer="scorer", readers=(), message=Outcome, partitions=3)
    assert own.partition_count(64) == 3
