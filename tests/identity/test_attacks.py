"""Tokens of attackers: all refused, each for its own reason, and none at more than a known price.

The price is counted, not timed: documents fetched and signatures verified.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import jwt
import pytest

from agentcore_lab.discovery import RunningEngine
from agentcore_lab.identity import tokens
from agentcore_lab.settings import Settings
from agentcore_lab.testing import UNMETERED, FakeClock, ScriptedBackend, engine_in_thread
from tests.conftest import HELLO, Clients, clients_of
from tests.identity.issuer import (
    DISCOVERY,
    KEYS,
    NOW,
    Issuer,
    ec_key,
    hand_made,
    public_pem,
    published,
    rsa_key,
    running_issuer,
)
from tests.identity.test_bearer_tokens import call, claim, protected

SECONDS = int(NOW.timestamp())
ATTACKER = 1
"""The number of a key that the issuer does not publish."""

PARSE = "OAuth authorization failed: Failed to parse token."
SIGNATURE = "OAuth authorization failed: Invalid token signature."


@pytest.fixture
def verified(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The algorithm of every signature that is verified from here on."""
    seen: list[str] = []
    plain = tokens._JWS.decode

    def counted(token: str, key: Any, algorithms: list[str]) -> Any:
        seen.extend(algorithms)
        return plain(token, key, algorithms=algorithms)

    monkeypatch.setattr(tokens._JWS, "decode", counted)
    return seen


@pytest.fixture(scope="module")
def clock() -> FakeClock:
    """The clock of this file's engine; who sets it ahead comes last."""
    return FakeClock()


@pytest.fixture(scope="module")
def backend() -> ScriptedBackend:
    """The sandboxes of this file's engine."""
    scripted = ScriptedBackend()
    scripted.add(HELLO)
    return scripted


@pytest.fixture(scope="module")
def engine(
    tmp_path_factory: pytest.TempPathFactory, backend: ScriptedBackend, clock: FakeClock
) -> Iterator[RunningEngine]:
    """One engine for all attacks: each has an issuer and a runtime of its own."""
    folder = tmp_path_factory.mktemp("attacks")
    settings = Settings(data_dir=folder / "data", cache_dir=folder / "cache", port=0, quotas=UNMETERED)
    with engine_in_thread(settings, backend, clock) as running:
        yield running


@pytest.fixture(scope="module")
def aws(engine: RunningEngine) -> Clients:
    """boto3 clients of this file's engine."""
    return clients_of(engine.url)


@pytest.fixture
def started(backend: ScriptedBackend) -> Iterator[None]:
    """Whatever comes, no sandbox is started for it."""
    before = len(backend.started)
    yield
    assert len(backend.started) == before


@pytest.fixture
def arn(aws: Clients, issuer: Issuer) -> str:
    """A runtime that wants an audience, a client, a scope and a claim."""
    return protected(
        aws,
        issuer,
        name=f"agent_{issuer.url.rpartition(':')[2]}",
        allowedClients=["web"],
        allowedScopes=["agent:invoke"],
        customClaims=[claim("team", "STRING", "EQUALS", matchValueString="blue")],
    )


def good(issuer: Issuer, **more: Any) -> str:
    """A token that is let in, but for what is changed."""
    return issuer.token(**{"team": "blue", **more})


def resigned(token: str, header: dict[str, Any]) -> str:
    """The token with another header, its signature as it was."""
    _, claims, signature = token.split(".")
    return f"{hand_made(header, {}).split('.')[0]}.{claims}.{signature}"


def hmac_with_the_public_key(issuer: Issuer) -> str:
    """The classic: what everybody can read, taken for a shared secret."""
    unsigned = hand_made({"alg": "HS256", "kid": issuer.kid, "typ": "JWT"}, issuer.claims(team="blue"))
    signed = unsigned.rpartition(".")[0]
    mac = hmac.new(public_pem(issuer.key), signed.encode(), hashlib.sha256).digest()
    return f"{signed}.{urlsafe_b64encode(mac).rstrip(b'=').decode()}"


def tampered(issuer: Issuer) -> str:
    """Somebody else's name under a good signature."""
    header, claims, signature = good(issuer).split(".")
    changed = {**json.loads(urlsafe_b64decode(claims + "==")), "sub": "root"}
    return f"{header}.{hand_made({}, changed).split('.')[1]}.{signature}"


Attack = Callable[[Issuer], str]

