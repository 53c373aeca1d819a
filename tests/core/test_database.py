import multiprocessing
import sqlite3
from pathlib import Path

import pytest
import sqlalchemy as sa

from dashboard.core import database
from dashboard.core.errors import SettingsError


def _open(_: int) -> int:
    with database.database().connect() as connection:
        return int(connection.scalar(sa.select(database.schema.c.version)) or 0)


def test_many_processes_may_open_an_empty_workspace_at_once(workspace: Path) -> None:
    with multiprocessing.get_context("spawn").Pool(4) as pool:
        assert pool.map(_open, range(8)) == [len(database.MIGRATIONS)] * 8
    with sqlite3.connect(workspace / "thaw.sqlite") as connection:
        assert connection.execute("SELECT count(*) FROM schema").fetchone() == (1,)


def test_the_database_is_in_wal_mode_and_holds_foreign_keys(workspace: Path) -> None:
    with database.database().connect() as connection:
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
        assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar() == 1


def test_a_database_of_a_newer_version_is_refused_with_the_way_out(workspace: Path) -> None:
    workspace.mkdir(parents=True)
    with sqlite3.connect(workspace / "thaw.sqlite") as connection:
        connection.execute("CREATE TABLE schema (version INTEGER NOT NULL)")
        connection.execute("INSERT INTO schema VALUES (99)")
    connection.close()
    with pytest.raises(SettingsError, match="schema 99; this version of Thaw knows up to"):
        database.database()


def test_a_workspace_that_is_a_file_is_refused_with_the_way_out(workspace: Path) -> None:
    workspace.write_text("in the way")
    with pytest.raises(SettingsError, match="THAW_WORKSPACE"):
        database.database()


def test_two_runs_cannot_be_active_on_one_device(workspace: Path) -> None:
    run = {"dataset_id": "d", "dataset_version": 1, "device": "cpu", "message": "", "created_at": 0.0}
    with database.database().begin() as connection:
        connection.execute(database.datasets.insert().values(id="d", name="d", created_at=0.0))
        connection.execute(database.runs.insert().values(id="a", name="a", status="running", **run))
    with pytest.raises(sa.exc.IntegrityError), database.database().begin() as connection:
        connection.execute(database.runs.insert().values(id="b", name="b", status="stopping", **run))
