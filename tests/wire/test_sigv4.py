"""Signatures as botocore makes them, header and query, are taken; anything else is refused for the right reason."""

from __future__ import annotations

import hashlib
import string
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import botocore.auth
import pytest
from botocore.auth import S3SigV4Auth, S3SigV4QueryAuth, SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import ReadOnlyCredentials
from hypothesis import given
from hypothesis import strategies as st

from agentcore_lab.wire.signature import Head, Signature, is_signed, signature_of
from agentcore_lab.wire.signature_errors import (
    ContentMismatchException,
    ExpiredTokenException,
    IncompleteSignatureException,
    InvalidSignatureException,
    SignatureRefused,
    SignatureTimeException,
    UnrecognizedClientException,
    told,
)
from agentcore_lab.wire.sigv4 import check_key, check_scope, check_signature, check_time, unhashed_payload

NOW = datetime(2026, 11, 21, 12, 0, 0, tzinfo=UTC)
REGION = "us-west-2"
SERVICE = "bedrock-agentcore"
ARN = quote("arn:aws:bedrock-agentcore:us-west-2:123456789012:runtime/my-AAAAAAAAAA", safe="")


@dataclass(frozen=True)
class Issued:
    """A key as the engine has it."""

    secret_access_key: str = "secret/of+the-key"
    session_token: str | None = None
    expires_at: datetime | None = None


KEY = Issued()
TEMPORARY = Issued(session_token="token+/=", expires_at=NOW + timedelta(hours=1))


def sent(request: AWSRequest, host: str) -> Head:
    """What a server sees of a request that botocore has signed."""
    parts = urlsplit(str(request.url))
    headers = [("Host", host), *((name, value) for name, value in request.headers.items())]
    return Head(str(request.method), parts.path, parts.query, headers)


def signed(
    key: Issued = KEY,
    method: str = "POST",
    path: str = f"/runtimes/{ARN}/invocations",
    query: str = "qualifier=DEFAULT",
    body: bytes = b"{}",
    *,
    auth: Callable[..., Any] = SigV4Auth,
    service: str = SERVICE,
    host: str = "127.0.0.1:4599",
    headers: dict[str, str] | None = None,
    **options: Any,
) -> Head:
    """A request signed at NOW by botocore."""
    request = AWSRequest(method, f"http://{host}{path}?{query}", data=body, headers=headers or {})
    credentials = ReadOnlyCredentials("AKIALAB", key.secret_access_key, key.session_token)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(botocore.auth, "get_current_datetime", lambda: NOW)
        auth(credentials, service, REGION, **options).add_auth(request)
    return sent(request, host)


def verify(
    head: Head, body: bytes = b"{}", key: Issued | None = KEY, now: datetime = NOW, service: str = SERVICE
) -> Signature:
    """All checks, in the engine's order."""
    assert is_signed(head)
    signature = signature_of(head)
    found = check_key(signature, key, now)
    check_scope(signature, {service}, REGION)
    check_time(signature, now)
    payload = unhashed_payload(signature, head) or hashlib.sha256(body).hexdigest()
    check_signature(signature, head, found, payload)
    return signature


def refusal(head: Head, **options: Any) -> SignatureRefused:
    """Why it is refused."""
    with pytest.raises(SignatureRefused) as caught:
        verify(head, **options)
    return caught.value


# What travels in URLs and headers, awkward characters included. botocore signs a query as it stands: it is made the
# way botocore's own serializer makes it.
words = st.text(string.ascii_letters + string.digits + "-_.~ /:+=&%*,;!'()@äß", max_size=12)
names = st.text(string.ascii_letters + "-_", min_size=1, max_size=8)
queries = st.lists(st.tuples(names, words), max_size=4).map(
    lambda pairs: urlencode(pairs, quote_via=quote, safe="-_.~")
)
paths = st.lists(words.filter(lambda word: word not in {".", ".."}), min_size=1, max_size=4).map(
    lambda parts: "/" + "/".join(quote(part, safe="-_.~") for part in parts)
)
bodies = st.binary(max_size=40)
headers = st.dictionaries(
    st.text(string.ascii_lowercase, min_size=1, max_size=6).map("x-custom-{}".format),
    st.text(string.ascii_letters + "  ,;=", min_size=1, max_size=20).filter(str.strip),
    max_size=3,
)
keys = st.sampled_from([KEY, TEMPORARY])
signers = st.sampled_from(
    [
        (SigV4Auth, SERVICE, {}),
        (SigV4QueryAuth, SERVICE, {"expires": 300}),
        (S3SigV4Auth, "s3", {}),
        (S3SigV4QueryAuth, "s3", {"expires": 300}),
    ]
)
methods = st.sampled_from(["GET", "POST", "PUT", "DELETE"])


