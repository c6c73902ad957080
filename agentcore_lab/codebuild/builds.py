"""The builds of an engine: started, followed, stopped, kept as files in the data directory."""

from __future__ import annotations

import asyncio
import json
import logging
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from agentcore_lab.clock import Clock
from agentcore_lab.codebuild.log import BuildLog
from agentcore_lab.codebuild.record import Account, Project, entered, failed, new_build
from agentcore_lab.codebuild.runner import Clients, Runner, Stopped
from agentcore_lab.images.build import Builder
from agentcore_lab.images.dockerfile import BuildError

log = logging.getLogger(__name__)

FOLDER = "builds"
_AT_ONCE = 2
"""Builds side by side; more wait in QUEUED."""

_LOST = "The engine ended while this build ran. Start it again."


@dataclass(slots=True)
class _Kept:
    account: Account
    build: dict[str, Any]
    runner: Runner | None = field(default=None)


class Builds:
    """All builds by id. ``clients`` call this engine from threads."""

    def __init__(self, data_dir: Path, clock: Clock, builder: Builder, clients: Clients) -> None:
        self._folder = data_dir / FOLDER
        self._clock = clock
        self._builder = builder
        self._clients = clients
        self._slots = asyncio.Semaphore(_AT_ONCE)
        self._tasks: set[asyncio.Task[None]] = set()
        self._kept: dict[str, _Kept] = {}

    def open(self) -> None:
        """Read what earlier engines have built; what was under way then is lost."""
        for path in sorted(self._folder.glob("*.json")):
            said = json.loads(path.read_text())
            kept = _Kept(Account(**said["account"]), said["build"])
            self._kept[kept.build["id"]] = kept
            if not kept.build["buildComplete"]:
                self._keep(kept, failed(kept.build, "FAULT", _LOST, self._clock.now()))

    async def close(self) -> None:
        """Stop what is being built and wait for its end: a builder in a thread cannot be broken off."""
        for kept in self._kept.values():
            if kept.runner is not None:
                kept.runner.stop()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def start(self, account: Account, project: Project, initiator: str) -> dict[str, Any]:
        """Begin a build of ``project``."""
        number = 1 + sum(each["projectName"] == project["name"] for each in self.of(account))
        build = new_build(project, account, number, initiator, self._clock.now())
        kept = self._kept[build["id"]] = _Kept(account, build)
        self._keep(kept, build)
        task = asyncio.create_task(self._run(kept, project))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return build

    def find(self, account: Account, build_id: str) -> dict[str, Any] | None:
        """A build as it is now, by its id or its ARN."""
        kept = self._kept.get(build_id.rpartition(":build/")[2])
        return kept.build if kept is not None and kept.account == account else None

    def of(self, account: Account, project: str | None = None) -> list[dict[str, Any]]:
        """The builds of an account, of one project or of all, the latest first."""
        builds = [kept.build for kept in self._kept.values() if kept.account == account]
        wanted = [build for build in builds if project in {None, build["projectName"]}]
        return sorted(wanted, key=lambda build: (build["startTime"], build["buildNumber"]), reverse=True)

    def stop(self, build_id: str) -> None:
        """Ask a build to end; it does before its next step."""
        kept = self._kept[build_id.rpartition(":build/")[2]]
        if kept.runner is not None:
            kept.runner.stop()

    def forget(self, account: Account, build_id: str) -> bool:
        """Take a build that has ended out of the records; whether there was one."""
        build = self.find(account, build_id)
        if build is None or not build["buildComplete"]:
            return False
        del self._kept[build["id"]]
        self._path(build).unlink(missing_ok=True)
        return True

    async def _run(self, kept: _Kept, project: Project) -> None:
        loop = asyncio.get_running_loop()

        def enter(phase: str) -> None:
            loop.call_soon_threadsafe(lambda: self._keep(kept, entered(kept.build, phase, self._clock.now())))

        with BuildLog(self._clients, kept.account, kept.build["logs"]) as build_log:
            runner = Runner(
                project, kept.account, kept.build, self._clients, self._builder, enter, build_log.tell
            )
            kept.runner = runner
            try:
                async with self._slots:
                    await asyncio.to_thread(_in_folder, runner)
                end: tuple[str, str] | None = None
            except Stopped:
                end = ("STOPPED", "")
            except BuildError as error:
                end = ("FAILED", str(error))
            except Exception:
                log.exception("build %s failed", kept.build["id"])
                end = ("FAULT", "The engine failed on this build. Its log tells why.")
            build_log.tell(f"[{end[0]}] {end[1]}" if end else "The build has succeeded.")
            await asyncio.to_thread(build_log.flush)
        kept.runner = None
        now = self._clock.now()
        self._keep(kept, failed(kept.build, *end, now) if end else entered(kept.build, "COMPLETED", now))

    def _keep(self, kept: _Kept, build: dict[str, Any]) -> None:
        kept.build = build
        self._folder.mkdir(exist_ok=True)
        said: Mapping[str, Any] = {
            "account": {"id": kept.account.id, "region": kept.account.region},
            "build": build,
        }
        draft = self._path(build).with_suffix(".tmp")
        draft.write_text(json.dumps(said))
        draft.replace(self._path(build))

    def _path(self, build: Mapping[str, Any]) -> Path:
        return self._folder / f"{build['logs']['streamName']}.json"


def _in_folder(runner: Runner) -> None:
    with tempfile.TemporaryDirectory(prefix="agentcore-lab-build-") as folder:
        work = Path(folder) / "source"
        work.mkdir()
        runner.run(work)
