"""Rules of a version's configuration that the service model cannot say, each with AWS's page (CONTRACT: section 3)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from agentcore_lab.errors import InvalidField, ServiceQuotaExceededException, ValidationException
from agentcore_lab.runtime.arn import Scope
from agentcore_lab.runtime.headers import CUSTOM_PREFIX
from agentcore_lab.runtime.lifecycle import effective

MAX_TAGS = 50
"""On one resource (AWS: TagsMap)."""

RESERVED_PORT = 8443
MAX_ENVIRONMENT_BYTES = 4096
"""Names and values together, platform V1 (AWS: runtime environment variables)."""
MAX_MICROVM_SECONDS = 28_800
"""Lifecycle time-outs without a capacity provider (AWS: runtime-lifecycle-settings)."""

RESTRICTED_HEADERS = frozenset(
    """
    proxy-authorization www-authenticate accept accept-charset accept-encoding accept-language content-type
    content-length content-encoding content-language content-location content-range cache-control etag expires
    if-match if-modified-since if-none-match if-range if-unmodified-since last-modified pragma vary connection
    keep-alive proxy-connection upgrade host user-agent referer from range accept-ranges transfer-encoding te
    trailer server date location retry-after set-cookie cookie content-security-policy
    content-security-policy-report-only strict-transport-security x-content-type-options x-frame-options
    """.split()  # noqa: SIM905 - a list of names reads best as words
)
"""Never passed to an agent (AWS: runtime-header-allowlist, restricted headers)."""

_ECR = re.compile(r"\d{12}\.dkr\.ecr\.(?P<region>[a-z0-9-]+)\.amazonaws\.com")
_ROLE = re.compile(r"arn:aws(?:-[^:]+)?:iam::(?P<account>\d{12})?:role/.+")
_GATEWAY = re.compile(r"arn:aws(?:-[^:]+)?:bedrock-agentcore:[a-z0-9-]+:\d{12}:gateway/[0-9a-zA-Z-]+")
_ALLOWED_BY = ("allowedAudience", "allowedClients", "allowedScopes", "customClaims")
_OPERATORS = {"STRING": ("EQUALS",), "STRING_ARRAY": ("CONTAINS", "CONTAINS_ANY")}
_MATCH_VALUE = {
    "EQUALS": "matchValueString",
    "CONTAINS": "matchValueString",
    "CONTAINS_ANY": "matchValueStringList",
}

Spec = Mapping[str, Any]
Rule = Callable[[Spec, Scope], Iterator[InvalidField]]


def check_configuration(spec: Spec, scope: Scope) -> None:
    """Hold the configuration of a runtime against every rule.

    Raises:
        ValidationException: each broken rule is a field of it; the message is theirs together.
    """
    broken = [field for rule in RULES for field in rule(spec, scope)]
    if broken:
        raise ValidationException("; ".join(field.message for field in broken), fields=tuple(broken))
    effective(spec.get("lifecycleConfiguration"))


def with_tags(before: Mapping[str, str], tags: Mapping[str, str]) -> dict[str, str]:
    """``before`` with ``tags`` set and the others as they were. Raises ServiceQuotaExceededException: over 50."""
    together = {**before, **tags}
    if len(together) > MAX_TAGS:
        raise ServiceQuotaExceededException(f"A resource can have at most {MAX_TAGS} tags.")
    return together


def require_own_keys(tags: Mapping[str, str]) -> None:
    """Raise ValidationException for a tag key that begins with ``aws:`` (AWS: tagging, reserved prefix)."""
    reserved = [key for key in tags if key.lower().startswith("aws:")]
    if reserved:
        message = f"Tag keys that begin with 'aws:' are reserved for AWS: {', '.join(reserved)}"
        raise ValidationException(message, fields=(InvalidField("tags", message),))


def _role(spec: Spec, scope: Scope) -> Iterator[InvalidField]:
    """The words AWS's own toolkit looks for: ``Role validation failed``."""
    match = _ROLE.fullmatch(spec["roleArn"])
    if match and match["account"] not in {None, scope.account_id}:
        yield InvalidField(
            "roleArn",
            f"Role validation failed for '{spec['roleArn']}'. The role must belong to account {scope.account_id}.",
        )


