"""Reads input files for the adapters; whatever is wrong with one is a single line, before anything is sent."""

from collections.abc import Mapping
from pathlib import Path

import polars as pl
from polars.exceptions import PolarsError

from fenxiao_tools.errors import ToolError

type Columns = Mapping[str, pl.DataType | type[pl.DataType]]
"""Names and the types that they must have."""


def read_parquet(path: Path, columns: Columns) -> pl.DataFrame:
    """The named columns, cast to the named types.

    Raises:
        ToolError: The file is missing, broken, or lacks a column.
    """
    _check_file(path)
    try:
        names = list(pl.read_parquet_schema(path))
        _check_columns(path, names, columns)
        return pl.read_parquet(path, columns=list(columns)).cast(pl.Schema(columns))
    except (PolarsError, OSError) as error:
        raise ToolError(f"{path} can't be read: {_first_line(error)}") from error


def read_csv(path: Path, columns: Columns) -> pl.DataFrame:
    """The named columns, parsed as the named types.

    Raises:
        ToolError: The file is missing, broken, lacks a column, or a value is not of its column's type.
    """
    _check_file(path)
    try:
        # All as text first: the column's own type is then asked for strictly, and the error names the value.
        table = pl.read_csv(path, infer_schema=False)
        _check_columns(path, table.columns, columns)
        return table.select(list(columns)).cast(pl.Schema(columns))
    except (PolarsError, OSError) as error:
        raise ToolError(f"{path} can't be read: {_first_line(error)}") from error


def _check_file(path: Path) -> None:
    if not path.is_file():
        raise ToolError(f"there is no file {path}")


def _check_columns(path: Path, found: list[str], wanted: Columns) -> None:
    missing = [name for name in wanted if name not in found]
    if missing:
        raise ToolError(f"{path} is another file than expected: it lacks the column {', '.join(missing)}")


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
