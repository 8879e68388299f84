"""Publishes changed lists, one matcher at a time: take the lock, learn what is published, then round after round.

Before the first round the replica has folded the past, so that no list of yesterday is written over one of today. In a
round, lists that may have changed are ranked oldest first, and those that differ enough are sent. After any error the
outputs are read again: what was sent for nothing and what got through is theirs to say.

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

TURN_LISTS = 4
"""How many lists are ranked before the event loop has its turn again, and before they are sent."""
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
            began = time.monotonic()
            await self._round()
            await self._look()
            # Folding has the loop to itself for as long as ranking had it: a replica that is behind catches up.
            await self._wait(max(self._settings.publish_interval_ms / 1000, time.monotonic() - began))

    async def _look(self) -> None:
        """Measure the lag; a replica that is behind and does not move makes no progress."""
        await self._outputs.measure(self._replica.events, self._replica.tiers)
        at = sum(self._replica.events.next_offsets) + sum(self._replica.tiers.next_offsets)
        behind = any(self._replica.events.lag()) or any(self._replica.tiers.lag())
        if at != self._last_at or not behind:
            self.progress.moved()
        self._last_at = at

    async def _round(self) -> None:
        wanted = self._matcher.policy_wanted
        if wanted is not None:
            policy = await self._database.read_policy(wanted)
            self._matcher.use_policy(wanted, policy.matching)
        for _ in range(0, self._settings.lists_per_round_max, TURN_LISTS):
            if self._replica.halted or not self._matcher.pending or self._matcher.policy_wanted is not None:
                return
            await self._send(self._matcher.changes(TURN_LISTS))
            await asyncio.sleep(0)

    async def _send(self, changes: list[Change]) -> None:
        events, tiers = tuple(self._replica.events.next_offsets), tuple(self._replica.tiers.next_offsets)
        runs: dict[tuple[str, int], list[Encoded]] = defaultdict(list)
        for change in changes:
            encoded = encode_change(change, events, tiers, self._partitions)
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
