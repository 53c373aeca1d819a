"""Databases of the past come to the newest schema with all their rows."""

from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa

from dashboard.core import database
from dashboard.core.migrations import MIGRATIONS
from dashboard.core.settings import settings, workspace

pytestmark = pytest.mark.usefixtures("each_database")

ROWS = 3


@pytest.fixture
def empty() -> Iterator[sa.Engine]:
    """A database without a table."""
    workspace("thaw.sqlite")
    engine = sa.create_engine(settings().url)
    yield engine
    engine.dispose()


def tables_of(engine: sa.Engine) -> dict[str, sa.Table]:
    """What a database has, whatever this version says it should have; those that others refer to come first."""
    found = sa.MetaData()
    found.reflect(engine)
    return {table.name: table for table in found.sorted_tables if table.name != database.schema.name}


def value(column: sa.Column[Any], row: int) -> Any:
    """Something of the column's type, different for each row; the last row has nothing where nothing may be."""
    if column.nullable and row == ROWS - 1:
        return None
    kind = column.type.python_type
    if kind is str:
        # Columns that refer to each other have to agree: what is said depends on the row alone.
        return f"row {row}"
    return kind(row % 2) if kind is bool else kind(row + 1)


def fill(engine: sa.Engine, tables: dict[str, sa.Table]) -> None:
    with engine.begin() as connection:
        for table in tables.values():
            rows = [{column.name: value(column, row) for column in table.columns} for row in range(ROWS)]
            connection.execute(table.insert(), rows)


def rows_of(engine: sa.Engine, table: sa.Table, columns: list[str]) -> list[tuple[Any, ...]]:
    with engine.connect() as connection:
        return sorted((tuple(row) for row in connection.execute(sa.select(*(table.c[c] for c in columns)))), key=str)


@pytest.mark.parametrize("schema", range(1, len(MIGRATIONS) + 1))
def test_a_database_of_every_earlier_schema_comes_to_the_newest_and_loses_no_row(empty: sa.Engine, schema: int) -> None:
    database.migrate(empty, MIGRATIONS[:schema])
    then = tables_of(empty)
    assert then, "a schema without tables proves nothing"
    fill(empty, then)
    before = {name: rows_of(empty, table, table.columns.keys()) for name, table in then.items()}
    assert all(len(rows) == ROWS for rows in before.values())
    database.migrate(empty)
    now = tables_of(empty)
    for name, table in then.items():
        assert rows_of(empty, now[name], table.columns.keys()) == before[name], name
    with empty.connect() as connection:
        assert connection.scalars(sa.select(database.schema.c.version)).all() == [len(MIGRATIONS)]


def where(options: dict[str, Any]) -> str:
    """The condition of a partial index."""
    return next((str(text) for name, text in options.items() if name.endswith("_where")), "")


def described(engine: sa.Engine) -> dict[str, dict[str, Any]]:
    """Tables, columns, types, keys and indexes as the database itself tells them; the order of columns is left out."""
    inspector = sa.inspect(engine)

    def of_table(name: str) -> dict[str, Any]:
        columns = inspector.get_columns(name)
        references = inspector.get_foreign_keys(name)
        return {
            "columns": {each["name"]: (str(each["type"]), each["nullable"]) for each in columns},
            "key": inspector.get_pk_constraint(name)["constrained_columns"],
            "references": sorted(
                (each["constrained_columns"], each["referred_table"], each["referred_columns"]) for each in references
            ),
            "unique": sorted(each["column_names"] for each in inspector.get_unique_constraints(name)),
            "indexes": {
                each["name"]: (each["column_names"], bool(each["unique"]), where(each.get("dialect_options", {})))
                for each in inspector.get_indexes(name)
            },
        }

    return {name: of_table(name) for name in inspector.get_table_names()}


def test_all_migrations_together_make_the_tables_of_today(empty: sa.Engine) -> None:
    database.migrate(empty)
    migrated = described(empty)
    everything = sa.MetaData()
    everything.reflect(empty)
    everything.drop_all(empty)
    assert described(empty) == {}
    database.metadata.create_all(empty)
    assert migrated == described(empty)


def test_a_migration_that_fails_leaves_the_database_as_it_was(empty: sa.Engine) -> None:
    def fails(connection: sa.Connection) -> None:
        connection.execute(sa.text("CREATE TABLE half (id INTEGER)"))
        connection.execute(sa.text("ALTER TABLE runs ADD COLUMN half INTEGER"))
        raise RuntimeError("the power is gone")

    database.migrate(empty)
    before = described(empty)
    with pytest.raises(RuntimeError, match="the power is gone"):
        database.migrate(empty, (*MIGRATIONS, fails))
    assert described(empty) == before
    database.migrate(empty)


def test_a_number_is_never_given_twice(empty: sa.Engine) -> None:
    """Rebuilding the table of runs, as SQLite sometimes needs, must keep this."""
    database.migrate(empty)
    row = {"name": "n", "dataset_id": "d", "dataset_version": 1, "device": "cpu", "status": "failed", "created_at": 0.0}
    numbers = []
    with empty.begin() as connection:
        connection.execute(database.datasets.insert().values(id="d", name="d", created_at=0.0))
        for name in ("a", "b"):
            made = connection.execute(database.runs.insert().values(id=name, **row))
            numbers.append(made.inserted_primary_key[0])
            connection.execute(database.runs.delete())
    assert numbers == [1, 2]
