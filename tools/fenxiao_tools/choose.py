"""Chooses a source of commands by what was named on the command line: real data, or a made market."""

from pathlib import Path

from fenxiao_tools import options
from fenxiao_tools.errors import ToolError
from fenxiao_tools.ingest.items import Source


def choose_source(
    data: Path | None,
    *,
    products: int = options.PRODUCTS_DEFAULT,
    days: int = options.DAYS_DEFAULT,
    seed: int = options.SEED_DEFAULT,
    activity: float = 1.0,
) -> Source:
    """The source that `data` names, read and checked.

    Args:
        data: A `.parquet` file is Online Retail, a directory is Olist, None is the made market.
        products: How many products the made market has.
        days: How many business days it lasts.
        seed: What it is made from.
        activity: Scales its orders and views.

    Raises:
        ToolError: There is no such file, or it is not what it should be.
    """
    if data is None:
        from fenxiao_tools.ingest.synthetic import Size, open_synthetic  # noqa: PLC0415 - as below

        size = Size(products=products, days=days, creators=max(1, products // 3), activity=activity)
        return open_synthetic(size, seed=seed)
    if not data.exists():
        raise ToolError(f"{data}: no such file or directory")
    if data.is_dir():
        from fenxiao_tools.ingest.olist import open_olist  # noqa: PLC0415 - polars takes a moment to load

        return open_olist(data)
    if data.suffix != ".parquet":
        raise ToolError(f"{data} is no source: a .parquet file is taken for Online Retail, a directory for Olist")
    from fenxiao_tools.ingest.online_retail import open_online_retail  # noqa: PLC0415 - polars takes a moment to load

    return open_online_retail(data)
