"""What is on a list and what is not: the rules, one at a time."""

import pytest

from fenxiao_matcher.core import pools
from fenxiao_matcher.core.decay import ONE
from fenxiao_matcher.core.lists import rows_of
from fenxiao_matcher.core.matcher import Matcher
from fenxiao_schemas.matches import RecommendedProduct
from support.matcher_town import (
    FIRST_DAY,
    Town,
    all_lists,
    drain,
    fold,
    goods,
    matcher_of,
    matching,
    people,
    settle,
    shown,
    weight,
)


@pytest.fixture
def town() -> Town:
    """Two creators alike (C1, C2), one of another kind (C3), and a newcomer (C4)."""
    town = Town()
    for one in ("P1", "P2", "P3"):
        town.product(one, "home/kitchen")
    town.product("P4", "food/tea", merchant="M2")
    town.product("P5", "food/tea", merchant="M2", tier=5)
    for creator, *products in (("C1", "P1", "P2"), ("C2", "P1", "P2", "P3"), ("C3", "P4", "P5")):
        town.creator(creator)
        for one in products:
            town.sale(creator, one)
    town.creator("C4", "food", followers=1_000)
    return town


def test_a_creator_gets_what_creators_alike_sell(town: Town) -> None:
    town.product("P6", "home/kitchen")
    matcher = matcher_of(town)
    first = matcher.rank(("recommendations", "C1"))[0]
    assert isinstance(first, RecommendedProduct)
    assert first.product_id == "P3"
    assert {reason.name for reason in first.reasons} == {"affinity", "category", "tier", "popularity"}


def test_goods_that_a_creator_sells_come_only_if_there_is_nothing_else(town: Town) -> None:
    assert not {"P1", "P2"} & set(goods(matcher_of(town), "C1"))
    alone = Town()
    alone.product("P1")
    alone.sale("C1", "P1")
    assert goods(matcher_of(alone), "C1") == ["P1"]


def test_a_newcomer_gets_goods_of_the_categories_it_declares(town: Town) -> None:
    assert goods(matcher_of(town), "C4")[:2] == ["P5", "P4"]


def test_a_creator_of_whom_nothing_is_known_gets_what_is_popular(town: Town) -> None:
    town.creator("C9")
    assert goods(matcher_of(town), "C9")[0] == "P5"


def test_an_l5_product_invites_and_others_do_not(town: Town) -> None:
    matcher = matcher_of(town)
    assert people(matcher, "P5")[0] == "C4"
    assert people(matcher, "P4") == []
    assert "C3" not in people(matcher, "P5")


def test_an_invitation_is_withdrawn_when_the_product_falls(town: Town) -> None:
    matcher = matcher_of(town)
    key = ("invitations", "P5")
    before = len(town.log)
    town.tier("P5", 4)
    fold(matcher, town.log[before:])
    drain(matcher)
    published = matcher.book.get(("invitations", "P5"))
    assert published is not None
    assert (published.revision, published.rows) == (2, ())
    assert key not in shown(matcher)


@pytest.mark.parametrize(("listed", "held"), [(False, False), (True, True)])
def test_delisted_or_held_products_leave_at_once_before_their_tier_says_so(
    town: Town, listed: bool, held: bool
) -> None:
    matcher = matcher_of(town)
    assert "P3" in goods(matcher, "C1")
    matcher.learned(matcher.book)  # all lists wait to be looked at
    showing = set(matcher.book.showing({"P3"}))
    before = len(town.log)
    town.listing("P3", listed=listed, held=held)
    fold(matcher, town.log[before:])
    matcher.withdraw()
    urgent = matcher.changes(len(lists := all_lists(matcher)), urgent=True)
    assert not any("P3" in (row[0] for row in rows_of(entries)) for entries in lists.values())
    assert {change.key for change in urgent} == showing
    for change in urgent:
        matcher.published(change)
    drain(matcher)
    assert not any("P3" in (row[0] for row in rows) for rows in shown(matcher).values())


def test_products_without_a_tier_or_of_tier_0_are_not_shown(town: Town) -> None:
    town.product("P6", tier=0)
    matcher = matcher_of(town)
    assert not any("P6" in goods(matcher, creator) for creator in ("C1", "C2", "C3", "C4"))


def test_a_refund_takes_the_weight_back(town: Town) -> None:
    before = all_lists(matcher_of(town))
    town.sale("C1", "P4", 77_700, FIRST_DAY - 3)
    assert all_lists(matcher_of(town)) != before
    town.refund("C1", "P4", 77_700, FIRST_DAY - 3)
    assert all_lists(matcher_of(town)) == before


def test_a_correction_moves_the_weight(town: Town) -> None:
    town.correction("C1", "C3", "P1")
    matcher = matcher_of(town)
    assert "P1" in goods(matcher, "C1")
    assert "P1" not in goods(matcher, "C3")


def test_reasons_sum_to_the_score(town: Town) -> None:
    town.plan("P3", 2_000)
    lists = all_lists(matcher_of(town))
    assert {direction for direction, _ in lists} == {"recommendations", "invitations"}
    for entries in lists.values():
        for entry in entries:
            assert sum(reason.score for reason in entry.reasons) == entry.score
        assert [entry.score for entry in entries] == sorted((entry.score for entry in entries), reverse=True)


def test_caps_hold() -> None:
    town = Town()
    for number in range(30):
        town.product(f"P{number:02}", f"c/{number % 3}", merchant=f"M{number % 4}")
    town.creator("C1")
    matcher = matcher_of(town, matching(merchant_cap=2, category_cap=3, list_length=10))
    chosen = goods(matcher, "C1")
    assert len(chosen) == 8  # four merchants, two each
    by_category = [sum(int(one[1:]) % 3 == category for one in chosen) for category in range(3)]
    assert max(by_category) <= 3


