"""How a database of an earlier version comes to the newest schema. Append only: what stands here never changes.

A change of the tables in `core/database.py` is one more function at the end of `MIGRATIONS`, which does the same to a
database that has rows already. A function names tables and columns as they were at its time, in its own words: it must
do the same in ten years, whatever `core/database.py` says by then. The table `schema` is made before the first of them.
"""

from collections.abc import Callable

import sqlalchemy as sa

Migration = Callable[[sa.Connection], None]

_first = sa.MetaData()

sa.Table(
    "datasets",
    _first,
    sa.Column("id", sa.String(16), primary_key=True),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("created_at", sa.Float, nullable=False),
    sa.Column("deleted_at", sa.Float),
)

sa.Table(
    "dataset_versions",
    _first,
    sa.Column("dataset_id", sa.ForeignKey("datasets.id"), primary_key=True),
    sa.Column("version", sa.Integer, primary_key=True),
    sa.Column("created_at", sa.Float, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("split", sa.Text, nullable=False),
)

sa.Table(
    "pictures",
    _first,
    sa.Column("sha256", sa.String(64), primary_key=True),
    sa.Column("format", sa.String(8), nullable=False),
    sa.Column("mode", sa.String(8), nullable=False),
    sa.Column("width", sa.Integer, nullable=False),
    sa.Column("height", sa.Integer, nullable=False),
    sa.Column("size", sa.Integer, nullable=False),
)

sa.Table(
    "members",
    _first,
    sa.Column("dataset_id", sa.String(16), primary_key=True),
    sa.Column("version", sa.Integer, primary_key=True),
    sa.Column("path", sa.Text, primary_key=True),
    sa.Column("sha256", sa.ForeignKey("pictures.sha256"), nullable=False),
    sa.Column("class_name", sa.Text, nullable=False),
    sa.Column("split", sa.String(16), nullable=False),
    sa.Column("given_split", sa.String(16), nullable=False),
    sa.ForeignKeyConstraint(["dataset_id", "version"], ["dataset_versions.dataset_id", "dataset_versions.version"]),
)

sa.Table(
    "remarks",
    _first,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("dataset_id", sa.ForeignKey("datasets.id"), nullable=False, index=True),
    sa.Column("path", sa.Text, nullable=False),
    sa.Column("code", sa.String(64), nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("refused", sa.Boolean, nullable=False),
)

_runs = sa.Table(
    "runs",
    _first,
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("id", sa.String(32), nullable=False, unique=True),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("dataset_id", sa.ForeignKey("datasets.id"), nullable=False),
    sa.Column("dataset_version", sa.Integer, nullable=False),
    sa.Column("device", sa.String(16), nullable=False),
    sa.Column("status", sa.String(16), nullable=False),
    sa.Column("message", sa.Text, nullable=False),
    sa.Column("created_at", sa.Float, nullable=False),
    sa.Column("started_at", sa.Float),
    sa.Column("ended_at", sa.Float),
    sa.Column("validation_accuracy", sa.Float),
    sa.Column("test_accuracy", sa.Float),
    sqlite_autoincrement=True,
)
sa.Index(
    "one_active_run_a_device",
    _runs.c.device,
    unique=True,
    sqlite_where=_runs.c.status.in_(("running", "stopping")),
    postgresql_where=_runs.c.status.in_(("running", "stopping")),
)


def _datasets_and_runs(connection: sa.Connection) -> None:
    _first.create_all(connection, checkfirst=False)


def _order_and_recipe_of_runs(connection: sa.Connection) -> None:
    connection.execute(sa.DDL("ALTER TABLE runs ADD COLUMN position INTEGER"))
    connection.execute(sa.DDL("ALTER TABLE runs ADD COLUMN recipe_digest VARCHAR(64)"))
    connection.execute(sa.DDL("UPDATE runs SET position = number"))
    runs = sa.Table(
        "runs", sa.MetaData(), sa.Column("status", sa.String(16)), sa.Column("recipe_digest", sa.String(64))
    )
    under_way = runs.c.status.in_(("queued", "running", "stopping"))
    index = sa.Index(
        "one_run_a_recipe",
        runs.c.recipe_digest,
        unique=True,
        sqlite_where=under_way,
        postgresql_where=under_way,
    )
    index.create(connection)


def _looks_groups_and_corrections(connection: sa.Connection) -> None:
    for column in ("brightness FLOAT", "contrast FLOAT", "sharpness FLOAT", "phash VARCHAR(16)", "erased_at FLOAT"):
        connection.execute(sa.DDL(f"ALTER TABLE pictures ADD COLUMN {column}"))
    connection.execute(sa.DDL("ALTER TABLE members ADD COLUMN group_name TEXT NOT NULL DEFAULT ''"))
    connection.execute(sa.DDL("ALTER TABLE dataset_versions ADD COLUMN parent INTEGER"))
    tables = sa.MetaData()
    sa.Table("pictures", tables, sa.Column("sha256", sa.String(64), primary_key=True))
    sa.Table(
        "likenesses",
        tables,
        sa.Column("sha256_a", sa.ForeignKey("pictures.sha256"), primary_key=True),
        sa.Column("sha256_b", sa.ForeignKey("pictures.sha256"), primary_key=True, index=True),
        sa.Column("similarity", sa.Float, nullable=False),
    ).create(connection)


# The n-th function takes a database from version n to n + 1.
MIGRATIONS: tuple[Migration, ...] = (
    _datasets_and_runs,
    _order_and_recipe_of_runs,
    _looks_groups_and_corrections,
)
