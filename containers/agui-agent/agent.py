"""An agent with a face: AG-UI events that a user interface draws as they come, over SSE and over a WebSocket.

It repeats the last message word by word and counts the runs in the state it shares with the interface. A message that
says "fail" shows what becomes of an error in the middle of a run.
"""

import asyncio
import uuid

from ag_ui.core import (
    EventType,
    RunAgentInput,
    RunFinishedEvent,
    RunStartedEvent,
    StateSnapshotEvent,
    TextMessageContentEvent,
    TextMessageEndEvent,
    TextMessageStartEvent,
)
from bedrock_agentcore.runtime import serve_ag_ui

SECONDS_A_WORD = 0.1


async def reply(run: RunAgentInput):
    """The events of one run; the SDK sends each as it is yielded, on whichever transport was asked."""
    run_ids = {"thread_id": run.thread_id, "run_id": run.run_id}
    yield RunStartedEvent(type=EventType.RUN_STARTED, **run_ids)

    # The interface sends its state with every run and gets it back changed.
    state = run.state if isinstance(run.state, dict) else {}
    yield StateSnapshotEvent(
        type=EventType.STATE_SNAPSHOT, snapshot={**state, "runs": state.get("runs", 0) + 1}
    )

    message_id = str(uuid.uuid4())
    yield TextMessageStartEvent(type=EventType.TEXT_MESSAGE_START, message_id=message_id, role="assistant")
    for word in text_of(run).split():
        if word == "fail":
            raise RuntimeError("asked to fail")  # the SDK makes RUN_ERROR of it
        await asyncio.sleep(SECONDS_A_WORD)
        yield TextMessageContentEvent(
            type=EventType.TEXT_MESSAGE_CONTENT, message_id=message_id, delta=f"{word} "
        )
    yield TextMessageEndEvent(type=EventType.TEXT_MESSAGE_END, message_id=message_id)
    yield RunFinishedEvent(type=EventType.RUN_FINISHED, **run_ids)


def text_of(run):
    """The last message's text; a message may also hold pictures, which are passed over."""
    content = run.messages[-1].content if run.messages else "nothing was said"
    return (
        content if isinstance(content, str) else " ".join(getattr(part, "text", "") for part in content or ())
    )


if __name__ == "__main__":
    serve_ag_ui(reply, log_level="warning")
