"""Writes the report's file; `fenxiao report` and the demo call it."""

from pathlib import Path

from fenxiao_tools.errors import ToolError
from fenxiao_tools.report.data import ReportData


def write_report(data: ReportData, file: Path) -> int:
    """Render into `file`, whose directory is made; returns its size in bytes.

    Raises:
        ToolError: The file can't be written.
    """
    from fenxiao_tools.report.page import render  # noqa: PLC0415 - plotly takes a moment to load

    html = render(data)
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        return file.write_text(html, encoding="utf-8")
    except OSError as error:
        raise ToolError(f"{file}: {(error.strerror or str(error)).lower()}") from error