FORGED: dict[str, tuple[Attack, int, str, int, int]] = {
    # the token, the status, what is said, documents fetched, signatures verified
    "nothing": (lambda _: "", 403, PARSE, 0, 0),
    "no token": (lambda _: "opaque", 403, PARSE, 0, 0),
    "two parts": (lambda i: good(i).rpartition(".")[0], 403, PARSE, 0, 0),
    "encrypted": (lambda i: good(i) + ".a.b", 403, PARSE, 0, 0),
    "no JSON": (lambda _: "aGk.aGk.aGk", 403, PARSE, 0, 0),
    "no base64": (lambda i: "é" + good(i), 403, PARSE, 0, 0),
    "nested": (lambda _: f"{urlsafe_b64encode(b'[' * 20_000).decode()}.e30.e30", 403, PARSE, 0, 0),
    "too long": (lambda i: good(i) + "A" * 33_000, 403, PARSE, 0, 0),
    "alg none": (lambda i: hand_made({"alg": "none"}, i.claims(team="blue")), 403, PARSE, 0, 0),
    "alg nOnE": (lambda i: hand_made({"alg": "nOnE", "kid": "one"}, i.claims(team="blue")), 403, PARSE, 0, 0),
    "alg none, signed": (lambda i: resigned(good(i), {"alg": "none", "kid": "one"}), 403, PARSE, 0, 0),
    "no alg": (lambda i: resigned(good(i), {"kid": "one"}), 403, PARSE, 0, 0),
    "alg a list": (lambda i: resigned(good(i), {"alg": ["RS256"], "kid": "one"}), 403, PARSE, 0, 0),
    "HS256 with the public key": (hmac_with_the_public_key, 403, PARSE, 0, 0),
    "crit": (lambda i: good(i, header={"crit": ["b64"], "b64": False}), 403, PARSE, 0, 0),
    "kid no string": (lambda i: resigned(good(i), {"alg": "RS256", "kid": {"$ne": 1}}), 403, PARSE, 0, 0),
    "signed by another": (lambda i: good(i, key=rsa_key(ATTACKER)), 401, SIGNATURE, 2, 1),
    "tampered with": (tampered, 401, SIGNATURE, 2, 1),
    "no signature": (lambda i: good(i).rpartition(".")[0] + ".", 401, SIGNATURE, 2, 1),
    "unknown kid": (lambda i: good(i, header={"kid": "nobody"}), 401, SIGNATURE, 4, 0),
    "kid a path": (lambda i: good(i, header={"kid": "../../dev/null"}), 401, SIGNATURE, 4, 0),
    "another kind of key": (
        lambda i: good(i, key=ec_key(), algorithm="ES256"),
        401,
        SIGNATURE,
        4,
        0,
    ),
    "jwk embedded": (
        lambda i: good(i, key=rsa_key(ATTACKER), header={"jwk": published(rsa_key(ATTACKER), "one")}),
        401,
        SIGNATURE,
        2,
        1,
    ),
}

WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "issuer": ({"iss": "https://evil.example"}, "Claim 'iss' value mismatch with configuration."),
    "issuer with a slash": ({"iss": "{url}/"}, "Claim 'iss' value mismatch with configuration."),
    "audience": ({"aud": "other"}, "Claim 'aud' value mismatch with configuration."),
    "no audience": ({"aud": None}, "Claim 'aud' value mismatch with configuration."),
    "audience in part": ({"aud": "la"}, "Claim 'aud' value mismatch with configuration."),
    "client": ({"client_id": "other"}, "Claim 'client_id' value mismatch with configuration."),
    "an ID token": (
        {"client_id": None, "azp": "web"},
        "Claim 'client_id' value mismatch with configuration.",
    ),
    "client a list": ({"client_id": ["web"]}, "Claim 'client_id' value mismatch with configuration."),
    "scope": ({"scope": "openid"}, "Claim 'scope' value mismatch with configuration."),
    "scope in part": ({"scope": "agent:invoke2"}, "Claim 'scope' value mismatch with configuration."),
    "claim": ({"team": "red"}, "Authorization denied: claim 'team' does not fit the configuration."),
    "claim a list": (
        {"team": ["blue"]},
        "Authorization denied: claim 'team' does not fit the configuration.",
    ),
    "expired": ({"exp": SECONDS - 1}, "The token expired at 2025-12-31T23:59:59Z."),
    "never expires": ({"exp": None}, "Claim 'exp' is missing."),
    "expiry no number": ({"exp": "soon"}, "The token's times are none."),
    "expiry beyond dates": ({"exp": 1e300}, "The token's times are none."),
    "expiry NaN": ({"exp": float("nan")}, "The token's times are none."),
    "not yet valid": ({"nbf": SECONDS + 600}, "The token is not valid before 2026-01-01T00:10:00Z."),
    "from the future": (
        {"iat": SECONDS + 600},
        "The token was issued in the future, at 2026-01-01T00:10:00Z.",
    ),
    "two things": (
        {"aud": "other", "client_id": "other"},
        "Claim 'aud' value mismatch with configuration. Claim 'client_id' value mismatch with configuration.",
    ),
}


