"""The way to the installed Keras, which answers in a process of its own."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Ask = Callable[[list[tuple[str, dict[str, Any]]]], list[Any]]


@pytest.fixture
def ask(tmp_path: Path) -> Ask:
    """Put questions (a function of `ask_keras.py`, its arguments) to Keras, which reaches no network and no cache."""

    def ask(questions: list[tuple[str, dict[str, Any]]]) -> list[Any]:
        answered = subprocess.run(
            [sys.executable, Path(__file__).with_name("ask_keras.py")],
            input=json.dumps(questions),
            env={**os.environ, "KERAS_HOME": str(tmp_path), "CUDA_VISIBLE_DEVICES": "-1"},
            capture_output=True,
            text=True,
        )
        assert answered.returncode == 0, answered.stderr[-2000:]
        return list(json.loads(answered.stdout))

    return ask
