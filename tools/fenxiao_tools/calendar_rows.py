"""The rows of `catalog.calendar`, as `feed` writes them: a day ends where the log ended when that was decided."""

import asyncpg

from fenxiao_tools.errors import ToolError
from fenxiao_tools.install import Deployment

DECIDED_BY = "feed"
_INSERT = """INSERT INTO catalog.calendar (day, closes, next_policy_version, next_algorithm_version, decided_by)
VALUES ($1, $2, $3, $4, $5)"""
_LAST = "SELECT day, next_policy_version, next_algorithm_version FROM catalog.calendar ORDER BY day DESC LIMIT 1"


async def insert_close(connection: asyncpg.Connection, deployment: Deployment, day: int, closes: list[int]) -> None:
    """Close `day`; the policy stays what it was.

    Raises:
        ToolError: It is not the day after the last closed one, or not the first.
    """
    async with connection.transaction():
        # Whoever else decides days must wait, so that both see the same last one.
        await connection.execute("LOCK TABLE catalog.calendar IN SHARE ROW EXCLUSIVE MODE")
        last = await connection.fetchrow(_LAST)
        expected = deployment.first_day if last is None else last["day"] + 1
        if day != expected:
            raise ToolError(f"day {day} can't be closed: {expected} is the open day")
        policy = deployment.policy_version if last is None else last["next_policy_version"]
        algorithm = deployment.algorithm_version if last is None else last["next_algorithm_version"]
        await connection.execute(_INSERT, day, closes, policy, algorithm, DECIDED_BY)
