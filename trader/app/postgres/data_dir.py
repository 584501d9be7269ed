"""The data directory (``.milkbot``): made, locked, and the private files in it."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from trader.app.postgres.process import wait_until
from trader.domain.errors import ConfigurationError


def make_data_dir(data_dir: Path) -> None:
    try:
        # The server's account must pass through, but not look around, when it is not ours.
        data_dir.mkdir(mode=0o711 if os.geteuid() == 0 else 0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigurationError(
            f"MILKBOT_DATA_DIR: expected a folder that can be made or used at {data_dir}, found "
            f"{error.strerror}; "
            "no server was started"
        ) from error
    if not os.access(data_dir, os.W_OK | os.X_OK):
        raise ConfigurationError(
            f"MILKBOT_DATA_DIR: expected a folder this account may write, found {data_dir} owned by uid "
            f"{data_dir.stat().st_uid}; no server was started"
        )


def read_superuser_password(data_dir: Path) -> str:
    """Return the superuser's password; raises ConfigurationError when its file is missing or closed."""
    path = data_dir / "superuser"
    try:
        return path.read_text().strip()
    except OSError as error:
        raise ConfigurationError(
            f"Database password unreadable: expected the file {path} that was made with the database, found "
            f"{type(error).__name__}; no server was started. Run as the account that made it, or remove "
            f"{data_dir}."
        ) from error


def write_private(path: Path, text: str) -> None:
    """Write a 0600 file in one step: a reader sees the old text or the new, never a part."""
    half = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(half, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
    half.replace(path)


@contextmanager
def launch_lock(data_dir: Path, timeout_s: float) -> Iterator[None]:
    """Hold the launcher's lock; the kernel frees it when the holder dies, so it is never stale."""
    descriptor = os.open(data_dir / "postgres.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        if not wait_until(lambda: _try_lock(descriptor), timeout_s):
            raise ConfigurationError(
                f"Database start: expected the lock {data_dir}/postgres.lock within {timeout_s:.0f} s, "
                "found another "
                "launcher holding it; nothing was started"
            )
        yield
    finally:
        os.close(descriptor)


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