@given(signers, keys, methods, paths, queries, bodies, headers)
def test_what_botocore_signs_is_taken(
    signer: Any, key: Issued, method: str, path: str, query: str, body: bytes, more: dict[str, str]
) -> None:
    """Whatever the request: botocore is the oracle, for its four ways to sign."""
    auth, service, options = signer
    body = b"" if options else body  # a URL is all that a presigned one is
    head = signed(key, method, path, query, body, auth=auth, service=service, headers=more, **options)
    signature = verify(head, body, key, service=service)
    assert (signature.service, signature.region, signature.presigned) == (service, REGION, bool(options))


@given(signers, st.data())
def test_what_was_changed_on_the_way_is_refused(signer: Any, data: st.DataObject) -> None:
    """Method, path, query, a signed header, the host, the signature: each is part of what is signed."""
    auth, service, options = signer
    path, query, more = data.draw(paths), data.draw(queries), {"x-custom-a": "one"}
    head = signed(KEY, "POST", path, query, b"", auth=auth, service=service, headers=more, **options)
    value = signature_of(head).value
    other = ("0" if value[7] != "0" else "1").join((value[:7], value[8:]))
    changes = {
        "method": replace(head, method="PUT"),
        "path": replace(head, path=f"{head.path}x"),
        "query": replace(head, query=f"{head.query}&more=1" if head.query else "more=1"),
        "host": replace(head, headers=[(n, "other" if n == "Host" else v) for n, v in head.headers]),
        "header": replace(head, headers=[(n, "two" if n == "x-custom-a" else v) for n, v in head.headers]),
        "doubled": replace(head, headers=[*head.headers, ("X-Custom-A", "two")]),
        "signature": Head(
            head.method,
            head.path,
            head.query.replace(value, other),
            [(name, text.replace(value, other)) for name, text in head.headers],
        ),
    }
    changed = data.draw(st.sampled_from(sorted(changes)))
    found = refusal(changes[changed], body=b"", service=service)
    assert type(found) is InvalidSignatureException, changed
    assert found.message.startswith("The request signature we calculated does not match")


@given(bodies, bodies)
def test_the_body_is_part_of_what_is_signed(one: bytes, other: bytes) -> None:
    """These services send no hash of it: it is hashed here."""
    head = signed(body=one)
    if one == other:
        verify(head, other)
    else:
        assert type(refusal(head, body=other)) is InvalidSignatureException


def test_a_hash_in_a_header_must_be_the_bodys() -> None:
    """S3's way: the header is signed, and the body must have that hash."""
    head = signed(auth=S3SigV4Auth, service="s3", body=b"one")
    found = refusal(head, body=b"two", service="s3")
    assert type(found) is ContentMismatchException
    assert (told(found, "s3").status, told(found, "s3").code) == (400, "XAmzContentSHA256Mismatch")


@pytest.mark.parametrize("literal", ["UNSIGNED-PAYLOAD", "STREAMING-UNSIGNED-PAYLOAD-TRAILER"])
def test_a_body_may_be_left_unsigned(literal: str) -> None:
    """The literal stands for the hash, is itself signed, and nothing need be read before the request is let in."""
    head = signed(headers={"X-Amz-Content-SHA256": literal}, body=b"whatever")
    verify(head, b"something else")
    stripped = replace(head, headers=[pair for pair in head.headers if pair[0] != "X-Amz-Content-SHA256"])
    assert type(refusal(stripped, body=b"whatever")) is InvalidSignatureException


def test_an_s3_key_is_encoded_once() -> None:
    """The same key signed as other services want it is refused."""
    head = signed(method="GET", path="/bucket/a%20b//c", query="", body=b"", auth=S3SigV4Auth, service="s3")
    verify(head, b"", service="s3")
    other = signed(
        method="GET",
        path="/bucket/a%20b//c",
        query="",
        body=b"",
        service="s3",
        headers={"X-Amz-Content-SHA256": hashlib.sha256(b"").hexdigest()},
    )
    assert type(refusal(other, body=b"", service="s3")) is InvalidSignatureException


def test_headers_that_botocore_never_signs_may_be_signed() -> None:
    """Other signers sign the user agent; spaces in a header's value do not count."""
    head = signed(headers={"x-agent": "one   two "})
    verify(replace(head, headers=[(n, "one two" if n == "x-agent" else v) for n, v in head.headers]))


