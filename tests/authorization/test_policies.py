"""What policies say to a request, alone and together (AWS: policy evaluation logic)."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentcore_lab.authorization import grammar
from agentcore_lab.authorization.context import Context
from agentcore_lab.authorization.decision import Guarded, refusal
from agentcore_lab.authorization.policy import Effect, Request, parse
from agentcore_lab.authorization.principals import Caller

RUNTIME = "arn:aws:bedrock-agentcore:us-west-2:111122223333:runtime/hello-0123456789"
ENDPOINT = f"{RUNTIME}/runtime-endpoint/DEFAULT"
INVOKE = "bedrock-agentcore:InvokeAgentRuntime"
USER = Caller("111122223333", "arn:aws:iam::111122223333:user/team/ann")
SESSION = Caller("444455556666", "arn:aws:sts::444455556666:assumed-role/App/run-1")
NOWHERE = Context({})


def statement(effect: str = "Allow", **more: Any) -> dict[str, Any]:
    """A statement on everyone's invocations of RUNTIME; an element of value None is left out."""
    made = {"Effect": effect, "Principal": "*", "Action": INVOKE, "Resource": RUNTIME, **more}
    return {name: value for name, value in made.items() if value is not None}


def policy(*statements: dict[str, Any], version: str = "2012-10-17") -> str:
    """The text of a policy that the grammar finds no fault with."""
    text = json.dumps({"Version": version, "Statement": list(statements)})
    assert list(grammar.faults(text)) == []
    return text


def effect(text: str, caller: Caller = USER, action: str = INVOKE, context: Context = NOWHERE) -> Effect:
    """What the policy says about RUNTIME."""
    return parse(text).effect(Request(caller, action, RUNTIME, context))


@pytest.mark.parametrize(
    ("principal", "user", "session"),
    [
        ("*", True, True),
        ({"AWS": "*"}, True, True),
        ({"AWS": "111122223333"}, True, False),
        ({"AWS": "arn:aws:iam::111122223333:root"}, True, False),
        ({"AWS": ["444455556666", "arn:aws:iam::111122223333:user/team/ann"]}, True, True),
        ({"AWS": "arn:aws:iam::111122223333:user/ann"}, False, False),
        ({"AWS": "arn:aws:iam::444455556666:role/App"}, False, True),
        ({"AWS": "arn:aws:iam::444455556666:role/path/App"}, False, True),
        ({"AWS": "arn:aws:iam::444455556666:role/Other"}, False, False),
        ({"AWS": "arn:aws:sts::444455556666:assumed-role/App/run-1"}, False, True),
        ({"AWS": "arn:aws:sts::444455556666:assumed-role/App/run-2"}, False, False),
        ({"Service": "lambda.amazonaws.com"}, False, False),
        ({"Federated": "cognito-identity.amazonaws.com", "AWS": "111122223333"}, True, False),
    ],
)
def test_a_principal_names_its_callers(principal: Any, user: bool, session: bool) -> None:
    """Accounts, users, roles and sessions; NotPrincipal denies all others."""
    allowing = policy(statement(Principal=principal))
    denying = policy(statement("Deny", Principal=None, NotPrincipal=principal))
    for caller, named in ((USER, user), (SESSION, session)):
        assert effect(allowing, caller) is (Effect.ALLOW if named else Effect.SILENT)
        assert effect(denying, caller) is (Effect.SILENT if named else Effect.DENY)


@pytest.mark.parametrize(
    ("more", "about"),
    [
        ({}, True),
        ({"Action": "bedrock-agentcore:*"}, True),
        ({"Action": "BEDROCK-AGENTCORE:invokeagent?untime"}, True),
        ({"Action": ["bedrock-agentcore:GetAgentCard", "*"]}, True),
        ({"Action": "bedrock-agentcore:InvokeAgentRuntimeForUser"}, False),
        ({"Action": None, "NotAction": "bedrock-agentcore:Invoke*"}, False),
        ({"Action": None, "NotAction": ["bedrock-agentcore:StopRuntimeSession"]}, True),
        ({"Resource": "*"}, True),
        ({"Resource": ENDPOINT}, False),
        ({"Resource": "arn:aws:bedrock-agentcore:*:*:runtime/hello-*"}, True),
        ({"Resource": "arn:aws:bedrock-agentcore:*:${aws:PrincipalAccount}:runtime/*"}, True),
        ({"Resource": "arn:aws:bedrock-agentcore:*:${aws:nothing}:runtime/*"}, False),
        ({"Resource": RUNTIME.lower().replace("hello", "Hello")}, False),
        ({"Resource": None, "NotResource": f"{RUNTIME}*"}, False),
        ({"Resource": None, "NotResource": ENDPOINT}, True),
        ({"Condition": {"StringEquals": {"aws:PrincipalAccount": "111122223333"}}}, True),
        ({"Condition": {"StringEquals": {"aws:PrincipalAccount": "444455556666"}}}, False),
    ],
)
def test_a_statement_is_about_actions_resources_and_conditions(more: dict[str, Any], about: bool) -> None:
    """Wild cards and the Not forms; actions ignore case, resources do not."""
    context = Context(USER.keys())
    assert effect(policy(statement(**more)), context=context) is (Effect.ALLOW if about else Effect.SILENT)
    assert effect(policy(statement("Deny", **more)), context=context) is (
        Effect.DENY if about else Effect.SILENT
    )


