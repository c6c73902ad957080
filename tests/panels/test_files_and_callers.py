"""Files and identities of the Invoke panel: what goes out, what is kept, and what never is."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from agentcore_lab.panels import InvokePanel
from agentcore_lab.panels.live import LivePanel
from agentcore_lab.panels.question import Attachment
from agentcore_lab.panels.uploads import UploadRefused
from tests.panels.scripted import ARN, ScriptedEngine

Click = Callable[..., None]
PICTURE = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 20


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What the panel sent to its page."""
    sent: list[dict[str, Any]] = []
    monkeypatch.setattr(LivePanel, "send", lambda _panel, content: sent.append(content))
    return sent


def test_a_file_arrives_in_pieces(
    panel: InvokePanel, engine: ScriptedEngine, click: Click, told: list[dict[str, Any]]
) -> None:
    """Each is acknowledged; the whole goes out beside the prompt, in base64, and stays for the next message."""
    click(panel, type="upload", id="1", name="logo.png", kind="image/png", size=len(PICTURE))
    for at in range(0, len(PICTURE), 1000):
        assert panel.file is None
        click(panel, PICTURE[at : at + 1000], type="piece", id="1", at=at)
    assert [each["received"] for each in told] == [*range(0, len(PICTURE), 1000), len(PICTURE)]
    assert panel.file == {"name": "logo.png", "type": "image/png", "size": len(PICTURE), "whole": False}
    panel.send("What is it?")
    asked = engine.invoked[0]
    assert asked["contentType"] == "application/json"
    assert json.loads(asked["payload"]) == {
        "prompt": "What is it?",
        "media": {"type": "image", "format": "png", "data": base64.b64encode(PICTURE).decode()},
    }
    assert panel.turns[0]["prompt"] == "What is it? + logo.png"


def test_a_file_can_be_the_payload_itself(panel: InvokePanel, engine: ScriptedEngine, click: Click) -> None:
    """Its bytes with its own content type; without it the prompt goes out again."""
    click(panel, type="upload", id="1", name="report.pdf", kind="", size=4)
    click(panel, b"%PDF", type="piece", id="1", at=0)
    click(panel, type="whole", whole=True)
    panel.send("unread")
    assert (engine.invoked[0]["contentType"], engine.invoked[0]["payload"]) == ("application/pdf", b"%PDF")
    click(panel, type="detach")
    panel.send("read")
    assert json.loads(engine.invoked[1]["payload"]) == {"prompt": "read"}


def test_a_cell_can_attach_a_file(panel: InvokePanel, engine: ScriptedEngine, tmp_path: Path) -> None:
    """By its path; it is sent as the page's files are."""
    (tmp_path / "notes.txt").write_bytes(b"Moin")
    panel.attach(tmp_path / "notes.txt")
    panel.send({"question": 7, "media": "of another kind"})
    media = {"type": "document", "format": "txt", "data": "TW9pbg=="}
    assert json.loads(engine.invoked[0]["payload"]) == {"question": 7, "media": media}


def test_what_is_too_large_is_refused(
    panel: InvokePanel, click: Click, told: list[dict[str, Any]], tmp_path: Path
) -> None:
    """Before a byte of it has moved."""
    click(panel, type="upload", id="1", name="film.mp4", kind="video/mp4", size=100_000_001)
    assert told == [
        {
            "type": "upload",
            "id": "1",
            "refused": "film.mp4 has 100 MB; a payload has 100 MB at most.",
        }
    ]
    with (tmp_path / "large").open("wb") as file:
        file.truncate(100_000_001)
    with pytest.raises(UploadRefused):
        panel.attach(tmp_path / "large")


@pytest.mark.parametrize(("at", "piece"), [(1, b"b"), (0, b"abcdef")])
def test_what_does_not_arrive_whole_is_told(
    panel: InvokePanel, click: Click, told: list[dict[str, Any]], at: int, piece: bytes
) -> None:
    """A piece that is missing, or one too many."""
    click(panel, type="upload", id="1", name="a", kind="", size=5)
    click(panel, piece, type="piece", id="1", at=at)
    assert told[-1] == {"type": "upload", "id": "1", "refused": "a did not arrive whole. Attach it again."}
    click(panel, b"late", type="piece", id="1", at=0)
    assert panel.file is None


@pytest.mark.parametrize("payload", ["[1, 2]", "no JSON"])
def test_a_file_needs_a_json_object_to_stand_in(
    panel: InvokePanel, engine: ScriptedEngine, payload: str
) -> None:
    """A sentence, and nothing is sent."""
    panel._hold(Attachment.of("a.png", PICTURE))
    answer = panel._converse(payload, True, None)
    assert answer.failure is not None
    assert answer.failure.cause == "A file can only go beside a JSON object."
    assert engine.invoked == []


def test_a_user_is_named_as_aws_wants_it(panel: InvokePanel, engine: ScriptedEngine, click: Click) -> None:
    """In runtimeUserId; and the turn says for whom it was."""
    click(panel, type="caller", **{"as": "user", "user": "ada"})
    panel.send("Hello")
    assert engine.invoked[0]["runtimeUserId"] == "ada"
    assert panel.turns[0]["caller"] == "user ada"
    click(panel, type="caller", **{"as": "signature", "user": "ada"})
    panel.send("Hello")
    assert "runtimeUserId" not in engine.invoked[1]


def test_a_token_is_never_shown(panel: InvokePanel, click: Click, told: list[dict[str, Any]]) -> None:
    """Neither in what a saved notebook keeps nor in copied code."""
    click(panel, type="caller", **{"as": "token", "user": "", "token": "s3cret"})
    assert panel.caller == {"as": "token", "user": "", "has_token": True}
    for kind in ("boto3", "curl"):
        click(panel, type="code", kind=kind, prompt="Hello", raw=False)
    assert "s3cret" not in repr([told, panel.get_state()])
    assert panel._question("Hello", False).caller.token == "s3cret"


def test_a_runtime_that_takes_tokens_is_known(engine: ScriptedEngine) -> None:
    """A person is asked for the token before a refusal."""
    engine.authorizer = {"customJWTAuthorizer": {"discoveryUrl": "https://idp.example"}}
    assert InvokePanel(engine.source, ARN).caller["as"] == "token"
    assert InvokePanel(engine.source, ARN, token="t").caller == {"as": "token", "user": "", "has_token": True}


def test_the_time_is_split(panel: InvokePanel, engine: ScriptedEngine) -> None:
    """Engine, sandbox start and agent are the first byte's time."""
    panel.send("warm up")
    figures = panel.send("Hello").figures
    assert figures.engine is not None
    assert figures.first_byte is not None
    assert figures.engine == pytest.approx(max(0.0, figures.first_byte - 12.0))
