"""Threads in which calls of the docker SDK block, and what its errors are to the engine."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, ParamSpec, TypeVar

from docker.errors import APIError, DockerException
from requests.exceptions import RequestException

from agentcore_lab.sandbox.base import BackendUnavailable, SandboxError

if TYPE_CHECKING:
    from collections.abc import Callable

P = ParamSpec("P")
T = TypeVar("T")

# docker-py blocks: several threads, so that one slow stop holds up no other session.
THREADS = 8


class Threads:
    """A bounded pool; between ``open`` and ``close`` calls run in it."""

    def __init__(self) -> None:
        self._pool: ThreadPoolExecutor | None = None

    def open(self) -> None:
        """Take calls from now on."""
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="docker")

    def close(self) -> None:
        """Take no more calls; those under way go on."""
        if self._pool is not None:
            self._pool.shutdown(wait=False)
            self._pool = None

    async def run(self, call: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Run ``call`` in the pool; what the SDK raises becomes a SandboxError."""
        if self._pool is None:
            raise BackendUnavailable("the docker backend is not open")
        loop = asyncio.get_running_loop()
        try:
            return await loop.run_in_executor(self._pool, lambda: call(*args, **kwargs))
        except APIError as error:
            raise SandboxError(str(error.explanation or error)) from error
        except (DockerException, RequestException) as error:
            raise SandboxError(f"the container engine does not answer: {error}") from error
