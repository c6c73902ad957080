"""The provider as a child of the engine: started when asked for, ended with it, whatever ends it."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

from agentcore_lab.plain_error import PlainError

_START_SECONDS = 60
_END_SECONDS = 5


class IdpDidNotStart(PlainError):  # noqa: N818 - a state, named as one
    """The identity provider ended, or did not listen in time; its own words are in the engine's log."""


class ProviderProcess:
    """One provider in ``folder``, listening on ``host``; its port stays the same as long as it can."""

    def __init__(self, folder: Path, host: str, port: int = 0) -> None:
        self.folder = folder
        self._place = (host, str(port))
        self._process: asyncio.subprocess.Process | None = None
        self._issuer: str | None = None
        self._starting = asyncio.Lock()

    @property
    def issuer(self) -> str | None:
        """Its address while it runs."""
        running = self._process is not None and self._process.returncode is None
        return self._issuer if running else None

    async def start(self) -> str:
        """Its address, once it listens; it is started if it does not run. Raises IdpDidNotStart."""
        async with self._starting:
            if self.issuer is None:
                self._issuer = await self._start()
            assert self._issuer is not None, "it has just been set"
            return self._issuer

    async def _start(self) -> str:
        arguments = [sys.executable, "-m", "agentcore_lab.idp", str(self.folder), *self._place]
        self._process = process = await asyncio.create_subprocess_exec(
            *arguments, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
        )
        assert process.stdout is not None, "it was asked for"
        try:
            async with asyncio.timeout(_START_SECONDS):
                line = await process.stdout.readline()
            return str(json.loads(line)["issuer"])
        except (TimeoutError, ValueError) as error:
            await self.close()
            raise IdpDidNotStart(
                "The identity provider did not start. The end of the engine's log says why."
            ) from error

    async def close(self) -> None:
        """End it. Nothing happens if it does not run."""
        process = self._process
        if process is None:
            return
        assert process.stdin is not None, "it was asked for"
        process.stdin.close()
        try:
            async with asyncio.timeout(_END_SECONDS):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()
        self._process = None

    async def wait(self) -> None:
        """Return when it has ended."""
        if self._process is not None:
            await self._process.wait()
