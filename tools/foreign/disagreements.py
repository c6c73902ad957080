"""Where another project's tests and AWS's contract part: by test id, with the reason and its source."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Disagreement:
    """Why a test fails against an engine that answers as AWS does.

    ``sign``: what the failure must show, so that another failure of the same test is not taken for this one.
    ``source``: where AWS says so.
    """

    sign: str
    reason: str
    source: str


_OPTIONAL_FIELDS = Disagreement(
    "Value 'HTTP_2' at 'protocolConfiguration.serverProtocol'",
    "it sends serverProtocol HTTP_2, which is none of MCP, HTTP, A2A and AGUI, and a discoveryUrl that ends in "
    "jwks.json; AWS refuses both values",
    "service model: ServerProtocol (enum), DiscoveryUrl (pattern); API reference: CustomJWTAuthorizerConfiguration",
)

MOTO: Mapping[str, Disagreement] = {
    "test_bedrockagentcorecontrol.py::test_create_agent_runtime": Disagreement(
        ":agent/' in 'arn:",
        "it expects an ARN with agent/…; a runtime's ARN has runtime/…",
        "service model: AgentRuntimeArn (pattern)",
    ),
    "test_bedrockagentcorecontrol.py::test_list_agent_runtime_endpoints": Disagreement(
        "'name': 'DE",
        "it expects a new runtime to have no endpoint; AWS makes DEFAULT together with the runtime",
        "developer guide: agent-runtime-versioning, Versioning scenarios",
    ),
    "test_bedrockagentcorecontrol.py::test_create_agent_runtime_with_optional_fields": _OPTIONAL_FIELDS,
    "test_bedrockagentcorecontrol.py::test_update_agent_runtime_with_optional_fields": _OPTIONAL_FIELDS,
}

SDK: Mapping[str, Disagreement] = {}
"""None: AWS's own."""
