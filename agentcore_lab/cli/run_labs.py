"""``run-labs``: every lab to its last cell, and a table of what came of it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from agentcore_lab.cli.options import CacheDir, DataDir, Model, Port, Region, Sandbox, fail, settings_from
from agentcore_lab.cli.run_lab import LabRun, run_lab
from agentcore_lab.discovery import find_engine
from agentcore_lab.launch import EngineDidNotStart, WrongSandbox, find_or_start, stop
from agentcore_lab.settings import Settings, apply_to_process

LABS = "[0-9]*.ipynb"


def run_labs(
    labs: Annotated[
        list[str] | None,
        typer.Argument(help="Labs in the order to run them, by the beginnings of their names. All without."),
    ] = None,
    root: Annotated[Path, typer.Option(help="The folder with notebooks/ and containers/.")] = Path(),
    output: Annotated[
        Path | None, typer.Option(help="Where the executed notebooks go.", show_default="notebooks/executed")
    ] = None,
    port: Port = None,
    data_dir: DataDir = None,
    cache_dir: CacheDir = None,
    sandbox: Sandbox = None,
    region: Region = None,
    model: Model = None,
) -> None:
    """Run the labs one after the other on one engine, each to its last cell or the first that fails.

    Exits 0 when all of them passed. An engine that runs already is used and left running.
    """
    settings = settings_from(
        port=port, data_dir=data_dir, cache_dir=cache_dir, sandbox=sandbox, region=region, model=model
    )
    folder = root.expanduser().resolve() / "notebooks"
    notebooks = _chosen(folder, labs or [])
    console = Console(highlight=False)
    ours = not settings.url and find_engine(settings.data_dir) is None
    apply_to_process(settings.engine_environment())
    try:
        engine = find_or_start(settings, any_port=port is None)
    except (EngineDidNotStart, WrongSandbox) as error:
        fail(str(error))
    try:
        runs = _run(notebooks, (output or folder / "executed").expanduser().resolve(), settings, console)
    finally:
        if ours:
            stop(engine)
    console.print(_table(runs, engine.sandbox))
    for run in runs:
        console.print(f"{run.name}: {run.why}" if run.why else str(run.executed), soft_wrap=True)
    raise typer.Exit(0 if all(run.passed for run in runs) else 1)


def _chosen(folder: Path, names: list[str]) -> list[Path]:
    known = sorted(folder.glob(LABS))
    if not known:
        fail(f"{folder} has no labs: run this in the agentcore-lab repository, or name it with --root.")
    chosen = []
    for name in names:
        fitting = [lab for lab in known if lab.stem.startswith(name)]
        if len(fitting) != 1:
            fail(f"{name!r} names {len(fitting)} labs. There are: {', '.join(lab.stem for lab in known)}.")
        chosen += fitting
    return chosen or known


def _run(notebooks: list[Path], output: Path, settings: Settings, console: Console) -> list[LabRun]:
    wanted = {"sandbox": None if settings.sandbox == "auto" else settings.sandbox, "region": settings.region}
    parameters = {name: value for name, value in wanted.items() if value is not None}
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.completed}/{task.total} cells"),
    )
    runs = []
    with Progress(*columns, TimeElapsedColumn(), console=console, disable=not console.is_terminal) as bars:
        for notebook in notebooks:
            bar = bars.add_task(notebook.stem, total=None)

            def progress(done: int, cells: int, bar: object = bar) -> None:
                bars.update(bar, completed=done, total=cells)  # type: ignore[arg-type]

            run = run_lab(notebook, output / notebook.name, parameters, progress)
            runs.append(run)
            if not console.is_terminal:
                console.print(_line(run), soft_wrap=True)
    return runs


def _line(run: LabRun) -> str:
    outcome = "passed" if run.passed else f"failed in cell {run.failed_at}"
    return f"{run.name} {outcome} in {run.seconds:.1f} s"


def _table(runs: list[LabRun], sandbox: str) -> Table:
    table = Table(title=f"Labs on {sandbox}", title_justify="left")
    table.add_column("lab")
    table.add_column("seconds", justify="right")
    table.add_column("passed")
    table.add_column("failed in cell")
    for run in runs:
        cell = "" if run.passed else str(run.failed_at)
        table.add_row(run.name, f"{run.seconds:.1f}", "yes" if run.passed else "no", cell)
    return table
