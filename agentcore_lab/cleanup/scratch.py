"""A block at whose end everything made inside it is deleted."""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import ExitStack
from types import TracebackType
from typing import Any, Self

from botocore import xform_name
from botocore.exceptions import ClientError

from agentcore_lab.cleanup.calls import listening
from agentcore_lab.cleanup.inverse import Undo
from agentcore_lab.cleanup.ledger import Ledger
from agentcore_lab.plain_error import PlainError

_PATIENCE_SECONDS = 300.0
"""A version proves healthy within 120 s and its warm-up hook answers within 120 s; nothing is deleted before."""

_POLL_SECONDS = 0.1
_GONE = "ResourceNotFoundException"
_LATER = {"ConflictException", "RetryableConflictException", "ThrottlingException"}


class NotCleaned(PlainError):  # noqa: N818 - a state, named as one
    """Some of what was made could not be deleted; the message names it."""


class Scratch:
    """Deletes, at the end of its block, all that boto3 clients of this process made inside it.

    Things another process made, and things made before, stay. Iterating gives what there is now, in words.
    """

    def __init__(self, place: str, clients: Mapping[str, Any]) -> None:
        self._ledger = Ledger(place)
        self._clients = clients
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        self._stack.enter_context(listening(self._ledger.note))
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self._stack.close()
        try:
            clean(self._ledger, self._clients)
        except Exception as failure:
            if error is None:
                raise
            # What went wrong inside the block is what its author has to see.
            error.add_note(str(failure))

    def __iter__(self) -> Any:
        return iter(self._ledger)

    def __len__(self) -> int:
        return len(self._ledger)

    def __repr__(self) -> str:
        return f"Scratch({', '.join(self._ledger) or 'nothing made yet'})"


def clean(ledger: Ledger, clients: Mapping[str, Any]) -> list[str]:
    """Delete all that a ledger remembers, wait until it is gone, and say in words what that was.

    ``clients`` are boto3's, by the service's name. What somebody has deleted meanwhile is gone as well.

    Raises:
        NotCleaned: something could not be deleted; the rest is.
    """
    deadline = time.monotonic() + _PATIENCE_SECONDS
    cleaned, failures = [], []
    for undo in ledger.latest_first():
        try:
            _undo(undo, clients[undo.service], deadline)
        except ClientError as error:
            failures.append(f"{undo.label} ({error.response['Error'].get('Message', error)})")
        except TimeoutError:
            failures.append(f"{undo.label} (it was still there after {_PATIENCE_SECONDS:g} s)")
        else:
            ledger.forget(undo)
            cleaned.append(undo.label)
    if failures:
        raise NotCleaned(
            f"Not everything could be deleted: {'; '.join(failures)}. "
            "Delete it with boto3, or try `lab.cleanup()` again."
        )
    return cleaned


def _undo(undo: Undo, client: Any, deadline: float) -> None:
    delete = getattr(client, xform_name(undo.operation))
    while _refused(delete, undo, _LATER) not in {None, _GONE}:
        _wait(deadline)
    if undo.look is not None:
        while _refused(getattr(client, xform_name(undo.look)), undo, _LATER) != _GONE:
            _wait(deadline)


def _refused(call: Any, undo: Undo, bearable: set[str]) -> str | None:
    """The code of an error that time or nothing can mend; None where there was none."""
    try:
        call(**undo.parameters)
    except ClientError as error:
        code = str(error.response["Error"]["Code"])
        if code == _GONE or code in bearable:
            return code
        raise
    return None


def _wait(deadline: float) -> None:
    if time.monotonic() > deadline:
        raise TimeoutError
    time.sleep(_POLL_SECONDS)
