"""The journal: has anybody changed what was written?"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from nightshift.journal import Verification
    from tools.cli.connection import Connection

PANEL = "Look"
#: The tables whose items remember the head of their own chain, and each one's key.
KEPT = (
    ("IncidentsTable", "incident_id"),
    ("DeploymentsTable", "deployment_id"),
    ("CommandsTable", "command_id"),
)
group = typer.Typer(help="The append-only record of every decision.", no_args_is_help=True)


@group.command("verify")
def verify(
    ctx: typer.Context,
    incident_id: Annotated[
        str, typer.Argument(metavar="ID", help="One chain; by default all.", show_default=False)
    ] = "",
    file: Annotated[
        Path | None,
        typer.Option(help="What `journal export` wrote; no stack is asked.", show_default=False),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="JSON for programs.")] = False,
) -> None:
    """Walk the hash chains and say whether an entry was changed, removed or cut off; exit 1 if so."""
    from tools.cli import screen
    from tools.cli.connection import Connection

    if file:
        anchors, checks = 0, _of_file(file, incident_id)
    else:
        anchors, checks = _checks(Connection(ctx.obj), incident_id)
    broken = [check for check in checks if not check.intact]
    if as_json:
        fields = ("chain", "entries", "intact", "broken_at", "reason")
        screen.print_json([{name: getattr(check, name) for name in fields} for check in checks])
    else:
        for check in broken:
            where = f" at entry {check.broken_at}" if check.broken_at else ""
            print(f"BROKEN {check.chain}{where}: {check.reason}")
        entries = sum(check.entries for check in checks)
        print(
            f"{len(checks) - len(broken)} of {len(checks)} chains intact,"
            f" {entries} entries read, {anchors} hourly anchors compared"
        )
    if broken:
        raise typer.Exit(1)


@group.command("export")
def export(
    ctx: typer.Context,
    chains: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[ID]...",
            help="Incidents and deployments; by default the newest incident.",
            show_default=False,
        ),
    ] = None,
    since: Annotated[
        str,
        typer.Option(help="All that began at or after this day or instant (UTC).", show_default=False),
    ] = "",
) -> None:
    """Print journals as lines of JSON, with all that was decided upon, to replay and verify elsewhere."""
    from tools.cli import history
    from tools.cli.connection import Connection

    connection = Connection(ctx.obj)
    wanted = [history.of_stack(connection, since=since)] if since else []
    wanted += [history.of_stack(connection, one) for one in chains or ([] if since else [""])]
    for one in wanted:
        for line in history.lines(one):
            print(line)


def _of_file(file: Path, chain: str) -> list[Verification]:
    """How the chains of an export compare with themselves; a line that is not sound breaks the file."""
    from nightshift.journal import Verification
    from tools.cli import history
    from tools.cli.errors import CliError

    read = history.of_file(file)
    found = [Verification(str(file), 0, intact=False, reason=one) for one in read.problems]
    found += [one.check for one in read.chains if chain in ("", one.name)]
    if not found:
        raise CliError(
            f"{file} has no chain {chain}".rstrip(), "write one: nightshift journal export ID > FILE"
        )
    return found


def _checks(connection: Connection, incident_id: str) -> tuple[int, list[Verification]]:
    """How many anchors there are, and how each chain compares with its state and with them."""
    from nightshift import anchors, journal
    from nightshift.aws.anchorage import Anchorage
    from nightshift.aws.journals import Journals

    journals, heads = Journals(connection.output("JournalTable")), _heads(connection, incident_id)
    kept = list(Anchorage(connection.output("AnchorsBucket")).read())
    remembered = anchors.anchored(kept)
    if not incident_id:
        heads |= dict.fromkeys(remembered.keys() - heads.keys())
    checks = []
    for chain, head in sorted(heads.items()):
        entries = list(journals.read(chain))
        verified = journal.verify(chain, entries, head)
        checks.append(anchors.compare(verified, entries, remembered.get(chain, {})))
    return len(kept), checks


def _heads(connection: Connection, incident_id: str) -> dict[str, str | None]:
    """The head of one chain, or of all, as it stands with what the chain explains.

    So a chain that is gone altogether shows too. None for one that nothing in the tables knows.
    """
    from nightshift.aws import tables
    from nightshift.aws.pauses import CHAIN
    from tools.cli.history import head_of

    chain, head = head_of(connection, incident_id or CHAIN)
    heads: dict[str, str | None] = {chain: head} if head else {}
    if incident_id:
        return heads
    for table, key in KEPT:
        items = tables.pages("scan", TableName=connection.output(table), ConsistentRead=True)
        heads |= {item[key]: item["head"] for item in items if "head" in item}
    journal = connection.output("JournalTable")
    chains = tables.pages("scan", TableName=journal, ProjectionExpression="chain", ConsistentRead=True)
    return heads | dict.fromkeys({item["chain"] for item in chains} - heads.keys())
