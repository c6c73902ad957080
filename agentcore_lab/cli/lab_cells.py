"""A papermill engine that tells how many cells of a notebook are done: papermill itself only draws a bar of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import zmq
from papermill.engines import NBClientEngine, papermill_engines
from traitlets.config import Config

ENGINE = "agentcore-lab"

_NO_KERNEL = "Kernel died before replying to kernel_info"
"""jupyter_client's words for a kernel that ended before it had run anything."""

Progress = Callable[[int, int], None]
_told: ContextVar[Progress] = ContextVar("_told", default=lambda _done, _cells: None)


@contextmanager
def told_to(progress: Progress) -> Iterator[None]:
    """Within it, what is executed here is told to ``progress``: cells done, cells in all."""
    token = _told.set(progress)
    try:
        yield
    finally:
        _told.reset(token)


class CountingEngine(NBClientEngine):  # type: ignore[misc]
    """papermill's own engine, which counts aloud."""

    @classmethod
    def execute_managed_notebook(cls, nb_man: Any, kernel_name: str, **options: Any) -> Any:
        """Execute as papermill does."""
        progress, cells = _told.get(), len(nb_man.nb.cells)
        finish = nb_man.cell_complete

        def complete(cell: Any, cell_index: int | None = None, **more: Any) -> None:
            finish(cell, cell_index, **more)
            if cell_index is not None:
                progress(cell_index + 1, cells)

        nb_man.cell_complete = complete
        options["config"] = _encrypted()
        try:
            return super().execute_managed_notebook(nb_man, kernel_name, **options)
        except RuntimeError as error:
            if str(error) != _NO_KERNEL:
                raise
        # A kernel's ports are chosen before it has them: another program may have taken one meanwhile.
        return super().execute_managed_notebook(nb_man, kernel_name, **options)


def _encrypted() -> Config:
    """Kernels that can talk to this process encrypted do: others say that they do not, in the midst of the run."""
    return Config({"KernelManager": {"transport_encryption": "auto"}} if zmq.has("curve") else {})


papermill_engines.register(ENGINE, CountingEngine)
