"""Tables, migrations and the one engine. SQLite in WAL mode unless `THAW_DATABASE_URL` names another database."""

from collections.abc import Callable
from functools import lru_cache

import sqlalchemy as sa

from dashboard.core.errors import SettingsError
from dashboard.core.settings import settings, workspace

metadata = sa.MetaData()

schema = sa.Table("schema", metadata, sa.Column("version", sa.Integer, nullable=False))

datasets = sa.Table(
    "datasets",
    metadata,
    sa.Column("id", sa.String(16), primary_key=True),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("created_at", sa.Float, nullable=False),  # seconds since 1970, UTC
    sa.Column("deleted_at", sa.Float),  # out of every list from then on; its runs keep their name for it
)

# One row a version; its pictures never change afterwards.
dataset_versions = sa.Table(
    "dataset_versions",
    metadata,
    sa.Column("dataset_id", sa.ForeignKey("datasets.id"), primary_key=True),
    sa.Column("version", sa.Integer, primary_key=True),
    sa.Column("created_at", sa.Float, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),  # "imported", "split changed", ...
    sa.Column("split", sa.Text, nullable=False),  # how it was split, as JSON of `data.splits.SplitSettings`
)

# Bytes of an accepted picture lie in objects/<sha[:2]>/<sha>; what was read from them once is here.
pictures = sa.Table(
    "pictures",
    metadata,
    sa.Column("sha256", sa.String(64), primary_key=True),
    sa.Column("format", sa.String(8), nullable=False),
    sa.Column("mode", sa.String(8), nullable=False),
    sa.Column("width", sa.Integer, nullable=False),  # pixels, upright
    sa.Column("height", sa.Integer, nullable=False),
    sa.Column("size", sa.Integer, nullable=False),  # bytes
)

members = sa.Table(
    "members",
    metadata,
    sa.Column("dataset_id", sa.String(16), primary_key=True),
    sa.Column("version", sa.Integer, primary_key=True),
    sa.Column("path", sa.Text, primary_key=True),  # as uploaded
    sa.Column("sha256", sa.ForeignKey("pictures.sha256"), nullable=False),
    sa.Column("class_name", sa.Text, nullable=False),
    sa.Column("split", sa.String(16), nullable=False),
    sa.Column("given_split", sa.String(16), nullable=False),  # what its folder was named for; empty when none
    sa.ForeignKeyConstraint(["dataset_id", "version"], ["dataset_versions.dataset_id", "dataset_versions.version"]),
)

# What was not taken, or taken with a remark, and why.
remarks = sa.Table(
    "remarks",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("dataset_id", sa.ForeignKey("datasets.id"), nullable=False, index=True),
    sa.Column("path", sa.Text, nullable=False),
    sa.Column("code", sa.String(64), nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("refused", sa.Boolean, nullable=False),
)

ACTIVE = ("running", "stopping")

runs = sa.Table(
    "runs",
    metadata,
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("id", sa.String(32), nullable=False, unique=True),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("dataset_id", sa.ForeignKey("datasets.id"), nullable=False),
    sa.Column("dataset_version", sa.Integer, nullable=False),
    sa.Column("device", sa.String(16), nullable=False),
    sa.Column("status", sa.String(16), nullable=False),
    sa.Column("message", sa.Text, nullable=False, default=""),
    sa.Column("created_at", sa.Float, nullable=False),
    sa.Column("started_at", sa.Float),
    sa.Column("ended_at", sa.Float),
    sa.Column("validation_accuracy", sa.Float),
    sa.Column("test_accuracy", sa.Float),
    sqlite_autoincrement=True,  # a number is never given twice, even after a run was deleted
)
# Two supervisors cannot both start a run on one device: the second update fails.
sa.Index(
    "one_active_run_a_device",
    runs.c.device,
    unique=True,
    sqlite_where=runs.c.status.in_(ACTIVE),
    postgresql_where=runs.c.status.in_(ACTIVE),
)


def _first_schema(connection: sa.Connection) -> None:
    metadata.create_all(connection)


# Append only: the n-th function takes a database from version n to n + 1.
MIGRATIONS: tuple[Callable[[sa.Connection], None], ...] = (_first_schema,)


def _prepare_sqlite(connection: sa.engine.interfaces.DBAPIConnection, _record: object) -> None:
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.execute("PRAGMA busy_timeout=30000")
    cursor.close()


def migrate(engine: sa.Engine) -> None:
    """Bring the database to the newest schema.

    Raises:
        SettingsError: the database was written by a newer version of this program.
    """
    with engine.begin() as connection:
        if engine.dialect.name == "sqlite":
            connection.exec_driver_sql("BEGIN IMMEDIATE")  # two processes may start on an empty workspace at once
        schema.create(connection, checkfirst=True)
        version = connection.scalar(sa.select(schema.c.version)) or 0
        if version > len(MIGRATIONS):
            raise SettingsError(
                "database-newer",
                f"The database has schema {version}; this version of Thaw knows up to {len(MIGRATIONS)}. "
                "Update Thaw, or set THAW_WORKSPACE to another folder.",
            )
        if version == len(MIGRATIONS):
            return
        for step in MIGRATIONS[version:]:
            step(connection)
        connection.execute(schema.delete())
        connection.execute(schema.insert().values(version=len(MIGRATIONS)))


@lru_cache(maxsize=4)
def _engine(url: str) -> sa.Engine:
    engine = sa.create_engine(url)
    if engine.dialect.name == "sqlite":
        sa.event.listen(engine, "connect", _prepare_sqlite)
    migrate(engine)
    return engine


def database() -> sa.Engine:
    """The engine of this process, migrated.

    Raises:
        SettingsError: the workspace cannot be written.
    """
    try:
        workspace().mkdir(parents=True, exist_ok=True)
        return _engine(settings().url)
    except (OSError, sa.exc.OperationalError) as error:
        raise SettingsError(
            "workspace-unusable",
            f"The workspace {settings().absolute_workspace} cannot be used: {error.__class__.__name__}. "
            "Make the folder writable, or set THAW_WORKSPACE to another one.",
        ) from error
