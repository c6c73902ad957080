"""The authority of a data directory and its certificates, seen with OpenSSL's eyes: Python's own ssl module."""

from __future__ import annotations

import ssl
import stat
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from agentcore_lab.tls.authority import Authority, new_key, open_authority, private_pem
from agentcore_lab.tls.serving import server_context
from agentcore_lab.tls.trust import bundled, public_authorities, write_bundle

NOW = datetime.now(UTC)


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    """A new authority."""
    return open_authority(tmp_path / "tls", NOW)


def trusting_context(authority: Authority) -> ssl.SSLContext:
    """A client as strict as Python 3.13 makes them, that trusts nobody else."""
    context = ssl.create_default_context(cadata=authority.pem.decode())
    context.verify_flags |= ssl.VERIFY_X509_STRICT
    return context


def shake_hands(server: ssl.SSLContext, client: ssl.SSLContext, name: str) -> str:
    """The common name of the certificate a client gets that asks for ``name``. Raises SSLError."""
    to_client, to_server = ssl.MemoryBIO(), ssl.MemoryBIO()
    here = client.wrap_bio(to_client, to_server, server_hostname=name)
    there = server.wrap_bio(to_server, to_client, server_side=True)
    for _ in range(4):
        with suppress(ssl.SSLWantReadError):
            here.do_handshake()
        with suppress(ssl.SSLError):  # what goes wrong there is the client's to tell
            there.do_handshake()
    certificate: Any = here.getpeercert()
    assert certificate, "the handshake has ended"
    return str(dict(pair for (pair,) in certificate["subject"])["commonName"])


@pytest.mark.parametrize(
    "name",
    [
        "bedrock-agentcore.us-west-2.amazonaws.com",
        "bucket.s3.eu-central-1.amazonaws.com",
        "123456789012.dkr.ecr.us-west-2.amazonaws.com",
        "bedrock-agentcore.cn-north-1.amazonaws.com.cn",
        "bedrock-agentcore.us-west-2.api.aws",
        "8080-token.localhost",
    ],
)
def test_every_name_of_aws_has_its_certificate(authority: Authority, name: str) -> None:
    """The certificate is made for the name a client asks for, and holds before a strict client."""
    assert shake_hands(server_context(authority, NOW), trusting_context(authority), name) == name


@pytest.mark.parametrize("name", ["localhost", "127.0.0.1", "::1", "host.docker.internal"])
def test_the_machines_own_names_have_one_too(authority: Authority, name: str) -> None:
    """Clients that connect to an address ask for no name at all."""
    shake_hands(server_context(authority, NOW), trusting_context(authority), name)


@pytest.mark.parametrize("name", ["example.com", "amazonaws.com.evil.example", "notamazonaws.com"])
def test_other_names_are_refused_in_the_handshake(authority: Authority, name: str) -> None:
    """No certificate is made for them."""
    with pytest.raises(ssl.SSLError, match=r"(?i)unrecognized.name"):
        shake_hands(server_context(authority, NOW), trusting_context(authority), name)


def test_the_authority_is_worth_nothing_for_other_names(authority: Authority, tmp_path: Path) -> None:
    """Even signed with its key, a bank's certificate is refused: the name constraints forbid it."""
    key = new_key()
    path = tmp_path / "bank.pem"
    path.write_bytes(private_pem(key) + authority.sign(["bank.example"], key, NOW))
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(path)
    with pytest.raises(ssl.SSLCertVerificationError, match="permitted subtree violation"):
        shake_hands(server, trusting_context(authority), "bank.example")


def test_the_authority_lasts_and_its_key_is_the_users_alone(tmp_path: Path) -> None:
    """The same one at the next start; the key is readable by its owner only, the folder too."""
    folder = tmp_path / "tls"
    first, second = open_authority(folder, NOW), open_authority(folder, NOW + timedelta(days=365))
    assert first.certificate == second.certificate
    assert stat.S_IMODE((folder / "ca.key").stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert (folder / "ca.pem").read_bytes() == first.certificate.public_bytes(Encoding.PEM)


@pytest.mark.parametrize("damage", ["expiring", "broken", "swapped"])
def test_an_authority_that_is_of_no_use_is_made_anew(tmp_path: Path, damage: str) -> None:
    """One that would end before its certificates, one that cannot be read, a key of another."""
    folder, later = tmp_path / "tls", NOW
    first = open_authority(folder, NOW)
    if damage == "expiring":
        later = NOW + timedelta(days=4 * 365)
    elif damage == "broken":
        (folder / "ca.pem").write_text("nothing")
    else:
        (folder / "ca.key").write_bytes(private_pem(new_key()))
    second = open_authority(folder, later)
    assert second.certificate != first.certificate
    assert second.key.public_key() == second.certificate.public_key()


def test_the_bundle_adds_to_what_the_machine_trusts(authority: Authority, tmp_path: Path) -> None:
    """Clients that read it still reach the rest of the world; nobody is in it twice."""
    path = write_bundle(tmp_path, authority.pem)
    held, public = path.read_bytes(), public_authorities()
    assert held.startswith(authority.pem.strip())
    assert public in held
    assert held.count(b"BEGIN") == public.count(b"BEGIN") + 1 > 50
    assert bundled([held, authority.pem, public]) == held
    trusted = ssl.create_default_context(cafile=path).get_ca_certs()
    assert any("agentcore-lab" in str(each["subject"]) for each in trusted)
