"""Health as HTTP: live while the loop turns, ready while every partition makes progress or has nothing to do."""

import time
from collections.abc import Callable, Mapping
from typing import Any, Protocol

import msgspec
import uvicorn


class Reporter(Protocol):
    """Whoever knows how the service is."""

    def report(self) -> Mapping[str, Any]:
        """Details as JSON; `ready` (bool) and `live` (bool) decide the status codes."""
        ...


class HealthServer:
    """Serves `/health/live` and `/health/ready` (200 or 503) with the same JSON details."""

    def __init__(self, reporter: Reporter, host: str, port: int) -> None:
        self._reporter = reporter
        config = uvicorn.Config(
            self._app, host=host, port=port, log_config=None, access_log=False, lifespan="off", interface="asgi3"
        )
        self._server = uvicorn.Server(config)
        # The service's own main decides what a signal does.
        self._server.capture_signals = _no_signals  # type: ignore[method-assign,assignment]

    async def serve(self) -> None:
        """Serve until `stop`."""
        await self._server.serve()

    def stop(self) -> None:
        """Ask the server to end."""
        self._server.should_exit = True

    async def _app(self, scope: dict[str, Any], receive: Any, send: Callable[..., Any]) -> None:
        del receive
        if scope["type"] != "http":
            return
        status, body = self._answer(scope["path"])
        headers = [(b"content-type", b"application/json")]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    def _answer(self, path: str) -> tuple[int, bytes]:
        report = self._reporter.report()
        if path == "/health/live":
            good = bool(report["live"])
        elif path == "/health/ready":
            good = bool(report["ready"])
        else:
            return 404, b'{"error":"try /health/live or /health/ready"}'
        return (200 if good else 503), msgspec.json.encode(report)


class _no_signals:  # noqa: N801 - stands in for a context manager function
    def __enter__(self) -> None:
        return None

    def __exit__(self, *_: object) -> None:
        return None


class Progress:
    """When a partition last moved, by the monotonic clock; health alone reads it, no result does."""

    def __init__(self) -> None:
        self._moved_at = time.monotonic()

    def moved(self) -> None:
        """It moved just now, or had nothing to do."""
        self._moved_at = time.monotonic()

    def idle_ms(self) -> int:
        """Since when it has not."""
        return int((time.monotonic() - self._moved_at) * 1000)
