"""Condition elements, operator by operator (AWS: Condition operators, multivalued context keys)."""

from __future__ import annotations

from typing import Any

import pytest

from agentcore_lab.authorization.conditions import faults, holds
from agentcore_lab.authorization.context import Context
from agentcore_lab.authorization.policy import condition_of

ROLE = "arn:aws:iam::111122223333:role/team/App"
CONTEXT = Context(
    {
        "aws:PrincipalArn": ROLE,
        "aws:username": "ann",
        "aws:SourceIp": "192.0.2.7",
        "aws:CurrentTime": "2026-03-01T12:00:00+00:00",
        "aws:EpochTime": "1772366400",
        "aws:SecureTransport": "true",
        "aws:ResourceTag/Team": "Blue",
        "aws:ResourceTag/level": "5",
        "aws:TagKeys": ["Team", "Cost"],
    }
)


def held(condition: dict[str, Any]) -> bool:
    """The element on CONTEXT, with policy variables."""
    return holds(condition_of(condition), CONTEXT, CONTEXT)


@pytest.mark.parametrize(
    ("name", "key", "wanted", "result"),
    [
        ("StringEquals", "aws:username", "ann", True),
        ("StringEquals", "AWS:UserName", ["bob", "ann"], True),
        ("StringEquals", "aws:username", "Ann", False),
        ("StringEquals", "aws:username", "an*", False),
        ("StringEqualsIgnoreCase", "aws:username", "ANN", True),
        ("StringNotEquals", "aws:username", ["bob", "ann"], False),
        ("StringNotEquals", "aws:username", ["bob", "eve"], True),
        ("StringNotEqualsIgnoreCase", "aws:username", "ANN", False),
        ("StringLike", "aws:username", "a?n", True),
        ("StringLike", "aws:username", "*n*n*", True),
        ("StringLike", "aws:username", "a?", False),
        ("StringNotLike", "aws:username", "a*", False),
        ("StringEquals", "aws:username", "${aws:username}", True),
        ("StringLike", "aws:PrincipalArn", "*:role/*/${aws:username, 'x'}", False),
        ("StringEquals", "aws:username", "${aws:nothing, 'ann'}", True),
        ("StringEquals", "aws:username", "${aws:nothing}", False),
        ("StringNotEquals", "aws:username", "${aws:nothing}", True),
        ("ForAnyValue:StringEquals", "aws:TagKeys", "${aws:TagKeys}", False),
        ("ArnLike", "aws:PrincipalArn", "arn:aws:iam::*:role/*", True),
        ("ArnEquals", "aws:PrincipalArn", "arn:aws:iam::111122223333:role/team/?pp", True),
        ("ArnLike", "aws:PrincipalArn", "arn:aws:*:role/*", False),
        ("ArnNotLike", "aws:PrincipalArn", "arn:aws:iam::*:user/*", True),
        ("ArnNotEquals", "aws:PrincipalArn", ROLE, False),
        ("IpAddress", "aws:SourceIp", ["198.51.100.0/24", "192.0.2.0/24"], True),
        ("IpAddress", "aws:SourceIp", "192.0.2.7", True),
        ("IpAddress", "aws:SourceIp", "2001:db8::/32", False),
        ("NotIpAddress", "aws:SourceIp", "192.0.2.0/24", False),
        ("Bool", "aws:SecureTransport", True, True),
        ("Bool", "aws:SecureTransport", "false", False),
        ("NumericLessThan", "aws:ResourceTag/level", 6, True),
        ("NumericLessThanEquals", "aws:ResourceTag/level", "5.0", True),
        ("NumericGreaterThan", "aws:ResourceTag/level", 5, False),
        ("NumericEquals", "aws:ResourceTag/Team", 5, False),
        ("NumericNotEquals", "aws:ResourceTag/level", 5, False),
        ("DateLessThan", "aws:CurrentTime", "2026-03-01T12:00:01Z", True),
        ("DateGreaterThanEquals", "aws:CurrentTime", "2026-03-01T13:00:00+01:00", True),
        ("DateGreaterThan", "aws:CurrentTime", "2026-04-01", False),
        ("DateEquals", "aws:EpochTime", "2026-03-01T12:00:00Z", True),
        ("DateNotEquals", "aws:CurrentTime", "1772366400", False),
        ("Null", "aws:username", "false", True),
        ("Null", "aws:username", True, False),
        ("Null", "aws:SourceVpc", True, True),
        ("StringEquals", "aws:SourceVpc", "vpc-1", False),
        ("StringNotEquals", "aws:SourceVpc", "vpc-1", True),
        ("StringEqualsIfExists", "aws:SourceVpc", "vpc-1", True),
        ("StringEqualsIfExists", "aws:username", "bob", False),
        ("NotIpAddress", "aws:VpcSourceIp", "10.0.0.0/8", True),
        ("ForAnyValue:StringEquals", "aws:TagKeys", ["Cost", "Other"], True),
        ("ForAnyValue:StringEquals", "aws:TagKeys", ["Other"], False),
        ("ForAllValues:StringEquals", "aws:TagKeys", ["Cost", "Team", "Other"], True),
        ("ForAllValues:StringEquals", "aws:TagKeys", ["Cost"], False),
        ("ForAnyValue:StringNotEquals", "aws:TagKeys", ["Cost"], True),
        ("ForAllValues:StringNotLike", "aws:TagKeys", ["C*"], False),
        ("ForAnyValue:StringNotEquals", "aws:SourceOrgPaths", ["x"], False),
        ("ForAllValues:StringEquals", "aws:SourceOrgPaths", ["x"], True),
    ],
)
def test_an_operator_compares_as_aws_does(name: str, key: str, wanted: Any, result: bool) -> None:
    """One of the wanted values is enough, of a negated operator none may fit; a key that is missing counts too."""
    assert held({name: {key: wanted}}) is result