def test_a_sale_loses_weight_with_age(town: Town) -> None:
    matcher = Matcher(town.partitions)
    fold(matcher, town.log)
    drain(matcher, matching(half_life_days=10))
    weights = [weight(matcher, "C1", "P1")]
    for day in range(FIRST_DAY, FIRST_DAY + 20):
        before = len(town.log)
        town.close(day)
        fold(matcher, town.log[before:])
        drain(matcher, matching(half_life_days=10))
        weights.append(weight(matcher, "C1", "P1"))
    assert weights == sorted(weights, reverse=True)
    assert weights[0] == 10_000 * ONE
    assert weights[10] == weights[0] // 2
    assert weights[20] == weights[0] // 4


def test_the_open_day_is_the_least_of_all_partitions(town: Town) -> None:
    matcher = matcher_of(town)
    before = len(town.log)
    town.close(FIRST_DAY)
    fold(matcher, town.log[before : before + 1])
    assert matcher.state.calendar.open_day == FIRST_DAY
    fold(matcher, town.log[before + 1 :])
    assert matcher.state.calendar.open_day == FIRST_DAY + 1
    assert matcher.policy_wanted == 1


def test_an_older_tier_revision_changes_nothing(town: Town) -> None:
    matcher = matcher_of(town)
    first = next(entry for entry in town.log if getattr(entry[1], "revision", 0) == 1)
    town.tier("P1", 5)
    fold(matcher, town.log[-1:])
    fold(matcher, [first])
    drain(matcher)
    assert matcher.state.products["P1"].tier == 5


def test_small_moves_are_not_published_and_add_up() -> None:
    town = Town(1)
    for one in ("P1", "P2"):
        town.product(one)
    town.creator("C1", "home")
    matcher = matcher_of(town)
    published = matcher.book.get(("recommendations", "C1"))
    assert published is not None
    assert published.revision == 1
    revisions = []
    for commission_bps in (100, 500, 1_000, 3_000, 5_000):
        before = len(town.log)
        for one in ("P1", "P2"):
            town.plan(one, commission_bps)
        fold(matcher, town.log[before:])
        drain(matcher)
        published = matcher.book.get(("recommendations", "C1"))
        assert published is not None
        revisions.append(published.revision)
    assert revisions == [1, 1, 1, 2, 3]


def test_an_invitation_sees_a_creator_change_that_only_the_walk_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pools, "POOL_MAX", 1)
    town = Town(1)
    town.product("P1", tier=5)
    town.product("P2")
    for creator, one in (("C1", "P1"), ("C1", "P2"), ("C2", "P2")):
        town.sale(creator, one)
    town.creator("C9", "home/kitchen", followers=10**15)
    matcher = matcher_of(town)
    before = shown(matcher)["invitations", "P1"]
    town.creator("C2", followers=10**9)
    fold(matcher, town.log[-1:])
    drain(matcher)
    after = shown(matcher)["invitations", "P1"]
    assert {row[0] for row in before} == {row[0] for row in after} == {"C2", "C9"}
    assert before != after


def test_a_list_sees_that_a_product_it_found_is_sold_by_more_than_before(monkeypatch: pytest.MonkeyPatch) -> None:
    """By strangers, for the same money: neither the walk's own edges nor the product's popularity moved."""
    monkeypatch.setattr(pools, "POOL_MAX", 1)
    town = Town(1)
    for one in ("P1", "P2", "P3"):
        town.product(one)
    for creator, one in (("C1", "P1"), ("C2", "P1"), ("C2", "P2"), ("C2", "P3")):
        town.sale(creator, one)
    town.sale("C3", "P2", 10**8)
    exact = matching(materiality_bps=0)
    matcher = matcher_of(town, exact)
    before = shown(matcher)["recommendations", "C1"]
    for number in range(10):
        town.correction("C3", f"C1{number}", "P2", 10**7)
    fold(matcher, town.log[-10:])
    drain(matcher, exact)
    assert shown(matcher)["recommendations", "C1"] != before
    assert shown(matcher) == {key: rows_of(entries) for key, entries in all_lists(matcher).items()}


def test_a_sale_makes_only_lists_dirty_that_read_of_it() -> None:
    town = Town(1)
    for group in range(20):
        for number in range(4):
            town.product(f"P{group}-{number}", f"g{group}")
            town.creator(f"C{group}-{number}", f"g{group}")
        for number in range(3):
            town.sale(f"C{group}-{number}", f"P{group}-{number}")
            town.sale(f"C{group}-{number}", f"P{group}-{number + 1}")
    matcher = matcher_of(town)
    assert matcher.pending == 0
    town.sale("C7-1", "P7-1", 400)
    fold(matcher, town.log[-1:])
    settle(matcher)
    assert 0 < matcher.queued <= 4
    drain(matcher)
    town.sale("C7-1", "P7-1", 0)
    fold(matcher, town.log[-1:])
    settle(matcher)
    assert matcher.pending == 0


def test_a_product_that_is_offered_again_enters_lists_by_the_walk_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pools, "POOL_MAX", 1)
    town = Town(1)
    town.product("P1")
    town.product("P2", tier=1)
    town.product("P9", tier=5)
    for creator, one in (("C1", "P1"), ("C2", "P1"), ("C2", "P2")):
        town.sale(creator, one)
    town.listing("P2", listed=False)
    matcher = matcher_of(town)
    assert goods(matcher, "C1") == ["P9"]
    town.listing("P2", listed=True)
    fold(matcher, town.log[-1:])
    drain(matcher)
    assert {row[0] for row in shown(matcher)["recommendations", "C1"]} == {"P2", "P9"}
