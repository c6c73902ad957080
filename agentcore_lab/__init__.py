"""The Amazon Bedrock AgentCore workshop on your own machine."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from agentcore_lab.lab import Lab

__version__ = "0.1.0"
__all__ = ["Lab", "__version__"]


def __getattr__(name: str) -> Any:
    # boto3 and the widgets take a second to import: the engine and the command line do without them.
    if name == "Lab":
        return import_module("agentcore_lab.lab").Lab
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def load_ipython_extension(shell: Any) -> None:
    """``%load_ext agentcore_lab``: the magics %%agent, %invoke, %sessions, %logs and %clock."""
    import_module("agentcore_lab.magics").load(shell)


def unload_ipython_extension(shell: Any) -> None:
    """``%unload_ext agentcore_lab``."""
    import_module("agentcore_lab.magics").unload(shell)
