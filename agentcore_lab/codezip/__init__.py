"""Code artifacts: a zip of an agent's code and its packages, where AgentCore runs it without an image of yours."""
