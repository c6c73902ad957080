"""What a Dockerfile says, and what is refused with file and line."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

import pytest

from agentcore_lab.images.dockerfile import BuildError, Recipe, read_recipe


def recipe_of(tmp_path: Path, text: str) -> Recipe:
    """The recipe of a Dockerfile with this text."""
    path = tmp_path / "Dockerfile"
    path.write_text(text)
    return read_recipe(path)


def test_an_agents_dockerfile_is_read_whole(folder: Path) -> None:
    """Base, folder, command, user, port, Python and requirements come out as Docker would have them."""
    recipe = read_recipe(folder / "Dockerfile")

    assert recipe.base == "public.ecr.aws/docker/library/python:3.11-slim-bookworm"
    assert recipe.platform is None
    assert recipe.workdir == "/app"
    assert recipe.command == ("python", "-m", "agent")
    assert recipe.user == "1000:1000"
    assert recipe.ports == (8080,)
    assert recipe.python_version == "3.11"
    assert recipe.requirements == ("/app/requirements.txt",)
    assert [(i.name, i.line) for i in recipe.instructions][:3] == [("WORKDIR", 2), ("COPY", 3), ("RUN", 4)]


def test_comments_and_continued_lines_keep_their_place(tmp_path: Path) -> None:
    """An instruction over several lines, with comments between, has the number of its first line."""
    recipe = recipe_of(
        tmp_path, "# syntax=docker/dockerfile:1\nFROM x\n\n# c\nRUN a \\\n  # why\n  && b\nUSER me\n"
    )

    run, user = recipe.instructions
    assert (run.line, run.value.split()) == (5, ["a", "&&", "b"])
    assert user.line == 8


def test_variables_are_replaced_as_docker_does(tmp_path: Path) -> None:
    """ENV sees what was set before its line, ENV wins over ARG, defaults in ``${…:-…}`` and single quotes hold."""
    recipe = recipe_of(
        tmp_path,
        "ARG V=3.13\nFROM --platform=linux/arm64 python:${V}-slim\nARG PLACE=/srv\nARG A=arg\nENV A=env\n"
        "ENV B=${A} C=\"$A and ${NONE:-default}\" D='$A' PATH=/x:$PATH\nENV OLD one two\nWORKDIR ${PLACE}\n"
        "WORKDIR deep\nEXPOSE 80/udp 9000/tcp\n",
    )

    assert recipe.base == "python:3.13-slim"
    assert recipe.platform == "linux/arm64"
    assert recipe.environment == {
        "A": "env",
        "B": "env",
        "C": "env and default",
        "D": "$A",
        "PATH": "/x:/usr/local/bin:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin",
        "OLD": "one two",
    }
    assert recipe.workdir == "/srv/deep"
    assert recipe.ports == (9000,)


@pytest.mark.parametrize(
    ("lines", "command"),
    [
        ('CMD ["python", "a b.py"]', ("python", "a b.py")),
        ("CMD python agent.py", ("/bin/sh", "-c", "python agent.py")),
        ('ENTRYPOINT ["python"]\nCMD ["agent.py"]', ("python", "agent.py")),
        ('ENTRYPOINT python agent.py\nCMD ["ignored"]', ("/bin/sh", "-c", "python agent.py")),
        ('CMD ["first"]\nCMD ["last"]', ("last",)),
        ("USER me", ()),
    ],
)
def test_command_joins_entrypoint_and_cmd(tmp_path: Path, lines: str, command: tuple[str, ...]) -> None:
    """Exec forms are joined, shell forms go through a shell, the last of each counts."""
    assert recipe_of(tmp_path, f"FROM x\n{lines}\n").command == command


@pytest.mark.parametrize(
    ("base", "version"),
    [
        ("python:3.12", "3.12"),
        ("python:3.11.9-slim", "3.11"),
        ("ghcr.io/astral-sh/uv:python3.13-bookworm-slim", "3.13"),
        ("registry:5000/python", None),
        ("python:slim", None),
        ("node:22.1", None),
        ("python@sha256:" + "0" * 64, None),
    ],
)
def test_python_version_is_read_from_the_bases_tag(tmp_path: Path, base: str, version: str | None) -> None:
    """Only a tag that names a Python names a version."""
    assert recipe_of(tmp_path, f"FROM {base}\n").python_version == version


def test_copies_say_where_files_go(tmp_path: Path) -> None:
    """Destinations are absolute, flags are dropped, copies from other images are none of the folder's."""
    recipe = recipe_of(
        tmp_path,
        "FROM x\nWORKDIR /app\nCOPY --chown=1:1 a.py b.py ./\nCOPY a.py /bin/tool\n"
        'COPY ["with space", "dir/"]\nCOPY --from=other /x /y\n',
    )

    assert [(c.sources, c.destination, c.into_folder) for c in recipe.copies] == [
        (("a.py", "b.py"), PurePosixPath("/app"), True),
        (("a.py",), PurePosixPath("/bin/tool"), False),
        (("with space",), PurePosixPath("/app/dir"), True),
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "line 1: 0 FROM instructions; a Dockerfile begins with FROM"),
        ("FROM a AS b\nFROM c\n", "line 2: 2 FROM instructions; the kit builds one stage"),
        ("FROM x\nFORM y\n", "line 2: unknown instruction FORM"),
        ("FROM x\n\nWORKDIR\n", "line 3: WORKDIR has no arguments"),
        ("FROM x\nCMD ['python']\n", "line 2: CMD ['python'] is not a JSON list (use double quotes"),
        ("FROM x\nENV A=1 B\n", "line 2: ENV: Syntax error"),
        ("FROM x\nCOPY a\n", "line 2: COPY needs a source and a destination"),
        ("FROM x\nRUN <<EOF\necho a\nEOF\n", "line 2: here-documents"),
        ('FROM x\nCOPY ["a" "b"]\n', 'line 2: COPY ["a" "b"] is not a JSON list'),
        ("FROM x\nnonsense\n", "line 2: unknown instruction NONSENSE"),
    ],
)
def test_what_cannot_be_built_is_refused_with_its_line(tmp_path: Path, text: str, message: str) -> None:
    """The message names the file and the line, and what is wrong there."""
    with pytest.raises(BuildError) as refused:
        recipe_of(tmp_path, text)

    assert str(refused.value).startswith(str(tmp_path / "Dockerfile"))
    assert message in str(refused.value)


def test_a_missing_dockerfile_says_what_a_folder_holds(tmp_path: Path) -> None:
    """A folder without a Dockerfile is told what an agent's folder holds."""
    with pytest.raises(BuildError, match=r"No such file.*agent\.py and a Dockerfile"):
        read_recipe(tmp_path / "Dockerfile")
