"""A lease: whoever holds the lock on a file is the one worker, supervisor or server. It ends with its process."""

import fcntl
import os
from pathlib import Path


class Lease:
    """An exclusive `flock`. A process id is no identity (it is reused); a lock the kernel drops at death is.

    The descriptor is closed on exec (Python's default), so no child inherits the lease.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._descriptor: int | None = None

    def acquire(self) -> bool:
        """Try to take the lease; False when another process holds it."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return False
        os.truncate(descriptor, 0)
        os.write(descriptor, str(os.getpid()).encode())
        self._descriptor = descriptor
        return True

    def release(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


def is_held(path: Path) -> bool:
    """Whether a live process holds the lease at `path`."""
    try:
        descriptor = os.open(path, os.O_RDWR)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def last_taken(path: Path) -> float:
    """When a process last got the lease, in seconds since 1970; 0 where none ever did."""
    return path.stat().st_mtime if path.exists() else 0.0


def holder(path: Path) -> int | None:
    """Id of the process that holds the lease at `path`; None where nobody does.

    It wrote its id once it had the lock, and as long as the lock is held nobody else can have. (For the moment in
    between the id may be that of an earlier holder: look twice before you do anything to it.)
    """
    text = path.read_text() if is_held(path) else ""
    return int(text) if text.isdigit() else None
