import subprocess
import sys
import time
from pathlib import Path

from dashboard.core.lease import Lease, is_held

HOLD = "import sys, time; from pathlib import Path; from dashboard.core.lease import Lease; "
HOLD += "print(Lease(Path(sys.argv[1])).acquire(), flush=True); time.sleep(60)"


def hold(path: Path) -> subprocess.Popen[str]:
    process = subprocess.Popen([sys.executable, "-c", HOLD, str(path)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None and process.stdout.readline().strip() == "True"
    return process


def test_a_lease_has_one_holder(tmp_path: Path) -> None:
    with hold(tmp_path / "lease") as process:
        assert is_held(tmp_path / "lease")
        assert not Lease(tmp_path / "lease").acquire()
        process.kill()


def test_a_killed_holder_gives_its_lease_up(tmp_path: Path) -> None:
    with hold(tmp_path / "lease") as process:
        process.kill()
        process.wait()
        assert not is_held(tmp_path / "lease")
        assert Lease(tmp_path / "lease").acquire()


def test_a_child_does_not_inherit_the_lease(tmp_path: Path) -> None:
    lease = Lease(tmp_path / "lease")
    assert lease.acquire()
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], close_fds=False) as child:
        time.sleep(0.2)
        lease.release()
        assert not is_held(tmp_path / "lease")
        child.kill()
