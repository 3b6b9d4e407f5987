"""Debian's PostgreSQL and MariaDB, started by a test in a folder of their own, never as root."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

import pytest
import sqlalchemy as sa

from tests.peers.start import free_port

ADMIN, ADMIN_PASSWORD = "boss", "boss-of-the-test"
READER, READER_PASSWORD = "reader", "reads-only"


def _tool(name):
    places = [*sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True), "/usr/sbin"]
    return shutil.which(name) or shutil.which(name, path=":".join(map(str, places)))


def _as(user):
    """How to start a program as another user: a database refuses to run as root."""
    if os.getuid() != 0:
        return {}
    try:
        found = pwd.getpwnam(user)
    except KeyError:
        found = pwd.getpwnam("nobody")
    return {"user": found.pw_uid, "group": found.pw_gid, "extra_groups": []}


class Database:
    """A server with an administrator and, once made, a reader."""

    user: str
    scheme: str

    def __init__(self):
        self.port = free_port()
        self.folder = Path(tempfile.mkdtemp(prefix="carbon-db-", dir="/tmp"))
        self.account = _as(self.user)
        self.engine = sa.create_engine(self.admin_url, pool_size=1, pool_pre_ping=True)
        if self.account:
            os.chown(self.folder, self.account["user"], self.account["group"])
        try:
            self.make()
            self.start()
        except BaseException:
            self.close()
            raise

    def run(self, *command, **more):
        done = subprocess.run(
            list(map(str, command)), capture_output=True, cwd=self.folder, **self.account, **more
        )
        assert done.returncode == 0, done.stderr.decode(errors="replace")[-800:]

    def start(self):
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                list(map(str, self.command())),
                stdout=log, stderr=log, cwd=self.folder, **self.account,
            )  # fmt: skip
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                break
            try:
                self.execute("SELECT 1")
                return
            except sa.exc.SQLAlchemyError:
                time.sleep(0.1)
        raise RuntimeError((self.folder / "log").read_text()[-2000:])

    def stop(self):
        self.engine.dispose()
        self.process.terminate()
        self.process.wait(20)

    def close(self):
        self.engine.dispose()
        process = getattr(self, "process", None)
        if process is not None and process.poll() is None:
            process.kill()
            process.wait(10)
        shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def admin_url(self):
        return sa.URL.create(
            self.scheme, ADMIN, ADMIN_PASSWORD, "127.0.0.1", self.port, self.database
        )

    def execute(self, *statements, **values):
        with self.engine.begin() as connection:
            for statement in statements:
                connection.execute(sa.text(statement), values)

    def url(self, user=READER):
        backend = self.scheme.split("+")[0]
        return f"{backend}://{user}@127.0.0.1:{self.port}/{self.database}"


class Postgres(Database):
    user = "postgres"
    scheme = "postgresql+pg8000"
    database = "postgres"
    slow = "SELECT 1 AS id, now() AS changed FROM pg_sleep(8)"
    quote = '"'
    now = "LOCALTIMESTAMP"

    def make(self):
        words = self.folder / "pw"
        words.write_text(ADMIN_PASSWORD)
        words.chmod(0o644)
        self.run(_tool("initdb"), "-D", self.folder / "data", "-U", ADMIN, "-A", "scram-sha-256",
                 "--pwfile", words, "-E", "UTF8", "--no-sync", "--locale=C")  # fmt: skip

    def command(self):
        return [_tool("postgres"), "-D", self.folder / "data", "-p", self.port, "-h", "127.0.0.1",
                "-k", self.folder, "-c", "fsync=off", "-c", "shared_buffers=16MB"]  # fmt: skip

    def reader(self, *views):
        self.execute(f"CREATE ROLE {READER} LOGIN PASSWORD '{READER_PASSWORD}'")
        self.grant(*views)

    def grant(self, *views):
        self.execute(*(f'GRANT SELECT ON "{view}" TO {READER}' for view in views))


class MariaDb(Database):
    user = "mysql"
    scheme = "mysql+pymysql"
    database = "plant"
    slow = "SELECT SLEEP(8) AS id, NOW() AS changed"
    quote = "`"
    now = "LOCALTIMESTAMP"

    def make(self):
        script = self.folder / "init.sql"
        script.write_text(
            f"CREATE USER {ADMIN}@'127.0.0.1' IDENTIFIED BY '{ADMIN_PASSWORD}';\n"
            f"GRANT ALL ON *.* TO {ADMIN}@'127.0.0.1' WITH GRANT OPTION;\n"
            "CREATE DATABASE IF NOT EXISTS plant CHARACTER SET utf8mb4;\n"
        )
        script.chmod(0o644)
        self.run(_tool("mariadb-install-db"), "--no-defaults", f"--datadir={self.folder}/data",
                 "--skip-test-db", "--auth-root-authentication-method=socket",
                 env=os.environ | {"HOME": str(self.folder)})  # fmt: skip
        self.first = True

    def command(self):
        first, self.first = self.first, False
        return [
            _tool("mariadbd"), "--no-defaults", f"--datadir={self.folder}/data",
            f"--port={self.port}", "--bind-address=127.0.0.1",
            f"--socket={self.folder}/s", f"--pid-file={self.folder}/p",
            "--skip-name-resolve", "--innodb-flush-log-at-trx-commit=0",
            "--innodb-buffer-pool-size=16M", "--character-set-server=utf8mb4",
            *([f"--init-file={self.folder}/init.sql"] if first else []),
        ]  # fmt: skip

    def reader(self, *views):
        self.execute(f"CREATE USER {READER}@'127.0.0.1' IDENTIFIED BY '{READER_PASSWORD}'")
        self.grant(*views)

    def grant(self, *views):
        self.execute(
            *(f"GRANT SELECT, SHOW VIEW ON plant.`{v}` TO {READER}@'127.0.0.1'" for v in views)
        )


def started(kind):
    """Return a running server, or skip with a clear word."""
    needed = {
        Postgres: ("initdb", "postgres"), MariaDb: ("mariadb-install-db", "mariadbd"),
    }[kind]  # fmt: skip
    if any(_tool(name) is None for name in needed):
        pytest.skip(f"no {needed[-1]} here: the SQL view was not tested against it")
    return kind()
