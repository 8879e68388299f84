"""`fenxiao policy`: the numbers of the norm that a platform may choose, checked before anybody installs them."""

from pathlib import Path
from typing import Annotated

import typer

from fenxiao_tools import options

policy_app = typer.Typer(
    help="Show the default policy, or check one of your own.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)


@policy_app.command()
def show() -> None:
    """Print the default policy, a commented TOML file to start your own from.

    Example: fenxiao policy show > mine.toml
    """
    from fenxiao_schemas.policy import default_policy_text  # noqa: PLC0415 - quick --help

    typer.echo(default_policy_text(), nl=False)


@policy_app.command()
def check(file: Annotated[Path, typer.Argument(help="A policy as TOML.")]) -> None:
    """Say whether a policy file is valid, and what is wrong with it if it is not.

    Example: fenxiao policy check mine.toml
    """
    from fenxiao_schemas.policy import parse_policy  # noqa: PLC0415 - quick --help

    policy = parse_policy(read_text(file))
    scores = ", ".join(f"L{tier} {rule.score_bps / 100:g}" for tier, rule in enumerate(policy.tiers.rules(), start=2))
    typer.echo(f"{file} is valid: policy {policy.version}, algorithm {policy.algorithm_version}; scores from {scores}")


@policy_app.command()
def publish(
    file: Annotated[Path, typer.Argument(help="A policy as TOML, with a new version.")], dsn: options.Dsn
) -> None:
    """Put a new version of the policy in force from the next day that closes.

    Example: fenxiao policy publish mine.toml
    """
    import asyncio  # noqa: PLC0415 - quick --help

    from fenxiao_tools.install import publish_policy  # noqa: PLC0415

    version = asyncio.run(publish_policy(dsn, read_text(file)))
    typer.echo(f"policy {version} is in force from the next day close on")


def read_text(file: Path) -> str:
    """A text file's content.

    Raises:
        ToolError: It is missing, or no UTF-8 text.
    """
    from fenxiao_tools.errors import ToolError  # noqa: PLC0415 - quick --help

    try:
        return file.read_text(encoding="utf-8")
    except OSError as error:
        raise ToolError(f"{file}: {(error.strerror or str(error)).lower()}") from error
    except UnicodeDecodeError as error:
        raise ToolError(f"{file} is no UTF-8 text") from error
