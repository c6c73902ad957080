"""An agent other agents can find and hire: Agent2Agent on port 9000, with a card at /.well-known/agent-card.json.

It reads a text aloud, word by word: each word is a piece of the task's artifact, streamed to whoever asked.
"""

import asyncio

from a2a.helpers import new_task_from_user_message, new_text_message, new_text_part
from a2a.server.agent_execution import AgentExecutor
from a2a.server.tasks import TaskUpdater
from a2a.types import AgentCapabilities, AgentCard, AgentInterface, AgentSkill
from bedrock_agentcore.runtime import serve_a2a

SECONDS_A_WORD = 0.1

skill = AgentSkill(
    id="read",
    name="Read aloud",
    description="Reads a text word by word.",
    tags=["text", "streaming"],
    examples=["The quick brown fox"],
)

# The URL is replaced by AGENTCORE_RUNTIME_URL, in which the platform says where callers reach this agent.
card = AgentCard(
    name="reader",
    description="Reads to you, and tells you when it is done.",
    version="1.0.0",
    capabilities=AgentCapabilities(streaming=True),
    skills=[skill],
    default_input_modes=["text/plain"],
    default_output_modes=["text/plain"],
    supported_interfaces=[
        AgentInterface(protocol_binding="JSONRPC", protocol_version="1.0", url="http://localhost:9000/")
    ],
)


class Reader(AgentExecutor):
    """A task's life: submitted, working, one piece of the artifact after another, completed."""

    async def execute(self, context, event_queue):
        task = context.current_task or new_task_from_user_message(context.message)
        await event_queue.enqueue_event(task)
        updater = TaskUpdater(event_queue, task.id, task.context_id)
        await updater.start_work(new_text_message("I begin."))
        words = context.get_user_input().split()
        for number, word in enumerate(words, start=1):
            await asyncio.sleep(SECONDS_A_WORD)
            await updater.add_artifact(
                [new_text_part(word)],
                artifact_id="reading",
                name="reading",
                append=number > 1,
                last_chunk=number == len(words),
            )
        await updater.complete(new_text_message(f"{len(words)} words."))

    async def cancel(self, context, event_queue):
        await TaskUpdater(event_queue, context.task_id, context.context_id).cancel()


if __name__ == "__main__":
    serve_a2a(Reader(), card, log_level="warning")
