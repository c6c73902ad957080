"""The process that moto runs in: started when it is first needed, gone with the engine."""

from __future__ import annotations

import asyncio
import logging
import shutil
import sys
import tempfile
from asyncio.subprocess import PIPE, Process
from pathlib import Path

from agentcore_lab.errors import InternalServerException

log = logging.getLogger(__name__)

LOG = "neighbours.log"
STATE = "neighbours"
"""Where moto's state is, in the data directory."""

_START_SECONDS = 120.0
_END_SECONDS = 30.0
_TAIL_BYTES = 2000


class MotoProcess:
    """moto on a Unix socket. ``data_dir`` takes its log and its state."""

    def __init__(self, data_dir: Path) -> None:
        self._data_dir = data_dir
        self._lock = asyncio.Lock()
        self._process: Process | None = None
        self._folder: Path | None = None

    @property
    def pid(self) -> int | None:
        """The process's id, None while there is none."""
        return self._process.pid if self._process is not None and self._process.returncode is None else None

    async def socket(self) -> str:
        """The socket's path; the process is started if it does not run.

        Raises:
            InternalServerException: it does not start; the message has the end of its log.
        """
        async with self._lock:
            if self._folder is None or self.pid is None:
                await self._start()
            return str(self._path)

    @property
    def _path(self) -> Path:
        assert self._folder is not None
        return self._folder / "moto"

    async def _start(self) -> None:
        if self._folder is None:
            # A socket's path may have some hundred characters: the data directory's may be too long.
            self._folder = Path(tempfile.mkdtemp(prefix="agentcore-lab-"))
        self._path.unlink(missing_ok=True)
        log_path, state = self._data_dir / LOG, self._data_dir / STATE
        with log_path.open("ab") as output:
            begin = output.tell()
            self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "agentcore_lab.neighbours.child", str(self._path), str(state)),
                stdin=PIPE,
                stdout=PIPE,
                stderr=output,
                cwd=Path(__file__).parents[2],
                start_new_session=True,
            )
        assert self._process.stdout is not None
        try:
            async with asyncio.timeout(_START_SECONDS):
                said = await self._process.stdout.readline()
        except TimeoutError:
            said = b""
        if not said:
            await self._end(self._process)
            raise InternalServerException(
                f"The services beside AgentCore (moto) did not start. The end of {log_path}:\n"
                + _tail(log_path, begin)
            )
        log.info("moto answers for S3, IAM and the others as process %d", self._process.pid)

    async def close(self) -> None:
        """End the process."""
        if self._process is not None:
            await self._end(self._process)
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)

    async def _end(self, process: Process) -> None:
        assert process.stdin is not None
        process.stdin.close()
        try:
            async with asyncio.timeout(_END_SECONDS):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()


def _tail(path: Path, begin: int) -> str:
    with path.open("rb") as file:
        file.seek(max(begin, path.stat().st_size - _TAIL_BYTES))
        return file.read().decode(errors="replace").strip() or "(it is empty)"
