"""The Versions panel: immutable versions as a time line, endpoints as flags on it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import traitlets
from botocore.exceptions import BotoCoreError, ClientError

from agentcore_lab.panels.assets import module, stylesheet
from agentcore_lab.panels.calls import Action, Call, Source
from agentcore_lab.panels.failure import explain
from agentcore_lab.panels.live import LivePanel
from agentcore_lab.panels.world import Change

_TRANSITIONS_KEPT = 30
_NOT_CONFIGURATION = frozenset(
    {
        "ResponseMetadata",
        "agentRuntimeArn",
        "agentRuntimeId",
        "agentRuntimeName",
        "agentRuntimeVersion",
        "createdAt",
        "lastUpdatedAt",
        "status",
        "failureReason",
        "workloadIdentityDetails",
    }
)


class VersionsPanel(LivePanel):
    """Versions and endpoints of a runtime, or of one chosen from all: compare, move, roll back."""

    _esm = module("versions.js")
    _css = stylesheet("lab.css", "live.css", "versions.css")

    runtimes: Any = traitlets.List().tag(sync=True)
    transitions: Any = traitlets.List().tag(sync=True)

    def __init__(self, source: Source, runtime_arn: str | None = None) -> None:
        """A panel of one runtime, or of all."""
        self._known: dict[str, dict[str, Any]] = {}
        self._history: list[dict[str, Any]] = []
        super().__init__(source, runtime_arn)

    def state(self) -> dict[str, Any]:
        """The runtimes, and what has moved since the panel was made."""
        mine = {key: value for key, value in self.world.runtimes.items() if self._mine(key)}
        self._known = dict(mine)
        runtimes = sorted(mine.values(), key=lambda each: str(each["createdAt"]))
        return {"runtimes": runtimes, "transitions": list(self._history)}

    def words(self, change: Change) -> dict[str, Any]:
        """The runtimes that changed, and how."""
        changed = [key for key in change.runtimes if self._mine(key)]
        if not changed:
            return {}
        now = self._now()["now"]
        for key in changed:
            new = self.world.runtimes.get(key)
            moved = [{"at": now, "text": text} for text in moves(self._known.get(key), new)]
            self._history = [*self._history, *moved][-_TRANSITIONS_KEPT:]
            if new is None:
                self._known.pop(key, None)
            else:
                self._known[key] = new
        runtimes = [self.world.runtimes.get(key, {"id": key, "deleted": True}) for key in changed]
        return {"runtimes": runtimes, "transitions": list(self._history)}

    def matters(self, change: Change) -> bool:
        """Runtimes alone."""
        return bool(change.runtimes)

    def act(self, message: Mapping[str, Any]) -> Action | None:
        """Move, create or delete an endpoint; for a comparison, one of its two reads."""
        match message:
            case {
                "type": "move",
                "runtime": str(runtime),
                "endpoint": str(endpoint),
                "version": str(version),
            }:
                return Call(
                    "control",
                    "update_agent_runtime_endpoint",
                    {"agentRuntimeId": runtime, "endpointName": endpoint, "agentRuntimeVersion": version},
                    done=f"Endpoint {endpoint} is on its way to version {version}.",
                )
            case {
                "type": "create",
                "runtime": str(runtime),
                "endpoint": str(endpoint),
                "version": str(version),
            }:
                return Call(
                    "control",
                    "create_agent_runtime_endpoint",
                    {"agentRuntimeId": runtime, "name": endpoint, "agentRuntimeVersion": version},
                    done=f"Endpoint {endpoint} is being created on version {version}.",
                )
            case {"type": "delete", "runtime": str(runtime), "endpoint": str(endpoint)}:
                return Call(
                    "control",
                    "delete_agent_runtime_endpoint",
                    {"agentRuntimeId": runtime, "endpointName": endpoint},
                    done=f"Endpoint {endpoint} is being deleted.",
                )
            case {"type": "diff", "runtime": str(runtime), "two": str(version)}:
                return _read(runtime, version)
        return None

    def _do(self, message: Mapping[str, Any]) -> None:
        match message:
            case {"type": "diff", "runtime": str(runtime), "one": str(one), "two": str(two)}:
                self._compare(runtime, one, two)
            case _:
                super()._do(message)

    def _compare(self, runtime: str, one: str, two: str) -> None:
        """Tell the page, and only the page, how two versions differ: a configuration may hold secrets."""
        try:
            before, after = (_read(runtime, version).run(self._source) for version in (one, two))
        except (ClientError, BotoCoreError) as error:
            failure = explain(error)
            self._set(notice={"tone": "failed", "text": f"{failure.cause} {failure.mend} ({failure.code})"})
            return
        self._tell({"type": "diff", "one": one, "two": two, "rows": differences(before, after)})

    def _mine(self, runtime_id: str) -> bool:
        return self._name is None or self._name.id == runtime_id

    def __str__(self) -> str:
        return "\n".join(_lines(self.state()["runtimes"])) or "No agent runtimes"


def moves(before: Mapping[str, Any] | None, after: Mapping[str, Any] | None) -> list[str]:
    """What changed between two looks at a runtime, one sentence each."""
    if before is None or after is None:
        name = (after or before or {}).get("name", "")
        return [f"Runtime {name} {'was deleted' if after is None else 'was created'}"]
    told = []
    if before["status"] != after["status"]:
        told.append(f"Runtime {after['name']}: {before['status']} → {after['status']}")
    known = {each["version"] for each in before["versions"]}
    new = [each["version"] for each in after["versions"] if each["version"] not in known]
    told += [f"Version {version} was made" for version in reversed(new)]
    told += _endpoint_moves(before["endpoints"], after["endpoints"])
    return told


def _endpoint_moves(before: list[dict[str, Any]], after: list[dict[str, Any]]) -> Iterator[str]:
    old = {each["name"]: each for each in before}
    for endpoint in after:
        name, was = endpoint["name"], old.pop(endpoint["name"], None)
        if was is None:
            yield f"Endpoint {name} was made, aimed at version {endpoint['targetVersion']}"
        elif was["liveVersion"] != endpoint["liveVersion"]:
            yield f"Endpoint {name} serves version {endpoint['liveVersion']}"
        elif was["status"] != endpoint["status"]:
            yield f"Endpoint {name}: {was['status']} → {endpoint['status']}"
    yield from (f"Endpoint {name} was deleted" for name in old)


def differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[dict[str, str | None]]:
    """Each field of the configuration whose values differ, by its path, as JSON; None where it is not set."""
    one, two = dict(_leaves(before, "")), dict(_leaves(after, ""))
    paths = dict.fromkeys([*one, *two])
    return [
        {"field": path, "one": one.get(path), "two": two.get(path)}
        for path in paths
        if one.get(path) != two.get(path)
    ]


def _leaves(value: Any, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping) and value:
        for name, inner in value.items():
            if path or name not in _NOT_CONFIGURATION:
                yield from _leaves(inner, f"{path}.{name}" if path else name)
    else:
        yield path, json.dumps(value, ensure_ascii=False, default=str)


def _read(runtime: str, version: str) -> Call:
    return Call("control", "get_agent_runtime", {"agentRuntimeId": runtime, "agentRuntimeVersion": version})


def _lines(runtimes: list[dict[str, Any]]) -> Iterator[str]:
    for runtime in runtimes:
        yield f"{runtime['name']}  {runtime['status']}"
        for version in runtime["versions"]:
            flags = [
                each["name"] for each in runtime["endpoints"] if each["liveVersion"] == version["version"]
            ]
            yield f"  version {version['version']}  {version['status']}  {' '.join(flags)}".rstrip()