def test_an_unknown_key() -> None:
    """Nobody has it."""
    found = refusal(signed(), key=None)
    assert type(found) is UnrecognizedClientException
    assert found.message == "The security token included in the request is invalid."
    assert told(found, "query").code == "InvalidClientTokenId"
    assert told(found, "s3").code == "InvalidAccessKeyId"


def test_another_secret() -> None:
    """The secret is never sent, and still has to be right."""
    found = refusal(signed(), key=Issued("another"))
    assert type(found) is InvalidSignatureException
    assert told(found, "query").code == told(found, "s3").code == "SignatureDoesNotMatch"


@pytest.mark.parametrize(
    ("signs", "issued"),
    [
        (replace(TEMPORARY, session_token=None), TEMPORARY),
        (replace(TEMPORARY, session_token="another"), TEMPORARY),
        (replace(KEY, session_token="one too many"), KEY),
    ],
)
def test_a_session_token_belongs_to_its_key(signs: Issued, issued: Issued) -> None:
    """Missing, another, or one where the key has none."""
    assert type(refusal(signed(signs), key=issued)) is UnrecognizedClientException


def test_temporary_credentials_end() -> None:
    """On the second; and not before."""
    verify(signed(TEMPORARY), key=replace(TEMPORARY, expires_at=NOW + timedelta(seconds=1)))
    found = refusal(signed(TEMPORARY), key=replace(TEMPORARY, expires_at=NOW))
    assert (type(found), found.message) == (
        ExpiredTokenException,
        "The security token included in the request is expired",
    )


@pytest.mark.parametrize(
    ("seconds", "message"),
    [
        (300, None),
        (
            301,
            "Signature expired: 20261121T120000Z is now earlier than 20261121T120001Z (20261121T120501Z - 5 min.)",
        ),
        (-300, None),
        (
            -301,
            "Signature not yet current: 20261121T120000Z is still later than 20261121T115959Z "
            "(20261121T115459Z + 5 min.)",
        ),
    ],
)
def test_a_signers_clock_may_be_off_by_five_minutes(seconds: int, message: str | None) -> None:
    """Either way; AWS's words show both clocks."""
    now = NOW + timedelta(seconds=seconds)
    if message is None:
        verify(signed(), now=now)
    else:
        found = refusal(signed(), now=now)
        assert (type(found), found.code) == (SignatureTimeException, "InvalidSignatureException")
        assert found.message == message
        assert told(found, "s3").code == "RequestTimeTooSkewed"


@pytest.mark.parametrize(("seconds", "good"), [(-301, False), (-300, True), (60, True), (61, False)])
def test_a_presigned_url_lasts_as_long_as_it_says(seconds: int, good: bool) -> None:
    """From five minutes before it was signed to the end of its time."""
    head = signed(method="GET", body=b"", auth=SigV4QueryAuth, expires=60)
    if good:
        verify(head, b"", now=NOW + timedelta(seconds=seconds))
    else:
        assert type(refusal(head, body=b"", now=NOW + timedelta(seconds=seconds))) is SignatureTimeException


def test_its_time_cannot_be_prolonged() -> None:
    """X-Amz-Expires is signed like everything else."""
    head = signed(method="GET", body=b"", auth=SigV4QueryAuth, expires=60)
    longer = replace(head, query=head.query.replace("X-Amz-Expires=60", "X-Amz-Expires=6000"))
    assert type(refusal(longer, body=b"")) is InvalidSignatureException


@pytest.mark.parametrize("seconds", ["0", "604801", "-1", "sixty", "٦٠"])
def test_a_presigned_url_lasts_a_week_at_most(seconds: str) -> None:
    """And a second at least (AWS: X-Amz-Expires, 1 to 604800)."""
    head = signed(method="GET", body=b"", auth=SigV4QueryAuth, expires=60)
    found = refusal(replace(head, query=head.query.replace("X-Amz-Expires=60", f"X-Amz-Expires={seconds}")))
    assert type(found) is IncompleteSignatureException
    assert found.message.startswith("X-Amz-Expires must be a number of seconds from 1 to 604800")


def test_a_presigned_url_says_how_it_is_signed() -> None:
    """By the one algorithm there is here."""
    head = signed(method="GET", body=b"", auth=SigV4QueryAuth, expires=60)
    found = refusal(replace(head, query=head.query.replace("AWS4-HMAC-SHA256", "AWS4-ECDSA-P256-SHA256")))
    assert found.message == "Unsupported AWS 'algorithm': 'AWS4-ECDSA-P256-SHA256'"


