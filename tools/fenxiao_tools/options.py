"""Command-line options that several commands share, with the environment variable of each."""

from pathlib import Path
from typing import Annotated

import typer

BootstrapServers = Annotated[
    str,
    typer.Option(
        envvar="FENXIAO_KAFKA_BOOTSTRAP_SERVERS", help="Kafka, as host:port, separated by commas.", show_default=False
    ),
]
Dsn = Annotated[
    str,
    typer.Option(
        envvar="FENXIAO_POSTGRES_DSN", help="PostgreSQL, as postgresql://user@host/database.", show_default=False
    ),
]
DataPath = Annotated[
    Path | None,
    typer.Option(help="Real data: a .parquet file is Online Retail, a directory is Olist. Without: a made market."),
]
Products = Annotated[int, typer.Option(min=1, max=1_000_000, help="How many products the made market has.")]
Days = Annotated[int, typer.Option(min=1, max=3_650, help="How many business days it lasts.")]
Seed = Annotated[int, typer.Option(help="The same seed makes the same market.")]
PRODUCTS_DEFAULT = 600
DAYS_DEFAULT = 60
SEED_DEFAULT = 1
PARTITIONS_DEFAULT = 4
REPORT_DEFAULT = Path("reports/demo.html")
