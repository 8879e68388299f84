"""When lists are made and when not: the publisher's rounds over stand-ins for Kafka and PostgreSQL."""

from typing import Any, cast

import pytest

from fenxiao_matcher import publisher as publisher_module
from fenxiao_matcher.core.matcher import Matcher
from fenxiao_matcher.handlers import Replica
from fenxiao_matcher.publisher import Publisher
from fenxiao_matcher.settings import MatcherSettings
from fenxiao_schemas.policy import default_policy
from support.matcher_town import FIRST_DAY, Town, fold


class Servers:
    """A sender, a database and the outputs in one; keeps what was sent."""

    def __init__(self) -> None:
        self.keys: list[str] = []
        self._offset = 0

    async def send(self, topic: str, partition: int, records: list[tuple[bytes, bytes]]) -> int:
        self.keys += [key.decode() for key, _ in records]
        self._offset += len(records)
        return self._offset

    async def read_policy(self, version: int) -> Any:
        return default_policy()

    def __getattr__(self, name: str) -> Any:
        return lambda *arguments: None


class Clock:
    now_s = 1_000.0

    def monotonic(self) -> float:
        return self.now_s


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(publisher_module, "time", clock)
    return clock


@pytest.fixture
def town() -> Town:
    town = Town(1)
    for number in range(4):
        town.product(f"P{number}")
        town.creator(f"C{number}", "home")
        town.sale(f"C{number}", f"P{number}")
    return town


class Driver:
    """A publisher whose rounds are run by hand."""

    def __init__(self, town: Town) -> None:
        self.town, self.servers, self.at = town, Servers(), 0
        self.replica = Replica(Matcher(town.partitions), town.partitions)
        parts = cast("Any", self.servers)
        settings = MatcherSettings(kafka_bootstrap_servers="none:1", postgres_dsn="postgresql://none/none")
        self.publisher = Publisher(self.replica, parts, parts, parts, settings, town.partitions)

    async def round(self) -> set[str]:
        """Fold what is new; returns whose lists were sent in the round that follows."""
        fold(self.replica.matcher, self.town.log[self.at :])
        self.at = len(self.town.log)
        self.servers.keys.clear()
        await self.publisher._round()
        return set(self.servers.keys)


async def test_while_it_is_behind_only_withdrawals_are_sent(town: Town, clock: Clock) -> None:
    driver = Driver(town)
    assert await driver.round() == {"C0", "C1", "C2", "C3"}
    driver.replica.events.end_offsets[0] = 10_000
    town.product("P9", tier=5)
    town.sale("C1", "P2")
    assert await driver.round() == set()
    town.close(FIRST_DAY)
    town.listing("P0", listed=False)
    assert await driver.round() == {"C1", "C2", "C3"}, "C0 sells it, so it was not on that list"
    assert await driver.round() == set()
    driver.replica.events.next_offsets[0] = 10_000
    assert await driver.round() == set(), "a day closed just now"
    clock.now_s += publisher_module.CLOSE_S_MAX
    assert await driver.round() == {"C0", "C1", "C2", "C3", "P9"}
    assert driver.replica.matcher.pending == 0


async def test_a_pass_is_followed_by_a_rest_and_the_next_does_only_what_is_new(town: Town, clock: Clock) -> None:
    driver = Driver(town)
    matcher = driver.replica.matcher
    real = matcher.changes

    def slow(*arguments: Any, **named: Any) -> Any:
        clock.now_s += 1.0
        return real(*arguments, **named)

    matcher.changes = slow  # type: ignore[method-assign]
    await driver.round()
    town.creator("C9", "home")
    assert await driver.round() == set()
    clock.now_s += 1.0
    assert await driver.round() == {"C9"}
    assert matcher.pending == 0
