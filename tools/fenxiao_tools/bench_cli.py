"""`fenxiao bench`: measurements on this machine, each a command of this group."""

import typer

bench_app = typer.Typer(no_args_is_help=True, pretty_exceptions_enable=False)


@bench_app.callback()
def bench() -> None:
    """Measure throughput, latency and recovery on this machine, with real servers."""
