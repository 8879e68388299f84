"""`fenxiao verify`: what is typed, and what is printed. `verify` does the work."""

import asyncio
import json
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from fenxiao_tools import options
from fenxiao_tools.phases import Phases
from fenxiao_tools.verify import verify
from fenxiao_tools.verifying.show import as_json, show

verify_app = typer.Typer(pretty_exceptions_enable=False)


@verify_app.command()
def verify_command(
    bootstrap_servers: options.BootstrapServers,
    dsn: Annotated[
        str | None, typer.Option(envvar="FENXIAO_POSTGRES_DSN", help="PostgreSQL, where the policies are.")
    ] = None,
    policy: Annotated[
        list[Path] | None, typer.Option(help="A policy file instead of PostgreSQL's; again for each version.")
    ] = None,
    wait: Annotated[float, typer.Option(min=0, help="Seconds to wait for the services to catch up.")] = 0,
    as_json_: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Check every published tier against the oracle, byte for byte, and that no command was lost or taken twice.

    Ends with 0 only if no product differs, the books balance and nothing is still to come.

    Example: fenxiao verify --wait 60
    """
    with Phases().phase("verifying") as say:
        report = asyncio.run(verify(bootstrap_servers, dsn, policies=policy or (), wait_s=wait, report=say.passing))
    if as_json_:
        typer.echo(json.dumps(as_json(report), ensure_ascii=False))
    else:
        show(report, Console())
    raise typer.Exit(0 if report.good else 1)
