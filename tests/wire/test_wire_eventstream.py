"""What the engine frames as an event stream, read by botocore's own decoder."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.eventstream import EventStreamBuffer
from hypothesis import given
from hypothesis import strategies as st

from agentcore_lab.errors import (
    AccessDeniedException,
    AwsError,
    ConflictException,
    InternalServerException,
    InvalidField,
    ResourceNotFoundException,
    RuntimeClientError,
    ServiceQuotaExceededException,
    ThrottlingException,
    ValidationException,
)
from agentcore_lab.wire.eventstream import EventStream, encode
from agentcore_lab.wire.models import Operation, load_model_operations, load_operations

OPERATIONS = {item.name: item for item in (*load_operations(), *load_model_operations())}
COMMAND = OPERATIONS["InvokeAgentRuntimeCommand"]


def decoded(*pieces: bytes) -> list[Any]:
    """The messages botocore finds; it checks both checksums."""
    buffer = EventStreamBuffer()
    messages: list[Any] = []
    for piece in pieces:
        buffer.add_data(piece)
        messages.extend(buffer)
    return messages


@given(
    st.lists(
        st.tuples(
            st.dictionaries(st.text(min_size=1, max_size=30), st.text(max_size=200), max_size=5),
            st.binary(max_size=2000),
        ),
        max_size=4,
    ),
    st.integers(min_value=1, max_value=64),
)
def test_botocore_reads_what_is_written(messages: list[tuple[dict[str, str], bytes]], step: int) -> None:
    """Headers and payloads come out as they went in, however the bytes are cut on the way."""
    stream = b"".join(encode(headers, payload) for headers, payload in messages)
    found = decoded(*(stream[at : at + step] for at in range(0, len(stream), step)))
    assert [(message.headers, message.payload) for message in found] == messages


def test_an_event_is_json_of_the_models_members() -> None:
    """The name, the content type and the kind are headers; the payload is UTF-8."""
    (message,) = decoded(EventStream(COMMAND).event("chunk", {"contentDelta": {"stdout": "größe\0"}}))
    assert message.headers == {
        ":event-type": "chunk",
        ":content-type": "application/json",
        ":message-type": "event",
    }
    assert json.loads(message.payload) == {"contentDelta": {"stdout": "größe\0"}}


@pytest.mark.parametrize(
    ("name", "members"),
    [("nothing", {}), ("chunk", {"nothing": {}}), ("chunk", {"contentStop": {"exitCode": "0"}})],
)
def test_what_the_model_has_not_is_a_fault_of_the_engine(name: str, members: dict[str, Any]) -> None:
    """An unknown event, an unknown member and a value of another type are refused before they are sent."""
    with pytest.raises(TypeError):
        EventStream(COMMAND).event(name, members)


@pytest.mark.parametrize(
    ("error", "name"),
    [
        (AccessDeniedException("no"), "accessDeniedException"),
        (InternalServerException("no"), "internalServerException"),
        (ResourceNotFoundException("no"), "resourceNotFoundException"),
        (ServiceQuotaExceededException("no"), "serviceQuotaExceededException"),
        (ThrottlingException("no"), "throttlingException"),
        (ValidationException("no"), "validationException"),
        (RuntimeClientError("no"), "runtimeClientError"),
        (ConflictException("no"), "internalServerException"),
    ],
)
def test_exceptions_are_the_models(error: AwsError, name: str) -> None:
    """Each error is sent under its member's name; one the stream does not have, as an internal error."""
    (message,) = decoded(EventStream(COMMAND).exception(error))
    assert message.headers == {
        ":exception-type": name,
        ":content-type": "application/json",
        ":message-type": "exception",
    }
    assert json.loads(message.payload)["message"] == "no"


def test_a_validation_exception_keeps_its_fields() -> None:
    """Reason and fields are members of the model's exception."""
    error = ValidationException("no", fields=(InvalidField("body.command", "too long"),))
    (message,) = decoded(EventStream(COMMAND).exception(error))
    assert json.loads(message.payload) == {
        "message": "no",
        "reason": "FieldValidationFailed",
        "fieldList": [{"name": "body.command", "message": "too long"}],
    }


@pytest.mark.parametrize(
    "operation", [op for op in OPERATIONS.values() if op.event_stream_output], ids=lambda op: op.name
)
def test_every_event_stream_of_the_models_can_fail(operation: Operation) -> None:
    """All of them have an internal error."""
    assert decoded(EventStream(operation).exception(InternalServerException("no")))