def test_one_statement_needs_no_list() -> None:
    """A single statement can stand by itself."""
    assert effect(json.dumps({"Version": "2012-10-17", "Statement": statement()})) is Effect.ALLOW


def test_an_old_policy_has_no_variables() -> None:
    """AWS: Version element; what looks like a variable is text in a policy of 2008."""
    context = Context(USER.keys())
    said = statement(Resource="arn:aws:bedrock-agentcore:*:${aws:PrincipalAccount}:runtime/*")
    assert effect(policy(said), context=context) is Effect.ALLOW
    assert effect(policy(said, version="2008-10-17"), context=context) is Effect.SILENT


ALLOW, DENY, SILENT = Effect.ALLOW, Effect.DENY, Effect.SILENT
SAYING = {
    ALLOW: policy(statement(Resource="*")),
    DENY: policy(statement(Resource="*"), statement("Deny", Resource="*")),
    SILENT: policy(statement(Resource="*", Action="bedrock-agentcore:GetAgentCard")),
    None: None,
}
EXPLICIT = "with an explicit deny in a resource-based policy"
NO_RESOURCE = f"because no resource-based policy allows the {INVOKE} action"


def guarded(on_runtime: Effect | None, on_endpoint: Effect | None) -> list[Guarded]:
    """A runtime and its endpoint in account 111122223333, with policies that say so."""
    return [
        Guarded(arn, "111122223333", SAYING[said], NOWHERE)
        for arn, said in ((RUNTIME, on_runtime), (ENDPOINT, on_endpoint))
    ]


@pytest.mark.parametrize(
    ("identity", "resource", "allowed"),
    [
        (ALLOW, SILENT, True),
        (ALLOW, ALLOW, True),
        (ALLOW, DENY, False),
        (SILENT, SILENT, False),
        (SILENT, ALLOW, True),
        (SILENT, DENY, False),
        (DENY, SILENT, False),
        (DENY, ALLOW, False),
        (DENY, DENY, False),
    ],
)
def test_the_table_of_aws_page(identity: Effect, resource: Effect, allowed: bool) -> None:
    """AWS's own table of identity-based and resource-based policies, within an account."""
    assert (refusal(USER, INVOKE, guarded(resource, resource), identity) is None) is allowed


@pytest.mark.parametrize(
    ("on_runtime", "on_endpoint", "refused_on", "why"),
    [
        (ALLOW, ALLOW, None, ""),
        (ALLOW, None, ENDPOINT, NO_RESOURCE),
        (None, ALLOW, RUNTIME, NO_RESOURCE),
        (SILENT, ALLOW, RUNTIME, NO_RESOURCE),
        (ALLOW, SILENT, ENDPOINT, NO_RESOURCE),
        (ALLOW, DENY, ENDPOINT, EXPLICIT),
        (None, DENY, ENDPOINT, EXPLICIT),
        (DENY, ALLOW, RUNTIME, EXPLICIT),
    ],
)
def test_across_accounts_runtime_and_endpoint_must_both_allow(
    on_runtime: Effect | None, on_endpoint: Effect | None, refused_on: str | None, why: str
) -> None:
    """AWS: hierarchical authorization for agent runtime and endpoint, in AWS's words."""
    said = refusal(SESSION, INVOKE, guarded(on_runtime, on_endpoint))
    words = f"User: {SESSION.arn} is not authorized to perform: {INVOKE} on resource: {refused_on} {why}"
    assert said == (words if refused_on else None)


def test_across_accounts_the_callers_own_account_must_allow_too() -> None:
    """Resource policies alone let no one in from another account."""
    said = refusal(SESSION, INVOKE, guarded(ALLOW, ALLOW), SILENT)
    assert said is not None
    assert said.endswith(f"because no identity-based policy allows the {INVOKE} action")


PRINCIPALS = st.sampled_from(["*", {"AWS": "111122223333"}, {"AWS": "444455556666"}, {"Service": "x.y"}])
STATEMENTS = st.builds(
    statement,
    st.sampled_from(["Allow", "Deny"]),
    Principal=PRINCIPALS,
    Action=st.sampled_from([INVOKE, "*", "bedrock-agentcore:Get*"]),
    Resource=st.sampled_from([RUNTIME, ENDPOINT, "*", "arn:*"]),
    Condition=st.sampled_from(
        [None, {"Null": {"aws:SourceVpc": "true"}}, {"StringEquals": {"aws:SourceVpc": "vpc-1"}}]
    ),
)
LISTS = st.lists(STATEMENTS, min_size=1, max_size=5)
CALLERS = st.sampled_from([USER, SESSION])
ORDER = [DENY, SILENT, ALLOW]