def _image_region(spec: Spec, scope: Scope) -> Iterator[InvalidField]:
    uri = (spec["agentRuntimeArtifact"].get("containerConfiguration") or {}).get("containerUri", "")
    match = _ECR.match(uri)
    if match and match["region"] != scope.region:
        yield InvalidField(
            "agentRuntimeArtifact.containerConfiguration.containerUri",
            f"Ecr uri region '{match['region']}' does not match the application region '{scope.region}'. "
            "Container images must be in the same region as the application.",
        )


def _network(spec: Spec, _scope: Scope) -> Iterator[InvalidField]:
    network = spec.get("networkConfiguration") or {}
    if network.get("networkMode") == "VPC" and not network.get("networkModeConfig"):
        yield InvalidField(
            "networkConfiguration.networkModeConfig", "networkModeConfig is required when networkMode is VPC"
        )


def _headers(spec: Spec, _scope: Scope) -> Iterator[InvalidField]:
    field = "requestHeaderConfiguration.requestHeaderAllowlist"
    names = (spec.get("requestHeaderConfiguration") or {}).get("requestHeaderAllowlist") or []
    has_jwt = "customJWTAuthorizer" in (spec.get("authorizerConfiguration") or {})
    seen: set[str] = set()
    for name in names:
        lower = name.lower()
        if lower in seen:
            yield InvalidField(field, f"Header '{name}' is listed more than once; header names ignore case")
        seen.add(lower)
        if lower in RESTRICTED_HEADERS:
            yield InvalidField(field, f"Header '{name}' is restricted and cannot be passed to an agent")
        if lower.startswith(("x-amz-", "x-amzn-")) and not lower.startswith(CUSTOM_PREFIX):
            yield InvalidField(field, f"Header '{name}' begins with a prefix that is reserved for AWS")
        if lower == "authorization" and not has_jwt:
            yield InvalidField(field, "Header 'Authorization' needs a customJWTAuthorizer")


def _server_port(spec: Spec, _scope: Scope) -> Iterator[InvalidField]:
    post = ((spec.get("hooksConfiguration") or {}).get("build") or {}).get("warmup") or {}
    ports = {
        "protocolConfiguration.port": (spec.get("protocolConfiguration") or {}).get("port"),
        "hooksConfiguration.build.warmup.action.httpPost.port": (
            (post.get("action") or {}).get("httpPost") or {}
        ).get("port"),
    }
    for field, port in ports.items():
        if port == RESERVED_PORT:
            yield InvalidField(field, f"Port {RESERVED_PORT} is reserved")


def _allowed_ports(spec: Spec, _scope: Scope) -> Iterator[InvalidField]:
    taken: set[int] = set()
    for number, each in enumerate(spec.get("allowedPorts") or [], 1):
        field = f"allowedPorts.{number}.member"
        wanted = each.get("portRange") or {"from": each.get("port"), "to": each.get("port")}
        if wanted["from"] > wanted["to"]:
            yield InvalidField(field, f"Port range {wanted['from']}-{wanted['to']} ends before it begins")
        ports = set(range(wanted["from"], wanted["to"] + 1))
        if RESERVED_PORT in ports:
            yield InvalidField(field, f"Port {RESERVED_PORT} is reserved")
        if overlap := ports & taken:
            yield InvalidField(field, f"Port {min(overlap)} is in more than one of allowedPorts")
        taken |= ports


def _environment(spec: Spec, _scope: Scope) -> Iterator[InvalidField]:
    if spec.get("platformVersion", "V1") != "V1":
        return
    variables = spec.get("environmentVariables") or {}
    size = sum(len(f"{name}{value}".encode()) for name, value in variables.items())
    if size > MAX_ENVIRONMENT_BYTES:
        yield InvalidField(
            "environmentVariables",
            f"Environment variables have {size} bytes together; at most {MAX_ENVIRONMENT_BYTES} are allowed",
        )


