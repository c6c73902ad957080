"""``clock``: what the engine's clock shows, and setting it ahead."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Annotated, Any

import typer

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
from agentcore_lab.lab_clock import duration
from agentcore_lab.own_api import LabRefused

clock = typer.Typer(
    help="The engine's clock; agents inside containers keep real time.", no_args_is_help=False
)


@clock.callback(invoke_without_command=True)
def show(
    context: typer.Context,
    port: Port = None,
    data_dir: DataDir = None,
    account: AsAccount = None,
    as_json: AsJson = False,
) -> None:
    """Say what the engine's clock shows, or set it ahead."""
    if context.invoked_subcommand is None:
        engine = required_engine(settings_from(port=port, data_dir=data_dir), port)
        _tell(caller_of(engine, account).fetch("clock"), as_json)


@clock.command()
def advance(
    by: Annotated[str, typer.Argument(help="How far: 90s, 15m, 8h, 1h30m.", metavar="DURATION")],
    port: Port = None,
    data_dir: DataDir = None,
    account: AsAccount = None,
    as_json: AsJson = False,
) -> None:
    """Set the engine's clock ahead, so that time-outs are due at once. It never goes back.

    All accounts share the clock: the default one alone may set it.

    Agents inside containers keep real time: what they do for a minute still takes a minute.
    """
    try:
        seconds = duration(by).total_seconds()
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="DURATION") from error
    engine = required_engine(settings_from(port=port, data_dir=data_dir), port)
    try:
        _tell(caller_of(engine, account).send("clock", {"advanceSeconds": seconds}), as_json)
    except LabRefused as error:
        fail(str(error))


def _tell(answer: dict[str, Any], as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(answer, indent=2))
        return
    now = datetime.fromisoformat(answer["now"])
    ahead = timedelta(seconds=round(answer["aheadSeconds"]))
    relation = f"{ahead} ahead of this machine" if ahead else "the machine's time"
    typer.echo(f"The engine's clock shows {now:%Y-%m-%d %H:%M:%S} UTC, {relation}. Agents keep real time.")
