"""Answers bit by bit: every value the entry point yields is one server-sent event, sent as soon as it is there.

Payload: ``{"prompt": "…", "events": 10, "interval": 0.1}``; the interval is in seconds.
"""

import asyncio
import gc
import time

from bedrock_agentcore import BedrockAgentCoreApp

app = BedrockAgentCoreApp()


@app.entrypoint
async def invoke(payload, context):
    """One event a word of the prompt, over and over, as a model would send its tokens."""
    words = (payload.get("prompt") or "one event after another").split()
    events = int(payload.get("events", 10))
    interval = float(payload.get("interval", 0.1))
    sent = 0
    try:
        while sent < events:
            # `made` is the clock's time in the container: a caller can see how long the event was on its way.
            yield {"event": sent + 1, "of": events, "text": words[sent % len(words)], "made": time.time()}
            sent += 1
            gc.collect()
            if sent < events:
                await asyncio.sleep(interval)
    except (asyncio.CancelledError, GeneratorExit):
        # Nobody listens any more. A real agent would stop its model here: tokens that nobody reads are paid for too.
        print(f"{context.session_id}: the client left, {sent} of {events} events were made", flush=True)
        raise
    print(f"{context.session_id}: all {events} events were made", flush=True)


if __name__ == "__main__":
    # The SDK (1.25) cancels a generator whose client has left only once Python collects the answer it was for, and
    # until then lets it run up to 100 events ahead. Collecting after every event stops it at once; all that is there
    # before the first call is set aside, so that a collection takes no time.
    gc.freeze()
    app.run()
