"""``idp``: people, clients and keys of the local identity provider, at a terminal."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from agentcore_lab.cli import app
from agentcore_lab.idp.state import State, read, read_or_make


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The folder of a provider that has run in the data directory ``tmp_path``."""
    read_or_make(tmp_path / "idp", datetime(2026, 1, 1, tzinfo=UTC))
    return tmp_path / "idp"


def idp(folder: Path, *arguments: str) -> Result:
    """What a command answers."""
    return CliRunner().invoke(app, ["idp", *arguments, "--data-dir", str(folder.parent)])


def test_show_tells_what_to_sign_in_with(folder: Path) -> None:
    """Two people and two clients, with the secrets of this data directory; the keys are not shown."""
    shown = json.loads(idp(folder, "show", "--json").stdout)
    state: State = read(folder)
    assert {each["username"]: each["password"] for each in shown["people"]} == {
        each.username: each.password for each in state.people
    }
    assert [each["id"] for each in shown["clients"]] == ["lab-web", "lab-service"]
    assert set(shown) == {"people", "clients"}
    assert state.people[0].password in idp(folder, "show").stdout


def test_rotate_adds_a_key_and_retire_leaves_one(folder: Path) -> None:
    """The older key stays published until it is retired."""
    [first] = read(folder).keys
    idp(folder, "rotate")
    assert first in read(folder).keys
    idp(folder, "rotate", "--retire")
    assert len(read(folder).keys) == 1
    assert first not in read(folder).keys


def test_redirect_registers_an_address_of_a_client(folder: Path) -> None:
    """Once; a client that does not exist is named with those that do."""
    for _ in range(2):
        assert idp(folder, "redirect", "http://127.0.0.1:9/cb").exit_code == 0
    assert read(folder).clients[0].redirect_uris.count("http://127.0.0.1:9/cb") == 1
    refused = idp(folder, "redirect", "http://127.0.0.1:9/cb", "--client", "nobody")
    assert (refused.exit_code, "lab-service" in refused.stderr) == (1, True)


def test_what_has_never_run_is_said_to(tmp_path: Path) -> None:
    """With the command that mends it."""
    refused = idp(tmp_path / "idp", "show")
    assert (refused.exit_code, "agentcore-lab idp" in refused.stderr) == (1, True)
