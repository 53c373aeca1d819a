from pathlib import Path

import pytest
import sqlalchemy as sa

from dashboard.core import database
from dashboard.core.errors import SettingsError
from dashboard.core.settings import settings
from dashboard.core.settings import workspace as in_workspace
from tests.at_once import at_once, open_database
from tests.postgresql import Server


def test_many_processes_may_open_an_empty_workspace_at_once(each_database: str) -> None:
    assert at_once(4, open_database, range(8)) == [len(database.MIGRATIONS)] * 8
    with database.database().connect() as connection:
        assert connection.scalar(sa.select(sa.func.count()).select_from(database.schema)) == 1


def test_the_database_is_in_wal_mode_and_holds_foreign_keys(workspace: Path) -> None:
    with database.database().connect() as connection:
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
        assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar() == 1


@pytest.mark.parametrize(
    ("each_database", "way_out"),
    [("sqlite", "THAW_WORKSPACE to another folder"), ("postgresql", "THAW_DATABASE_URL to another database")],
    indirect=["each_database"],
)
def test_a_database_of_a_newer_version_is_refused_with_the_way_out(each_database: str, way_out: str) -> None:
    in_workspace("thaw.sqlite")  # makes the folder
    newer = sa.create_engine(settings().url)
    with newer.begin() as connection:
        connection.execute(sa.text("CREATE TABLE schema (version INTEGER NOT NULL)"))
        connection.execute(sa.text("INSERT INTO schema VALUES (99)"))
    newer.dispose()
    with pytest.raises(SettingsError, match=f"schema 99; this version of Thaw knows up to.*{way_out}"):
        database.database()


def test_a_workspace_that_is_a_file_is_refused_with_the_way_out(workspace: Path) -> None:
    workspace.write_text("in the way")
    with pytest.raises(SettingsError, match="THAW_WORKSPACE"):
        database.database()


def test_two_runs_cannot_be_active_on_one_device(each_database: str) -> None:
    run = {"dataset_id": "d", "dataset_version": 1, "device": "cpu", "message": "", "created_at": 0.0}
    with database.database().begin() as connection:
        connection.execute(database.datasets.insert().values(id="d", name="d", created_at=0.0))
        connection.execute(database.runs.insert().values(id="a", name="a", status="running", **run))
    with pytest.raises(sa.exc.IntegrityError), database.database().begin() as connection:
        connection.execute(database.runs.insert().values(id="b", name="b", status="stopping", **run))


@pytest.mark.parametrize(
    ("url", "code", "words"),
    [
        ("no url", "database-url", "Expected a URL such as postgresql://"),
        ("oracle://somewhere/d", "database-url", "the database's driver installed"),
        ("postgresql://me:secret@127.0.0.1:1/d", "database-unusable", "See that its server runs"),
    ],
)
def test_a_database_that_cannot_be_had_is_refused_with_the_way_out_and_without_its_password(
    workspace: Path, monkeypatch: pytest.MonkeyPatch, url: str, code: str, words: str
) -> None:
    if code == "database-unusable":
        pytest.importorskip("psycopg")
    monkeypatch.setenv("THAW_DATABASE_URL", url)
    settings.cache_clear()
    with pytest.raises(SettingsError) as refusal:
        database.database()
    assert refusal.value.code == code
    assert words in refusal.value.message
    assert "secret" not in refusal.value.message


def test_tables_of_another_program_are_not_taken_for_its_own(each_database: str) -> None:
    in_workspace("thaw.sqlite")
    other = sa.create_engine(settings().url)
    with other.begin() as connection:
        connection.execute(sa.text("CREATE TABLE runs (uuid INTEGER)"))
    with pytest.raises(SettingsError):
        database.database()
    assert sa.inspect(other).get_table_names() == ["runs"]
    other.dispose()


@pytest.mark.parametrize("each_database", ["postgresql"], indirect=True)
def test_a_server_that_was_started_anew_is_used_again(each_database: str, postgresql_server: Server) -> None:
    assert open_database(0) == len(database.MIGRATIONS)
    postgresql_server.stop()
    postgresql_server.start()
    assert open_database(0) == len(database.MIGRATIONS)
