"""The Amazon Bedrock AgentCore workshop on your own machine."""

__version__ = "0.1.0"
