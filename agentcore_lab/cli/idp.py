"""``idp``: the local identity provider, alone or with the engine; its people, its clients, its keys."""

from __future__ import annotations

import asyncio
import json
import signal
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from agentcore_lab.cli.options import AsJson, DataDir, caller_of, fail, settings_from
from agentcore_lab.clock import SystemClock
from agentcore_lab.discovery import find_engine
from agentcore_lab.idp import FOLDER, state
from agentcore_lab.idp.child import IdpDidNotStart, ProviderProcess
from agentcore_lab.own_api import EngineGone, LabRefused

idp = typer.Typer(help="The local identity provider (OpenID Connect).", no_args_is_help=False)

_Address = Annotated[str, typer.Option(help="Address to listen on, where no engine runs.")]
_AnyPort = Annotated[
    int,
    typer.Option(
        help="Its port, where no engine runs; the same as last time when left out.", min=0, max=65535
    ),
]


@idp.callback(invoke_without_command=True)
def run(
    context: typer.Context, data_dir: DataDir = None, host: _Address = "127.0.0.1", port: _AnyPort = 0
) -> None:
    """Start the provider of the running engine; without an engine, run it here until Ctrl-C."""
    if context.invoked_subcommand is not None:
        return
    settings = settings_from(data_dir=data_dir)
    try:
        if engine := find_engine(settings.data_dir):
            _tell(caller_of(engine, None).send("idp", {})["issuer"])
        else:
            asyncio.run(_alone(ProviderProcess(settings.data_dir / FOLDER, host, port)))
    except (IdpDidNotStart, LabRefused, EngineGone) as error:
        fail(str(error))


@idp.command()
def show(data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """Print who can sign in and which clients there are, passwords and secrets included."""
    found = _state(_folder(data_dir))
    if as_json:
        shown = asdict(found)
        typer.echo(json.dumps({name: shown[name] for name in ("people", "clients")}, indent=2))
        return
    people = Table("Person", "Password", "Groups")
    for person in found.people:
        people.add_row(person.username, person.password, ", ".join(person.groups))
    clients = Table("Client", "Secret", "Grants", "Redirect URIs")
    for client in found.clients:
        clients.add_row(client.id, client.secret, "\n".join(client.grants), "\n".join(client.redirect_uris))
    console = Console(highlight=False)
    console.print(people)
    console.print(clients)


@idp.command()
def rotate(
    retire: Annotated[
        bool, typer.Option("--retire", help="Withdraw the older keys: their tokens die.")
    ] = False,
    data_dir: DataDir = None,
) -> None:
    """Sign with a new key from now on."""
    folder = _folder(data_dir)
    _state(folder)
    keys = state.rotate(folder, SystemClock().now(), retire=retire).keys
    typer.echo(f"A new key signs. {len(keys)} published.")


@idp.command()
def redirect(
    uri: Annotated[str, typer.Argument(help="Where the client may be answered.", metavar="URI")],
    client: Annotated[str, typer.Option(help="The client's id.")] = "lab-web",
    data_dir: DataDir = None,
) -> None:
    """Register another redirect URI of a client."""
    folder = _folder(data_dir)
    _state(folder)
    try:
        state.allow_redirect(folder, client, uri)
    except state.UnknownClient as error:
        fail(str(error))
    typer.echo(f"{client} may be answered at {uri}.")


async def _alone(provider: ProviderProcess) -> None:
    ending = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, ending.set)
    try:
        _tell(await provider.start())
        waits: list[asyncio.Task[Any]] = [
            asyncio.create_task(ending.wait()),
            asyncio.create_task(provider.wait()),
        ]
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        for each in waits:
            each.cancel()
    finally:
        await provider.close()


def _tell(issuer: str) -> None:
    typer.echo(f"Identity provider · {issuer}")
    typer.echo(f"Discovery         · {issuer}/.well-known/openid-configuration")
    typer.echo("People and clients, with their secrets: agentcore-lab idp show")


def _folder(data_dir: Path | None) -> Path:
    return settings_from(data_dir=data_dir).data_dir / FOLDER


def _state(folder: Path) -> state.State:
    try:
        return state.read(folder)
    except FileNotFoundError:
        fail("The identity provider has never run here. Start it with `agentcore-lab idp`.")
