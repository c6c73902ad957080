pytest_plugins = ["agentcore_lab.testing"]
