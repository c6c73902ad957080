"""Building on a terminal: a bar where there is one, plain lines where there is none."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from agentcore_lab.images.build import Built, Step, image_uri
from agentcore_lab.images.choose import builder_for
from agentcore_lab.settings import Settings


def build_with_progress(
    folder: Path, sandbox: str, settings: Settings, console: Console, *, fresh: bool = False
) -> Built:
    """Build the agent in ``folder`` under its own name. Raises BuildError."""
    builder = builder_for(sandbox, settings)
    uri = image_uri(folder.name, settings)
    if not console.is_terminal:

        def say(step: Step) -> None:
            console.print(
                f"{folder.name}: {step.number}/{step.total} {step.text}", highlight=False, soft_wrap=True
            )

        return builder.build(folder, uri, on_step=say, fresh=fresh)
    columns = (TextColumn("{task.description}"), BarColumn(24), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task(f"Building {folder.name} …", total=None)

        def show(step: Step) -> None:
            progress.update(
                task,
                total=step.total,
                completed=step.number - 1,
                description=f"[bold]{folder.name}[/] {step.text} …",
            )

        return builder.build(folder, uri, on_step=show, fresh=fresh)
