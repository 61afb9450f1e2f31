"""The tree, pyproject.toml and constraints.txt say the same thing."""

from __future__ import annotations

import os
import re
import tomllib
from importlib.metadata import version
from pathlib import Path, PurePath
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

import halfspread

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "halfspread"
FOLDERS = ("agents", "configs", "costs", "datafeeds", "engine", "reports", "strategies")
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
MADE_BY_TOOLS = {".nbc", ".nbi", ".pyc"}


def package_files() -> list[PurePath]:
    """Every file of the package, relative to ``halfspread/``, through the links."""
    found = [
        Path(folder, name).relative_to(PACKAGE)
        for folder, _, names in os.walk(PACKAGE, followlinks=True)
        for name in names
        if Path(name).suffix not in MADE_BY_TOOLS
    ]
    return sorted(found)


def constraints() -> list[Requirement]:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    return [Requirement(line) for line in lines if line.strip() and not line.startswith("#")]


def requirements() -> list[Requirement]:
    extras = PROJECT["project"]["optional-dependencies"]
    return [Requirement(text) for text in PROJECT["project"]["dependencies"] + extras["dev"]]


@pytest.mark.parametrize("folder", FOLDERS)
def test_each_folder_is_linked_into_the_package_by_a_relative_link(folder: str) -> None:
    link = PACKAGE / folder
    assert link.is_symlink(), f"halfspread/{folder} must be a symlink; was it checked out without symlink support?"
    assert os.readlink(link) == f"../{folder}"
    assert (link / "__init__.py").is_file()


def test_nothing_else_is_linked_into_the_package() -> None:
    assert sorted(path.name for path in PACKAGE.iterdir() if path.is_symlink()) == list(FOLDERS)


def test_the_list_of_packages_is_the_list_of_folders_with_code() -> None:
    folders = {path.parent for path in package_files() if path.suffix == ".py"}
    packages = [".".join(("halfspread", *folder.parts)) for folder in folders]
    assert PROJECT["tool"]["setuptools"]["packages"] == sorted(packages)


def test_every_package_has_an_init_file() -> None:
    files = set(package_files())
    bare = {path.parent for path in files if path.suffix == ".py" and path.parent / "__init__.py" not in files}
    assert not bare


def test_every_file_that_is_not_code_is_declared_as_package_data() -> None:
    patterns = [
        PurePath(*package.split(".")[1:], pattern)
        for package, listed in PROJECT["tool"]["setuptools"]["package-data"].items()
        for pattern in listed
    ]
    data = [path for path in package_files() if path.suffix != ".py"]
    unlisted = [path for path in data if not any(path.match(str(pattern)) for pattern in patterns)]
    assert not unlisted, f"add a pattern for {unlisted} to [tool.setuptools.package-data]"


def test_tests_are_no_package() -> None:
    assert not list((ROOT / "tests").rglob("__init__.py"))


def test_the_installed_version_is_the_version_in_the_package() -> None:
    assert version("halfspread") == halfspread.__version__
    assert PROJECT["project"]["dynamic"] == ["version"]


def test_the_changelog_has_a_heading_for_the_version() -> None:
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert re.search(rf"^## \[{re.escape(halfspread.__version__)}\]", changelog, flags=re.MULTILINE)


def test_dependencies_have_lower_bounds_and_nothing_else() -> None:
    extras = PROJECT["project"]["optional-dependencies"].values()
    texts = PROJECT["project"]["dependencies"] + [text for extra in extras for text in extra]
    pinned = [text for text in texts if [spec.operator for spec in Requirement(text).specifier] != [">="]]
    assert not pinned


@pytest.mark.parametrize("python", ["3.11", "3.12", "3.13"])
def test_each_dependency_has_one_tested_version_for_each_python(python: str) -> None:
    environment = {"python_version": python, "python_full_version": f"{python}.0"}
    pins = [pin for pin in constraints() if pin.marker is None or pin.marker.evaluate(environment)]
    names = [pin.name for pin in pins]
    assert len(names) == len(set(names))
    versions = {pin.name: next(iter(pin.specifier)).version for pin in pins}
    outside = [str(need) for need in requirements() if not need.specifier.contains(Version(versions[need.name]))]
    assert not outside, f"constraints.txt holds versions that pyproject.toml refuses: {outside}"


def test_constraints_name_exact_versions_and_no_address() -> None:
    loose = [str(pin) for pin in constraints() if [spec.operator for spec in pin.specifier] != ["=="] or pin.url]
    assert not loose
    assert "://" not in (ROOT / "constraints.txt").read_text(encoding="utf-8")
