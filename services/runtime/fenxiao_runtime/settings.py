"""Settings from the environment (`FENXIAO_*`), checked at the start; a wrong one gives a line, not a traceback."""

import sys
from typing import Literal

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """What every service needs to know."""

    model_config = SettingsConfigDict(env_prefix="FENXIAO_", frozen=True, extra="ignore")

    kafka_bootstrap_servers: str = Field(min_length=1, description="host:port, comma separated")
    postgres_dsn: str = Field(min_length=1, description="as asyncpg takes it: postgresql://user@host/database")
    http_host: str = "127.0.0.1"
    http_port: int = Field(default=8080, ge=0, le=65535)
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    instance_id: str = Field(default="", max_length=200, description="static group membership; empty: dynamic")
    session_timeout_ms: int = Field(default=10_000, ge=1_000, le=300_000)
    batch_records_max: int = Field(default=2_000, ge=1, le=100_000, description="records folded in one transaction")
    fetch_wait_ms: int = Field(default=20, ge=1, le=10_000)
    idle_interval_ms: int = Field(default=100, ge=5, le=60_000, description="how often an idle partition looks around")
    stall_after_ms: int = Field(default=60_000, ge=1_000, description="no progress for so long is not healthy")
    postgres_pool_size: int = Field(default=8, ge=2, le=200)


def read_settings[T: Settings](kind: type[T]) -> T:
    """Read the settings, or say in one line a setting what is wrong with it, and exit with 2."""
    try:
        return kind()  # type: ignore[call-arg] # the environment has the rest
    except ValidationError as error:
        for problem in error.errors():
            name = "FENXIAO_" + "_".join(str(part) for part in problem["loc"]).upper().removeprefix("FENXIAO_")
            sys.stderr.write(f"{name}: {problem['msg'].lower()}\n")
        raise SystemExit(2) from None
