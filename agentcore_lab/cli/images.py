"""``images build`` and ``images bases``: the lab's agents as images, and what they start from."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from agentcore_lab.cli.options import (
    AsJson,
    CacheDir,
    DataDir,
    Port,
    Sandbox,
    fail,
    running_engine,
    settings_from,
)
from agentcore_lab.cli.progress import build_with_progress
from agentcore_lab.images.bases import EXAMPLE, FILE, Bases
from agentcore_lab.images.dockerfile import BuildError
from agentcore_lab.sandbox.docker_probe import docker_unavailable
from agentcore_lab.settings import Settings

images = typer.Typer(help="Agent images.", no_args_is_help=True)


@images.command("build")
def build(
    names: Annotated[list[str] | None, typer.Argument(help="Folders of --containers; all when none.")] = None,
    containers: Annotated[Path, typer.Option(help="Where the agents' folders are.")] = Path("containers"),
    fresh: Annotated[bool, typer.Option(help="Use nothing that was built or resolved before.")] = False,
    port: Port = None,
    data_dir: DataDir = None,
    cache_dir: CacheDir = None,
    sandbox: Sandbox = None,
    as_json: AsJson = False,
) -> None:
    """Build agents and give their images ECR names.

    Nothing is emulated on the way. Images are built for the running engine's sandbox, or for the one named.
    """
    settings = settings_from(port=port, data_dir=data_dir, cache_dir=cache_dir, sandbox=sandbox)
    folders = [containers / name for name in names or []] or agents_in(containers)
    if not folders:
        fail(f"No folder of {containers.resolve()} has a Dockerfile.")
    kind = sandbox_for(settings, port)
    console = Console(stderr=as_json)
    built = []
    for folder in folders:
        try:
            image = build_with_progress(folder.resolve(), kind, settings, console, fresh=fresh)
        except BuildError as error:
            fail(str(error))
        built.append(image)
        word = "unchanged" if image.reused else "built"
        console.print(
            f"{image.uri}  {word} in {image.seconds:.1f} s  ({image.architecture}, {image.digest[:19]})",
            highlight=False,
            soft_wrap=True,
        )
    if as_json:
        typer.echo(json.dumps([asdict(image) for image in built], indent=2))


@images.command("bases")
def bases(data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """Show what takes the place of a FROM that cannot be had here, and where to change it."""
    table = Bases(settings_from(data_dir=data_dir).data_dir / FILE)
    try:
        rows = table.rows()
    except BuildError as error:
        fail(str(error))
    if as_json:
        typer.echo(json.dumps([asdict(row) for row in rows], indent=2))
        return
    console = Console(highlight=False)
    shown = Table("FROM", "In its place", "Whose")
    for row in rows:
        use = f"Python {row.made}, made of Debian's ARM64 packages" if row.made else row.use
        shown.add_row(row.pattern, use, "yours" if row.own else "built in")
    console.print(shown)
    console.print(f"The first row that fits counts. Your own rows go into {table.path}:\n", soft_wrap=True)
    typer.echo(EXAMPLE, nl=False)


def agents_in(containers: Path) -> list[Path]:
    """The folders that hold an agent."""
    return sorted(dockerfile.parent for dockerfile in containers.glob("*/Dockerfile"))


def sandbox_for(settings: Settings, port: int | None) -> str:
    """What images are built for: the sandbox named, else the running engine's, else what this machine has."""
    if settings.sandbox != "auto":
        return settings.sandbox
    if engine := running_engine(settings, port):
        return engine.sandbox
    return "process" if docker_unavailable() else "docker"
