"""The Amazon Bedrock AgentCore workshop on your own machine."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from agentcore_lab.lab import Lab

__version__ = "0.1.0"
__all__ = ["Lab", "__version__"]


def __getattr__(name: str) -> object:
    # boto3 and the widgets take a second to import: the engine and the command line do without them.
    if name == "Lab":
        from agentcore_lab.lab import Lab  # noqa: PLC0415

        return Lab
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
