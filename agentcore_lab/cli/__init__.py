"""The command line, ``agentcore-lab``: one module a command, registered here."""

from __future__ import annotations

from typing import Annotated

import typer

from agentcore_lab import __version__
from agentcore_lab.cli import accounts, clock, doctor, engine, idp, images, sessions, up

app = typer.Typer(
    name="agentcore-lab",
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


for _command in (up.up, engine.serve, engine.status, engine.down, engine.env, doctor.doctor):
    app.command()(_command)
app.add_typer(sessions.sessions, name="sessions")
app.add_typer(accounts.accounts, name="accounts")
app.add_typer(clock.clock, name="clock")
app.add_typer(idp.idp, name="idp")
app.add_typer(images.images, name="images")


def main() -> None:
    """The entry point of the ``agentcore-lab`` program."""
    app()
