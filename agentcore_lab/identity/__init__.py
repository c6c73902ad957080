"""AgentCore Identity: the workload identities of an account."""
