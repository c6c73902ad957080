"""``sessions``: what runs, one session in full, and stopping one."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Annotated, Any
from urllib.parse import quote

import typer
from botocore.exceptions import ClientError
from rich.console import Console
from rich.table import Table
from typer.core import TyperGroup

from agentcore_lab.accounts.handed_out import session_of
from agentcore_lab.cli.options import (
    AsAccount,
    AsJson,
    DataDir,
    Port,
    caller_of,
    fail,
    required_engine,
    settings_from,
)
from agentcore_lab.own_api import LabRefused, OwnApi
from agentcore_lab.panels.session_detail import SessionDetail, used
from agentcore_lab.panels.views import short_duration


class _ShowUnlessNamed(TyperGroup):
    """``sessions`` and ``sessions ID`` are ``sessions show``: an id has 33 characters or more, no command has."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:  # typer brings its own click, or not
        if not args or (args[0] not in self.commands and args[0] != "--help"):
            args = ["show", *args]
        return super().parse_args(ctx, args)


sessions = typer.Typer(
    help="The sessions of the running engine: `sessions`, `sessions ID`, `sessions stop ID`.",
    cls=_ShowUnlessNamed,
)
_STYLES = {"Provisioning": "blue", "Active": "green", "Idle": "yellow", "Terminated": "dim"}

SessionId = Annotated[str, typer.Argument(metavar="ID", help="A runtimeSessionId.")]


@sessions.command()
def show(
    session_id: Annotated[str | None, typer.Argument(metavar="[ID]", help="A runtimeSessionId.")] = None,
    port: Port = None,
    data_dir: DataDir = None,
    account: AsAccount = None,
    as_json: AsJson = False,
) -> None:
    """List every session of an account, or tell all that is known of one."""
    api = caller_of(required_engine(settings_from(port=port, data_dir=data_dir), port), account)
    console = Console(highlight=False)
    if session_id is not None:
        answer = _described(api, session_id)
        if as_json:
            typer.echo(json.dumps(answer, indent=2))
        else:
            console.print(str(SessionDetail.of(answer)), markup=False, soft_wrap=True)
        return
    answer = api.fetch("sessions?usage=1")
    if as_json:
        typer.echo(json.dumps(answer, indent=2))
    elif answer["sessions"]:
        console.print(_table(answer))
    else:
        console.print("No sessions yet.")


@sessions.command()
def stop(
    session_id: SessionId, port: Port = None, data_dir: DataDir = None, account: AsAccount = None
) -> None:
    """End a session, as StopRuntimeSession does."""
    settings = settings_from(port=port, data_dir=data_dir)
    api = caller_of(required_engine(settings, port), account)
    session = _described(api, session_id)["session"]
    client = session_of(api.credentials, api.region).client("bedrock-agentcore", endpoint_url=api.url)
    try:
        client.stop_runtime_session(
            agentRuntimeArn=session["agentRuntimeArn"],
            runtimeSessionId=session_id,
            qualifier=session["endpoint"],
        )
    except ClientError as error:
        fail(str(error.response["Error"]["Message"]))
    typer.echo(f"Session {session_id} has ended.")


def _described(api: OwnApi, session_id: str) -> dict[str, Any]:
    try:
        answer: dict[str, Any] = api.fetch(f"sessions/{quote(session_id, safe='')}")
    except LabRefused as error:
        fail(str(error))
    return answer


def _table(answer: dict[str, Any]) -> Table:
    table = Table("Session", "Runtime", "Version", "State", "Age", "CPU and memory", "Next")
    as_of = datetime.fromisoformat(answer["asOf"])
    for session in answer["sessions"]:
        state = session["state"]
        table.add_row(
            session["sessionId"],
            session["agentRuntimeArn"].rpartition("/")[2],
            f"{session['agentRuntimeVersion']} ({session['endpoint']})",
            f"[{_STYLES[state]}]{state}[/]{' ⚠' if session['diagnostics'] else ''}",
            short_duration(session["ageSeconds"]),
            used(session["usage"]),
            _next(session, as_of),
        )
    return table


def _next(session: dict[str, Any], as_of: datetime) -> str:
    if session["reason"]:
        return str(session["reason"])
    left = (datetime.fromisoformat(session["endsAt"]) - as_of).total_seconds()
    if session["state"] == "Idle" and session["endsBecause"] == "idle":
        return f"ends in {short_duration(left)} unless invoked"
    calls = f"{session['inFlight']} calls, " if session["inFlight"] else ""
    return f"{calls}ends in {short_duration(left)} at the latest"
