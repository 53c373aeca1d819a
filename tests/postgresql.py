"""A throwaway PostgreSQL server: its own folder, reached by a socket in it and by nothing else."""

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import sqlalchemy as sa

# English order of letters, which is not that of their bytes: what sorts by a column must not depend on it.
LOCALE = ("--encoding=UTF8", "--locale=C", "--locale-provider=icu", "--icu-locale=en-US")
SERVER = "-c listen_addresses='' -c fsync=off -c max_connections=50 -k"


def programs() -> Path | None:
    """The folder of PostgreSQL's programs, newest version first; None where there is none."""
    on_path = shutil.which("initdb")
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: float(path.parts[4]))
    return Path(on_path).resolve().parent if on_path else debian[-1].parent if debian else None


@dataclass
class Server:
    """A running one; tests of what happens without it may stop it, and start it again."""

    folder: Path
    programs: Path
    numbers: Iterator[int] = field(default_factory=count)

    def run(self, program: str, *arguments: str) -> None:
        """As the owner of the folder: PostgreSQL refuses to run as root."""
        owner = self.folder.stat().st_uid
        rights = {"user": owner, "group": self.folder.stat().st_gid, "extra_groups": []} if os.getuid() == 0 else {}
        command = [str(self.programs / program), *arguments]
        subprocess.run(command, cwd=self.folder, check=True, stdout=subprocess.DEVNULL, **rights)

    def start(self) -> None:
        options = f"{SERVER} {self.folder}"
        self.run("pg_ctl", "start", "--wait", "--pgdata=data", "--log=log.txt", f"--options={options}")

    def stop(self) -> None:
        self.run("pg_ctl", "stop", "--wait", "--pgdata=data", "--mode=immediate")

    def new_database(self) -> str:
        """The URL of an empty database."""
        name = f"test{next(self.numbers)}"
        self.run("createdb", f"--host={self.folder}", "--username=thaw", name)
        url = sa.URL.create("postgresql", username="thaw", database=name, query={"host": str(self.folder)})
        return url.render_as_string(hide_password=False)


@contextmanager
def serving(programs: Path) -> Iterator[Server]:
    # Not below pytest's folder, which another user than its own cannot enter.
    with tempfile.TemporaryDirectory(prefix="thaw-postgresql-", ignore_cleanup_errors=True) as folder:
        if os.getuid() == 0:
            owner = pwd.getpwnam("postgres")
            os.chown(folder, owner.pw_uid, owner.pw_gid)
        server = Server(Path(folder), programs)
        server.run("initdb", "--pgdata=data", "--username=thaw", "--auth=trust", "--no-sync", *LOCALE)
        server.start()
        try:
            yield server
        finally:
            server.stop()
