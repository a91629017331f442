"""Finds Chromium for the tests of the page; `python -m tests.browser` installs it where that is ours to do."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
MISSING = """\
The tests of the page need Chromium or Chrome in PATH, and there is none.
On Debian and Ubuntu:  sudo apt-get update && sudo apt-get install chromium
Elsewhere: install Chromium or Chrome so that one of these is found: {names}.
"""
_APT_TIMEOUT_S = 600


def chromium_path() -> str:
    """Return the path of the browser; raise FileNotFoundError, saying what to install, where there is none."""
    found = _find()
    if found is None:
        raise FileNotFoundError(MISSING.format(names=", ".join(NAMES)))
    return found


def install() -> None:
    """Install Debian's Chromium: only as root and with apt-get, so that nobody is asked for a password."""
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    for command in (
        ["apt-get", "update"],
        ["apt-get", "install", "--yes", "--no-install-recommends", "chromium", "fonts-dejavu-core"],
    ):
        subprocess.run(command, env=environment, check=True, timeout=_APT_TIMEOUT_S, stdin=subprocess.DEVNULL)


def main() -> int:
    if _find() is None and os.geteuid() == 0 and shutil.which("apt-get"):
        install()
    try:
        sys.stdout.write(f"Browser: {chromium_path()}\n")
    except FileNotFoundError as missing:
        sys.stderr.write(str(missing))
        return 1
    return 0


def _find() -> str | None:
    return next((path for name in NAMES if (path := shutil.which(name))), None)


if __name__ == "__main__":
    sys.exit(main())
