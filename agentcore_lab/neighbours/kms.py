"""moto's KMS, put right where others verify what it has signed."""

from __future__ import annotations

from typing import Any

from cryptography.hazmat.primitives.asymmetric.padding import MGF1, PSS
from moto.kms.utils import RSAPrivateKey

_PADDING = "_RSAPrivateKey__padding_and_hash_algorithm"


def salt_as_long_as_the_hash() -> None:
    """RSASSA-PSS as KMS has it, and JWTs want it (RFC 7518, 3.5): moto takes the longest salt that fits."""
    plain: Any = getattr(RSAPrivateKey, _PADDING)

    def padding(key: Any, algorithm: str) -> Any:
        found, digest = plain(key, algorithm)
        return (PSS(MGF1(digest), PSS.DIGEST_LENGTH) if isinstance(found, PSS) else found), digest

    setattr(RSAPrivateKey, _PADDING, padding)
