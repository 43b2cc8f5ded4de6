"""Every dependency is pinned to exact, hashed files, without naming where they come from."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

PIN = re.compile(r"^([a-z0-9][a-z0-9.-]*)==(\S+)((?: --hash=sha256:[0-9a-f]{64})+)$")
TOOLS = ("slither", "halmos")  # each in an environment of its own
GROUPS = ("runtime", "test", "lint", "build", "node", "peers", *TOOLS)
NPM = ("contracts", "tests")


def pins(repository: Path, group: str) -> dict[str, str]:
    """Package -> version of one requirements file. Any line that is not an exact, hashed pin fails the test."""
    text = (repository / "scripts" / "requirements" / f"{group}.txt").read_text()
    found = {}
    for line in text.replace(" \\\n    --hash", " --hash").splitlines():
        if line.strip() and not line.lstrip().startswith("#"):
            match = PIN.match(line)
            assert match, f"{group}.txt: not an exact pin with sha256: {line[:80]}"
            found[match[1]] = match[2]
    return found


def project(repository: Path) -> dict[str, object]:
    return tomllib.loads((repository / "pyproject.toml").read_text())


@pytest.mark.parametrize("group", GROUPS)
def test_every_line_is_an_exact_hashed_pin(repository: Path, group: str) -> None:
    assert pins(repository, group)


def test_no_requirements_file_goes_unchecked(repository: Path) -> None:
    assert {path.stem for path in (repository / "scripts" / "requirements").iterdir()} == set(GROUPS)


def test_groups_agree_on_versions(repository: Path) -> None:
    seen: dict[str, str] = {}
    for group in set(GROUPS) - set(TOOLS):
        for name, version in pins(repository, group).items():
            assert seen.setdefault(name, version) == version, f"{name} differs in {group}.txt"


def test_pins_satisfy_pyproject(repository: Path) -> None:
    configuration = tomllib.loads((repository / "pyproject.toml").read_text())
    extras = configuration["project"]["optional-dependencies"]
    wanted = {"runtime": configuration["project"]["dependencies"], "build": configuration["build-system"]["requires"]}
    for group, requirements in (wanted | extras).items():
        pinned = pins(repository, group)
        for requirement in map(Requirement, requirements):
            name = requirement.name.lower().replace("_", "-")
            assert name in pinned, f"{name} is not in {group}.txt: run scripts/lock"
            assert requirement.specifier.contains(pinned[name], prereleases=True), (
                f"{group}.txt has {name} {pinned[name]}"
            )


@pytest.mark.parametrize("folder", NPM)
def test_npm_lock_names_no_address(repository: Path, folder: str) -> None:
    lock = json.loads((repository / folder / "package-lock.json").read_text())
    assert lock["lockfileVersion"] == 3
    assert not [name for name, entry in lock["packages"].items() if "resolved" in entry]


@pytest.mark.parametrize("folder", NPM)
def test_npm_lock_hashes_everything_installed_here(repository: Path, folder: str) -> None:
    packages = json.loads((repository / folder / "package-lock.json").read_text())["packages"]
    unhashed = {name for name, entry in packages.items() if name and "integrity" not in entry}
    # Binaries for platforms the lock could not be made on: see scripts/lock.
    others = {
        name for name in unhashed if packages[name].get("optional") and name.startswith("node_modules/@foundry-rs/")
    }
    assert unhashed == others
    assert not [name for name in others if name.endswith("linux-amd64")]


@pytest.mark.parametrize("folder", NPM)
def test_npm_dependencies_are_exact_and_locked(repository: Path, folder: str) -> None:
    package = json.loads((repository / folder / "package.json").read_text())
    packages = json.loads((repository / folder / "package-lock.json").read_text())["packages"]
    wanted = package.get("dependencies", {}) | package.get("devDependencies", {})
    assert wanted
    assert wanted == {name: packages[f"node_modules/{name}"]["version"] for name in wanted}
