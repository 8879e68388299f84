"""What `migrate` says when it can't even begin."""

from pathlib import Path

import pytest

from fenxiao_tools.migrate import MigrationError, migrate

SAMPLE = "-- migrate:up\nSELECT 1;\n\n-- migrate:down\n"


def test_an_unreachable_database_gives_one_line_without_the_password(tmp_path: Path) -> None:
    (tmp_path / "0001_sample.sql").write_text(SAMPLE)
    with pytest.raises(MigrationError, match="sample") as caught:
        migrate("postgresql://someone:secret@/db?host=/nowhere", "sample", tmp_path)
    assert "\n" not in str(caught.value)
    assert "/nowhere" in str(caught.value)
    assert "secret" not in str(caught.value)


def test_a_directory_without_migrations_is_a_mistake(tmp_path: Path) -> None:
    with pytest.raises(MigrationError, match="no migrations of sample"):
        migrate("postgresql:///", "sample", tmp_path)


@pytest.mark.parametrize("service", ["", "Up", "a b", "x;drop table y"])
def test_a_name_that_is_no_service_is_refused(service: str, tmp_path: Path) -> None:
    with pytest.raises(MigrationError, match="no name of a service"):
        migrate("postgresql:///", service, tmp_path)