def test_all_operators_and_keys_must_hold() -> None:
    """Operators and keys are joined by and, the values of a key by or."""
    both = {"StringEquals": {"aws:username": "ann", "aws:ResourceTag/team": "Blue"}}
    assert held({**both, "Bool": {"aws:SecureTransport": "true"}})
    assert not held({**both, "Bool": {"aws:SecureTransport": "false"}})
    assert not held({"StringEquals": {"aws:username": "ann", "aws:ResourceTag/team": "Red"}})
    assert held({})


def test_a_variable_is_text_in_an_old_policy() -> None:
    """Version 2008-10-17 has no variables."""
    assert not holds({"StringEquals": {"aws:username": ["${aws:username}"]}}, CONTEXT, None)


def test_what_a_variable_stands_for_has_no_wild_cards() -> None:
    """A caller whose tag is ``*`` is not everyone; ``${*}`` is a star."""
    context = Context({"aws:username": "ann", "aws:PrincipalTag/who": "*"})
    assert not holds({"StringLike": {"aws:username": ["${aws:PrincipalTag/who}"]}}, context, context)
    assert not holds({"StringLike": {"aws:username": ["${*}"]}}, context, context)
    assert holds({"StringLike": {"aws:PrincipalTag/who": ["${*}"]}}, context, context)


def test_many_wild_cards_take_no_time() -> None:
    """A pattern made to be slow is not."""
    context = Context({"aws:UserAgent": "a" * 5000})
    assert not holds({"StringLike": {"aws:UserAgent": ["*a" * 500 + "*b"]}}, context, context)


@pytest.mark.parametrize(
    ("condition", "fault"),
    [
        ({"StringSounds": {"aws:username": "ann"}}, "operator StringSounds is unknown"),
        ({"ForSome:StringEquals": {"aws:username": "ann"}}, "operator ForSome:StringEquals is unknown"),
        ({"NullIfExists": {"aws:username": "true"}}, "operator NullIfExists is unknown"),
        ({"IpAddress": {"aws:SourceIp": "here"}}, "IpAddress cannot compare aws:SourceIp with 'here'"),
        ({"Bool": {"aws:SecureTransport": "yes"}}, "Bool cannot compare"),
        ({"NumericEquals": {"aws:EpochTime": "NaN"}}, "NumericEquals cannot compare"),
        ({"DateEquals": {"aws:CurrentTime": "soon"}}, "DateEquals cannot compare"),
        ({"DateEquals": {"aws:CurrentTime": "1e300"}}, "DateEquals cannot compare"),
        ({"Null": {"aws:username": "maybe"}}, "Null cannot compare"),
        ({"StringEquals": {"aws:username": []}}, "has no value for aws:username"),
    ],
)
def test_what_aws_refuses_is_named(condition: dict[str, Any], fault: str) -> None:
    """Unknown operators and values that are not of the operator's type."""
    assert any(fault in each for each in faults(condition_of(condition)))
    assert not held(condition)


def test_a_condition_without_fault() -> None:
    """Every form that is right is let through."""
    right: dict[str, Any] = {
        "ForAllValues:StringLikeIfExists": {"aws:TagKeys": ["a*"]},
        "DateLessThan": {"aws:CurrentTime": "2030-01-01"},
        "Null": {"aws:username": True},
        "IpAddressIfExists": {"aws:SourceIp": ["10.0.0.1", "2001:db8::/32"]},
    }
    assert list(faults(condition_of(right))) == []
