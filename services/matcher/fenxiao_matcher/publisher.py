"""Publishes changed lists, one matcher at a time: take the lock, learn what is published, then round after round.

Before the first round the replica has folded the past, so that no list of yesterday is written over one of today. A pass
settles what was folded, ranks lists that may have changed, oldest first, in as many rounds as it takes, and sends those
that differ enough; what is folded meanwhile waits for the next pass. Only lists that show what was delisted or held wait
for nothing. After any error the outputs are read again: what was sent for nothing and what got through is theirs to say.

Several matchers are one publisher and warm replicas. Sharing the lists out among them comes later.
"""

import asyncio
import time
from collections import defaultdict

import structlog

from fenxiao_matcher.core.matcher import Change
from fenxiao_matcher.database import Database
from fenxiao_matcher.handlers import Replica
from fenxiao_matcher.outputs import TOPICS, Outputs
from fenxiao_matcher.publish import Encoded, encode_change
from fenxiao_matcher.settings import MatcherSettings
from fenxiao_runtime.errors import Halt, TemporaryFault
from fenxiao_runtime.health import Progress
from fenxiao_runtime.kafka import KafkaSender

TURN_LISTS = 8
"""How many lists are ranked before the event loop has its turn again."""
SEND_LISTS = 64
"""How many are ranked before they are sent."""
LAG_RECORDS_MAX = 500
"""A replica that is further behind makes no lists but those that withdraw something: nobody wants the ones of the past."""
QUIET_S = 1.5
"""After a day close it waits for so long without any input: the next close may follow, and the tiers of this one will."""
CLOSE_S_MAX = 10.0
"""But no longer than this."""
BACKOFF_S = 1.0
_LOG = structlog.get_logger("publisher")


