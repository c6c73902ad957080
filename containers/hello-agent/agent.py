"""The smallest agent that shows what a session is: it greets, and remembers how often it was spoken to."""

import platform
import socket

from bedrock_agentcore import BedrockAgentCoreApp

app = BedrockAgentCoreApp()

# AgentCore gives every session a machine of its own, so what a module remembers, a session remembers.
names = []


@app.entrypoint
def invoke(payload, context):
    """Answer ``{"prompt": "Ada"}`` with a greeting and a few facts about where the agent runs."""
    name = payload.get("prompt") or "stranger"
    answer = f"Hello {name}, nice to meet you." if name not in names else f"Hello {name}, welcome back."
    names.append(name)
    return {
        "answer": answer,
        "session": context.session_id,
        "turn": len(names),
        "met": sorted(set(names)),
        "architecture": platform.machine(),
        "python": platform.python_version(),
        "host": socket.gethostname(),
    }


if __name__ == "__main__":
    app.run()
