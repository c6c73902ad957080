"""Errors of boto3 in a learner's words: one sentence of cause, one of mend, AWS's own kept beside them."""

from __future__ import annotations

import re

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionClosedError,
    EndpointConnectionError,
    NoCredentialsError,
    ParamValidationError,
    ReadTimeoutError,
)

from agentcore_lab.panels.answer import Failure

# Cause and mend by AWS's code. AWS: Common errors; the runtime's troubleshooting page.
_BY_CODE: dict[str, tuple[str, str]] = {
    "ValidationException": (
        "The request breaks a rule of the service.",
        "Change what AWS's words below name, and send again.",
    ),
    "ResourceNotFoundException": (
        "There is no such runtime, endpoint or session.",
        "Check the ARN and the endpoint, or create the runtime again.",
    ),
    "AccessDeniedException": (
        "These credentials may not do this.",
        "Use the credentials that `agentcore-lab env` prints, or the inbound authorizer's token.",
    ),
    "UnauthorizedException": (
        "This runtime takes bearer tokens, and none that it accepts came.",
        "Choose to call as the bearer of a token, with one of the runtime's own identity provider.",
    ),
    "RetryableConflictException": (
        "Another operation is starting or stopping this session.",
        "Wait a moment and send again.",
    ),
    "ConflictException": (
        "The resource's present state does not allow this.",
        "Wait until the runtime or endpoint is READY, and send again.",
    ),
    "ThrottlingException": ("Too many requests in one second.", "Wait a moment and send again."),
    "ServiceQuotaExceededException": (
        "A quota is used up.",
        "Stop a session that is no longer needed, and send again.",
    ),
    "InternalServerException": (
        "The engine itself failed.",
        "Look at the engine's log (`agentcore-lab status` names it), and send again.",
    ),
    "NotImplementedException": (
        "This engine does not answer this operation yet.",
        "Use another operation, or a newer agentcore-lab.",
    ),
}

# What a RuntimeClientError's words tell, first match wins. AWS: troubleshooting, "RuntimeClientError".
_BY_RUNTIME_WORDS: tuple[tuple[str, str, str], ...] = (
    (
        r"memory",
        "The container used more memory than a session has.",
        "Let the agent hold less at a time, build again and update the runtime.",
    ),
    (
        r"initialization",
        "The container ended, or did not become healthy in time, while it started.",
        "Read the log below, mend the agent's imports or its start, build again and update the runtime.",
    ),
    (
        r"health check",
        "The container's /ping did not answer as healthy.",
        "Let the agent answer /ping with HTTP 200 and a status while it works.",
    ),
    (
        r"\(4\d\d\)",
        "The agent refused the payload.",
        "Send what its entrypoint expects; the SDK's agents take a JSON document.",
    ),
    (
        r"\(5\d\d\)",
        "The agent's code raised an error.",
        "Read the log below, mend the agent's code, build again and update the runtime.",
    ),
)
_LOG_HEADING = "Last lines of the container's log:"
_RUNTIME_FAILED = ("The agent's container failed.", "Read the log below, mend the agent and build again.")

_BY_EXCEPTION: tuple[tuple[type[BotoCoreError], str, str], ...] = (
    (
        ParamValidationError,
        "boto3 refused the request before it was sent.",
        "Change what its words below name; a session id, for one, needs 33 characters or more.",
    ),
    (
        EndpointConnectionError,
        "Nothing answers at the engine's address.",
        "Start the engine again: run the cell with `lab = Lab()`, or `agentcore-lab serve`.",
    ),
    (
        ConnectionClosedError,
        "The engine closed the connection before it answered.",
        "See with `agentcore-lab status` whether it still runs, and send again.",
    ),
    (
        ReadTimeoutError,
        "No byte came for as long as boto3 waits.",
        "Let the agent stream its answer, or raise read_timeout in the client's Config.",
    ),
    (
        NoCredentialsError,
        "boto3 found no credentials to sign with.",
        "Take those that `agentcore-lab env` prints.",
    ),
)
_CONNECTION_BROKE = ("The answer broke off.", "Send again; if it stays so, read the engine's log.")


def explain(error: ClientError | BotoCoreError) -> Failure:
    """The failure an error of boto3 stands for.

    The engine's message is AWS's sentence on its first line; the lines after it are the end of the container's
    log, after one line that says so.
    """
    if not isinstance(error, ClientError):
        cause, mend = next(
            ((cause, mend) for kind, cause, mend in _BY_EXCEPTION if isinstance(error, kind)),
            _CONNECTION_BROKE,
        )
        return Failure(type(error).__name__, str(error), cause, mend)
    code = str(error.response.get("Error", {}).get("Code", "Unknown"))
    words, *log = str(error.response.get("Error", {}).get("Message", "")).splitlines() or [""]
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode")
    cause, mend = (
        _runtime_failed(words) if code == "RuntimeClientError" else _BY_CODE.get(code, _unknown(code))
    )
    return Failure(
        code, words, cause, mend, status, tuple(line for line in log if line not in ("", _LOG_HEADING))
    )


def unfit(error: ValueError) -> Failure:
    """The failure of a payload beside which no file can go."""
    return Failure(
        "NotSent",
        str(error),
        "A file can only go beside a JSON object.",
        "Write one, or send the file as the payload itself.",
    )


def broke_off_streaming(event: dict[str, object]) -> Failure:
    """The failure of an agent that raised after its answer had begun, HTTP status 200 already sent.

    AWS SDK: a generator's error is a last event with ``error``, ``error_type`` and ``message``.
    """
    return Failure(
        code=str(event.get("error_type")),
        words=str(event.get("error")),
        cause="The agent's code raised an error after its answer had begun.",
        mend="Mend the agent's generator; the HTTP status had already gone out as 200.",
        status=200,
    )


def _runtime_failed(words: str) -> tuple[str, str]:
    matches = (
        (cause, mend)
        for pattern, cause, mend in _BY_RUNTIME_WORDS
        if re.search(pattern, words, re.IGNORECASE)
    )
    return next(matches, _RUNTIME_FAILED)


def _unknown(code: str) -> tuple[str, str]:
    return f"The engine answered with {code}.", "AWS's words below say more."
