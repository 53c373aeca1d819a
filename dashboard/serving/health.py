"""Whether one of some addresses answers, as an exit code: `python -m dashboard.serving.health URL...`."""

import contextlib
import sys
import urllib.request

PATIENCE = 5.0  # seconds


def answers(url: str) -> bool:
    with contextlib.suppress(OSError), urllib.request.urlopen(url, timeout=PATIENCE) as answer:
        return bool(answer.status == 200)
    return False


if __name__ == "__main__":
    sys.exit(not any(map(answers, sys.argv[1:])))
