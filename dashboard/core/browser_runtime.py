"""onnxruntime-web (MIT), which computes an exported model inside a browser: which files of it, and where they lie.

    python -m dashboard.core.browser_runtime

fetches them with npm into the virtual environment, once. Nothing else needs npm.
"""

import base64
import hashlib
import io
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

from dashboard.core import files

PACKAGE, VERSION = "onnxruntime-web", "1.30.0"
# Of the whole package, as npm names it, and of each file, as browsers check it (Subresource Integrity).
PACKAGE_DIGEST = "sha512-q0y+JrrtukXSzsBWEMccVfqX25LRmosXHF+CaRJmg8pZClzcV7svNc4rKY3jL02Vb7QmRMDs1SigqR4CXAfKYQ=="
# The smallest set there is: one processor thread, no graphics card.
SCRIPT, WASM = "ort.wasm.bundle.min.mjs", "ort-wasm-simd-threaded.wasm"
DIGESTS = {
    SCRIPT: "sha384-PLWz+nHEVHpjwBsO0YVdvQj6n5814Iv8E3b8FG0Rp/uIAtjFMCKOpP66iPzedrIG",
    WASM: "sha384-vjBJ1z7qrhkTyYsNqKeF6c7N+nOJSU94czEo+tvZcu8G75JparGq9kB+kTnEUNVM",
}
PUBLIC = f"https://cdn.jsdelivr.net/npm/{PACKAGE}@{VERSION}/dist/"  # where an exported page finds them otherwise
PATIENCE = 300  # seconds for npm


def folder() -> Path:
    """Where the files lie if they were fetched: in the virtual environment."""
    return Path(sys.prefix) / "share" / "thaw" / f"{PACKAGE}-{VERSION}"


def is_here() -> bool:
    """Whether every file is there, unchanged."""
    paths = {folder() / name: digest for name, digest in DIGESTS.items()}
    return all(path.is_file() and _digest(path.read_bytes(), digest) == digest for path, digest in paths.items())


def take(package: bytes, into: Path) -> None:
    """Write the files out of a package as npm packs it.

    Raises:
        ValueError: it is another package than the one that was tried, or lacks a file.
    """
    if _digest(package, PACKAGE_DIGEST) != PACKAGE_DIGEST:
        raise ValueError(f"what npm gave is not the {PACKAGE} {VERSION} that is known here")
    with tarfile.open(fileobj=io.BytesIO(package)) as archive:
        for name, digest in DIGESTS.items():
            member = archive.extractfile(f"package/dist/{name}")
            data = member.read() if member else b""
            if _digest(data, digest) != digest:
                raise ValueError(f"{name} in it is another file than the one that is known here")
            files.write_bytes(into / name, data)


def fetch() -> None:
    """Fetch the package with npm, from wherever npm is told to fetch, and take the files out of it.

    Raises:
        OSError: npm cannot be started, or the files cannot be written.
        subprocess.SubprocessError: npm could not fetch it.
        ValueError: as of `take`.
    """
    with tempfile.TemporaryDirectory() as place:
        command = ["npm", "pack", f"{PACKAGE}@{VERSION}", "--ignore-scripts", "--silent"]
        subprocess.run(command, cwd=place, check=True, capture_output=True, timeout=PATIENCE)
        (packed,) = Path(place).glob("*.tgz")
        take(packed.read_bytes(), folder())


def _digest(data: bytes, like: str) -> str:
    """The digest of bytes, by the method and in the spelling of another one."""
    method = like.partition("-")[0]
    return f"{method}-{base64.b64encode(hashlib.new(method, data).digest()).decode()}"


def main() -> str | None:
    """Fetch what is not there; says what went wrong, if anything did. An exported page can do without."""
    if is_here():
        return None
    try:
        fetch()
    except (OSError, subprocess.SubprocessError, ValueError) as error:
        return f"Not fetched: {PACKAGE} {VERSION} ({error}). Exported pages will load it from {PUBLIC} instead."
    return None


if __name__ == "__main__":
    sys.exit(main())