def _mounts(spec: Spec, _scope: Scope) -> Iterator[InvalidField]:
    seen: set[str] = set()
    for number, each in enumerate(spec.get("filesystemConfigurations") or [], 1):
        (mount,) = each.values()
        path = mount["mountPath"].rstrip("/")
        if path in {"/mnt/.", "/mnt/.."}:
            yield InvalidField(
                f"filesystemConfigurations.{number}.member.mountPath",
                f"Mount path {path} is not a directory under /mnt",
            )
        if path in seen:
            yield InvalidField(
                f"filesystemConfigurations.{number}.member.mountPath",
                f"Mount path {path} is used more than once",
            )
        seen.add(path)


def _lifetime(spec: Spec, _scope: Scope) -> Iterator[InvalidField]:
    if spec.get("capacityProviderConfiguration"):
        return
    for name, seconds in (spec.get("lifecycleConfiguration") or {}).items():
        if seconds > MAX_MICROVM_SECONDS:
            yield InvalidField(
                f"lifecycleConfiguration.{name}",
                f"{name} must be at most {MAX_MICROVM_SECONDS} without a capacity provider",
            )


def _authorizer(spec: Spec, _scope: Scope) -> Iterator[InvalidField]:
    field = "authorizerConfiguration.customJWTAuthorizer"
    jwt = (spec.get("authorizerConfiguration") or {}).get("customJWTAuthorizer")
    if jwt is None:
        return
    if not any(jwt.get(name) for name in _ALLOWED_BY):
        yield InvalidField(field, f"At least one of {', '.join(_ALLOWED_BY)} is required")
    for scope in (jwt.get("advertisedScopeMapping") or {}).keys() - set(jwt.get("allowedScopes") or ()):
        yield InvalidField(
            f"{field}.advertisedScopeMapping",
            f"Scope '{scope}' is advertised, but is not among allowedScopes",
        )
    for number, claim in enumerate(jwt.get("customClaims") or [], 1):
        yield from _claim(claim, f"{field}.customClaims.{number}.member")
    workloads = jwt.get("allowedWorkloadConfiguration") or {}
    for number, host in enumerate(workloads.get("hostingEnvironments") or [], 1):
        # AWS: runtime-oauth, "each arn must be an AgentCore Gateway ARN".
        if not _GATEWAY.fullmatch(host["arn"]):
            yield InvalidField(
                f"{field}.allowedWorkloadConfiguration.hostingEnvironments.{number}.member.arn",
                f"{host['arn']} is not the ARN of an AgentCore Gateway",
            )


def _claim(claim: Spec, field: str) -> Iterator[InvalidField]:
    """AWS: inbound-jwt-authorizer; STRING is matched by EQUALS, STRING_ARRAY by CONTAINS or CONTAINS_ANY."""
    name, kind = claim["inboundTokenClaimName"], claim["inboundTokenClaimValueType"]
    match = claim["authorizingClaimMatchValue"]
    operator = match["claimMatchOperator"]
    if operator not in _OPERATORS[kind]:
        yield InvalidField(
            f"{field}.authorizingClaimMatchValue.claimMatchOperator",
            f"Claim '{name}' of type {kind} can be matched by {' or '.join(_OPERATORS[kind])}, not by {operator}",
        )
    if _MATCH_VALUE[operator] not in match["claimMatchValue"]:
        yield InvalidField(
            f"{field}.authorizingClaimMatchValue.claimMatchValue",
            f"Claim '{name}' matched by {operator} needs {_MATCH_VALUE[operator]}",
        )


RULES: tuple[Rule, ...] = (
    _role,
    _image_region,
    _network,
    _headers,
    _server_port,
    _allowed_ports,
    _environment,
    _mounts,
    _lifetime,
    _authorizer,
)
