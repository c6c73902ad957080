"""The AWS services beside AgentCore that a script needs: moto, in a process of its own, behind the engine's port."""
