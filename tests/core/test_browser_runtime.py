"""What a page computes with is the very file that was tried, or it is not taken."""

import io
import sys
import tarfile
from pathlib import Path

import pytest

from dashboard.core import browser_runtime


def package(files: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as archive:
        for name, data in files.items():
            member = tarfile.TarInfo(f"package/dist/{name}")
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return out.getvalue()


def test_another_package_than_the_known_one_is_not_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = package({name: b"something else" for name in browser_runtime.DIGESTS})
    with pytest.raises(ValueError, match="not the onnxruntime-web"):
        browser_runtime.take(data, tmp_path)
    monkeypatch.setattr(browser_runtime, "PACKAGE_DIGEST", browser_runtime._digest(data, "sha512-"))
    with pytest.raises(ValueError, match="another file"):
        browser_runtime.take(data, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_what_was_taken_is_there_until_a_bit_of_it_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = {name: name.encode() for name in browser_runtime.DIGESTS}
    data = package(files)
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    monkeypatch.setattr(browser_runtime, "PACKAGE_DIGEST", browser_runtime._digest(data, "sha512-"))
    digests = {name: browser_runtime._digest(each, "sha384-") for name, each in files.items()}
    monkeypatch.setattr(browser_runtime, "DIGESTS", digests)
    assert not browser_runtime.is_here()
    browser_runtime.take(data, browser_runtime.folder())
    assert browser_runtime.is_here() and browser_runtime.main() is None
    (browser_runtime.folder() / browser_runtime.WASM).write_bytes(b"changed")
    assert not browser_runtime.is_here()


def test_without_npm_it_says_so_and_what_comes_instead(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path))
    said = browser_runtime.main()
    assert said is not None and "Not fetched" in said and browser_runtime.PUBLIC in said
