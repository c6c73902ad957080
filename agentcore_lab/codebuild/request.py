"""A request to CodeBuild, read by botocore's model of the service: awsJson1.1."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from botocore.model import ServiceModel
from botocore.session import get_session

from agentcore_lab.errors import AwsError
from agentcore_lab.json_text import read_json
from agentcore_lab.wire.decode import Readers, json_readers
from agentcore_lab.wire.shapes import Mismatch


class SerializationException(AwsError):  # noqa: N818 - AWS's name
    """The body is not what the operation's input is (HTTP 400)."""

    code = "SerializationException"


def read_request(operation: str, body: bytes) -> Mapping[str, Any]:
    """The members of an operation's input. Raises SerializationException; the words are ours."""
    model, readers = _model()
    shape = model.operation_model(operation).input_shape
    assert shape is not None, "all of them take something"
    try:
        said: dict[str, Any] = readers(shape)(read_json(body or b"{}"))
    except ValueError as error:
        raise SerializationException(f"The body is no JSON: {error}") from None
    except Mismatch as mismatch:
        where = f"'{mismatch.where}'" if mismatch.path else "The body"
        raise SerializationException(f"{where} has to be {mismatch.expected}") from None
    return said


@cache
def _model() -> tuple[ServiceModel, Readers]:
    """Loaded with the first build: it takes a moment."""
    return get_session().get_service_model("codebuild"), json_readers()
