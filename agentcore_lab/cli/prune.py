"""``prune``: show what builds have left behind, and remove it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import timedelta
from typing import Annotated

import typer
from docker.errors import DockerException
from requests.exceptions import RequestException
from rich.console import Console
from rich.table import Table

from agentcore_lab.cli.options import AsJson, CacheDir, DataDir, fail, settings_from
from agentcore_lab.clock import SystemClock
from agentcore_lab.prune.docker import DockerLeftovers
from agentcore_lab.prune.leftovers import Leftover, Needed, Place, needed_in
from agentcore_lab.prune.process import BaseFiles, ProcessImages, VirtualEnvironments
from agentcore_lab.sandbox.docker_host import EngineUnreachable, connect
from agentcore_lab.sandbox.ownership import owner_of
from agentcore_lab.sandbox.process_store import ProcessStore
from agentcore_lab.sandbox.process_venv import Environments
from agentcore_lab.settings import Settings

_MB = 1_000_000


def prune(
    days: Annotated[int, typer.Option(min=1, help="Leave what was of use within so many days.")] = 30,
    yes: Annotated[bool, typer.Option("--yes", help="Remove it; without this it is shown.")] = False,
    data_dir: DataDir = None,
    cache_dir: CacheDir = None,
    as_json: AsJson = False,
) -> None:
    """Show, or remove, images and virtual environments that no version needs.

    Only what can be made again, what neither a stored version nor a running session needs, and what has not been of
    use for --days. Images that you named yourself are left alone, and those that engines of other data directories
    need.
    """
    settings = settings_from(data_dir=data_dir, cache_dir=cache_dir)
    before = SystemClock().now() - timedelta(days=days)
    console = Console(stderr=as_json, highlight=False)
    with _places(settings, console) as places:
        try:
            found = [(place, leftover) for place in places for leftover in place.find(before)]
            gone = [leftover for place, leftover in found if not yes or place.remove(leftover)]
        except (DockerException, RequestException) as error:
            fail(f"The container engine refused: {error}")
    if as_json:
        told = [{**asdict(each), "last_used": each.last_used.isoformat()} for each in gone]
        typer.echo(json.dumps({"removed": yes, "leftovers": told}, indent=2))
        return
    _tell(console, gone, days, removed=yes)


@contextmanager
def _places(settings: Settings, console: Console) -> Iterator[list[Place]]:
    """Where leftovers may be; without a container engine that is said, and what is on disk is looked at."""
    needed = needed_in(settings.data_dir)
    on_disk = _on_disk(settings, needed)
    try:
        client = connect()
    except EngineUnreachable:
        console.print("No container engine answers: only what is on disk is looked at.")
        yield on_disk
        return
    owner = owner_of(settings.data_dir, settings.cache_dir)
    try:
        yield [DockerLeftovers(client, owner, needed, settings.cache_dir), *on_disk]
    finally:
        client.close()


def _on_disk(settings: Settings, needed: Needed) -> list[Place]:
    store = ProcessStore(settings.data_dir / "images")
    return [
        ProcessImages(store, needed),
        VirtualEnvironments(Environments(settings.cache_dir / "venvs"), store, needed),
        BaseFiles(settings.cache_dir / "bases"),
    ]


def _tell(console: Console, leftovers: list[Leftover], days: int, *, removed: bool) -> None:
    if not leftovers:
        console.print(
            f"Nothing to remove: all there is was of use within {days} days, or a version needs it."
        )
        return
    table = Table("What", "Name", "Last used")
    table.add_column("Space", justify="right")
    for each in leftovers:
        table.add_row(each.what, each.name, f"{each.last_used:%Y-%m-%d}", f"{each.size / _MB:,.1f} MB")
    console.print(table)
    space = f"{sum(each.size for each in leftovers) / _MB:,.0f} MB"
    if removed:
        console.print(f"Removed: {len(leftovers)}, at least {space}.")
    else:
        console.print(
            f"{len(leftovers)} can be removed, at least {space} (what they share with each other comes on top): "
            f"run `agentcore-lab prune --days {days} --yes`.",
            soft_wrap=True,
        )
