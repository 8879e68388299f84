"""`bench scorer` and `bench catalog`: a made market sent ahead, the catalog measured on it, then the scorer among ceilings.

All in one run, because figures of two runs on one machine differ by more than what they are to show.
"""

import asyncio

from fenxiao_schemas.topics import COMMANDS, EVENTS, OUTCOMES, TIERS
from fenxiao_tools.bench.figures import (
    CatalogFigures,
    Ceiling,
    Load,
    ScorerFigures,
    per_second,
    scorer_figures,
)
from fenxiao_tools.bench.host import Host
from fenxiao_tools.bench.shares import count_shares
from fenxiao_tools.errors import ToolError
from fenxiao_tools.feed import Feed
from fenxiao_tools.ingest.accounting import account
from fenxiao_tools.ingest.items import Source
from fenxiao_tools.ingest.run import Sent, send_source
from fenxiao_tools.phases import Phase
from fenxiao_tools.verify import verify

CEILING_S = 3.0
"""At least so long; the whole topic once, however long that takes."""
FASTSTREAM_S = 5.0
"""At most so long, since it takes its time."""


def measure_catalog(host: Host, load: Load, source: Source) -> CatalogFigures:
    """From the first command to the last event; all commands, and the ends of all days, were sent before."""
    with host.phases.phase(f"sending {source.name} ahead") as say, host.cores.on_measured():
        sent = asyncio.run(_send(host, source, say))
        say(f"{sent.records:,} commands, {sent.days:,} days")
    cost = host.measured("catalog", COMMANDS)
    with host.phases.phase("counting what became of the commands"), host.cores.on_measured():
        accounted = asyncio.run(account(host.servers, sent))
        events, outcomes = host.count(EVENTS), host.count(OUTCOMES)
    return CatalogFigures(
        load=load,
        commands=sent.records,
        commands_per_s=per_second(sent.records, cost.seconds),
        accepted=accounted.applied,
        duplicates=accounted.duplicates,
        refused=accounted.refused.total(),
        parked=accounted.waiting,
        events=events,
        events_per_s=per_second(events, cost.seconds),
        outcomes=outcomes,
        cost=cost,
    )


async def _send(host: Host, source: Source, say: Phase) -> Sent:
    async with Feed(host.servers, host.dsn) as feed:
        if any(await feed.end_offsets()):
            raise ToolError(f"the bench needs servers without data, but there are records in {COMMANDS.name}")
        return await send_source(feed, source, lambda records: say.passing(f"{records:,} commands"))


def measure_scorer(host: Host, load: Load) -> ScorerFigures:
    """Between the ceilings, then verified; the catalog has written the events."""
    before = _ceilings(host, "before the scorer")
    cost = host.measured("scorer", EVENTS)
    after = _ceilings(host, "after the scorer")
    with host.phases.phase("verifying every published tier") as say, host.cores.on_measured():
        shares = asyncio.run(count_shares(host.servers))
        verified = asyncio.run(verify(host.servers, host.dsn, report=say.passing))
        say(str(verified))
    return scorer_figures(
        load=load,
        shares=shares,
        messages=host.count(TIERS),
        ceilings=(before[0], after[0]),
        faststream=(before[1], after[1]),
        cost=cost,
        products=verified.products,
        differ=verified.differ,
        good=verified.good and verified.products > 0,
    )


def _ceilings(host: Host, when: str) -> tuple[Ceiling, Ceiling]:
    return (
        host.ceiling("ceiling", f"the ceiling {when}", CEILING_S),
        host.ceiling("faststream_path", f"FastStream alone {when}", FASTSTREAM_S),
    )
