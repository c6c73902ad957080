"""Options that several commands share, and finding the engine they mean."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, NoReturn, cast

import typer

from agentcore_lab.accounts.handed_out import credentials_of_caller
from agentcore_lab.discovery import RunningEngine, engine_at, find_engine
from agentcore_lab.own_api import OwnApi
from agentcore_lab.settings import MAX_PING_SECONDS, MIN_PING_SECONDS, SandboxChoice, Settings

NOT_VERIFIED = (
    "Signatures are not verified (--no-sigv4): whoever reaches the engine may do anything in its account."
)

Host = Annotated[str | None, typer.Option(help="Address to listen on.", show_default="127.0.0.1")]
Port = Annotated[int | None, typer.Option(help="The engine's port.", min=0, max=65535, show_default="4599")]
DataDir = Annotated[
    Path | None, typer.Option(help="What must survive a restart; one engine owns it.", file_okay=False)
]
CacheDir = Annotated[
    Path | None, typer.Option(help="What can be made again: wheels, bases, environments.", file_okay=False)
]
Sandbox = Annotated[
    str | None, typer.Option(help="Where agents run: auto, docker or process.", show_default="auto")
]
Region = Annotated[str | None, typer.Option(help="The AWS region to play.", show_default="us-west-2")]
FastLifecycle = Annotated[
    bool | None,
    typer.Option(
        "--fast-lifecycle", help="Settle every change of a runtime or endpoint before the call returns."
    ),
]
PingSeconds = Annotated[
    float | None,
    typer.Option(
        help="Between two health checks of a session.",
        min=MIN_PING_SECONDS,
        max=MAX_PING_SECONDS,
        show_default="2",
    ),
]
Model = Annotated[
    str | None,
    typer.Option(
        help="What answers bedrock-runtime: scripted, openai=URL[#NAME] or bedrock[=PROFILE].",
        show_default="scripted",
    ),
]
Tls = Annotated[
    bool | None,
    typer.Option("--tls", help="Take HTTPS and WSS too, under AWS's own names; see `env --tls`."),
]
Idp = Annotated[bool | None, typer.Option("--idp", help="Start the local identity provider with the engine.")]
Account = Annotated[
    str | None, typer.Option(help="Name or id of an account of the engine's.", show_default="default")
]
AsAccount = Annotated[
    str | None,
    typer.Option(
        "--account",
        help="Name or id of the account to ask as.",
        show_default="that of the environment's credentials, or default",
    ),
]
SigV4 = Annotated[
    bool | None,
    typer.Option("--sigv4/--no-sigv4", help="Verify signatures, as AWS does.", show_default="--sigv4"),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]


def settings_from(
    *,
    host: str | None = None,
    port: int | None = None,
    data_dir: Path | None = None,
    cache_dir: Path | None = None,
    sandbox: str | None = None,
    region: str | None = None,
    fast_lifecycle: bool | None = None,
    ping_seconds: float | None = None,
    model: str | None = None,
    tls: bool | None = None,
    idp: bool | None = None,
    sigv4: bool | None = None,
) -> Settings:
    """Settings from options and environment; a value that cannot be used is told as a usage error."""
    if sandbox not in {None, "auto", "docker", "process"}:
        raise typer.BadParameter(f"{sandbox!r} is not one of auto, docker, process", param_hint="--sandbox")
    try:
        return Settings.load(
            host=host,
            port=port,
            data_dir=_absolute(data_dir),
            cache_dir=_absolute(cache_dir),
            sandbox=cast("SandboxChoice | None", sandbox),
            region=region,
            fast_lifecycle=fast_lifecycle,
            ping_seconds=ping_seconds,
            model=model,
            tls=tls,
            idp=idp,
            sigv4=sigv4,
        )
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error


def running_engine(settings: Settings, port: int | None) -> RunningEngine | None:
    """The engine on ``port`` when one was named, else that of the data directory."""
    if port is not None:
        return engine_at(f"http://{settings.host}:{port}")
    return engine_at(settings.url) if settings.url else find_engine(settings.data_dir)


def required_engine(settings: Settings, port: int | None) -> RunningEngine:
    """The running engine; without one the command ends with exit code 1 and the mend."""
    engine = running_engine(settings, port)
    if engine is None:
        where = f"on port {port}" if port is not None else (settings.url or f"on {settings.data_dir}")
        fail(f"No engine runs {where}. Start one with `agentcore-lab serve` or `agentcore-lab up`.")
    return engine


def caller_of(engine: RunningEngine, account: str | None) -> OwnApi:
    """The engine's own API as ``account``, or as whom boto3 would call it here. Raises AccountError."""
    return OwnApi(engine.url, engine.region, credentials_of_caller(engine, account))


def fail(message: str, code: int = 1) -> NoReturn:
    """Say why on stderr and end."""
    typer.echo(message, err=True)
    raise typer.Exit(code)


def _absolute(path: Path | None) -> Path | None:
    return path.expanduser().resolve() if path else None
