"""The faults, by name: each takes the agent that answers and what was asked of it."""

import os
import time
from threading import Timer

from attacks import ATTACKS

LINE = b"misbehaving, as asked\n"

# What the health check answers, and whether SIGTERM is heard.
health = {"code": 200, "deaf": False}


def status(agent, asked):
    """Any status, 4xx and 5xx first of all."""
    agent.answer(int(asked.get("code", 500)), b'{"error": "as asked"}')


def crash(agent, asked):
    """The process ends in the middle of an answer."""
    agent.begin()
    agent.chunk(LINE)
    os._exit(int(asked.get("code", 1)))


def exit_at_once(_agent, asked):
    """The process ends before it has said a word."""
    os._exit(int(asked.get("code", 1)))


def hang(_agent, asked):
    """No answer, for an hour or for as many seconds as asked; the health check goes on."""
    time.sleep(float(asked.get("seconds", 3600)))


def slow_headers(agent, asked):
    """A good answer that is late."""
    time.sleep(float(asked.get("seconds", 5)))
    agent.answer()


def garbage(agent, _asked):
    """Not HTTP at all."""
    agent.wfile.write(b"HTTP/9.9 maybe fine\r\n\x00\xff no header\r\n\r\n")
    agent.hang_up()


def half_body(agent, _asked):
    """A chunk that promises more than comes, and the connection ends."""
    agent.begin()
    agent.chunk(LINE)
    agent.wfile.write(b"ffff\r\nonly this")
    agent.hang_up()


def short_body(agent, _asked):
    """Fewer bytes than Content-Length says."""
    agent.send_response(200)
    agent.send_header("Content-Length", "1000")
    agent.end_headers()
    agent.wfile.write(LINE)
    agent.hang_up()


def no_answer(agent, _asked):
    """The connection ends without a byte."""
    agent.hang_up()


def unhealthy(agent, asked):
    """A good answer, and health checks that fail after so many seconds."""
    Timer(float(asked.get("seconds", 0)), health.update, kwargs={"code": 503}).start()
    agent.answer()


def huge(agent, asked):
    """As many bytes as asked, all of them the letter x; a hundred megabytes and one if nothing is said."""
    left = int(asked.get("bytes", 100_000_001))
    agent.begin("application/octet-stream")
    while left:
        piece = min(left, 1024 * 1024)
        agent.chunk(b"x" * piece)
        left -= piece
    agent.end()


def endless(agent, asked):
    """Events without an end; only a client that leaves ends them, which the log tells."""
    agent.begin("text/event-stream")
    sent = 0
    try:
        while True:
            agent.chunk(b'data: {"event": %d}\n\n' % (sent := sent + 1))
            time.sleep(float(asked.get("interval", 0.1)))
    except OSError:
        print(f"the client left after {sent} events", flush=True)
        agent.close_connection = True


def unended_event(agent, _asked):
    """An event without its empty line, so that it never ends."""
    agent.begin("text/event-stream")
    agent.chunk(b'data: {"event": 1}\n\ndata: {"event": 2}')
    agent.end()


def redirect(agent, asked):
    """To somewhere else, where nobody should go."""
    agent.answer(int(asked.get("code", 307)), b"", Location=asked.get("location", "http://169.254.169.254/"))


def wrong_type(agent, asked):
    """JSON that says it is something else, or says nothing."""
    agent.answer(content_type=asked.get("type", "image/png"))


def ignore_sigterm(agent, _asked):
    """From now on only SIGKILL ends it."""
    health["deaf"] = True
    agent.answer()


def hang_ping(agent, _asked):
    """A good answer, and from now on health checks that get none."""
    health["hangs"] = True
    agent.answer()


FAULTS = {
    "none": lambda agent, _asked: agent.answer(),
    **ATTACKS,
    **{
        fault.__name__.replace("_", "-"): fault
        for fault in (
            *(status, crash, exit_at_once, hang, slow_headers, garbage, half_body, short_body, no_answer),
            *(unhealthy, hang_ping, huge, endless, unended_event, redirect, wrong_type, ignore_sigterm),
        )
    },
}
