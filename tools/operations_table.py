"""docs/operations.md: what the engine answers, operation by operation and field by field.

Run ``python -m tools.operations_table`` after a change to a handler table or to ``NOTES``; a test says when it is due.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from agentcore_lab.identity.api_key_operations import ApiKeyOperations
from agentcore_lab.identity.oauth2_operations import Oauth2Operations
from agentcore_lab.identity.operations import IdentityOperations
from agentcore_lab.identity.resource_token_operations import ResourceTokenOperations
from agentcore_lab.identity.token_operations import TokenOperations
from agentcore_lab.identity.vault_operations import VaultOperations
from agentcore_lab.runtime.endpoint_operations import EndpointOperations
from agentcore_lab.runtime.operations import RuntimeOperations
from agentcore_lab.runtime.resource_operations import ResourceOperations
from agentcore_lab.server.model import OPERATIONS as OF_THE_MODEL
from agentcore_lab.wire.models import MODEL, SERVICES, Operation, load_model_operations, load_operations

PAGE = Path(__file__).parents[1] / "docs" / "operations.md"

IMPLEMENTED = "implemented"
STORED = "stored without effect"
IGNORED = "accepted without effect"

_CONFIGURATION = {
    "agentRuntimeArtifact.codeConfiguration": (
        IMPLEMENTED,
        "PYTHON_3_10 and PYTHON_3_12 where their image can be pulled: [code-artifacts.md](code-artifacts.md)",
    ),
    "roleArn": (IMPLEMENTED, "agents have temporary credentials of it; its own policies are not looked at"),
    "networkConfiguration": (STORED, "agents have the network of the sandbox"),
    "authorizerConfiguration": (
        IMPLEMENTED,
        "tokens are verified: [oauth.md](oauth.md); `privateEndpoint`, `privateEndpointOverrides`, "
        "`certificateConfigurations` and `allowedWorkloadConfiguration` are stored without effect",
    ),
    "filesystemConfigurations": (
        IMPLEMENTED,
        "of `sessionStorage`; the other members are checked and stored, nothing is mounted for them",
    ),
    "capacityProviderConfiguration": (STORED, ""),
    "resourceConfigurations": (STORED, ""),
    "platformVersion": (STORED, "V2 lifts the limit on environment variables; there is no snapshot"),
    "allowedPorts": (IMPLEMENTED, "the form of the session endpoint's URL is this engine's: docs/sockets.md"),
    "metadataConfiguration": (STORED, "there is no metadata service"),
}

_CUSTOM = "oauth2ProviderConfigInput.customOauth2ProviderConfig"
_OAUTH2 = {
    "oauth2ProviderConfigInput": (IMPLEMENTED, "every vendor"),
    f"{_CUSTOM}.clientAuthenticationMethod": (
        IMPLEMENTED,
        "with a secret; `AWS_IAM_ID_TOKEN_JWT` and `PRIVATE_KEY_JWT` are stored, no token can be had with them",
    ),
    f"{_CUSTOM}.onBehalfOfTokenExchangeConfig": (
        IMPLEMENTED,
        "`actorTokenContent` `AWS_IAM_ID_TOKEN_JWT` is stored, no token can be had with it",
    ),
    f"{_CUSTOM}.privateKeyJwtConfig": (STORED, "there is no KMS"),
    f"{_CUSTOM}.privateEndpoint": (STORED, "there are no VPCs"),
    f"{_CUSTOM}.privateEndpointOverrides": (STORED, "there are no VPCs"),
    f"{_CUSTOM}.certificateConfigurations": (STORED, "there are no VPCs"),
}
_KMS = {"kmsConfiguration.kmsKeyArn": (STORED, "there is no KMS: a key file of the engine does its work")}

_ONLY_THE_FORM = (IGNORED, "checked; forwarded by `--model bedrock`")
_CONVERSE = {
    "inferenceConfig.temperature": (IGNORED, "by the scripted model; forwarded by the others"),
    "inferenceConfig.topP": (IGNORED, "by the scripted model; forwarded by the others"),
    **dict.fromkeys(
        (
            "guardrailConfig",
            "additionalModelRequestFields",
            "promptVariables",
            "additionalModelResponseFieldPaths",
            "requestMetadata",
            "performanceConfig",
            "serviceTier",
        ),
        _ONLY_THE_FORM,
    ),
}
_INVOKE_MODEL = {
    "body": (IMPLEMENTED, "the Anthropic Messages body; any other with `--model bedrock`"),
    **dict.fromkeys(
        (
            "contentType",
            "accept",
            "trace",
            "guardrailIdentifier",
            "guardrailVersion",
            "performanceConfigLatency",
            "serviceTier",
        ),
        _ONLY_THE_FORM,
    ),
}

NOTES: Mapping[str, Mapping[str, tuple[str, str]]] = {
    "CreateOauth2CredentialProvider": _OAUTH2,
    "UpdateOauth2CredentialProvider": _OAUTH2,
    "SetTokenVaultCMK": _KMS,
    "CreateAgentRuntime": {
        field: note for field, note in _CONFIGURATION.items() if field != "metadataConfiguration"
    },
    "UpdateAgentRuntime": _CONFIGURATION,
    "PutResourcePolicy": {
        "policy": (IMPLEMENTED, "evaluated on the data plane: [authorization.md](authorization.md)")
    },
    "InvokeAgentRuntime": {
        "runtimeUserId": (
            IMPLEMENTED,
            "asks for InvokeAgentRuntimeForUser; the agent gets a workload access token for the user",
        )
    },
    "Converse": {**_CONVERSE, "outputConfig": _ONLY_THE_FORM},
    "ConverseStream": {**_CONVERSE, "outputConfig": _ONLY_THE_FORM},
    "CountTokens": {"input": (IMPLEMENTED, "words are counted; `--model bedrock` asks AWS")},
    "InvokeModel": _INVOKE_MODEL,
    "InvokeModelWithResponseStream": _INVOKE_MODEL,
    "InvokeAgentRuntimeCommand": {
        "contentType": (IGNORED, "the request is JSON whatever it says"),
        "accept": (IGNORED, "the answer is an event stream whatever it says"),
    },
    "StopRuntimeSession": {
        "clientToken": (IGNORED, "a session that has ended is not found, whatever the token")
    },
}
"""What is not simply implemented, by operation and path of the field. Everything else of a handled operation is."""


def answered() -> frozenset[str]:
    """The names of all operations the engine handles."""
    tables = (
        RuntimeOperations.__new__(RuntimeOperations).table(),
        EndpointOperations.__new__(EndpointOperations).table(),
        ResourceOperations.__new__(ResourceOperations).table(),
        IdentityOperations.__new__(IdentityOperations).table(),
        ApiKeyOperations.__new__(ApiKeyOperations).table(),
        Oauth2Operations.__new__(Oauth2Operations).table(),
        TokenOperations.__new__(TokenOperations).table(),
        ResourceTokenOperations.__new__(ResourceTokenOperations).table(),
        VaultOperations.__new__(VaultOperations).table(),
    )
    # Those that stream have handlers of their own: server/data.py, server/commands.py, server/model.py.
    streaming = {"InvokeAgentRuntime", "GetAgentCard", "InvokeAgentRuntimeCommand"}
    return frozenset({name for table in tables for name in table} | streaming | OF_THE_MODEL)


def render() -> str:
    """The page."""
    handled = answered()
    return "\n".join(
        [
            "# Operations",
            "",
            "Generated by `python -m tools.operations_table` from the engine's handler tables and the installed",
            "service models. An operation that is not handled answers `501 NotImplementedException` with its name.",
            "",
            "*Stored without effect*: checked, kept with the version and returned by Get; nothing acts on it yet.",
            "",
            *_fields_section(handled),
            *(line for service in (*SERVICES, MODEL) for line in _service_section(service, handled)),
        ]
    )


def every_operation() -> tuple[Operation, ...]:
    """The operations of all services the engine has something of."""
    return (*load_operations(), *load_model_operations())


def paths(shape: Any, prefix: str = "", seen: tuple[str, ...] = ()) -> Iterator[str]:
    """Every path of members in a structure, as the notes name them."""
    for name, member in shape.members.items():
        yield f"{prefix}{name}"
        if member.type_name == "structure" and member.name not in seen:
            yield from paths(member, f"{prefix}{name}.", (*seen, member.name))


def _fields_section(handled: frozenset[str]) -> Iterator[str]:
    yield "## Fields of the operations that are handled"
    yield ""
    yield "| Operation | Field | State | |"
    yield "| --- | --- | --- | --- |"
    for operation in every_operation():
        if operation.name in handled:
            for field, (state, note) in _fields(operation).items():
                yield f"| `{operation.name}` | `{field}` | {state} | {note} |"
    yield ""


def _fields(operation: Operation) -> dict[str, tuple[str, str]]:
    notes = NOTES.get(operation.name, {})
    shape = operation.model.input_shape
    members = shape.members if shape is not None else {}
    nested = {field: notes[field] for field in notes if "." in field}
    found: dict[str, tuple[str, str]] = {}
    for name in members:
        found[name] = notes.get(name, (IMPLEMENTED, ""))
        found |= {field: note for field, note in nested.items() if field.startswith(f"{name}.")}
    return found


def _service_section(service: str, handled: frozenset[str]) -> Iterator[str]:
    operations = [operation for operation in every_operation() if operation.service == service]
    count = sum(operation.name in handled for operation in operations)
    yield f"## {service}: {count} of {len(operations)} operations"
    yield ""
    yield "| Operation | Request | State |"
    yield "| --- | --- | --- |"
    for operation in operations:
        state = IMPLEMENTED if operation.name in handled else "501"
        yield f"| `{operation.name}` | `{operation.method} {operation.uri_template}` | {state} |"
    yield ""


if __name__ == "__main__":
    PAGE.write_text(render())
