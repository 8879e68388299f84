"""Tier messages by two ways: compiled code, and a template of a line that is checked against the schema's own encoder."""

from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, Final

import msgspec
import numpy as np
import pytest

from fenxiao_schemas.codec import encode
from fenxiao_schemas.policy import Policy, default_policy
from fenxiao_schemas.tiers import FORCES, INDICATORS, Tier
from fenxiao_schemas.topics import TIERS, codec_of
from fenxiao_scorer.core.messages import Occasion, encoded_rights, publish
from fenxiao_scorer.core.rules import rules_of
from fenxiao_scorer.core.steps import Published
from fenxiao_scorer.core.tables import (
    CAP,
    CLASS,
    DIGEST_BYTES,
    DONE,
    EVIDENCE,
    FACTS,
    FORCE,
    NEGATIVE_BOUND,
    NULL,
    POINTS,
    RETURNS_BOUND,
    SCORE,
    SLOT,
    VALUE,
    WIDTH,
)
from fenxiao_scorer.core.texts import Texts

_FORCES: Final = ",".join(f'"{name}":%d' for name in FORCES)
_INDICATORS: Final = ",".join(f'{{"name":"{name}","value":%s,"points_bps":%d,"evidence":%d}}' for name in INDICATORS)
_TEMPLATE: Final = (
    '{"type":"tier","seq":%d,"product_id":%s,"revision":%d,"prev_digest":"%s","day":%d,"cause":"%s","as_of_seq":%d,'
    '"policy_version":%d,"algorithm_version":%d,"tier":%d,"previous_tier":%d,"score_bps":%d,"evidence":"%s",'
    '"forces":{' + _FORCES + '},"indicators":[' + _INDICATORS + '],"rights":%s,"gap":%s}'
)
_GAP: Final = (
    '{"tier":%d,"score_bps":%d,"forces":[%d,%d,%d,%d,%d],"delivered":%d,'
    '"negative_reviews_bps":%d,"quality_returns_bps":%d,"blocked":%s}'
)
_CLASSES: Final = ("none", "thin", "rated")
_RIGHTS: Final = [
    (10_000, 10_000, None, False, False),
    (9, 8, "old", True, False),
    (13_000, 12_000, '优选 "+"', True, True),
]
_FEATURED_RIGHTS: Final = 2
_DAY: Final = 20_400
_OCCASIONS: Final = (Occasion("barrier", 7), Occasion("close", 2**53 - 1))
_ALLOWED: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._:-"
_LARGE: Final = 10**15
_EDGES: Final = sorted(
    {0, *(10**power + step for power in range(16) for step in (-1, 0, 1) if 10**power + step <= _LARGE)}
)


@dataclass
class Some:
    """The products that publishing asks for."""

    facts: Any
    digests: Any
    ids: Texts = field(default_factory=Texts)


def some_products(random: np.random.Generator, names: list[str]) -> Some:
    count = len(names)
    products = Some(np.zeros(count + 3, FACTS), np.zeros((count + 3, DIGEST_BYTES), np.uint8))
    for name in names:
        products.ids.add(name)
    facts = products.facts
    facts["revision"] = random.choice([0, 0, 1, 2, 9, 10, 12_345, 2**53 - 2], count + 3)
    facts["tier"], facts["published_tier"] = random.integers(0, 6, (2, count + 3))
    facts["listed"], facts["held"] = random.random((2, count + 3)) < [[0.8], [0.2]]
    facts["published_rights"] = 77
    products.digests[:] = random.integers(0, 256, products.digests.shape)
    return products


def some_rows(random: np.random.Generator, slots: Any) -> Any:
    rows = np.zeros((len(slots), WIDTH), np.int64)
    rows[:, SLOT] = slots
    rows[:, CLASS] = random.integers(0, 3, len(rows))
    rows[:, CAP] = random.integers(1, 6, len(rows))
    for first, count in ((SCORE, 1), (NEGATIVE_BOUND, 1), (RETURNS_BOUND, 1), (FORCE, 5), (POINTS, 11)):
        rows[:, first : first + count] = points(random, (len(rows), count))
    for first, count in ((DONE, 1), (VALUE, 11), (EVIDENCE, 11)):
        small = random.integers(0, 60, (len(rows), count))
        rows[:, first : first + count] = np.where(
            random.random(small.shape) < 0.5, small, random.choice(_EDGES, small.shape)
        )
    rows[:, NULL : NULL + 11] = random.random((len(rows), 11)) < 0.2
    rows[:, VALUE : VALUE + 11] *= 1 - rows[:, NULL : NULL + 11]
    return rows


