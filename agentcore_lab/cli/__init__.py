"""The command line, ``agentcore-lab``: one module a command, registered here."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from botocore.exceptions import EndpointConnectionError
from typer.core import TyperGroup

from agentcore_lab import __version__
from agentcore_lab.cli import (
    accounts,
    clock,
    dashboard,
    doctor,
    engine,
    idp,
    images,
    prune,
    run_labs,
    sessions,
    up,
)
from agentcore_lab.cli.options import fail
from agentcore_lab.plain_error import PlainError


class _InSentences(TyperGroup):
    """What is wrong is told as a person reads it; a traceback is left for what nobody foresaw."""

    def invoke(self, ctx: Any) -> Any:  # typer brings its own click, or not
        try:
            return super().invoke(ctx)
        except (PlainError, EndpointConnectionError) as error:
            fail(str(error))


app = typer.Typer(
    name="agentcore-lab",
    cls=_InSentences,
    help="The Amazon Bedrock AgentCore workshop on your own machine.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_show_locals=False,
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"agentcore-lab {__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """The Amazon Bedrock AgentCore workshop on your own machine."""


for _command in (
    up.up,
    run_labs.run_labs,
    engine.serve,
    engine.status,
    engine.down,
    engine.env,
    dashboard.dashboard,
    doctor.doctor,
    prune.prune,
):
    app.command()(_command)
app.add_typer(sessions.sessions, name="sessions")
app.add_typer(accounts.accounts, name="accounts")
app.add_typer(clock.clock, name="clock")
app.add_typer(idp.idp, name="idp")
app.add_typer(images.images, name="images")


def main() -> None:
    """The entry point of the ``agentcore-lab`` program."""
    app()
