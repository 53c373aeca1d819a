"""The defaults are closed, in words this version of Streamlit knows."""

import subprocess
import sys
import tomllib
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
CONFIG = tomllib.loads((ROOT / ".streamlit/config.toml").read_text())


@pytest.mark.parametrize(
    ("section", "option", "value"),
    [
        ("server", "address", "127.0.0.1"),
        ("server", "port", 8501),
        ("server", "allowedHosts", ["localhost", "127.0.0.1"]),
        ("server", "enableXsrfProtection", True),
        ("server", "headless", True),
        ("server", "maxUploadSize", 500),
        ("client", "showErrorDetails", "none"),
        ("browser", "gatherUsageStats", False),
    ],
)
def test_the_default_is_closed(section: str, option: str, value: object) -> None:
    assert CONFIG[section][option] == value


def test_both_themes_are_designed_and_neither_is_locked() -> None:
    assert set(CONFIG["theme"]) == {"light", "dark"}  # an option directly under [theme] would take the choice away
    both = {"primaryColor", "linkColor", "chartCategoricalColors"}
    assert both <= set(CONFIG["theme"]["light"]) and both <= set(CONFIG["theme"]["dark"])


def test_streamlit_knows_every_option() -> None:
    shown = subprocess.run(
        [sys.executable, "-m", "streamlit", "config", "show"], cwd=ROOT, capture_output=True, text=True, timeout=60
    )
    assert shown.returncode == 0, shown.stderr
    assert "not a valid config option" not in shown.stdout + shown.stderr
    assert 'showErrorDetails = "none"' in shown.stdout.splitlines()


@pytest.mark.parametrize("name", ["logo.svg", "icon.svg"])
def test_a_drawing_is_whole_and_reaches_for_nothing_outside(name: str) -> None:
    text = (ROOT / "dashboard/ui/assets" / name).read_text()
    assert ElementTree.fromstring(text).tag == "{http://www.w3.org/2000/svg}svg"
    assert not [word for word in ("href", "url(", "<script", "<text", "<style") if word in text]
