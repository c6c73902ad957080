"""Buildspecs are read: docker's commands are understood, what has no effect is passed over, the rest is refused."""

from __future__ import annotations

import pytest

from agentcore_lab.codebuild.buildspec import BadBuildspec, Do, Move, PassOver, Say, read_buildspec
from agentcore_lab.codebuild.docker_words import ImageBuild, ImageName, ImagePush

TOOLKIT = """
version: 0.2
phases:
  build:
    commands:
      - echo "Starting parallel Docker build and ECR authentication..."
      - |
        docker build -t bedrock-agentcore-arm64 . &
        BUILD_PID=$!
        aws ecr get-login-password --region $AWS_DEFAULT_REGION | \\
        docker login --username AWS --password-stdin REGISTRY/agent &
        AUTH_PID=$!
        wait $BUILD_PID
        if [ $? -ne 0 ]; then
          echo "Docker build failed"
          exit 1
        fi
        wait $AUTH_PID
        if [ $? -ne 0 ]; then
          echo "ECR authentication failed"
          exit 1
        fi
      - "docker tag bedrock-agentcore-arm64:latest REGISTRY/agent:v1"
  post_build:
    commands:
      - "docker push REGISTRY/agent:v1"
      - echo "Build completed at $(date)"
"""
"""What the starter toolkit 0.3.14 writes, its waits and checks included."""

DOCUMENTED = """
version: 0.2
env:
  variables:
    REPO: hello
phases:
  pre_build:
    commands:
      - aws ecr get-login-password --region $AWS_DEFAULT_REGION | docker login --username AWS --password-stdin $HOST
      - URI=$HOST/$REPO
      - cd agent && ls -la
  build:
    commands:
      - docker buildx build --platform linux/arm64 -t $URI:${TAG:-latest} --push --build-arg A="b c" -f Other .
"""
"""As in AWS's pages on building images for ECR."""


def one(text: str) -> str:
    """A buildspec of one command."""
    return f"version: 0.2\nphases:\n  build:\n    commands:\n      - |\n        {text}\n"


def moves(text: str) -> list[Move]:
    """All that a buildspec does."""
    read = read_buildspec(text, {"AWS_DEFAULT_REGION": "us-west-2", "HOST": "REGISTRY"})
    return [move for phase in read.values() for move in phase]


def test_the_toolkits_buildspec_is_understood_as_a_whole() -> None:
    """Background jobs, waits and the branches that a failed command would take."""
    found = moves(TOOLKIT)
    assert [move.action for move in found if isinstance(move, Do)] == [
        ImageBuild(".", None, ("bedrock-agentcore-arm64:latest",), ()),
        ImageName("bedrock-agentcore-arm64:latest", "REGISTRY/agent:v1"),
        ImagePush("REGISTRY/agent:v1"),
    ]
    said = [move.text for move in found if isinstance(move, Say)]
    assert said == [
        "Starting parallel Docker build and ECR authentication...",
        "Build completed at $(date)",
    ]


def test_variables_folders_and_options_are_followed() -> None:
    """A variable's default, an argument with a space, another Dockerfile, a folder entered before."""
    found = moves(DOCUMENTED)
    [build] = [move for move in found if isinstance(move, Do)]
    assert build.folder == "agent"
    assert build.action == ImageBuild(".", "Other", ("REGISTRY/hello:latest",), (("A", "b c"),), push=True)
    assert [move.written for move in found if isinstance(move, PassOver)][-1] == "ls -la"


@pytest.mark.parametrize(
    ("command", "why"),
    [
        ("npm ci", "`npm ci` is not understood"),
        ("X=$(git rev-parse HEAD)", "what a command prints is not known"),
        ("if [ -f x ]; then echo a; fi", "only `if"),
        ("for x in a b; do echo $x; done", "this control flow is not followed"),
        ("docker run x", "of docker, build, tag and push are read"),
        ("docker build --platform linux/amd64 -t x .", "AgentCore runs linux/arm64 alone"),
        ("docker build --secret id=x -t x .", "unrecognized arguments"),
        ("docker build .", "the image needs a name"),
        ("echo a > file", "`echo a > file` is not understood"),
        ('echo "abc', "No closing quotation"),
        ("aws s3 cp a s3://b", "is not understood"),
    ],
)
def test_what_is_not_understood_is_refused(command: str, why: str) -> None:
    """With the phase, the command and what can be read."""
    with pytest.raises(BadBuildspec, match=r"^Phase build: .*nothing is run\.$") as caught:
        moves(one(command))
    assert why in str(caught.value)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("{", "not YAML"),
        ("phases: {}", "no version"),
        ("version: 0.2\nphases: {deploy: {commands: []}}", "unknown phase 'deploy'"),
        ("version: 0.2\nphases: {build: {commands: [{a: b}]}}", "each command has to be a text"),
        ("version: 0.2\nenv: {secrets-manager: {A: b}}", "env has secrets-manager"),
    ],
)
def test_a_broken_buildspec_says_what_is_wrong(text: str, why: str) -> None:
    """Before anything is done."""
    with pytest.raises(BadBuildspec, match=why):
        moves(text)