def points(random: np.random.Generator, shape: tuple[int, ...]) -> Any:
    edges = random.choice([0, 9, 10, 99, 100, 999, 1000, 9999, 10_000], shape)
    return np.where(random.random(shape) < 0.3, edges, random.integers(0, 10_001, shape))


def some_names(random: np.random.Generator, count: int) -> list[str]:
    lengths = random.integers(1, 60, count).tolist()
    plain = ["".join(random.choice(list(_ALLOWED), length)) + f":{place}" for place, length in enumerate(lengths)]
    odd = [f'a"b\\c{chr(code)}d' for code in range(32)] + [
        "",
        "\x7f",
        "商品-1",
        "é\u2028",
        "🧪",
        '"' * 64,
        "\x01" * 64,
        "x" * 64,
    ]
    return [*plain, _ALLOWED[:64], _ALLOWED[3:], *odd]


def told(products: Some, policy: Policy, row: Any, seq: int, occasion: Occasion) -> bytes:
    """The message of a row, plainly."""
    slot = int(row[SLOT])
    known, product_id = products.facts[slot], products.ids.name(slot)
    revision, tier = int(known["revision"]) + 1, int(known["tier"])
    digest = products.digests[slot].tobytes().hex() if revision > 1 else ""
    name = msgspec.json.encode(product_id).decode()
    body: list[Any] = []
    for i in range(len(INDICATORS)):
        body += ["null" if row[NULL + i] else int(row[VALUE + i]), row[POINTS + i], row[EVIDENCE + i]]
    rights = encoded_rights(_RIGHTS[_FEATURED_RIGHTS if tier == 5 else 0]).decode()
    start = (seq, name, revision, digest, _DAY, occasion.cause, occasion.seq, policy.version, policy.algorithm_version)
    decided = (tier, int(known["published_tier"]), row[SCORE], _CLASSES[row[CLASS]])
    return (
        _TEMPLATE % (*start, *decided, *row[FORCE : FORCE + 5], *body, rights, told_gap(policy, known, row, tier))
    ).encode()


def told_gap(policy: Policy, known: Any, row: Any, tier: int) -> str:
    if tier == 5:
        return "null"
    above = max(2, tier + 1)
    rule, bounds = policy.tiers.rules()[above - 2], policy.tiers.l5_bounds
    over = [(NEGATIVE_BOUND, bounds.negative_review_bps), (RETURNS_BOUND, bounds.quality_return_bps)]
    blocked = "null"
    if known["held"]:
        blocked = '"held"'
    elif not known["listed"]:
        blocked = '"not_listed"'
    elif row[CAP] < above:
        blocked = '"violation"'
    return _GAP % (
        above,
        max(0, rule.score_bps - row[SCORE]),
        *(max(0, floor - force) for floor, force in zip(rule.floors(), row[FORCE : FORCE + 5], strict=True)),
        max(0, policy.tiers.delivered_min - row[DONE]),
        *(max(0, row[column] - limit) if above == 5 else 0 for column, limit in over),
        blocked,
    )


def published(products: Some, rows: Any, occasion: Occasion, tier_seq: int) -> Published:
    policy = default_policy()
    rights = [encoded_rights(grant) for grant in _RIGHTS]
    return publish(products, policy, rules_of(policy), rows, rights, _FEATURED_RIGHTS, occasion, _DAY, tier_seq)


@pytest.mark.parametrize("seed", range(6))
def test_messages_are_those_of_a_template(seed: int) -> None:
    random = np.random.default_rng(seed)
    names = some_names(random, 700)
    products, policy = some_products(random, names), default_policy()
    rows = some_rows(random, random.permutation(len(names)))
    occasion, tier_seq = _OCCASIONS[seed % 2], (0, 998, 10**12)[seed % 3]
    expected = [told(products, policy, row, tier_seq + 1 + place, occasion) for place, row in enumerate(rows)]
    found = published(products, rows, occasion, tier_seq)
    assert found.values == expected
    assert found.keys == [names[slot].encode() for slot in rows[:, SLOT].tolist()]
    assert found.first_seq == tier_seq + 1


