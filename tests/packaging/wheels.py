"""Check that every base dependency has a wheel on every platform; asks the package index, and so is no test.

A dependency whose marker leaves a platform out must have no wheel there, so that the marker is widened when one is
published. Run: python tests/packaging/wheels.py
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

from packaging.requirements import Requirement

ROOT = Path(__file__).parents[2]
PYTHONS = ("3.11", "3.12", "3.13", "3.14")
# Name, what markers read (sys_platform, platform_machine), the tags of wheels.
PLATFORMS = (
    ("Linux x86-64", "linux", "x86_64", ("manylinux_2_28_x86_64", "manylinux_2_17_x86_64", "manylinux2014_x86_64")),
    (
        "Linux aarch64",
        "linux",
        "aarch64",
        ("manylinux_2_28_aarch64", "manylinux_2_17_aarch64", "manylinux2014_aarch64"),
    ),
    ("macOS arm64", "darwin", "arm64", ("macosx_14_0_arm64", "macosx_12_0_arm64", "macosx_11_0_arm64")),
    ("macOS x86-64", "darwin", "x86_64", ("macosx_12_0_x86_64", "macosx_11_0_x86_64", "macosx_10_12_x86_64")),
    ("Windows x86-64", "win32", "AMD64", ("win_amd64",)),
    # Markers cannot tell musl from glibc.
    ("musl x86-64", "linux", "x86_64", ("musllinux_1_2_x86_64", "musllinux_1_1_x86_64")),
)


def dependencies() -> list[Requirement]:
    """The base dependencies."""
    with (ROOT / "pyproject.toml").open("rb") as file:
        return [Requirement(one) for one in tomllib.load(file)["project"]["dependencies"]]


def wanted(dependency: Requirement, python: str, system: str, machine: str) -> bool:
    """Whether pip would install it there."""
    return dependency.marker is None or dependency.marker.evaluate(
        {
            "python_version": python,
            "sys_platform": system,
            "platform_machine": machine,
            "platform_python_implementation": "CPython",
        }
    )


def has_wheel(dependency: Requirement, python: str, tags: tuple[str, ...]) -> bool:
    """Whether the index has a wheel; nothing is installed."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--dry-run", "--ignore-installed", "--no-deps"]
        command += ["--only-binary", ":all:", "--target", folder, "--python-version", python]
        command += [word for tag in tags for word in ("--platform", tag)]
        bare = f"{dependency.name}{dependency.specifier}"
        ran = subprocess.run([*command, bare], capture_output=True, text=True)
    if ran.returncode and "No matching distribution" not in ran.stderr:
        raise SystemExit(ran.stderr)
    return not ran.returncode


def main() -> None:
    wrong = 0
    for name, system, machine, tags in PLATFORMS:
        for python in PYTHONS:
            for one in dependencies():
                expected = wanted(one, python, system, machine)
                if has_wheel(one, python, tags) != expected:
                    wrong += 1
                    missing = "no wheel" if expected else "a wheel that the marker leaves out"
                    sys.stdout.write(f"{name}, Python {python}: {one.name} has {missing}.\n")
    sys.stdout.write(f"{wrong} differ from pyproject.toml.\n")
    raise SystemExit(bool(wrong))


if __name__ == "__main__":
    main()
