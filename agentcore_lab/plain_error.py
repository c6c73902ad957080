"""Errors that a person reads: a sentence of cause, a sentence of mend, and in a notebook nothing else."""

from __future__ import annotations


class PlainError(Exception):
    """An ordinary exception for programs; in IPython its message stands without the traceback.

    The message says what is wrong and what mends it. Where it happened is of no use to the reader, who has not
    written that code.
    """

    def _render_traceback_(self) -> list[str]:
        """What IPython shows in place of a traceback (``InteractiveShell.showtraceback``)."""
        return [f"\x1b[1;31m{type(self).__name__}\x1b[0m: {self}"]