@given(LISTS, CALLERS, st.randoms(use_true_random=False))
def test_a_deny_of_everyone_wins_wherever_it_stands(
    statements: list[dict[str, Any]], caller: Caller, order: Any
) -> None:
    """An explicit Deny is not outweighed, and the order of statements is nothing."""
    mixed = [*statements, statement("Deny")]
    order.shuffle(mixed)
    assert effect(policy(*mixed), caller) is DENY
    order.shuffle(statements)
    assert effect(policy(*statements), caller) is effect(policy(*reversed(statements)), caller)


@given(LISTS, STATEMENTS, CALLERS)
def test_a_statement_more_moves_the_verdict_its_own_way(
    statements: list[dict[str, Any]], more: dict[str, Any], caller: Caller
) -> None:
    """An Allow never takes away, a Deny never gives."""
    before, after = effect(policy(*statements), caller), effect(policy(*statements, more), caller)
    if more["Effect"] == "Allow":
        assert ORDER.index(after) >= ORDER.index(before)
    else:
        assert ORDER.index(after) <= ORDER.index(before)


@given(LISTS, LISTS, CALLERS)
def test_what_both_policies_allow_is_never_refused(
    one: list[dict[str, Any]], other: list[dict[str, Any]], caller: Caller
) -> None:
    """A request goes through if and only if no policy denies it and, across accounts, each of them allows it."""
    resources = [
        Guarded(RUNTIME, "111122223333", policy(*one), NOWHERE),
        Guarded(ENDPOINT, "111122223333", policy(*other), NOWHERE),
    ]
    said = {resource.effect(caller, INVOKE) for resource in resources}
    through = said == {ALLOW} if caller is SESSION else DENY not in said
    assert (refusal(caller, INVOKE, resources) is None) is through


@pytest.mark.parametrize(
    ("more", "fault"),
    [
        ({"Effect": "Perhaps"}, "Effect must be Allow or Deny"),
        ({"Principal": None}, "exactly one of Principal and NotPrincipal"),
        ({"NotAction": INVOKE}, "exactly one of Action and NotAction"),
        ({"Principal": None, "NotPrincipal": {"AWS": "111122223333"}}, "NotPrincipal can only deny"),
        ({"Principal": "ann"}, 'Principal must be "*" or an object'),
        ({"Principal": {}}, 'Principal must be "*" or an object'),
        ({"Principal": {"AWS": []}}, 'Principal must be "*" or an object'),
        ({"Principal": {"Person": "ann"}}, "Principal Person is unknown"),
        ({"Principal": {"AWS": "arn:aws:iam::111122223333:role/*"}}, "role/*' is not valid"),
        ({"Principal": {"AWS": "arn:aws:s3:::bucket"}}, "arn:aws:s3:::bucket' is not valid"),
        ({"Action": 5}, "Action must be a string or a list of strings"),
        ({"Resource": []}, "Resource must be a string or a list of strings"),
        ({"Conditions": {}}, "unknown element Conditions"),
        ({"Condition": "always"}, "Condition must be an object of operators"),
        ({"Condition": {"Bool": "true"}}, "Condition must be an object of operators"),
        ({"Condition": {"StringEquals": {"aws:username": {}}}}, "must be strings, numbers or booleans"),
        ({"Condition": {"StringEqual": {"aws:username": "x"}}}, "operator StringEqual is unknown"),
    ],
)
def test_a_fault_of_form_is_named(more: dict[str, Any], fault: str) -> None:
    """Every fault with the number of its statement."""
    text = json.dumps({"Version": "2012-10-17", "Statement": [statement(), statement(**more)]})
    assert any(each.startswith("statement 2: ") and fault in each for each in grammar.faults(text))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.sampled_from(["*", "Allow", "Deny", INVOKE, RUNTIME]),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(st.sampled_from(["AWS", "StringEquals", "Bool", "aws:username"]), inner, max_size=2)
    ),
    max_leaves=6,
)
ELEMENTS = [
    "Effect",
    "Principal",
    "NotPrincipal",
    "Action",
    "NotAction",
    "Resource",
    "NotResource",
    "Condition",
]


@given(st.dictionaries(st.sampled_from(ELEMENTS), JSON))
def test_any_statement_is_refused_or_evaluated(odd: dict[str, Any]) -> None:
    """The grammar breaks on nothing, and what it lets through can be evaluated."""
    text = json.dumps({"Version": "2012-10-17", "Statement": {**statement(), **odd}})
    if not list(grammar.faults(text)):
        assert effect(text) in Effect
