"""Asks a Kafka node whether it serves, with one request of the plain protocol.

A client library would do it too, but needs an event loop of its own and logs each refused connection as an error.
"""

import socket
import struct

from fenxiao_tools.stack.waiting import accepts

METADATA_KEY = 3
# The first version whose request can say "no topics", and the oldest brokers of today still answer it.
METADATA_VERSION = 1
CLIENT = b"fenxiao-stack"
ANSWER_BYTES_MAX = 1_000_000
TIMEOUT_S = 2.0


def serves(host: str, port: int) -> bool:
    """Whether the node names at least one live broker; a node that is still registering names none."""
    if not accepts(host, port):
        return False
    try:
        with socket.create_connection((host, port), timeout=TIMEOUT_S) as link:
            link.sendall(_request())
            return _brokers(_read_frame(link)) > 0
    except OSError:
        return False


def _request() -> bytes:
    """Header (key, version, correlation id, client) and an empty list of topics."""
    header = struct.pack(">hhih", METADATA_KEY, METADATA_VERSION, 1, len(CLIENT)) + CLIENT
    body = header + struct.pack(">i", 0)
    return struct.pack(">i", len(body)) + body


def _read_frame(link: socket.socket) -> bytes:
    (length,) = struct.unpack(">i", _read_exactly(link, 4))
    if not 0 < length <= ANSWER_BYTES_MAX:
        raise OSError(f"not Kafka's protocol: a frame of {length} bytes")
    return _read_exactly(link, length)


def _read_exactly(link: socket.socket, count: int) -> bytes:
    data = b""
    while len(data) < count:
        part = link.recv(count - len(data))
        if not part:
            raise ConnectionResetError("the node hung up")
        data += part
    return data


def _brokers(frame: bytes) -> int:
    """The length of the list of brokers, which follows the correlation id."""
    (count,) = struct.unpack(">i", frame[4:8])
    return int(count)
