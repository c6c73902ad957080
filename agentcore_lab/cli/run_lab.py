"""Running a lab without a browser."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.console import Console

from agentcore_lab.clock import stopwatch


def run_lab(notebook: Path, console: Console, parameters: Mapping[str, Any] | None = None) -> int:
    """Execute a lab into ``executed/`` beside it; 0 when every cell ran, else 1 and the cell that failed.

    ``parameters`` take the place of those in the cell that is tagged so.
    """
    # Imported here: papermill takes more than a second, which every other command would pay for.
    import papermill  # noqa: PLC0415
    from papermill.exceptions import PapermillExecutionError  # noqa: PLC0415

    executed = notebook.parent / "executed" / notebook.name
    executed.parent.mkdir(exist_ok=True)
    began = stopwatch()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter(
                "ignore"
            )  # of the notebook format's own machinery; a lab's end up in the lab
            papermill.execute_notebook(
                notebook,
                executed,
                parameters=dict(parameters or {}),
                cwd=notebook.parent,
                kernel_name="python3",
                progress_bar=console.is_terminal,
            )
    except PapermillExecutionError as error:
        console.print(
            f"{notebook.stem} failed in cell {error.exec_count}: {error.ename}: {error.evalue}",
            soft_wrap=True,
        )
        console.print(f"See {executed}", soft_wrap=True)
        return 1
    console.print(f"{notebook.stem} passed in {stopwatch() - began:.1f} s: {executed}", soft_wrap=True)
    return 0
