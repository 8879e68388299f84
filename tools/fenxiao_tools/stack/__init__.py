"""The local stack: a real Kafka and a real PostgreSQL for the demo, the tests and the bench.

In comes the machine as it is; out comes a `Stack`, two addresses and where they come from. `local` chooses the origin:
servers named in the environment (`environment`), containers (`containers`), or processes (`processes`, which puts
`kafka` and `postgres` on `child` and `guard`). There is no mock broker.
"""

from fenxiao_tools.stack.local import LocalStack
from fenxiao_tools.stack.model import Origin, Stack, StackError

__all__ = ["LocalStack", "Origin", "Stack", "StackError"]
