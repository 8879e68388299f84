"""The partition of a key is the Java client's: a command that another team's producer routes must be ours to read."""

import pytest
from aiokafka.partitioner import DefaultPartitioner
from aiokafka.partitioner import murmur2 as murmur2_of_aiokafka
from hypothesis import given
from hypothesis import strategies as st

from fenxiao_schemas.partitioning import murmur2, partition_of

SIGNED = {
    b"21": -973_932_308,
    b"foobar": -790_332_482,
    b"a-little-bit-long-string": -985_981_536,
    b"a-little-bit-longer-string": -1_486_304_829,
    b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8": -58_897_971,
    b"abc": 479_470_107,
}
"""`testMurmur2` of Apache Kafka's `UtilsTest`, as Java's signed ints."""


@pytest.mark.parametrize(("key", "signed"), SIGNED.items())
def test_murmur2_agrees_with_the_vectors_of_kafka(key: bytes, signed: int) -> None:
    assert murmur2(key) == signed % 2**32
    assert murmur2_of_aiokafka(key) == signed % 2**32


@given(st.binary(max_size=80))
def test_murmur2_agrees_with_aiokafka(key: bytes) -> None:
    assert murmur2(key) == murmur2_of_aiokafka(key)


@given(st.binary(max_size=80), st.integers(min_value=1, max_value=500))
def test_the_partition_agrees_with_the_partitioner_of_aiokafka(key: bytes, partitions: int) -> None:
    everything = list(range(partitions))
    assert partition_of(key, partitions) == DefaultPartitioner()(key, everything, everything)
