"""The image, as far as it can be told without building it."""

import fnmatch
import json
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
TEXT = (ROOT / "Dockerfile").read_text(encoding="utf-8")
LINES = re.sub(r"\\\n\s*", "", re.sub(r"^#.*\n", "", TEXT, flags=re.MULTILINE)).splitlines()
INSTRUCTIONS = [tuple(line.split(None, 1)) for line in LINES if line.strip()]
IGNORED = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()


def of(name: str) -> list[str]:
    return [value for word, value in INSTRUCTIONS if word == name]


def copied() -> list[tuple[str, str]]:
    """Pairs of what is copied and where to."""
    return [(source, words[-1]) for words in map(str.split, of("COPY")) for source in words[:-1]]


def is_sent(name: str) -> bool:
    """Whether the builder is given a path: the last rule that fits decides."""
    sent = True
    for rule in IGNORED:
        if rule and not rule.startswith("#"):
            pattern = rule.removeprefix("!").removeprefix("**/")
            if any(fnmatch.fnmatch(part, pattern) for part in (name, name.split("/")[0], name.split("/")[-1])):
                sent = rule.startswith("!")
    return sent


def test_what_it_copies_is_there_and_sent_to_the_builder() -> None:
    for source, _ in copied():
        assert (ROOT / source).exists() and is_sent(source), source
    sent = {path.name for path in ROOT.iterdir() if is_sent(path.name)}
    assert sent == {source for source, _ in copied()}
    assert not is_sent("dashboard/__pycache__")


def test_its_python_is_pinned_and_one_that_the_project_is_for() -> None:
    (image,) = of("FROM")
    version = re.fullmatch(r"python:(\d+)\.(\d+)\.\d+-slim-bookworm", image)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert version and project["project"]["requires-python"] == f">={version[1]}.{version[2]}"
    assert project["tool"]["mypy"]["python_version"] == f"{version[1]}.{version[2]}"


def test_its_packages_are_those_of_the_requirements_and_no_others() -> None:
    installs = [line for line in of("RUN") if "pip" in line]
    assert len(installs) == 1 and installs[0].endswith("-r requirements.txt")
    assert "==" not in TEXT


def test_nobody_in_it_is_root_once_it_runs() -> None:
    words = [word for word, _ in INSTRUCTIONS]
    (user,) = of("USER")
    assert user == "10001" and f"--uid {user} " in TEXT
    assert "RUN" not in words[words.index("USER") :] and "COPY" not in words[words.index("USER") :]
    (volume,) = of("VOLUME")
    assert f"install --directory --owner thaw --group thaw {volume}" in TEXT
    assert f"THAW_WORKSPACE={volume} " in of("ENV")[0] and f"KERAS_HOME={volume}/" in of("ENV")[0]


@pytest.fixture
def image(tmp_path: Path) -> Path:
    """A folder with what the image has, and nothing else."""
    for source, target in copied():
        place = tmp_path / "image" / (source if target == "./" else target)
        place.parent.mkdir(exist_ok=True)
        if (ROOT / source).is_dir():
            shutil.copytree(ROOT / source, place, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copyfile(ROOT / source, place)
    return tmp_path / "image"


@pytest.mark.slow
def test_its_commands_run_on_what_it_copies(image: Path, workspace: Path) -> None:
    def run(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([sys.executable, *words], cwd=image, capture_output=True, text=True)

    compiled = next(line for line in of("RUN") if "compileall" in line).split()
    assert run(*compiled[1:]).returncode == 0
    service = re.search(r"thaw (python -m dashboard serve RUN .*)", TEXT)
    assert service is not None
    refused = run(*service[1].split()[1:])
    assert refused.returncode == 2 and refused.stderr.startswith("run-unknown: "), refused.stderr
    health = json.loads(of("HEALTHCHECK")[0].partition("CMD ")[2])
    assert run(*health[1:-2], "http://127.0.0.1:1/health").returncode == 1
    known = run("-m", "streamlit", "run", "--help").stdout
    command = json.loads(of("CMD")[0])
    assert (image / command[4]).exists() and f"{command[5]} " in known