def test_a_presigned_url_without_an_end_lasts_five_minutes() -> None:
    """As long as a signature in a header."""
    head = signed(method="GET", body=b"", auth=SigV4QueryAuth, expires=60)
    endless = replace(head, query=head.query.replace("X-Amz-Expires=60&", ""))
    assert "X-Amz-Expires" not in endless.query
    assert signature_of(endless).expires_in == 300


def test_another_region_and_another_service() -> None:
    """Each is named."""
    found = refusal(signed(service="execute-api"))
    assert found.message == "Credential should be scoped to correct service: 'bedrock-agentcore'. "
    signature = signature_of(signed())
    with pytest.raises(InvalidSignatureException, match="a valid region, not 'us-west-2'"):
        check_scope(signature, {SERVICE}, "eu-west-1")
    check_scope(signature, None, None)


def authorization(text: str) -> Head:
    """A request with this header, and a date."""
    return Head("GET", "/", "", [("Host", "h"), ("X-Amz-Date", "20261121T120000Z"), ("Authorization", text)])


@pytest.mark.parametrize(
    ("head", "message"),
    [
        (authorization("Basic dTpw"), "Unsupported AWS 'algorithm': 'Basic'"),
        (
            authorization("AWS4-HMAC-SHA256 Credential=a/20261121/r/s/aws4_request"),
            "Authorization header requires 'Signature' parameter. Authorization header requires 'SignedHeaders' "
            "parameter. Authorization=AWS4-HMAC-SHA256",
        ),
        (
            Head(
                "GET",
                "/",
                "",
                [("Authorization", "AWS4-HMAC-SHA256 Credential=a,Signature=b,SignedHeaders=host")],
            ),
            "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header. "
            "Authorization=AWS4-HMAC-SHA256",
        ),
        (
            authorization("AWS4-HMAC-SHA256 Credential=a/b, Signature=c, SignedHeaders=host"),
            "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got 'a/b'",
        ),
        (
            authorization("AWS4-HMAC-SHA256 Credential=a/20261121/r/s/aws3, Signature=c, SignedHeaders=host"),
            "Credential should be scoped with a valid terminator: 'aws4_request', not 'aws3'.",
        ),
        (
            authorization(
                "AWS4-HMAC-SHA256 Credential=a/20261120/r/s/aws4_request, Signature=c, SignedHeaders=host"
            ),
            "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: "
            "'20261120' != '20261121', from '20261121T120000Z'.",
        ),
        (
            authorization(
                "AWS4-HMAC-SHA256 Credential=a/20261121/r/s/aws4_request, Signature=c, SignedHeaders=date"
            ),
            "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.",
        ),
        (
            Head("GET", "/", "X-Amz-Signature=a&X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Date=b", []),
            "AWS query-string parameters must include 'X-Amz-Credential'. AWS query-string parameters must include "
            "'X-Amz-SignedHeaders'. Re-examine the query-string parameters.",
        ),
    ],
)
def test_what_is_no_whole_signature(head: Head, message: str) -> None:
    """Every part that is missing is named."""
    found = refusal(head)
    assert (type(found), found.message) == (IncompleteSignatureException, message)


@given(st.text(max_size=200), st.text(max_size=200))
def test_garbage_is_refused_and_nothing_else(header: str, query: str) -> None:
    """No header and no query makes the verifier fail otherwise than by a refusal."""
    for head in (
        Head("GET", "/", query, [("Authorization", f"AWS4-HMAC-SHA256 {header}"), ("X-Amz-Date", query)]),
        Head("GET", "/", f"X-Amz-Signature={header}&{query}", [("Host", header)]),
    ):
        assert isinstance(refusal(head), SignatureRefused)


def test_a_date_header_will_do() -> None:
    """Where there is no X-Amz-Date, the one HTTP has."""
    head = signed(headers={"Date": "Sat, 21 Nov 2026 12:00:00 GMT"})
    assert signature_of(head).moment == "20261121T120000Z"
    assert "X-Amz-Date" not in dict(head.headers)
    verify(head)


def test_bearer_tokens_are_no_signatures() -> None:
    """They are for others to look at."""
    assert not is_signed(Head("GET", "/", "", [("authorization", "bearer abc")]))
    assert not is_signed(Head("GET", "/", "a=b", []))
