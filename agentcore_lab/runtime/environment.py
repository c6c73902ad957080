"""What an agent finds in its environment (AWS: runtime environment variables; CONTRACT: sections 12, 14, 18)."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import quote

from agentcore_lab.runtime.arn import Scope
from agentcore_lab.runtime.protocols import protocol_of
from agentcore_lab.runtime.versions import Version


def agent_environment(
    version: Version, scope: Scope, to_engine: Mapping[str, str], public_url: str
) -> dict[str, str]:
    """The variables of every agent of ``version``.

    ``to_engine`` leads AWS clients inside to the engine and to the role's credentials (role.py): what the caller set
    wins over it, as it does over AWS's metadata service. The region is the runtime's
    whatever the caller says. ``public_url`` is where the agent's own clients reach the engine.
    """
    region = {"AWS_REGION": scope.region, "AWS_DEFAULT_REGION": scope.region}
    own = {}
    if protocol_of(version.spec).name == "A2A":
        runtime = quote(scope.runtime_arn(version.runtime_id), safe="")
        own["AGENTCORE_RUNTIME_URL"] = f"{public_url}/runtimes/{runtime}/invocations/"
    return {**own, **to_engine, **version.spec.get("environmentVariables", {}), **region}
