"""Programs that the tests need from the machine: `python -m tests.parts` installs them where that is ours to do.

With `--long`, those too that only the long suites need.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass

_APT_TIMEOUT_S = 600


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A program: what it is for, its possible names in PATH, and the packages of Debian that it comes with."""

    name: str
    purpose: str
    programs: Sequence[str]
    packages: Sequence[str]

    def path(self) -> str:
        """Return the path of the program; raise FileNotFoundError, saying what to install, where there is none."""
        found = self.find()
        if found is None:
            raise FileNotFoundError(
                f"{self.purpose} need {self.name} in PATH, and there is none.\n"
                f"On Debian and Ubuntu:  sudo apt-get update && sudo apt-get install {self.packages[0]}\n"
                f"Elsewhere: install {self.name} so that one of these is found: {', '.join(self.programs)}.\n"
            )
        return found

    def find(self) -> str | None:
        return next((path for name in self.programs if (path := shutil.which(name))), None)


CHROMIUM = Part(
    name="Chromium or Chrome",
    purpose="The tests of the page",
    programs=("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome"),
    packages=("chromium", "fonts-dejavu-core"),
)

STRACE = Part(
    name="strace",
    purpose="The tests of a full disk and of a failing sync",
    programs=("strace",),
    packages=("strace",),
)

SOFTHSM = Part(
    name="SoftHSM 2",
    purpose="The tests of key-encryption keys in a token",
    programs=("softhsm2-util",),
    packages=("softhsm2",),
)

FAKETIME = Part(
    name="libfaketime",
    purpose="The long tests of clocks",
    programs=("faketime",),
    packages=("faketime",),
)

PARTS = (CHROMIUM, STRACE, SOFTHSM)
LONG_PARTS = (*PARTS, FAKETIME)
"""For runs with `--long`."""


def install(packages: Sequence[str]) -> None:
    """Install packages of Debian: only as root and with apt-get, so that nobody is asked for a password."""
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    for command in (["apt-get", "update"], ["apt-get", "install", "--yes", "--no-install-recommends", *packages]):
        subprocess.run(command, env=environment, check=True, timeout=_APT_TIMEOUT_S, stdin=subprocess.DEVNULL)


def main() -> int:
    parts = LONG_PARTS if "--long" in sys.argv[1:] else PARTS
    missing = [package for part in parts if part.find() is None for package in part.packages]
    if missing and os.geteuid() == 0 and shutil.which("apt-get"):
        install(missing)
    for part in parts:
        try:
            sys.stdout.write(f"{part.name}: {part.path()}\n")
        except FileNotFoundError as error:
            sys.stderr.write(str(error))
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
