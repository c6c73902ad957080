"""Why a session ended, and how a person is told."""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum

from agentcore_lab.runtime.health import Health
from agentcore_lab.sandbox.base import SandboxStatus


class Reason(StrEnum):
    """Why a session ended."""

    IDLE = "idle"
    MAX_LIFETIME = "maximum lifetime"
    STOPPED = "stopped"
    START_FAILED = "start failed"
    UNHEALTHY = "unhealthy"
    CRASHED = "crashed"
    RUNTIME_DELETED = "runtime deleted"
    SHUTDOWN = "engine shut down"


def in_words(reason: Reason, idle_timeout: timedelta, max_lifetime: timedelta, health: Health) -> str:
    """The reason as a sentence about a session with these time-outs and this health."""
    match reason:
        case Reason.IDLE:
            return f"No call and no change of status for {_seconds(idle_timeout)} s."
        case Reason.MAX_LIFETIME:
            return f"It lived for its maximum of {_seconds(max_lifetime)} s."
        case Reason.STOPPED:
            return "StopRuntimeSession ended it."
        case Reason.START_FAILED:
            return "Its agent did not become healthy."
        case Reason.UNHEALTHY:
            return _unhealthy(health)
        case Reason.CRASHED:
            return "Its container ended by itself."
        case Reason.RUNTIME_DELETED:
            return "Its agent runtime was deleted."
        case Reason.SHUTDOWN:
            return "The engine ended."


def found_dead(status: SandboxStatus) -> str:
    """How a sandbox that was found dead ended, as the end of a sentence about its container."""
    if status.out_of_memory:
        return "was ended for using more memory than a session has"
    if status.out_of_disk:
        return "was ended for writing more to its disk than a session may"
    if status.exit_code is None:
        return "is gone"
    return f"exited with code {status.exit_code}"


def _unhealthy(health: Health) -> str:
    """AWS's message, then what happened here."""
    return (
        "Runtime health check failed or timed out. Please make sure that health check is implemented according to "
        "the requirements here - https://docs.aws.amazon.com/bedrock-agentcore/latest/devguide/"
        f"runtime-http-protocol-contract.html. {health.failures} health checks failed in succession; of the last: "
        f"{health.history[-1].problem}."
    )


def _seconds(duration: timedelta) -> str:
    return f"{duration.total_seconds():g}"
