"""Tables as they are now and the one engine. SQLite in WAL mode unless `THAW_DATABASE_URL` names another database.

A change of a table here needs its migration in `core/migrations.py`: that is what makes the tables, not this file.
"""

from collections.abc import Sequence
from functools import lru_cache

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from dashboard.core.errors import SettingsError
from dashboard.core.migrations import MIGRATIONS, Migration
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
    sa.Column("reason", sa.Text, nullable=False),  # what was done, for the log: "imported", "split changed", ...
    sa.Column("split", sa.Text, nullable=False),  # how it was split, as JSON of `data.splits.SplitSettings`
    sa.Column("parent", sa.Integer),  # the version that undoing goes back to; none for the first
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
    # Of the picture in grey, as `data.looks` measures it; null in rows older than that.
    sa.Column("brightness", sa.Float),  # mean, 0..255
    sa.Column("contrast", sa.Float),  # standard deviation, 0..127.5
    sa.Column("sharpness", sa.Float),  # variance of the Laplacian
    sa.Column("phash", sa.String(16)),  # perceptual hash, 64 bits as hexadecimal digits
    sa.Column("erased_at", sa.Float),  # its bytes were deleted on demand; null while they are there
)

# Pairs of pictures that show the same thing: near-duplicates, whatever dataset they are in.
likenesses = sa.Table(
    "likenesses",
    metadata,
    sa.Column("sha256_a", sa.ForeignKey("pictures.sha256"), primary_key=True),  # the smaller of the two digests
    sa.Column("sha256_b", sa.ForeignKey("pictures.sha256"), primary_key=True, index=True),
    sa.Column("similarity", sa.Float, nullable=False),  # 0..1
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
    sa.Column("group_name", sa.Text, nullable=False),  # what must stay on one side with it; empty when none was named
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
UNDER_WAY = ("queued", *ACTIVE)
MIGRATING = 0x74686177  # the number of PostgreSQL's advisory lock; any, as long as nobody else's is the same

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
    sa.Column("position", sa.Integer),  # in the queue, the lowest first
    sa.Column("recipe_digest", sa.String(64)),
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
# Two tabs that start the same training at once start one run: the second insert fails.
sa.Index(
    "one_run_a_recipe",
    runs.c.recipe_digest,
    unique=True,
    sqlite_where=runs.c.status.in_(UNDER_WAY),
    postgresql_where=runs.c.status.in_(UNDER_WAY),
)


def insert_or_ignore(connection: sa.Connection, table: sa.Table) -> sqlite.Insert | postgresql.Insert:
    """An insert that leaves rows alone whose key is there already."""
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    return dialect.insert(table).on_conflict_do_nothing()


def _prepare_sqlite(connection: sa.engine.interfaces.DBAPIConnection, _record: object) -> None:
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.execute("PRAGMA busy_timeout=30000")
    cursor.close()


def migrate(engine: sa.Engine, migrations: Sequence[Migration] = MIGRATIONS) -> None:
    """Bring the database to the newest schema, in one transaction; any number of processes may try at once.

    Args:
        engine: of a database that is empty or has an earlier schema.
        migrations: all that are known; with the first few of them tests make databases of the past.

    Raises:
        SettingsError: the database was written by a newer version of this program.
    """
    with engine.begin() as connection:
        _wait_for_others(connection)
        schema.create(connection, checkfirst=True)
        version = connection.scalar(sa.select(schema.c.version)) or 0
        if version > len(migrations):
            raise SettingsError(
                "database-newer",
                f"The database has schema {version}; this version of Thaw knows up to {len(migrations)}. "
                f"Update Thaw, or set {_elsewhere(engine.url)}.",
            )
        if version == len(migrations):
            return
        for step in migrations[version:]:
            step(connection)
        connection.execute(schema.delete())
        connection.execute(schema.insert().values(version=len(migrations)))


def _wait_for_others(connection: sa.Connection) -> None:
    """Let one process migrate and the others look afterwards: all may start on an empty database at once."""
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql("BEGIN IMMEDIATE")
    elif connection.dialect.name == "postgresql":
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(MIGRATING)))


def _elsewhere(url: sa.URL) -> str:
    """How a user names another database than this one."""
    if url.get_backend_name() == "sqlite" and settings().database_url is None:
        return "THAW_WORKSPACE to another folder"
    return "THAW_DATABASE_URL to another database"


@lru_cache(maxsize=4)
def _engine(url: str) -> sa.Engine:
    sqlite = sa.make_url(url).get_backend_name() == "sqlite"
    engine = sa.create_engine(url, pool_pre_ping=not sqlite)  # a server may have been started anew since the last query
    if sqlite:
        sa.event.listen(engine, "connect", _prepare_sqlite)
    try:
        migrate(engine)
    except BaseException:
        engine.dispose()  # or a server would keep a connection for every refusal
        raise
    return engine


def database() -> sa.Engine:
    """The engine of this process, migrated.

    Raises:
        SettingsError: `workspace-unusable`, `database-newer`; where `THAW_DATABASE_URL` is set also `database-url`
            (not one, or its driver is not installed) and `database-unusable`.
    """
    try:
        workspace().mkdir(parents=True, exist_ok=True)
        return _engine(settings().url)
    except (sa.exc.ArgumentError, ImportError) as error:  # SQLAlchemy loads a driver when it first meets its URL
        raise SettingsError(
            "database-url",
            f"THAW_DATABASE_URL cannot be used: {error}. Expected a URL such as postgresql://user@host/database, and "
            "the database's driver installed: requirements-extras.txt has PostgreSQL's.",
        ) from error
    except (OSError, sa.exc.DBAPIError) as error:
        if settings().database_url is not None and isinstance(error, sa.exc.DBAPIError):
            raise SettingsError("database-unusable", _unusable(error)) from error
        raise SettingsError(
            "workspace-unusable",
            f"The workspace {settings().absolute_workspace} cannot be used: {error.__class__.__name__}. "
            "Make the folder writable, or set THAW_WORKSPACE to another one.",
        ) from error


def _unusable(error: sa.exc.DBAPIError) -> str:
    """What the database's driver said, in one line and without the password that its URL may hold."""
    said = " ".join(str(error.orig).split()).rstrip(".")
    return (
        f"The database {sa.make_url(settings().url)!r} cannot be used: {said}. See that its server runs and that its "
        "user may create tables, or set THAW_DATABASE_URL to another database."
    )
