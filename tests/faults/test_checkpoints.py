"""Whatever happens to a checkpoint, there is one newest whole one, and no leftovers once somebody goes on."""

import itertools
import subprocess
import sys
from pathlib import Path

import pytest

from dashboard.core.settings import ROOT
from dashboard.runs import checkpoints
from tests.faults.every_operation import EARLIER, LAST, write


def stopped_at(root: Path, operation: int, how: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tests.faults.every_operation", str(root), str(operation), how]
    return subprocess.run(command, capture_output=True, text=True, cwd=ROOT)


@pytest.mark.parametrize("how", ["kill", "fail"])
def test_a_checkpoint_cut_off_at_any_file_operation_leaves_one_newest_whole_one_and_no_leftovers(
    tmp_path: Path, how: str
) -> None:
    newest = set()
    for operation in itertools.count(1):
        root = tmp_path / str(operation)
        ended = stopped_at(root, operation, how)
        written = checkpoints.epochs(root)
        whole = [epoch for epoch in written if checkpoints.is_whole(checkpoints.path(root, epoch))]
        assert written == whole, f"operation {operation}: a checkpoint is there by half"
        assert whole[0] in (EARLIER, LAST), f"operation {operation}: {whole}"
        assert 1 in whole, "the best one is kept"
        newest.add(whole[0])
        checkpoints.tidy(root)
        names = sorted(each.name for each in (root / "checkpoints").iterdir())
        assert names == sorted(f"epoch-{epoch:04d}" for epoch in whole), f"operation {operation}: leftovers"
        write(root, whole[0] + 1)  # and it goes on
        assert checkpoints.epochs(root)[0] == whole[0] + 1
        if ended.returncode == 0 and int(ended.stdout) < operation:
            break
        assert ended.returncode in ((-9,) if how == "kill" else (0, 1)), ended.stderr  # some failures hurt nobody
        assert how == "kill" or ended.returncode == 0 or "No space left on device" in ended.stderr
    assert operation > 20, f"only {operation - 1} operations were cut off"
    assert newest == {EARLIER, LAST}, "cut off both before and after the new one was there"
