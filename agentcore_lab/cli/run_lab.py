"""Running labs without a browser: each cell in order, the executed notebook kept."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agentcore_lab.clock import stopwatch

_NO_PARAMETERS: Mapping[str, Any] = {}


@dataclass(frozen=True, slots=True)
class LabRun:
    """What came of a run. ``failed_at`` is the cell that failed as notebooks number it, ``why`` its error."""

    name: str
    executed: Path
    seconds: float
    failed_at: int | None = None
    why: str = ""

    @property
    def passed(self) -> bool:
        """Whether every cell ran."""
        return not self.why


def run_lab(
    notebook: Path,
    executed: Path,
    parameters: Mapping[str, Any] = _NO_PARAMETERS,
    progress: Callable[[int, int], None] = lambda _done, _cells: None,
) -> LabRun:
    """Execute ``notebook`` by papermill into ``executed``; ``progress`` hears how many of its cells are done.

    It works in its own folder, as it does in JupyterLab. Only those ``parameters`` that its cell ``parameters`` knows
    are passed.
    """
    # Imported here: papermill takes more than a second, which every other command would pay for.
    import papermill  # noqa: PLC0415
    from papermill.exceptions import PapermillExecutionError  # noqa: PLC0415

    from agentcore_lab.cli.lab_cells import ENGINE, told_to  # noqa: PLC0415

    executed.parent.mkdir(parents=True, exist_ok=True)
    began = stopwatch()
    failed_at, why = None, ""
    try:
        # Warnings are of the notebook format's own machinery; a lab's own end up in the lab.
        with warnings.catch_warnings(), told_to(progress):
            warnings.simplefilter("ignore")
            known = papermill.inspect_notebook(notebook)
            papermill.execute_notebook(
                notebook,
                executed,
                parameters={name: value for name, value in parameters.items() if name in known},
                cwd=notebook.parent,
                kernel_name="python3",
                engine_name=ENGINE,
                progress_bar=False,
            )
    except PapermillExecutionError as error:
        failed_at, why = error.exec_count, f"{error.ename}: {error.evalue}"
    except RuntimeError as error:
        why = f"no kernel for it: {error}"
    return LabRun(notebook.stem, executed, stopwatch() - began, failed_at, why)
