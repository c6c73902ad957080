"""``up``: engine, proof, JupyterLab on the first lab; or, headless, the first lab run to its end."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from botocore.exceptions import BotoCoreError, ClientError
from rich.console import Console

from agentcore_lab.cli.options import (
    NOT_VERIFIED,
    CacheDir,
    DataDir,
    FastLifecycle,
    Idp,
    Model,
    Port,
    Sandbox,
    SigV4,
    Tls,
    fail,
    settings_from,
)
from agentcore_lab.cli.proof import prove
from agentcore_lab.cli.run_lab import run_lab
from agentcore_lab.discovery import find_engine
from agentcore_lab.images.dockerfile import BuildError
from agentcore_lab.lab import Lab
from agentcore_lab.launch import EngineDidNotStart, NoTls, WrongSandbox
from agentcore_lab.settings import Settings, apply_to_process

FIRST_LAB = "01-hosting-runtime-agent.ipynb"
WITHOUT: dict[str, Any] = {"frameworks": []}
"""What a quick proof leaves out of it: under emulation the frameworks' imports take minutes."""


def up(
    headless: Annotated[
        bool, typer.Option("--headless", help="Run the first lab without a browser, then exit.")
    ] = False,
    root: Annotated[Path, typer.Option(help="The folder with notebooks/ and containers/.")] = Path(),
    port: Port = None,
    data_dir: DataDir = None,
    cache_dir: CacheDir = None,
    sandbox: Sandbox = None,
    fast_lifecycle: FastLifecycle = None,
    model: Model = None,
    tls: Tls = None,
    idp: Idp = None,
    sigv4: SigV4 = None,
) -> None:
    """Start the engine, prove that an agent answers, and open JupyterLab on the first lab.

    The engine goes on when JupyterLab ends; `agentcore-lab down` stops it.
    """
    settings = settings_from(
        port=port,
        data_dir=data_dir,
        cache_dir=cache_dir,
        sandbox=sandbox,
        fast_lifecycle=fast_lifecycle,
        model=model,
        tls=tls,
        idp=idp,
        sigv4=sigv4,
    )
    if settings.url:
        fail(
            f"AGENTCORE_LAB_URL leads to somebody else's engine, {settings.url}: open the "
            "notebooks in JupyterLab as they are. For an engine of your own unset it, or name a --data-dir."
        )
    root = root.expanduser().resolve()
    if not (root / "notebooks" / FIRST_LAB).is_file():
        fail(
            f"{root} has no notebooks/{FIRST_LAB}: run this in the agentcore-lab repository, or name it with --root."
        )
    console = Console(highlight=False)
    if not settings.sigv4:
        console.print(NOT_VERIFIED)
    ours = find_engine(settings.data_dir) is None
    apply_to_process(settings.engine_environment())
    lab = _lab(settings, port, console)
    try:
        console.print(str(prove(lab, root / "containers" / "hello-agent", settings, console)), soft_wrap=True)
        code = _first_lab(root / "notebooks", console) if headless else _jupyter(root)
    except (BuildError, BotoCoreError, ClientError, TimeoutError) as error:
        fail(f"No agent answered. {error}")
    finally:
        if headless and ours:
            lab.stop()
    if not headless:
        typer.echo(f"The engine goes on at {lab.url}; `agentcore-lab down` stops it.")
    raise typer.Exit(code)


def _lab(settings: Settings, port: int | None, console: Console) -> Lab:
    try:
        with console.status("Starting the engine …"):
            return Lab(sandbox=settings.sandbox, data_dir=settings.data_dir, port=port)
    except (EngineDidNotStart, NoTls, WrongSandbox) as error:
        fail(str(error))


def _first_lab(notebooks: Path, console: Console) -> int:
    with console.status("Running the first lab …"):
        run = run_lab(notebooks / FIRST_LAB, notebooks / "executed" / FIRST_LAB, WITHOUT)
    if run.passed:
        console.print(f"{run.name} passed in {run.seconds:.1f} s: {run.executed}", soft_wrap=True)
        return 0
    console.print(f"{run.name} failed in cell {run.failed_at}: {run.why}", soft_wrap=True)
    console.print(f"See {run.executed}", soft_wrap=True)
    return 1


def _jupyter(root: Path) -> int:
    # The address JupyterLab prints leads to the lab too: where it finds no browser, a person copies that.
    command = [sys.executable, "-m", "jupyterlab", f"--ServerApp.root_dir={root}"]
    command += [f"--LabApp.default_url=/lab/tree/notebooks/{FIRST_LAB}"]
    if os.geteuid() == 0:
        command.append("--allow-root")
    try:
        return subprocess.call(command)
    except KeyboardInterrupt:
        return 0
