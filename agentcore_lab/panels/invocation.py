"""One invocation of an agent runtime through boto3, measured, from question to answer."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from itertools import chain
from typing import Any

import boto3
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from agentcore_lab.clock import stopwatch
from agentcore_lab.panels.answer import Answer, Failure, Figures
from agentcore_lab.panels.failure import broke_off_streaming, explain, unfit
from agentcore_lab.panels.question import Question

HEADER = "x-agentcore-lab-"


def ask(data: Any, question: Question, on_line: Callable[[str], None]) -> Answer:
    """Invoke through ``data`` (boto3's ``bedrock-agentcore`` client) and read the answer to its end.

    ``on_line`` is called with each event of a stream as it arrives. Errors of boto3 are the answer's failure.
    """
    answer = Answer(question.session_id)
    try:
        parameters = question.parameters()
    except ValueError as error:
        return replace(answer, failure=unfit(error))
    client = bearing(data, question.caller.token) if question.caller.token else data
    started = stopwatch()
    try:
        response = client.invoke_agent_runtime(**parameters)
        answer = _described(answer, response)
        body = response["response"]
        first = body.read(1)
        first_byte = _since(started)
        if answer.streamed:
            answer = _streamed(answer, _events(first, body), on_line)
        else:
            answer = _whole(answer, first + body.read())
        answer = replace(answer, figures=replace(answer.figures, first_byte=first_byte))
    except (ClientError, BotoCoreError) as error:
        answer = replace(_described(answer, getattr(error, "response", None) or {}), failure=explain(error))
    return replace(answer, figures=replace(answer.figures, total=_since(started)))


def bearing(data: Any, token: str) -> Any:
    """A client as ``data`` is one whose requests bear ``token`` instead of a signature.

    boto3 has no parameter for it. AWS: runtime-oauth makes the same HTTPS request without an SDK.
    """
    config = Config(signature_version=UNSIGNED, read_timeout=data.meta.config.read_timeout)
    client = boto3.Session(region_name=data.meta.region_name).client(
        "bedrock-agentcore", endpoint_url=data.meta.endpoint_url, config=config
    )

    def bear(params: dict[str, Any], **_: Any) -> None:
        params["headers"]["Authorization"] = f"Bearer {token}"

    client.meta.events.register("before-call.bedrock-agentcore.InvokeAgentRuntime", bear)
    return client


def _since(started: float) -> float:
    return (stopwatch() - started) * 1000


def _described(answer: Answer, response: Mapping[str, Any]) -> Answer:
    headers = response.get("ResponseMetadata", {}).get("HTTPHeaders", {})
    if not headers:
        return answer
    content_type = response.get("contentType") or ""
    return replace(
        answer,
        content_type=content_type,
        streamed=content_type.startswith("text/event-stream"),
        figures=Figures(_sandbox_start(headers), _number(headers, "agent-ms")),
        architecture=headers.get(HEADER + "architecture"),
        version=headers.get(HEADER + "version"),
        sandbox=headers.get(HEADER + "sandbox"),
    )


def _sandbox_start(headers: Mapping[str, str]) -> float | None:
    """The engine names a start only where there was one: else the sandbox was warm. AWS names nothing."""
    started = _number(headers, "sandbox-start-ms")
    return 0.0 if started is None and HEADER + "agent-ms" in headers else started


def _number(headers: Mapping[str, str], name: str) -> float | None:
    try:
        return float(headers[HEADER + name])
    except (KeyError, ValueError):
        return None


def _whole(answer: Answer, body: bytes) -> Answer:
    text = body.decode(errors="replace")
    return replace(answer, text=text, value=_parsed(text))


def _streamed(answer: Answer, events: Iterator[str], on_line: Callable[[str], None]) -> Answer:
    values: list[Any] = []
    lines: list[str] = []
    failure: Failure | None = None
    try:
        for event in events:
            value = _parsed(event)
            values.append(event if value is None else value)
            lines.append(value if isinstance(value, str) else event)
            on_line(lines[-1])
    except BotoCoreError as error:
        failure = explain(error)
    answer = replace(answer, text="\n".join(lines), value=values, failure=failure)
    if values and isinstance(values[-1], dict) and {"error", "error_type"} <= values[-1].keys():
        return replace(answer, failure=broke_off_streaming(values[-1]))
    return answer


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None


def _events(first: bytes, body: Any) -> Iterator[str]:
    """The data of each server-sent event, as soon as the blank line after it is here.

    One byte a read: StreamingBody waits until a chunk is full, so a longer one holds an event back until the
    next has come.
    """
    data: list[str] = []
    for line in _lines(first, body):
        if line.startswith("data:"):
            data.append(line.removeprefix("data:").removeprefix(" "))
        elif not line and data:
            yield "\n".join(data)
            data = []
    if data:
        yield "\n".join(data)


def _lines(first: bytes, body: Any) -> Iterator[str]:
    line = bytearray()
    for byte in chain((first,), body.iter_chunks(1)):
        if byte != b"\n":
            line += byte
            continue
        yield line.decode(errors="replace").rstrip("\r")
        line.clear()
    if line:
        yield line.decode(errors="replace")
