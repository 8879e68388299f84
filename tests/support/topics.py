"""Our topics on the stack's Kafka, gone: for tests in which somebody reads all that there is."""

import asyncio

import pytest
from aiokafka.admin import AIOKafkaAdminClient

from fenxiao_schemas.topics import TOPICS
from fenxiao_tools.stack import Stack

GONE_S_MAX = 30.0


async def delete_topics(stack: Stack) -> None:
    """Delete them and wait until they are gone; never on servers that somebody named to us."""
    if stack.origin == "environment":
        pytest.skip("would delete the topics of a server that is not the tests' own")
    admin = AIOKafkaAdminClient(bootstrap_servers=stack.bootstrap_servers)
    await admin.start()
    try:
        ours = {topic.name for topic in TOPICS}
        await admin.delete_topics(sorted(ours))
        async with asyncio.timeout(GONE_S_MAX):
            while ours & set(await admin.list_topics()):
                await asyncio.sleep(0.05)
    finally:
        await admin.close()
