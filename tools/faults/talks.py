"""Faults in what is more than a call and its answer: MCP's sessions and WebSockets."""

from __future__ import annotations

from tools.faults.fault import Fault

_MCP = ("tests/runtime/test_mcp.py",)
_SOCKETS = ("tests/server/test_websocket.py",)

FAULTS = (
    Fault(
        "mcp-id-not-told",
        "an MCP server is told the session id that the platform gave its client",
        "runtime/affinity.py",
        '            return Belongs(session_id, None if head.method == "initialize" else session_id)',
        "            return Belongs(session_id)",
        _MCP,
    ),
    Fault(
        "mcp-id-not-given",
        "an MCP client is given a session id",
        "runtime/invoke.py",
        '            members["mcpSessionId"] = name or call.params.get("mcpSessionId") or belongs.session_id\n',
        "",
        _MCP,
    ),
    Fault(
        "mcp-name-not-learned",
        "the id a stateful MCP server made leads back to it",
        "runtime/invoke.py",
        "                self._mcp.learn(lease.session.runtime_id, name, belongs.session_id)",
        "                pass",
        _MCP,
    ),
    Fault(
        "mcp-session-revived",
        "an MCP session that has ended is 404",
        "runtime/affinity.py",
        "        if self._has_ended(runtime_id, session_id):",
        "        if not session_id:",
        _MCP,
    ),
    Fault(
        "frame-without-limit",
        "a frame of a WebSocket has 64 KB at most",
        "runtime/limits.py",
        "WEBSOCKET_FRAME_BYTES = 64 * 1024",
        "WEBSOCKET_FRAME_BYTES = 640 * 1024",
        _SOCKETS,
    ),
    Fault(
        "flood-of-frames",
        "a client sends 250 frames a second at most",
        "server/bridge.py",
        "                if most is not None and rate.counted() > most:",
        "                if most is not None and rate.counted() > most * 1000:",
        _SOCKETS,
    ),
    Fault(
        "socket-outlives-session",
        "a WebSocket ends with its session",
        "server/session_sockets.py",
        "bridge.run(self._session_over(session), ",
        "bridge.run(",
        _SOCKETS,
    ),
    Fault(
        "socket-open-for-ever",
        "a WebSocket is open for an hour at most",
        "server/session_sockets.py",
        "self._expired(closes_at), ",
        "",
        _SOCKETS,
    ),
    Fault(
        "socket-traffic-unseen",
        "frames keep a session Active",
        "server/session_sockets.py",
        "                self._sessions.flowed(session)",
        "                pass",
        _SOCKETS,
    ),
    Fault(
        "socket-holds-session",
        "a silent WebSocket holds no session",
        "runtime/session.py",
        "    if session.flowed_at is None or session.flowed_at + session.ping_every > now:",
        "    if session.flowed_at is None or session.alive:",
        _SOCKETS,
    ),
    Fault(
        "socket-of-another-session",
        "a WebSocket leads to the session it names",
        "server/websocket.py",
        "            plan.runtime.id, handshake.session_id, lambda:",
        "            plan.runtime.id, str(uuid.uuid4()), lambda:",
        _SOCKETS,
        ("03",),
    ),
    Fault(
        "close-code-lost",
        "the code an agent closes a WebSocket with reaches the client",
        "server/bridge.py",
        "                await target.pass_on(frame.raw, closes=frame.closes)\n",
        "                if frame.closes:\n"
        '                    return Ending(GOING_AWAY, "")\n'
        "                await target.pass_on(frame.raw, closes=frame.closes)\n",
        _SOCKETS,
        ("03",),
    ),
)