def test_what_the_attacks_change_was_good(
    engine: RunningEngine, arn: str, issuer: Issuer, backend: ScriptedBackend
) -> None:
    """Without the attack the token is let in."""
    assert call(engine, arn, good(issuer)).status == 200


@pytest.mark.parametrize("attack", FORGED)
def test_a_forged_token(
    engine: RunningEngine,
    arn: str,
    issuer: Issuer,
    started: None,
    verified: list[str],
    attack: str,
) -> None:
    """Refused before anything starts, for as little as there is to look at."""
    forge, status, said, fetches, signatures = FORGED[attack]
    answer = call(engine, arn, forge(issuer).encode("utf-8").decode("latin-1"))
    assert (answer.status, answer.json["message"].startswith(said)) == (status, True), answer.json
    assert (issuer.fetches, len(verified)) == (fetches, signatures)


@pytest.mark.parametrize("wrong", WRONG)
def test_a_token_for_something_else(
    engine: RunningEngine,
    arn: str,
    issuer: Issuer,
    started: None,
    verified: list[str],
    wrong: str,
) -> None:
    """Well signed, and refused for the claim at fault, after one look."""
    changed, said = WRONG[wrong]
    filled = {
        name: value.replace("{url}", issuer.url) if isinstance(value, str) else value
        for name, value in changed.items()
    }
    answer = call(engine, arn, good(issuer, **filled))
    assert (answer.status, answer.json["message"]) == (401, said)
    assert (issuer.fetches, len(verified)) == (2, 1)


@pytest.fixture
def trap() -> Iterator[Issuer]:
    """An issuer of the attacker's, who would like to be asked for a key."""
    with running_issuer() as running:
        running.key = rsa_key(ATTACKER)
        running.documents["/keys"] = {"keys": [published(running.key, "one")]}
        yield running


@pytest.mark.parametrize("member", ["jku", "x5u"])
def test_a_token_that_says_where_its_key_is(
    engine: RunningEngine, arn: str, issuer: Issuer, trap: Issuer, member: str
) -> None:
    """Nobody goes there."""
    token = good(issuer, key=trap.key, header={member: f"{trap.url}/keys"})
    assert call(engine, arn, token).json["message"].startswith(SIGNATURE)
    assert trap.fetches == 0


def test_a_key_that_was_rotated_away(engine: RunningEngine, arn: str, issuer: Issuer) -> None:
    """Once a token of the new key has been seen, the old one's are refused."""
    older = good(issuer)
    assert call(engine, arn, older).status == 200
    issuer.rotate(retire=True)
    assert call(engine, arn, good(issuer)).status == 200
    assert call(engine, arn, older).json["message"].startswith(SIGNATURE)


def test_another_published_key(engine: RunningEngine, arn: str, issuer: Issuer) -> None:
    """A kid that points to a key which did not sign: the other keys are not tried."""
    issuer.documents[KEYS]["keys"].append(published(rsa_key(2), "second"))
    token = good(issuer, header={"kid": "second"})
    assert call(engine, arn, token).json["message"].startswith(SIGNATURE)


@pytest.mark.parametrize(
    "member",
    [{"use": "enc"}, {"alg": "RS512"}, {"key_ops": ["encrypt"]}],
    ids=["for encryption", "for another algorithm", "for other operations"],
)
def test_a_key_published_for_something_else(
    engine: RunningEngine, arn: str, issuer: Issuer, member: dict[str, Any]
) -> None:
    """Its signatures count for nothing."""
    issuer.documents[KEYS] = {"keys": [published(issuer.key, "one", **member)]}
    assert call(engine, arn, good(issuer)).json["message"].startswith(SIGNATURE)


