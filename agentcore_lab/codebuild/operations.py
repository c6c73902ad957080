"""CodeBuild's operations on builds, by their names; those on projects are moto's."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from botocore.exceptions import ClientError

from agentcore_lab.codebuild.builds import Builds
from agentcore_lab.codebuild.record import Account, Project
from agentcore_lab.codebuild.runner import Clients
from agentcore_lab.errors import AwsError

Params = Mapping[str, Any]
Operation = Callable[[Account, str, Params], Awaitable[dict[str, Any]]]
"""From an account, the ARN of the caller and the parameters to the answer."""

_MOST_IDS = 100


class InvalidInputException(AwsError):  # noqa: N818 - AWS's name
    """The input value that was provided is not valid (HTTP 400)."""

    code = "InvalidInputException"


class NoSuchBuild(AwsError):  # noqa: N818 - a state, named as one
    """The project or build cannot be found (HTTP 400)."""

    code = "ResourceNotFoundException"


class BuildOperations:
    """StartBuild and what follows a build."""

    def __init__(self, builds: Builds, clients: Clients) -> None:
        self._builds = builds
        self._clients = clients

    def table(self) -> dict[str, Operation]:
        """Operations by AWS's names."""
        return {
            "StartBuild": self._start,
            "BatchGetBuilds": self._get,
            "StopBuild": self._stop,
            "ListBuilds": self._list,
            "ListBuildsForProject": self._list,
            "BatchDeleteBuilds": self._delete,
        }

    async def _start(self, account: Account, caller: str, params: Params) -> dict[str, Any]:
        self._clients.admit(account)
        project = await asyncio.to_thread(self._project, account, _required(params, "projectName"))
        initiator = caller.rpartition(":")[2]
        return {"build": self._builds.start(account, _overridden(project, params), initiator)}

    def _project(self, account: Account, name: str) -> Project:
        try:
            found = self._clients.of(account, "codebuild").batch_get_projects(names=[name])["projects"]
        except ClientError as error:
            raise InvalidInputException(error.response["Error"]["Message"]) from None
        if not found:
            arn = f"arn:aws:codebuild:{account.region}:{account.id}:project/{name}"
            raise NoSuchBuild(f"Project cannot be found: {arn}")
        project: Project = found[0]
        return project

    async def _get(self, account: Account, _caller: str, params: Params) -> dict[str, Any]:
        ids = _required(params, "ids")[:_MOST_IDS]
        found = {each: self._builds.find(account, each) for each in ids}
        return {
            "builds": [build for build in found.values() if build is not None],
            "buildsNotFound": [each for each, build in found.items() if build is None],
        }

    async def _stop(self, account: Account, _caller: str, params: Params) -> dict[str, Any]:
        build = self._builds.find(account, _required(params, "id"))
        if build is None:
            raise NoSuchBuild(f"Build cannot be found: {params['id']}")
        self._builds.stop(build["id"])
        return {"build": build}

    async def _list(self, account: Account, _caller: str, params: Params) -> dict[str, Any]:
        ids = [build["id"] for build in self._builds.of(account, params.get("projectName"))]
        return {"ids": ids if params.get("sortOrder") != "ASCENDING" else ids[::-1]}

    async def _delete(self, account: Account, _caller: str, params: Params) -> dict[str, Any]:
        gone = {each: self._builds.forget(account, each) for each in _required(params, "ids")}
        return {
            "buildsDeleted": [each for each, deleted in gone.items() if deleted],
            "buildsNotDeleted": [
                {"id": each, "statusCode": "NOT_FOUND"} for each, deleted in gone.items() if not deleted
            ],
        }


def _required(params: Params, name: str) -> Any:
    if not params.get(name):
        raise InvalidInputException(f"Invalid input: {name} is required")
    return params[name]


def _overridden(project: Project, params: Params) -> Project:
    """The project as StartBuild's overrides have it (AWS: StartBuild)."""
    source, environment = dict(project["source"]), dict(project["environment"])
    for member, name in (
        ("sourceTypeOverride", "type"),
        ("sourceLocationOverride", "location"),
        ("buildspecOverride", "buildspec"),
    ):
        source |= {name: params[member]} if member in params else {}
    if "environmentVariablesOverride" in params:
        own = {each["name"]: each for each in environment.get("environmentVariables", [])}
        own |= {each["name"]: each for each in params["environmentVariablesOverride"]}
        environment["environmentVariables"] = list(own.values())
    changed = {name: params[name] for name in ("sourceVersion",) if name in params}
    if "timeoutInMinutesOverride" in params:
        changed["timeoutInMinutes"] = params["timeoutInMinutesOverride"]
    return {**project, **changed, "source": source, "environment": environment}
