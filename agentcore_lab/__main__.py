"""``python -m agentcore_lab`` is the command line."""

from agentcore_lab.cli import main

main()
