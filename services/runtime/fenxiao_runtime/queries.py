"""SQL outside Python strings: named, commented queries of a `.sql` file, for one PostgreSQL schema."""

from importlib import resources


def load_queries(package: str, *, schema: str, file: str = "sql/queries.sql") -> dict[str, str]:
    """Read `-- name: x` sections; `{schema}` in them becomes `schema`.

    Raises:
        FileNotFoundError: The package has no such file.
    """
    text = resources.files(package).joinpath(file).read_text(encoding="utf-8")
    queries = {}
    for section in text.split("-- name: ")[1:]:
        name, _, body = section.partition("\n")
        queries[name.strip()] = body.strip().replace("{schema}", schema)
    return queries
