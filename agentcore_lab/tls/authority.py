"""The certificate authority of a data directory, and the certificates it signs.

A client that trusts it trusts it for AWS's names and this machine's own alone: the authority is name-constrained
(RFC 5280, 4.2.1.10), so its key, were it stolen, could not play a bank.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import IPv4Network, IPv6Network, ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from agentcore_lab.tls.names import DOMAINS
from agentcore_lab.tls.trust import CERTIFICATE

KEY = "ca.key"

_YEARS = timedelta(days=5 * 365)
_LEAF = timedelta(days=397)
"""Browsers refuse more (CA/Browser Forum, Baseline Requirements 6.3.2)."""
_SKEW = timedelta(days=1)
"""Clocks of containers and virtual machines may run behind."""


@dataclass(frozen=True, slots=True)
class Authority:
    """Signs certificates."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @property
    def pem(self) -> bytes:
        """What clients have to trust."""
        return self.certificate.public_bytes(Encoding.PEM)

    def sign(self, names: list[str], key: ec.EllipticCurvePrivateKey, now: datetime) -> bytes:
        """A server's certificate for ``names`` (host names or addresses) as PEM, good for 13 months."""
        builder = (
            x509.CertificateBuilder()
            .subject_name(_called(names[0]))
            .issuer_name(self.certificate.subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - _SKEW)
            .not_valid_after(now + _LEAF)
            .add_extension(x509.SubjectAlternativeName([_general(name) for name in names]), critical=False)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(sign=True), critical=True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key()), critical=False
            )
        )
        return builder.sign(self.key, SHA256()).public_bytes(Encoding.PEM)


def open_authority(folder: Path, now: datetime) -> Authority:
    """The authority kept in ``folder``; made if there is none, or it ends before a certificate of today would."""
    try:
        kept = _read(folder)
    except (OSError, ValueError, TypeError):
        kept = None
    if kept is not None and kept.certificate.not_valid_after_utc > now + _LEAF:
        return kept
    made = _make(now)
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    _write(folder / KEY, private_pem(made.key), 0o600)
    _write(folder / CERTIFICATE, made.pem, 0o644)
    return made


def private_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    """A private key as a file holds it."""
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def new_key() -> ec.EllipticCurvePrivateKey:
    """A private key of the kind all clients know."""
    return ec.generate_private_key(ec.SECP256R1())


def _read(folder: Path) -> Authority:
    certificate = x509.load_pem_x509_certificate((folder / CERTIFICATE).read_bytes())
    key = load_pem_private_key((folder / KEY).read_bytes(), None)
    if not isinstance(key, ec.EllipticCurvePrivateKey) or key.public_key() != certificate.public_key():
        raise ValueError("the key is not the certificate's")
    return Authority(certificate, key)


def _make(now: datetime) -> Authority:
    key = new_key()
    name = _called(f"agentcore-lab on this machine, made {now:%Y-%m-%d}")
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _SKEW)
        .not_valid_after(now + _YEARS)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(sign=False), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.NameConstraints(_permitted(), None), critical=True)
    )
    return Authority(builder.sign(key, SHA256()), key)


def _permitted() -> list[x509.GeneralName]:
    names = [x509.DNSName(name) for name in (*DOMAINS, "localhost", "host.docker.internal")]
    networks = [x509.IPAddress(IPv4Network("127.0.0.0/8")), x509.IPAddress(IPv6Network("::1/128"))]
    return [*names, *networks]


def _usage(*, sign: bool) -> x509.KeyUsage:
    """What a key may do: ``sign`` handshakes, or else certificates."""
    return x509.KeyUsage(
        digital_signature=sign,
        key_cert_sign=not sign,
        crl_sign=not sign,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _called(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name[:64])])


def _general(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _write(path: Path, content: bytes, mode: int) -> None:
    """Whole or not at all, and never readable by more than ``mode`` says."""
    draft = path.with_suffix(".tmp")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
        file.write(content)
    draft.replace(path)
