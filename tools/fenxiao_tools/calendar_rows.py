"""The rows of `catalog.calendar`, as `feed` has them written: a day ends where the log ended when that was decided."""

import asyncpg
from asyncpg.exceptions import RaiseError

from fenxiao_tools.errors import ToolError

_DECIDE = "SELECT catalog.decide_day($1, $2, 'feed')"


async def insert_close(connection: asyncpg.Connection, day: int, closes: list[int]) -> None:
    """Close `day`; the newest policy is in force from then on.

    Raises:
        ToolError: It is not the day after the last closed one, or not the first; or the clock closes days here.
    """
    try:
        await connection.execute(_DECIDE, day, closes)
    except RaiseError as error:
        raise ToolError(str(error)) from error
