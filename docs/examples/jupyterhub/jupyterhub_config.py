"""JupyterHub for a class: one engine of the teacher's, a Unix user and an account of the engine's for each student.

The teacher's user runs the engine (`agentcore-lab serve`) and may use Docker. Students may not: their notebook servers
get an address and the keys of their own account, and nothing else of the engine. README.md beside this file says how to
start both, and what it keeps apart.
"""

import json
import os
import subprocess
from pathlib import Path

c = get_config()  # noqa: F821 - JupyterHub puts it here

CLASS = Path(os.environ.get("CLASS_FOLDER", "/srv/class"))  # the labs: students get a copy of their own
TEACHER = os.environ.get("CLASS_TEACHER", "teacher")  # the Unix user who runs the engine
STUDENTS = (CLASS / "students.txt").read_text().split()  # a name a line; their Unix users have the same names
COMMAND = os.environ.get("CLASS_AGENTCORE_LAB", "agentcore-lab")


def agentcore_lab(*arguments: str) -> str:
    """What the command says to the teacher, whose data directory it looks into."""
    as_teacher = ["runuser", "--user", TEACHER, "--", "env", f"HOME={Path(f'~{TEACHER}').expanduser()}"]
    done = subprocess.run([*as_teacher, COMMAND, *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"agentcore-lab {' '.join(arguments)}: {done.stderr.strip()}")
    return done.stdout


def variables_of(student: str) -> dict[str, str]:
    """What leads a student's programs, boto3 and `Lab()` alike, to the engine, as the student's own account.

    The account is made when the student comes for the first time. `--lab` adds AGENTCORE_LAB_URL: `Lab()` then neither
    looks for a data directory nor starts an engine, and images are built by the teacher's engine.
    """
    known = {account["name"] for account in json.loads(agentcore_lab("accounts", "list", "--json"))}
    if student not in known:
        agentcore_lab("accounts", "add", student)
    return json.loads(agentcore_lab("env", "--lab", "--account", student, "--json"))


def lead_to_engine(spawner) -> None:
    """Before each start of a notebook server: an engine that was started anew may have another port."""
    spawner.environment.update(variables_of(spawner.user.name))


# Who may come. A class on one machine has Unix users; "pam" (JupyterHub's default) asks for their passwords. For an
# afternoon in one room, one password for all is simpler; never for a machine that the Internet reaches.
if os.environ.get("CLASS_PASSWORD"):
    c.JupyterHub.authenticator_class = "shared-password"
    c.SharedPasswordAuthenticator.user_password = os.environ["CLASS_PASSWORD"]
c.Authenticator.allowed_users = set(STUDENTS)

# Each notebook server runs as the student's own Unix user (the hub has to be root for that), in a home of the student's.
c.JupyterHub.spawner_class = "jupyterhub.spawner.LocalProcessSpawner"
c.Spawner.notebook_dir = "~/agentcore-lab"
c.Spawner.default_url = "/lab/tree/notebooks/00-prerequisites-and-fundamentals.ipynb"
c.Spawner.pre_spawn_hook = lead_to_engine
c.Spawner.start_timeout = 120  # many start at the same moment

# Stop what nobody has used for an hour: a kernel holds some 150 MB.
c.Spawner.args = [
    "--MappingKernelManager.cull_idle_timeout=3600",
    "--MappingKernelManager.cull_interval=300",
]

c.JupyterHub.bind_url = os.environ.get("CLASS_URL", "http://127.0.0.1:8000")