@pytest.mark.parametrize("seed", range(6))
def test_messages_are_the_encoding_of_their_structs(seed: int) -> None:
    random = np.random.default_rng(100 + seed)
    names = some_names(random, 300)
    products = some_products(random, names)
    before = products.facts.copy()
    rows = some_rows(random, random.permutation(len(names)))
    found = published(products, rows, _OCCASIONS[1], 5)
    seen = set()
    for place, (value, row) in enumerate(zip(found.values, rows.tolist(), strict=True)):
        tier: Tier = codec_of(TIERS).decode(value)
        known = before[row[SLOT]]
        assert encode(tier) == value
        assert (tier.seq, tier.product_id, tier.revision) == (6 + place, names[row[SLOT]], known["revision"] + 1)
        assert (tier.day, tier.cause, tier.as_of_seq) == (_DAY, *_OCCASIONS[1])
        assert (tier.tier, tier.previous_tier) == (known["tier"], known["published_tier"])
        assert (tier.score_bps, tier.evidence) == (row[SCORE], _CLASSES[row[CLASS]])
        assert [getattr(tier.forces, name) for name in FORCES] == row[FORCE : FORCE + 5]
        for i, indicator in enumerate(tier.indicators):
            assert indicator.name == INDICATORS[i]
            assert indicator.value == (None if row[NULL + i] else row[VALUE + i])
            assert (indicator.points_bps, indicator.evidence) == (row[POINTS + i], row[EVIDENCE + i])
        assert (tier.gap is None) == (tier.tier == 5)
        assert (tier.rights.label is None) == (tier.tier < 5)
        seen.add((tier.tier, tier.gap and tier.gap.blocked))
    assert len(seen) == 5 * 4 + 1


@pytest.mark.parametrize("seed", range(3))
def test_each_change_of_tier_has_a_row_that_says_what_its_message_does(seed: int) -> None:
    random = np.random.default_rng(200 + seed)
    names = some_names(random, 300)
    products = some_products(random, names)
    found = published(products, some_rows(random, random.permutation(len(names))[:200]), _OCCASIONS[0], 0)
    rows = found.rows
    assert len(found.values) == len(found.keys) == 200
    told: list[Tier] = [codec_of(TIERS).decode(value) for value in found.values]
    moved = [tier for tier in told if tier.revision == 1 or tier.tier != tier.previous_tier]
    assert 0 < len(moved) < 200
    columns = (rows.revisions, rows.days, rows.causes, rows.tiers, rows.previous_tiers, rows.scores, rows.evidences)
    for tier, product_id, *rest in zip(moved, rows.product_ids, *columns, strict=True):
        assert tier.product_id == product_id
        decided = [tier.tier, tier.previous_tier, tier.score_bps, tier.evidence]
        assert rest == [tier.revision, tier.day, tier.cause, *decided]
        assert [type(cell) for cell in rest] == [int, int, str, int, int, int, str]


def test_what_was_published_is_remembered_and_chained() -> None:
    random = np.random.default_rng(9)
    names = some_names(random, 600)
    products = some_products(random, names)
    products.facts["revision"] = 0
    last: dict[bytes, tuple[int, bytes]] = {}
    tier_seq = 0
    for _ in range(4):
        slots = random.permutation(len(names))[: len(names) // 2]
        rows = some_rows(random, slots)
        products.facts["tier"][slots] = random.integers(0, 6, len(slots))
        before = products.facts.copy()
        found = published(products, rows, _OCCASIONS[0], tier_seq)
        tier_seq += len(rows)
        for key, value in zip(found.keys, found.values, strict=True):
            tier: Tier = codec_of(TIERS).decode(value)
            revision, previous = last.get(key, (0, b""))
            assert tier.revision == revision + 1
            assert tier.prev_digest == (sha256(previous).hexdigest()[:32] if revision else "")
            last[key] = (tier.revision, value)
        before["revision"][slots] += 1
        before["published_tier"][slots] = before["tier"][slots]
        before["published_evidence"][slots] = rows[:, CLASS]
        before["published_score"][slots] = rows[:, SCORE]
        before["published_rights"][slots] = np.where(before["tier"][slots] == 5, _FEATURED_RIGHTS, 0)
        assert np.array_equal(products.facts, before)


@pytest.mark.parametrize("number", _EDGES)
def test_numbers_of_every_length(number: int) -> None:
    random = np.random.default_rng(1)
    products = some_products(random, ["p"])
    rows = some_rows(random, np.zeros(1, np.int64))
    rows[:, NULL : NULL + 11] = 0
    rows[:, VALUE : VALUE + 11] = rows[:, EVIDENCE : EVIDENCE + 11] = number
    tier: Tier = codec_of(TIERS).decode(published(products, rows, _OCCASIONS[0], number).values[0])
    assert tier.seq == number + 1
    assert {(indicator.value, indicator.evidence) for indicator in tier.indicators} == {(number, number)}


def test_no_rows_make_no_messages() -> None:
    products = some_products(np.random.default_rng(1), ["p"])
    before = products.facts.copy(), products.digests.copy()
    found = published(products, np.zeros((0, WIDTH), np.int64), _OCCASIONS[0], 4)
    assert (found.first_seq, found.keys, found.values, len(found.rows)) == (5, [], [], 0)
    assert np.array_equal(products.facts, before[0])
    assert np.array_equal(products.digests, before[1])
