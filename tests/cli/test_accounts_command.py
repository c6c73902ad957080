"""``agentcore-lab accounts`` and ``env --account``."""

from __future__ import annotations

import json
from pathlib import Path

from typer.testing import CliRunner

from agentcore_lab.accounts.handed_out import credentials_for
from agentcore_lab.cli import app
from agentcore_lab.discovery import RunningEngine, leave_note


def run(*arguments: str) -> str:
    """The output of a command that succeeds."""
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result.output
    return result.output


def test_accounts_are_added_and_listed_without_an_engine(tmp_path: Path) -> None:
    """Each has 12 digits and a name; a name is taken once."""
    assert "(alice)" in run("accounts", "add", "alice", "--data-dir", str(tmp_path))
    listed = json.loads(run("accounts", "list", "--json", "--data-dir", str(tmp_path)))
    assert [account["name"] for account in listed] == ["default", "alice"]
    assert listed[1]["id"] in run("accounts", "list", "--data-dir", str(tmp_path))
    refused = CliRunner().invoke(app, ["accounts", "add", "alice", "--data-dir", str(tmp_path)])
    assert (refused.exit_code, "already" in refused.output) == (1, True)


def test_env_hands_out_an_accounts_credentials(engine: RunningEngine) -> None:
    """``env`` prints what the shell is to set, of the default account or of another."""
    leave_note(engine)
    where = ("--data-dir", engine.data_dir)
    run("accounts", "add", "alice", *where)
    assert f"export AWS_ACCESS_KEY_ID={credentials_for(engine).access_key_id}\n" in run("env", *where)
    hers = json.loads(run("env", "--account", "alice", "--json", *where))
    assert hers["AWS_SECRET_ACCESS_KEY"] == credentials_for(engine, "alice").secret_access_key
    refused = CliRunner().invoke(app, ["env", "--account", "bob", *where])
    assert (refused.exit_code, "no account 'bob'" in refused.output) == (1, True)