def test_a_shared_secret_among_the_keys(engine: RunningEngine, arn: str, issuer: Issuer) -> None:
    """An issuer that publishes an HMAC key has published it to everybody."""
    issuer.documents[KEYS]["keys"].append({"kty": "oct", "kid": "hmac", "k": "c2VjcmV0" * 8})
    token = jwt.encode(issuer.claims(team="blue"), b"secret" * 8, "HS256", headers={"kid": "hmac"})
    assert call(engine, arn, token).json["message"].startswith(PARSE)


UNREACHABLE: dict[str, tuple[dict[str, Any], str]] = {
    "no discovery document": ({DISCOVERY: 500}, "answered 500"),
    "a redirect to a file": ({DISCOVERY: 302}, "answered 302"),
    "no JSON": ({DISCOVERY: b"<html>"}, "is no JSON"),
    "no object": ({DISCOVERY: [1]}, "is no JSON object"),
    "no issuer": ({DISCOVERY: {"jwks_uri": "http://127.0.0.1/"}}, "names no issuer"),
    "keys in a file": (
        {DISCOVERY: {"issuer": "i", "jwks_uri": "file:///etc/passwd"}},
        "is not a web address",
    ),
    "keys where nobody listens": (
        {DISCOVERY: {"issuer": "i", "jwks_uri": "http://127.0.0.1:1/"}},
        "cannot be reached",
    ),
    "keys of 300 KB": ({KEYS: b"[" * 300_000}, "more than 262144 bytes"),
    "keys nested": ({KEYS: b"[" * 200_000}, "is no JSON"),
    "keys no list": ({KEYS: {"keys": "all"}}, "is no key set"),
}


@pytest.mark.parametrize("case", UNREACHABLE)
def test_an_issuer_that_does_not_publish(
    engine: RunningEngine, arn: str, issuer: Issuer, started: None, case: str
) -> None:
    """What cannot be verified is not let in, and the answer says what could not be had."""
    documents, said = UNREACHABLE[case]
    issuer.documents |= documents
    answer = call(engine, arn, good(issuer))
    assert answer.status == 403
    assert answer.json["message"].startswith(
        "OAuth authorization failed: Failed to retrieve the signing keys."
    )
    assert said in answer.json["message"]


def test_an_issuer_that_has_gone_fails_closed(
    engine: RunningEngine, arn: str, issuer: Issuer, clock: FakeClock
) -> None:
    """What was published counts for five minutes; then it has to be published still. Back again, it counts again."""
    assert call(engine, arn, good(issuer)).status == 200
    kept, issuer.documents = issuer.documents, {}
    assert call(engine, arn, good(issuer)).status == 200
    clock.advance(timedelta(minutes=5))
    assert call(engine, arn, good(issuer)).status == 403
    issuer.documents = kept
    assert call(engine, arn, good(issuer)).status == 200


def test_a_flood_of_unknown_keys(engine: RunningEngine, arn: str, issuer: Issuer, clock: FakeClock) -> None:
    """A hundred tokens with a hundred key ids have the issuer asked six times a minute at most."""
    for number in range(100):
        call(engine, arn, good(issuer, header={"kid": f"k{number}"}))
    assert issuer.asked == {DISCOVERY: 6, KEYS: 6}
    assert call(engine, arn, good(issuer)).status == 200
    clock.advance(timedelta(minutes=1))
    call(engine, arn, good(issuer, header={"kid": "once more"}))
    assert issuer.asked[KEYS] == 7


def test_a_token_of_a_megabyte(engine: RunningEngine, arn: str, issuer: Issuer) -> None:
    """Refused by its length as it comes in, which the answer says; nobody is asked about it, the engine goes on."""
    answer = call(engine, arn, "A" * 1_000_000)
    assert (answer.status, answer.headers["x-amzn-errortype"]) == (400, "ValidationException")
    assert "longer than 49152 bytes" in answer.json["message"]
    assert issuer.fetches == 0
    assert call(engine, arn, good(issuer)).status == 200


def test_a_token_is_in_no_log(
    engine: RunningEngine, arn: str, issuer: Issuer, caplog: pytest.LogCaptureFixture
) -> None:
    """Neither a good one nor a refused one, nor in what is answered."""
    for token in (good(issuer), good(issuer, aud="other"), good(issuer, key=rsa_key(ATTACKER))):
        answer = call(engine, arn, token)
        assert token.rpartition(".")[2] not in caplog.text + str(answer.headers) + answer.body.decode()
