"""pyproject.toml, constraints.txt and environment.yml say the same, and the package is whole."""

from __future__ import annotations

import importlib.metadata
import json
import re
import sys
import tomllib
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import agentcore_lab

ROOT = Path(__file__).parent.parent
PYTHONS = ("3.11", "3.12", "3.13")


@cache
def project() -> dict[str, Any]:
    """pyproject.toml."""
    return tomllib.loads((ROOT / "pyproject.toml").read_text())


def declared() -> list[str]:
    """Every requirement of the package and its dev group."""
    return [*project()["project"]["dependencies"], *project()["dependency-groups"]["dev"]]


def pins(python: str) -> dict[str, str]:
    """Name to exact version, as constraints.txt has them for ``python`` on Linux."""
    environment = {
        "python_version": python,
        "python_full_version": f"{python}.9",
        "sys_platform": "linux",
        "os_name": "posix",
        "platform_python_implementation": "CPython",
        "implementation_name": "cpython",
    }
    found: dict[str, str] = {}
    for line in (ROOT / "constraints.txt").read_text().splitlines():
        pin = Requirement(line)
        if pin.marker is None or pin.marker.evaluate(environment):
            name = canonicalize_name(pin.name)
            assert name not in found, f"{name} is pinned twice for Python {python}"
            found[name] = str(pin.specifier).removeprefix("==")
    return found


def conda() -> dict[str, Any]:
    """environment.yml."""
    loaded: dict[str, Any] = yaml.safe_load((ROOT / "environment.yml").read_text())
    return loaded


def pip_section() -> list[str]:
    """What environment.yml hands to pip."""
    section: list[str] = next(entry["pip"] for entry in conda()["dependencies"] if isinstance(entry, dict))
    return section


@pytest.mark.parametrize("python", PYTHONS)
@pytest.mark.parametrize("requirement", declared())
def test_every_requirement_is_pinned_inside_its_range(python: str, requirement: str) -> None:
    """Each declared dependency has one exact version, allowed by its range, on every supported Python."""
    wanted = Requirement(requirement)
    assert wanted.specifier.contains(pins(python)[canonicalize_name(wanted.name)])


def test_constraints_are_exact() -> None:
    """A constraint names one version: no range, no extra, no option."""
    for line in (ROOT / "constraints.txt").read_text().splitlines():
        assert re.fullmatch(r"[a-z0-9][a-z0-9.-]*==[a-z0-9.+!]+( ; .+)?", line), line


def test_nothing_floats() -> None:
    """What the declared dependencies pull in here is pinned too."""
    pinned = pins(f"{sys.version_info.major}.{sys.version_info.minor}")
    assert _closure(declared()) <= set(pinned), "run make constraints"


def _closure(lines: list[str]) -> set[str]:
    """The names of all installed distributions that ``lines`` require, directly or not."""
    found: set[str] = set()
    waiting = list(lines)
    while waiting:
        requirement = Requirement(waiting.pop())
        name = canonicalize_name(requirement.name)
        if name in found or not _applies(requirement):
            continue
        found.add(name)
        waiting += importlib.metadata.distribution(name).requires or ()
    return found


def _applies(requirement: Requirement) -> bool:
    return requirement.marker is None or requirement.marker.evaluate({"extra": ""})


def test_conda_installs_the_same() -> None:
    """environment.yml installs this package with its dev group under the same constraints, and nothing more."""
    options, requirements = pip_section()[:2], pip_section()[2:]
    assert options == ["--constraint constraints.txt", "--editable ."]
    assert requirements == project()["dependency-groups"]["dev"]


def test_the_labs_extra_is_what_notebooks_import() -> None:
    """`pip install agentcore-lab[labs]` brings every package that a lab's cells import, in the ranges of the tests."""
    extra = project()["project"]["optional-dependencies"]["labs"]
    assert set(extra) <= set(project()["dependency-groups"]["dev"])
    brought = {str(canonicalize_name(Requirement(line).name)) for line in extra}
    brought |= {
        str(canonicalize_name(Requirement(line).name)) for line in project()["project"]["dependencies"]
    }
    brought |= {"botocore", "ipython", "urllib3"}  # boto3 and ipywidgets cannot do without
    known = importlib.metadata.packages_distributions()
    for module in _imported_by_labs() - sys.stdlib_module_names - {"agentcore_lab"}:
        assert brought & {str(canonicalize_name(name)) for name in known.get(module, [])}, module


def _imported_by_labs() -> set[str]:
    """The top modules that cells import, those aside that other cells write."""
    imported, written = set(), set()
    for notebook in (ROOT / "notebooks").glob("0*.ipynb"):
        for cell in json.loads(notebook.read_text())["cells"]:
            source = "".join(cell["source"])
            if source.startswith("%%"):
                written |= set(re.findall(r"(\w+)\.py", source.splitlines()[0]))
            elif cell["cell_type"] == "code":
                imported |= set(re.findall(r"^\s*(?:from|import) (\w+)", source, re.MULTILINE))
    return imported - written


def test_binder_installs_the_labs_under_the_constraints() -> None:
    """`.binder/` names files that are there, and a Python that is supported."""
    constraint, package = [
        line
        for line in (ROOT / ".binder" / "requirements.txt").read_text().splitlines()
        if not line.startswith("#")
    ]
    # pip reads a constraints file from beside the file that names it, and the package from where it runs.
    assert (ROOT / ".binder" / constraint.removeprefix("--constraint ")).samefile(ROOT / "constraints.txt")
    assert package == "--editable .[labs]"
    assert (ROOT / ".binder" / "runtime.txt").read_text().strip().removeprefix("python-") in PYTHONS


def test_conda_has_the_same_python() -> None:
    """environment.yml and pyproject.toml allow the same Pythons."""
    assert f"python{project()['project']['requires-python']}" in conda()["dependencies"]


@pytest.mark.parametrize("name", ["constraints.txt", "environment.yml", "pyproject.toml"])
def test_no_address_of_an_index(name: str) -> None:
    """Where packages come from is the machine's business."""
    text = (ROOT / name).read_text()
    assert "://" not in text
    assert "index" not in text


@pytest.mark.parametrize("python", PYTHONS)
def test_every_python_is_named_everywhere(python: str) -> None:
    """The classifiers and the continuous integration cover each supported Python."""
    assert f"Programming Language :: Python :: {python}" in project()["project"]["classifiers"]
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / "ci.yml").read_text())
    assert python in workflow["jobs"]["unit"]["strategy"]["matrix"]["python"]


def test_the_licence_is_apache_2() -> None:
    """The licence text is there in full, and the metadata names it."""
    text = (ROOT / "LICENSE").read_text()
    assert "Apache License" in text
    assert "END OF TERMS AND CONDITIONS" in text
    assert project()["project"]["license"] == "Apache-2.0"


def test_types_are_shipped() -> None:
    """py.typed is in the package, so that users' type checkers read it."""
    assert (Path(agentcore_lab.__file__).parent / "py.typed").exists()


def test_the_program_is_the_command_line() -> None:
    """``agentcore-lab`` starts the function that exists."""
    from agentcore_lab import cli

    assert project()["project"]["scripts"] == {"agentcore-lab": "agentcore_lab.cli:main"}
    assert callable(cli.main)


def test_pre_commit_needs_no_outside_repository() -> None:
    """Every hook is local and runs a program of .venv."""
    hooks = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())
    assert [repo["repo"] for repo in hooks["repos"]] == ["local"]
    assert all(hook["entry"].startswith(".venv/bin/") for hook in hooks["repos"][0]["hooks"])
