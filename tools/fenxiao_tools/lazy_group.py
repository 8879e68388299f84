"""A command group whose larger members are imported when they are called, so that `--help` does not load them."""

from importlib import import_module
from typing import Any, ClassVar

import typer
from typer.core import TyperCommand, TyperGroup


class LazyGroup(TyperGroup):
    """Knows of each late member where it is and what to say of it until then.

    Attributes:
        late: By the command's name: the module, the name of its `typer.Typer` there, and one line of help.
    """

    late: ClassVar[dict[str, tuple[str, str, str]]] = {
        "ingest": ("fenxiao_tools.ingest.cli", "ingest_app", "Send a data set as commands, day by day."),
        "verify": ("fenxiao_tools.verify_cli", "verify_app", "Check every published tier against the oracle."),
        "bench": ("fenxiao_tools.bench_cli", "bench_app", "Measure throughput, latency and recovery here."),
    }

    def list_commands(self, ctx: Any) -> list[str]:
        """Those that are here, then the late ones."""
        return [*super().list_commands(ctx), *(name for name in self.late if name not in self.commands)]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """The command, or a stand-in that only has a help line."""
        found = super().get_command(ctx, cmd_name)
        if found is None and cmd_name in self.late:
            return TyperCommand(name=cmd_name, help=self.late[cmd_name][2])
        return found

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Import what is called."""
        if args and args[0] in self.late and args[0] not in self.commands:
            self.commands[args[0]] = _load(*self.late[args[0]][:2], name=args[0])
        return super().resolve_command(ctx, args)


def _load(module: str, attribute: str, *, name: str) -> Any:
    command = typer.main.get_command(getattr(import_module(module), attribute))
    command.name = name
    return command
