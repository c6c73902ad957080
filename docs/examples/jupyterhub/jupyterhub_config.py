"""JupyterHub for a class: one engine of the teacher's, a Unix user and an account of the engine's for each student.

The teacher's user runs the engine (`agentcore-lab serve`) and may use Docker. Students may not: their notebook servers
get an address and the keys of their own account, and nothing else of the engine. README.md beside this file says how to
start both, and what it keeps apart.
"""

import asyncio
import json
import os
from asyncio.subprocess import PIPE
from pathlib import Path

c = get_config()  # noqa: F821 - JupyterHub puts it here

CLASS = Path(os.environ.get("CLASS_FOLDER", "/srv/class"))  # the labs: students get a copy of their own
TEACHER = os.environ.get("CLASS_TEACHER", "teacher")  # the Unix user who runs the engine
STUDENTS = (CLASS / "students.txt").read_text().split()  # a name a line; their Unix users have the same names
COMMAND = os.environ.get("CLASS_AGENTCORE_LAB", "agentcore-lab")


async def agentcore_lab(*arguments: str) -> str:
    """What the command says to the teacher, whose data directory it looks into; the hub goes on meanwhile."""
    home = f"HOME={Path(f'~{TEACHER}').expanduser()}"
    as_teacher = ["runuser", "--user", TEACHER, "--", "env", home, COMMAND]
    command = await asyncio.create_subprocess_exec(*as_teacher, *arguments, stdout=PIPE, stderr=PIPE)
    said, complained = await command.communicate()
    if command.returncode:
        raise RuntimeError(complained.decode().strip())
    return said.decode()


async def variables_of(student: str) -> dict[str, str]:
    """What leads a student's programs, boto3 and `Lab()` alike, to the engine, as the student's own account.

    `--lab` adds AGENTCORE_LAB_URL: `Lab()` then neither looks for a data directory nor starts an engine, and images are
    built by the teacher's engine.
    """
    asking = ("env", "--lab", "--json", "--account", student)
    try:
        return json.loads(await agentcore_lab(*asking))
    except RuntimeError as error:
        if "There is no account" not in str(error):
            raise
        await agentcore_lab("accounts", "add", student)  # who comes for the first time gets one
        return json.loads(await agentcore_lab(*asking))


async def lead_to_engine(spawner) -> None:
    """Before each start of a notebook server: an engine that was started anew may have another port."""
    spawner.environment.update(await variables_of(spawner.user.name))


# Who may come. A class on one machine has Unix users; "pam" (JupyterHub's default) asks for their passwords. For an
# afternoon in one room, one password for all is simpler; never for a machine that the Internet reaches.
if os.environ.get("CLASS_PASSWORD"):
    c.JupyterHub.authenticator_class = "shared-password"
    c.SharedPasswordAuthenticator.user_password = os.environ["CLASS_PASSWORD"]
c.Authenticator.allowed_users = set(STUDENTS)

# Each notebook server runs as the student's own Unix user (the hub has to be root for that), in a home of its own.
c.JupyterHub.spawner_class = "jupyterhub.spawner.LocalProcessSpawner"
c.Spawner.notebook_dir = "~/agentcore-lab"
c.Spawner.default_url = "/lab/tree/notebooks/00-prerequisites-and-fundamentals.ipynb"
c.Spawner.pre_spawn_hook = lead_to_engine
c.Spawner.start_timeout = c.Spawner.http_timeout = 180  # many start at the same moment

# Stop what nobody has used for an hour: a kernel holds some 150 MB.
c.Spawner.args = [
    "--MappingKernelManager.cull_idle_timeout=3600",
    "--MappingKernelManager.cull_interval=300",
]

# A hub that is started anew, for another student or setting, finds the notebook servers again: nobody loses a kernel.
c.JupyterHub.cleanup_servers = False

c.JupyterHub.bind_url = os.environ.get("CLASS_URL", "http://127.0.0.1:8000")
