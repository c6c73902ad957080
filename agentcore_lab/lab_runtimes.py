"""Waiting for runtimes and endpoints to settle, and deleting runtimes by name, over a control-plane client."""

from __future__ import annotations

from typing import Any

from agentcore_lab.waiting import wait_for

SETTLE_SECONDS = 300.0
"""A version proves healthy within 120 s and its warm-up hook answers within 120 s, or the change has failed."""

_DELETE_SECONDS = 60.0
_CHANGING = frozenset({"CREATING", "UPDATING", "DELETING"})


def settled_runtime(control: Any, runtime_id: str, timeout: float) -> dict[str, Any]:
    """GetAgentRuntime's answer once the runtime is READY or has failed; ``timeout`` is in seconds.

    Raises:
        NotSettled: it was still being created, updated or deleted by then.
    """
    return wait_for(
        lambda: control.get_agent_runtime(agentRuntimeId=runtime_id),
        _settled,
        timeout,
        lambda seen: _still(f"Agent runtime {runtime_id}", seen, timeout),
    )


def settled_endpoint(
    control: Any, runtime_id: str, name: str, version: str | None, timeout: float
) -> dict[str, Any]:
    """GetAgentRuntimeEndpoint's answer once the endpoint is READY, with ``version`` if named, or has failed.

    Raises:
        NotSettled: it was still being created, moved or deleted after ``timeout`` seconds.
    """

    def settled(seen: dict[str, Any]) -> bool:
        elsewhere = version is not None and seen.get("liveVersion") != version
        return _settled(seen) and not (seen["status"] == "READY" and elsewhere)

    return wait_for(
        lambda: control.get_agent_runtime_endpoint(agentRuntimeId=runtime_id, endpointName=name),
        settled,
        timeout,
        lambda seen: _still(f"Endpoint {name}", seen, timeout),
    )


def delete_runtime(control: Any, name: str) -> bool:
    """Delete the runtime of this name, if there is one, and wait until it is gone; whether there was one.

    Raises:
        NotSettled: it was still there after a minute, or had not settled before.
    """
    pages = control.get_paginator("list_agent_runtimes").paginate()
    ids = {
        item["agentRuntimeName"]: item["agentRuntimeId"] for page in pages for item in page["agentRuntimes"]
    }
    if name not in ids:
        return False
    settled_runtime(control, ids[name], SETTLE_SECONDS)
    control.delete_agent_runtime(agentRuntimeId=ids[name])
    wait_for(
        lambda: _is_there(control, ids[name]),
        lambda there: not there,
        _DELETE_SECONDS,
        lambda _: f"Agent runtime {name} was still being deleted after {_DELETE_SECONDS:g} s. Try again.",
    )
    return True


def _is_there(control: Any, runtime_id: str) -> bool:
    try:
        control.get_agent_runtime(agentRuntimeId=runtime_id)
    except control.exceptions.ResourceNotFoundException:
        return False
    return True


def _settled(seen: dict[str, Any]) -> bool:
    return seen["status"] not in _CHANGING


def _still(what: str, seen: dict[str, Any], timeout: float) -> str:
    version = f", version {seen['liveVersion']}," if seen.get("liveVersion") else ""
    return f"{what} was still {seen['status']}{version} after {timeout:g} s. Wait for it again."
