"""The operations of both AgentCore services and of bedrock-runtime, read from the installed botocore models."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache, cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING

from botocore.session import get_session

from agentcore_lab.wire.shapes import as_structure

if TYPE_CHECKING:
    from collections.abc import Mapping

    from botocore.model import OperationModel, ServiceModel, Shape, StructureShape

CONTROL = "bedrock-agentcore-control"
DATA = "bedrock-agentcore"
MODEL = "bedrock-runtime"
SERVICES = (CONTROL, DATA)
"""AgentCore's. Their paths are one space: a client of either may be given the other's endpoint."""

# Codes the front door answers before, or instead of, a modelled operation. Values: AWS "Common Error Types".
_UNMODELLED = MappingProxyType(
    {
        "ExpiredTokenException": 403,
        "GatewayTimeoutException": 504,
        "IncompleteSignatureException": 403,
        "InvalidSignatureException": 403,
        "MethodNotAllowedException": 405,
        "MissingAuthenticationTokenException": 403,
        "NotImplementedException": 501,
        "RequestEntityTooLargeException": 413,
        "RequestTimeoutException": 408,
        "SerializationException": 400,
        "ServiceUnavailableException": 503,
        "UnauthorizedException": 401,
        "UnknownOperationException": 404,
        "UnrecognizedClientException": 403,
    }
)


@dataclass(frozen=True, eq=False)
class Operation:
    """One operation of one service. Identity is equality: each is loaded once.

    ``service`` is boto3's service name; ``uri_template`` and ``success_status`` are the model's ``http`` trait.
    """

    service: str
    name: str
    method: str
    uri_template: str
    success_status: int
    model: OperationModel = field(repr=False)

    @cached_property
    def input_payload(self) -> Shape | None:
        """The input member that is the whole request body, if the model names one."""
        return _payload(self.model.input_shape)

    @cached_property
    def output_payload(self) -> Shape | None:
        """The output member that is the whole answer body, if the model names one."""
        return _payload(self.model.output_shape)

    @cached_property
    def streams_request(self) -> bool:
        """Whether the request body is the caller's own bytes, to be passed on and never parsed."""
        return self.input_payload is not None and self.input_payload.type_name == "blob"

    @cached_property
    def streams_response(self) -> bool:
        """Whether the answer body is a stream of bytes without AWS framing."""
        return self.output_payload is not None and self.output_payload.type_name == "blob"

    @cached_property
    def event_stream_output(self) -> bool:
        """Whether the answer is framed as ``application/vnd.amazon.eventstream``."""
        return self.model.has_event_stream_output

    @cached_property
    def errors(self) -> Mapping[str, StructureShape]:
        """The error shapes this operation may answer with, by code."""
        return {error_code(shape): as_structure(shape) for shape in self.model.error_shapes}


@cache
def load_operations() -> tuple[Operation, ...]:
    """Every operation of the control and the data plane, in the models' order."""
    return tuple(operation for service in SERVICES for operation in operations_of(_model(service)))


@cache
def load_model_operations() -> tuple[Operation, ...]:
    """Every operation of bedrock-runtime, in the model's order."""
    return operations_of(_model(MODEL))


def operations_of(model: ServiceModel) -> tuple[Operation, ...]:
    """The operations of one botocore service model."""
    return tuple(
        Operation(
            service=model.service_name,
            name=name,
            method=operation.http["method"],
            uri_template=operation.http["requestUri"],
            success_status=int(operation.http.get("responseCode", 200)),
            model=operation,
        )
        for name in model.operation_names
        for operation in [model.operation_model(name)]
    )


def error_code(shape: Shape) -> str:
    """The code by which clients know an error shape: the model's own, or the shape's name."""
    return str(shape.metadata.get("error", {}).get("code", shape.name))


@cache
def error_status(code: str, service: str | None) -> int:
    """The HTTP status of an error code: the service's own model, then AgentCore's, then the front door's table.

    A code nobody knows is a fault of this engine: 500.
    """
    for name in (MODEL,) if service == MODEL else sorted(SERVICES, key=lambda name: name != service):
        for shape in _model(name).error_shapes:
            if error_code(shape) == code:
                return int(shape.metadata["error"]["httpStatusCode"])
    return _UNMODELLED.get(code, 500)


@cache
def _model(service: str) -> ServiceModel:
    return get_session().get_service_model(service)


def _payload(shape: StructureShape | None) -> Shape | None:
    name = shape.serialization.get("payload") if shape is not None else None
    return shape.members[name] if shape is not None and name is not None else None
