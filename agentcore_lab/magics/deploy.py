"""From an image to a runtime that is READY, and to an endpoint that points at it: plain boto3 all the way."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agentcore_lab.images.build import Built
from agentcore_lab.lab import Lab
from agentcore_lab.looks.card import card, facts
from agentcore_lab.magics.options import BadInput
from agentcore_lab.plain_error import PlainError


class AgentNotReady(PlainError):  # noqa: N818 - a state, named as one
    """The runtime or endpoint failed; the message is AWS's reason, the container's last lines included."""


@dataclass(frozen=True, slots=True, repr=False)
class Agent:
    """An agent runtime that is READY. ``changed`` says that this made a new version."""

    name: str
    arn: str
    runtime_id: str
    version: str
    protocol: str
    endpoint: str
    image: Built
    folder: Path
    changed: bool

    def __repr__(self) -> str:
        return f"Agent({self.name}: READY, version {self.version}, endpoint {self.endpoint})"

    def _repr_html_(self) -> str:
        news = "new" if self.changed else "nothing changed: no new version"
        rows = [
            ("Version", f"{self.version} ({news}), served by endpoint {self.endpoint}"),
            ("Runtime", self.arn),
            ("Protocol", self.protocol),
            ("Image", f"{self.image.uri} · {self.image.architecture}"),
            ("Files", str(self.folder)),
            ("Next", f'%invoke {self.name} {{"prompt": "Hello"}}'),
        ]
        return card("Agent", self.name, facts(rows), state="READY")


def runtimes(control: Any) -> dict[str, dict[str, Any]]:
    """Every agent runtime by its name."""
    pages = control.get_paginator("list_agent_runtimes").paginate()
    return {item["agentRuntimeName"]: item for page in pages for item in page["agentRuntimes"]}


def runtime_named(control: Any, name: str) -> dict[str, Any]:
    """The runtime of this name, or with this ARN. Raises BadInput, and says which there are."""
    found = runtimes(control)
    for runtime in found.values():
        if name in {runtime["agentRuntimeName"], runtime["agentRuntimeArn"]}:
            return runtime
    there = f"There are: {', '.join(sorted(found))}." if found else "There is none yet."
    raise BadInput(f"There is no agent runtime {name!r}. {there} `%%agent {name}` makes one.")


def deploy(
    lab: Lab, name: str, image: Built, protocol: str, variables: dict[str, str]
) -> tuple[dict[str, Any], bool]:
    """Create the runtime, update it, or leave it if it is like this already.

    Returns GetAgentRuntime's answer, and whether a version was made.

    Raises:
        AgentNotReady: the version did not prove healthy.
    """
    wanted = {
        "agentRuntimeArtifact": {"containerConfiguration": {"containerUri": image.uri}},
        "roleArn": lab.role_arn,
        "networkConfiguration": {"networkMode": "PUBLIC"},
        "protocolConfiguration": {"serverProtocol": protocol},
        "environmentVariables": variables,
    }
    there = runtimes(lab.control).get(name)
    if there is None:
        runtime_id = lab.control.create_agent_runtime(agentRuntimeName=name, **wanted)["agentRuntimeId"]
    else:
        runtime_id = there["agentRuntimeId"]
        now = lab.wait_until_settled(runtime_id)
        if now["status"] == "READY" and all((now.get(key) or {}) == value for key, value in wanted.items()):
            return now, False
        lab.control.update_agent_runtime(agentRuntimeId=runtime_id, **wanted)
    settled = lab.wait_until_settled(runtime_id)
    if settled["status"] != "READY":
        raise AgentNotReady(
            f"Agent {name} is {settled['status']}: {settled.get('failureReason', 'no reason was given')}\n"
            "Mend the cell and run it again."
        )
    return settled, True


def point(lab: Lab, runtime: dict[str, Any], endpoint: str) -> None:
    """Create the endpoint or move it to the runtime's version, and wait until it serves that.

    Raises:
        AgentNotReady: the endpoint failed; an older version goes on serving.
    """
    control, runtime_id = lab.control, runtime["agentRuntimeId"]
    version = runtime["agentRuntimeVersion"]
    try:
        now = control.get_agent_runtime_endpoint(agentRuntimeId=runtime_id, endpointName=endpoint)
        if (now["status"], now.get("liveVersion")) == ("READY", version):
            return
        if endpoint != "DEFAULT":
            control.update_agent_runtime_endpoint(
                agentRuntimeId=runtime_id, endpointName=endpoint, agentRuntimeVersion=version
            )
    except control.exceptions.ResourceNotFoundException:
        control.create_agent_runtime_endpoint(
            agentRuntimeId=runtime_id, name=endpoint, agentRuntimeVersion=version
        )
    now = lab.wait_for_endpoint(runtime_id, endpoint, version)
    if now["status"] != "READY":
        raise AgentNotReady(f"Endpoint {endpoint} is {now['status']}: {now.get('failureReason', '')}")
