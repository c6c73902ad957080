"""A build as CodeBuild tells it: phases with their times, status, where its log is."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

LOG_ROOT = "/aws/codebuild/"
_MINUTES = 60

Project = Mapping[str, Any]
"""A project as BatchGetProjects tells it, a build's overrides applied."""


@dataclass(frozen=True, slots=True)
class Account:
    """Where a build belongs."""

    id: str
    region: str


def new_build(
    project: Project, account: Account, number: int, initiator: str, now: datetime
) -> dict[str, Any]:
    """The answer of StartBuild: nothing has happened yet (AWS: CodeBuild API, Build)."""
    name, stream = project["name"], str(uuid.uuid4())
    arn = f"arn:aws:codebuild:{account.region}:{account.id}:build/{name}:{stream}"
    at = now.timestamp()
    group = LOG_ROOT + name
    kept = ("source", "artifacts", "environment", "serviceRole", "encryptionKey")
    return {
        "id": f"{name}:{stream}",
        "arn": arn,
        "buildNumber": number,
        "projectName": name,
        "initiator": initiator,
        "startTime": at,
        "currentPhase": "QUEUED",
        "buildStatus": "IN_PROGRESS",
        "buildComplete": False,
        "phases": [_ended("SUBMITTED", at, at, "SUCCEEDED"), {"phaseType": "QUEUED", "startTime": at}],
        "cache": {"type": "NO_CACHE"},
        "timeoutInMinutes": project.get("timeoutInMinutes", _MINUTES),
        "queuedTimeoutInMinutes": project.get("queuedTimeoutInMinutes", 8 * _MINUTES),
        "logs": {
            "groupName": group,
            "streamName": stream,
            "cloudWatchLogsArn": (
                f"arn:aws:logs:{account.region}:{account.id}:log-group:{group}:log-stream:{stream}"
            ),
        },
        **{name: project[name] for name in kept if name in project},
    }


def entered(build: Mapping[str, Any], phase: str, now: datetime) -> dict[str, Any]:
    """The build once the phase it is in has succeeded and ``phase`` begins; COMPLETED ends it."""
    at = now.timestamp()
    phases = [*_closed(build, at, "SUCCEEDED", ""), {"phaseType": phase, "startTime": at}]
    changed = {**build, "phases": phases, "currentPhase": phase}
    if phase != "COMPLETED":
        return changed
    return {**changed, "buildStatus": "SUCCEEDED", "buildComplete": True, "endTime": at}


def failed(build: Mapping[str, Any], status: str, message: str, now: datetime) -> dict[str, Any]:
    """The build that ended before its time: FAILED, FAULT or STOPPED in the phase it was in."""
    at = now.timestamp()
    phases = [*_closed(build, at, status, message), {"phaseType": "COMPLETED", "startTime": at}]
    return {
        **build,
        "phases": phases,
        "currentPhase": "COMPLETED",
        "buildStatus": status,
        "buildComplete": True,
        "endTime": at,
    }


def _closed(build: Mapping[str, Any], at: float, status: str, message: str) -> list[dict[str, Any]]:
    *before, current = build["phases"]
    return [*before, _ended(current["phaseType"], current["startTime"], at, status, message)]


def _ended(phase: str, begin: float, end: float, status: str, message: str = "") -> dict[str, Any]:
    return {
        "phaseType": phase,
        "phaseStatus": status,
        "startTime": begin,
        "endTime": end,
        "durationInSeconds": int(end - begin),
        "contexts": [{"statusCode": "COMMAND_EXECUTION_ERROR" if message else "", "message": message}],
    }