class Publisher:
    """The loop.

    Attributes:
        publishing: Whether this process is the one that publishes.
        unsent: Lists that are ranked and on their way.
        sent: Lists published since the start.
    """

    def __init__(
        self,
        replica: Replica,
        outputs: Outputs,
        database: Database,
        sender: KafkaSender,
        settings: MatcherSettings,
        partitions: int,
    ) -> None:
        self.publishing = False
        self.unsent = 0
        self.sent = 0
        self.progress = Progress()
        self._replica = replica
        self._matcher = replica.matcher
        self._outputs = outputs
        self._database = database
        self._sender = sender
        self._settings = settings
        self._partitions = partitions
        self._stop = asyncio.Event()
        self._last_at = -1
        self._day: int | None = None
        self._closed_at_s = -CLOSE_S_MAX
        self._moved_at_s = 0.0
        self._pass_began_s = 0.0
        self._rest_until_s = 0.0
        self._positions: tuple[tuple[int, ...], tuple[int, ...]] = (), ()

    async def run(self) -> None:
        """Publish until `stop`, or stand by; ends at once when the replica halts."""
        while self._goes_on():
            try:
                await self._live()
            except TemporaryFault as fault:
                _LOG.warning("will retry", error=str(fault))
                await self._wait(BACKOFF_S)
            except Halt as halt:
                self._replica.halt(halt)
            except Exception as error:  # noqa: BLE001 - a bug of ours: halting is the one safe thing
                _LOG.exception("publisher error")
                self._replica.halt(Halt("publisher_error", f"{type(error).__name__}: {error}"))
            finally:
                self.publishing = False
                self.unsent = 0
                await self._database.close()

    def stop(self) -> None:
        """Finish the round, then end."""
        self._stop.set()

    async def _live(self) -> None:
        while self._goes_on() and not self._replica.caught_up:
            await self._look()
            await self._wait(self._settings.publish_interval_ms / 1000)
        while self._goes_on() and not await self._database.try_lock():
            await self._look()
            await self._wait(BACKOFF_S)
        while self._goes_on():
            await self._learn()
            self.publishing = True
            await self._rounds()

    async def _learn(self) -> None:
        book = await self._outputs.learn()
        self._matcher.learned(book)
        _LOG.info("publishing", published_before=len(book))

    async def _rounds(self) -> None:
        while self._goes_on():
            await self._database.check_lock()
            if await self._outputs.strangers():
                _LOG.warning("somebody else wrote to the outputs")
                return
            await self._round()
            await self._look()
            if not (self._matcher.queued and self._calm()):
                await self._wait(self._settings.publish_interval_ms / 1000)

    async def _look(self) -> None:
        """Measure the lag; a replica that is behind and does not move makes no progress."""
        await self._outputs.measure(self._replica.events, self._replica.tiers)
        at = sum(self._replica.events.next_offsets) + sum(self._replica.tiers.next_offsets)
        behind = any(self._replica.events.lag()) or any(self._replica.tiers.lag())
        if at != self._last_at:
            self._moved_at_s = time.monotonic()
        if at != self._last_at or not behind:
            self.progress.moved()
        self._last_at = at

    async def _round(self) -> None:
        if self._pass_is_due():
            self._pass_began_s = time.monotonic()
            await self._settle()
        else:
            self._matcher.withdraw()
            await self._rank(urgent=True)
        if self._matcher.queued and self._calm():
            await self._rank(urgent=False)
            if not self._matcher.queued:
                # A rest as long as the pass, so that folding never has less than half of the time.
                self._rest_until_s = 2 * time.monotonic() - self._pass_began_s

    def _pass_is_due(self) -> bool:
        """Whether the last pass is over, or of another day, and there is anything new."""
        matcher = self._matcher
        if not self._calm() or not matcher.unsettled:
            return False
        return matcher.day_moved or not (matcher.queued or time.monotonic() < self._rest_until_s)

    def _calm(self) -> bool:
        """Whether it is worth while to make lists."""
        day, now_s = self._matcher.state.calendar.open_day, time.monotonic()
        if day != self._day:
            if self._day is not None:
                self._closed_at_s = now_s
            self._day = day
        if sum(self._replica.events.lag()) + sum(self._replica.tiers.lag()) > LAG_RECORDS_MAX:
            return False
        closed_s = now_s - self._closed_at_s
        return closed_s >= CLOSE_S_MAX or min(closed_s, now_s - self._moved_at_s) >= QUIET_S

    async def _settle(self) -> None:
        wanted = self._matcher.policy_wanted
        if wanted is not None:
            policy = await self._database.read_policy(wanted)
            self._matcher.use_policy(wanted, policy.matching)
        events, tiers = tuple(self._replica.events.next_offsets), tuple(self._replica.tiers.next_offsets)
        for _ in self._matcher.settle():
            await asyncio.sleep(0)
        self._positions = events, tiers

    async def _rank(self, *, urgent: bool) -> None:
        """Rank and send what is dirty, at most a round's worth, and no more once it is not worth while any longer."""
        changes: list[Change] = []
        for _ in range(0, self._settings.lists_per_round_max, TURN_LISTS):
            waiting = self._matcher.urgent if urgent else self._matcher.queued
            if self._replica.halted or not waiting or not (urgent or self._calm()):
                break
            changes += self._matcher.changes(TURN_LISTS, urgent=urgent)
            self.unsent = len(changes)
            if len(changes) >= SEND_LISTS:
                await self._send(changes)
                changes = []
            await asyncio.sleep(0)
        await self._send(changes)

    async def _send(self, changes: list[Change]) -> None:
        if not changes or self._replica.halted:
            self.unsent = 0
            return
        runs: dict[tuple[str, int], list[Encoded]] = defaultdict(list)
        for change in changes:
            encoded = encode_change(change, *self._positions, self._partitions)
            runs[TOPICS[change.key[0]], encoded.partition].append(encoded)
        self.unsent = len(changes)
        sends = (self._send_run(topic, partition, run) for (topic, partition), run in runs.items())
        for result in await asyncio.gather(*sends, return_exceptions=True):
            if isinstance(result, BaseException):
                raise result
        self.unsent = 0

    async def _send_run(self, topic: str, partition: int, run: list[Encoded]) -> None:
        next_offset = await self._sender.send(topic, partition, [(encoded.key, encoded.value) for encoded in run])
        self._outputs.sent(topic, partition, next_offset, len(run))
        for encoded in run:
            self._matcher.published(encoded.change)
        self.sent += len(run)

    def _goes_on(self) -> bool:
        return not self._stop.is_set() and self._replica.halted is None

    async def _wait(self, seconds: float) -> None:
        try:
            await asyncio.wait_for(self._stop.wait(), seconds)
        except TimeoutError:
            return
