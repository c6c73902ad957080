"""Where a credential provider's secret is: with the provider itself, or in the caller's own Secrets Manager."""

from __future__ import annotations

import secrets
import string
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from agentcore_lab.errors import InvalidField, ValidationException
from agentcore_lab.identity.vault import VAULT
from agentcore_lab.runtime.arn import Scope

MANAGED = "MANAGED"
EXTERNAL = "EXTERNAL"
_ALPHABET = string.ascii_letters + string.digits


@dataclass(frozen=True, slots=True)
class SecretInput:
    """A secret as a caller gives it: its value, or where in Secrets Manager it lies (``json_key`` of ``secret_id``)."""

    source: str
    value: str | None = field(default=None, repr=False)
    secret_id: str | None = None
    json_key: str | None = None


@dataclass(frozen=True, slots=True)
class SecretReference:
    """What is stored and shown of a secret: never the secret."""

    arn: str
    source: str
    json_key: str | None = None

    def stored(self) -> dict[str, Any]:
        """As JSON."""
        return {"arn": self.arn, "source": self.source, "jsonKey": self.json_key}

    @classmethod
    def of(cls, stored: Mapping[str, Any]) -> SecretReference:
        """From ``stored``."""
        return cls(stored["arn"], stored["source"], stored["jsonKey"])

    def shown(self, member: str) -> dict[str, Any]:
        """AWS's three members: ``{member}Arn``, ``{member}JsonKey`` and ``{member}Source``."""
        shown: dict[str, Any] = {f"{member}Arn": {"secretArn": self.arn}, f"{member}Source": self.source}
        if self.json_key is not None:
            shown[f"{member}JsonKey"] = self.json_key
        return shown


def secret_input(params: Mapping[str, Any], value: str, about: str) -> SecretInput:
    """The secret among ``params``: ``value`` is the member that holds it, ``about`` begins the other two's names.

    Raises:
        ValidationException: neither a secret nor where it lies, or the wrong one of the two.
    """
    source = params.get(f"{about}Source", MANAGED)
    given, reference = params.get(value), params.get(f"{about}Config")
    if source == EXTERNAL:
        if reference is None:
            raise _wrong(f"{about}Config", f"is required when {about}Source is {EXTERNAL}")
        if given:
            raise _wrong(value, f"must not be given when {about}Source is {EXTERNAL}")
        return SecretInput(EXTERNAL, None, reference["secretId"], reference["jsonKey"])
    if not given:
        raise _wrong(value, f"is required when {about}Source is {MANAGED}")
    if reference is not None:
        raise _wrong(f"{about}Config", f"must not be given when {about}Source is {MANAGED}")
    return SecretInput(MANAGED, given)


def reference_for(
    scope: Scope, given: SecretInput, kind: str, provider: str, before: SecretReference | None = None
) -> SecretReference:
    """What to show of a secret. One the service manages keeps the ARN it had ``before``."""
    if given.source == EXTERNAL:
        assert given.secret_id is not None, "checked by secret_input"
        arn = given.secret_id
        if not arn.startswith("arn:"):
            arn = scope.secret_arn(arn)
        return SecretReference(arn, EXTERNAL, given.json_key)
    if before is not None and before.source == MANAGED:
        return before
    suffix = "".join(secrets.choice(_ALPHABET) for _ in range(6))
    # Observed by AWS's users: bedrock-agentcore-identity!default/oauth2/{name}, and Secrets Manager's own six letters.
    return SecretReference(
        scope.secret_arn(f"bedrock-agentcore-identity!{VAULT}/{kind}/{provider}-{suffix}"), MANAGED
    )


def _wrong(member: str, why: str) -> ValidationException:
    return ValidationException(f"{member} {why}.", fields=(InvalidField(member, why),))
