"""The token by which an agent acts for the user of a call, on its way into the agent's container."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from agentcore_lab.runtime.arn import Scope
from agentcore_lab.runtime.inbound import TokenUser

TO_AGENT = "WorkloadAccessToken"
"""The header in which the SDK's app finds it (CONTRACT: section 12.2)."""

FROM_AGENT = "X-Amz-Bedrock-AgentCore-Identity-WAT"
"""The header in which an agent's own calls to other agents carry it (CONTRACT: section 12.7)."""


class Minting(Protocol):
    """Makes the tokens of a runtime's own workload identity."""

    def __call__(
        self,
        scope: Scope,
        runtime_id: str,
        params: Mapping[str, Any],
        headers: Mapping[str, str],
        user: TokenUser | None,
    ) -> str | None:
        """A token for the user of one call; None where there is none: the agent then acts for nobody.

        ``params`` and ``headers`` are the call's; headers are looked up without regard to case. ``user`` is whom the
        call's bearer token speaks for.

        Raises:
            AccessDeniedException: the call brings a token of another agent that is not valid.
        """
        ...


def with_token(headers: dict[str, str], token: str | None) -> dict[str, str]:
    """Headers for a container with the engine's token, and with no token that a caller has made up."""
    clean = {name: value for name, value in headers.items() if name.lower() != TO_AGENT.lower()}
    return clean if token is None else {**clean, TO_AGENT: token}
