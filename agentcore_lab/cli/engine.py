"""``serve``, ``status``, ``down`` and ``env``: running an engine, and finding the one that runs."""

from __future__ import annotations

import asyncio
import json
import logging
import shlex
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from agentcore_lab import launch
from agentcore_lab.accounts.accounts import AccountError
from agentcore_lab.accounts.handed_out import client_environment, session_of
from agentcore_lab.cli.options import (
    NOT_VERIFIED,
    Account,
    AsAccount,
    AsJson,
    CacheDir,
    DataDir,
    FastLifecycle,
    Host,
    Idp,
    Model,
    PingSeconds,
    Port,
    Region,
    Sandbox,
    SigV4,
    Tls,
    caller_of,
    fail,
    required_engine,
    running_engine,
    settings_from,
)
from agentcore_lab.discovery import EngineAlreadyRuns, PortTaken, RunningEngine
from agentcore_lab.idp.child import IdpDidNotStart
from agentcore_lab.model.choice import UnknownModel
from agentcore_lab.own_api import OwnApi
from agentcore_lab.runtime.quotas import UnknownQuota
from agentcore_lab.sandbox.base import BackendUnavailable
from agentcore_lab.store.db import DatabaseTooNew
from agentcore_lab.tls.trust import client_variables


def serve(
    host: Host = None,
    port: Port = None,
    data_dir: DataDir = None,
    cache_dir: CacheDir = None,
    sandbox: Sandbox = None,
    region: Region = None,
    fast_lifecycle: FastLifecycle = None,
    ping_seconds: PingSeconds = None,
    model: Model = None,
    tls: Tls = None,
    idp: Idp = None,
    sigv4: SigV4 = None,
) -> None:
    """Run the engine in the foreground until Ctrl-C or SIGTERM.

    Without --port the engine takes 4599, or a free port when that is taken.
    """
    # Imported here: the engine's parts take a while, which every other command would pay for.
    from agentcore_lab.server.serve import serve as serve_engine  # noqa: PLC0415

    settings = settings_from(
        host=host,
        port=port,
        data_dir=data_dir,
        cache_dir=cache_dir,
        sandbox=sandbox,
        region=region,
        fast_lifecycle=fast_lifecycle,
        ping_seconds=ping_seconds,
        model=model,
        tls=tls,
        idp=idp,
        sigv4=sigv4,
    )
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)-7s %(name)s  %(message)s")
    if not settings.sigv4:
        logging.getLogger(__name__).warning(NOT_VERIFIED)
    try:
        asyncio.run(
            serve_engine(
                settings, any_port=port is None, on_ready=lambda engine: _announce(engine, settings.model)
            )
        )
    except EngineAlreadyRuns as error:
        fail(str(error), launch.LOST_THE_RACE)
    except (
        BackendUnavailable,
        PortTaken,
        DatabaseTooNew,
        UnknownModel,
        UnknownQuota,
        IdpDidNotStart,
    ) as error:
        fail(str(error))


def status(
    port: Port = None, data_dir: DataDir = None, account: AsAccount = None, as_json: AsJson = False
) -> None:
    """Say what the running engine is, and what an account has there. Exits 1 when none runs."""
    settings = settings_from(port=port, data_dir=data_dir)
    engine = required_engine(settings, port)
    api = caller_of(engine, account)
    facts = api.fetch("status")
    living = sum(session["state"] != "Terminated" for session in api.fetch("sessions")["sessions"])
    runtimes = _runtimes(api)
    if as_json:
        typer.echo(json.dumps({**facts, "sessions": living, "runtimes": runtimes}, indent=2))
        return
    console = Console(highlight=False)
    _announce(engine, facts["model"])
    console.print(f"{living} running sessions")
    if runtimes:
        table = Table("Runtime", "Version", "Status")
        for runtime in runtimes:
            table.add_row(runtime["agentRuntimeId"], runtime["agentRuntimeVersion"], runtime["status"])
        console.print(table)
    else:
        console.print("No agent runtimes yet.")


def down(port: Port = None, data_dir: DataDir = None) -> None:
    """Stop the running engine and every session of it; runtimes and versions stay."""
    settings = settings_from(port=port, data_dir=data_dir)
    if settings.url:
        fail(f"The engine at {settings.url} (AGENTCORE_LAB_URL) is somebody else's, who may stop it.")
    engine = running_engine(settings, port)
    if engine is None:
        typer.echo("No engine runs.")
        return
    try:
        with Console().status("Ending sessions …"):
            launch.stop(engine)
    except launch.NotYours as error:
        fail(str(error))
    typer.echo(f"The engine at {engine.url} has stopped.")


def env(
    port: Port = None,
    data_dir: DataDir = None,
    account: Account = None,
    as_json: AsJson = False,
    tls: Annotated[
        bool, typer.Option("--tls", help="Also what leads clients to the engine under AWS's own names.")
    ] = False,
    lab: Annotated[
        bool, typer.Option("--lab", help="Also what leads Lab() there, for a user who may not read its data.")
    ] = False,
) -> None:
    """Print the variables that point any AWS client at the engine: eval "$(agentcore-lab env)"."""
    settings = settings_from(port=port, data_dir=data_dir)
    engine = required_engine(settings, port)
    if tls and not engine.tls:
        fail(f"The engine at {engine.url} has no TLS: start it with `agentcore-lab serve --tls`.")
    try:
        variables = client_environment(engine, account)
    except AccountError as error:
        fail(str(error))
    if tls:
        variables |= client_variables(engine.url, engine.region, Path(engine.data_dir) / "tls")
    if lab:
        variables["AGENTCORE_LAB_URL"] = engine.url
    if as_json:
        typer.echo(json.dumps(variables, indent=2))
        return
    for name, value in variables.items():
        typer.echo(f"export {name}={shlex.quote(value)}")


def _announce(engine: RunningEngine, model: str) -> None:
    typer.echo(
        f"agentcore-lab {engine.version} · {engine.url} · sandbox {engine.sandbox} · model {model} · "
        f"{engine.region} · data in {engine.data_dir}"
    )


def _runtimes(api: OwnApi) -> list[dict[str, Any]]:
    session = session_of(api.credentials, api.region)
    client = session.client("bedrock-agentcore-control", endpoint_url=api.url)
    pages = client.get_paginator("list_agent_runtimes").paginate()
    wanted = ("agentRuntimeArn", "agentRuntimeId", "agentRuntimeName", "agentRuntimeVersion", "status")
    return [{key: item[key] for key in wanted} for page in pages for item in page["agentRuntimes"]]
