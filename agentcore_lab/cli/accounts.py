"""``accounts``: who shares an engine."""

from __future__ import annotations

import json
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from agentcore_lab.accounts.accounts import AccountError, accounts_in
from agentcore_lab.cli.options import AsJson, DataDir, fail, settings_from

accounts = typer.Typer(
    help="AWS accounts that the engine plays, each with credentials and resources of its own.",
    no_args_is_help=True,
)


@accounts.command()
def add(
    name: Annotated[str, typer.Argument(help="A name for people, such as a learner's.")],
    data_dir: DataDir = None,
) -> None:
    """Make an account; `agentcore-lab env --account NAME` prints how to use it. The engine need not be stopped."""
    settings = settings_from(data_dir=data_dir)
    try:
        with accounts_in(settings.data_dir, settings.account_id) as known:
            account = known.add(name)
    except AccountError as error:
        fail(str(error))
    typer.echo(
        f'Account {account.id} ({account.name}). Use it with: eval "$(agentcore-lab env --account {name})"'
    )


@accounts.command("list")
def show(data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """List the accounts, the oldest first."""
    settings = settings_from(data_dir=data_dir)
    with accounts_in(settings.data_dir, settings.account_id) as known:
        rows = [(account.name, account.id) for account in known.all()]
    if as_json:
        typer.echo(json.dumps([{"name": name, "id": number} for name, number in rows], indent=2))
        return
    table = Table("Name", "Account")
    for row in rows:
        table.add_row(*row)
    Console(highlight=False).print(table)
