"""`penchant import`: events, items and users from files into a project."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from penchant.cli import reading

if TYPE_CHECKING:
    from penchant.jobs.ingest import IngestReport


group = typer.Typer()


def register(app: typer.Typer) -> None:
    """Add `import`."""
    app.add_typer(group)


@group.command("import")
def import_(
    directory: Annotated[Path, typer.Option("--dir", help="The project's folder.")] = Path(),
    events: Annotated[Path | None, typer.Option(help="What people did: a file, or the folder of a known public data set.")] = None,
    items: Annotated[Path | None, typer.Option(help="What there is; may be the file of events too.")] = None,
    users: Annotated[Path | None, typer.Option(help="Who there is.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Read and check everything, write nothing.")] = False,
    strict: Annotated[bool, typer.Option("--strict", help="Any bad row is an error; then nothing is stored.")] = False,
    rejects: Annotated[Path | None, typer.Option(help="File for bad rows; default: in the project's reports.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document on standard output.")] = False,
    user_column: reading.UserColumn = None,
    item_column: reading.ItemColumn = None,
    time_column: reading.TimeColumn = None,
    type_column: reading.TypeColumn = None,
    value_column: reading.ValueColumn = None,
    session_column: reading.SessionColumn = None,
    title_column: reading.TitleColumn = None,
    delimiter: reading.Delimiter = None,
    header: reading.Header = None,
    encoding: reading.Encoding = None,
    time_format: reading.TimeFormat = None,
    source: reading.Format = None,
    event_type: Annotated[str | None, typer.Option(help="Kind of all events, where no column says it.")] = None,
    drop_item: Annotated[list[str] | None, typer.Option(help="A code that is no item (postage …); may be repeated.")] = None,
    returns: Annotated[str | None, typer.Option(help="Rows with a negative quantity: remove, keep.")] = None,
    absurd_values: Annotated[str | None, typer.Option(help="Values far beyond the rest: clip, keep.")] = None,
    duplicates: Annotated[str | None, typer.Option(help="The same event again: remove, keep.")] = None,
    robots: Annotated[str | None, typer.Option(help="Users with absurdly many events: remove, keep.")] = None,
) -> None:
    """Read, clean and store files: CSV, TSV, ::, JSON Lines, Parquet, each also gzipped. Doing it twice adds nothing.

    Example: penchant import --dir shop --events clicks.csv.gz --items products.csv
    """
    flags = {name: value for name, value in locals().items() if name not in _NOT_READING}  # the rest are fields of ReadOptions
    options = reading.read_options(rejects=rejects, drop_items=drop_item, **flags)
    from penchant.jobs.ingest import ingest
    from penchant.scenarios.project import Project

    with Project.open(directory) as project:
        report = ingest(project, events=events, items=items, users=users, options=options, dry_run=dry_run, strict=strict)
    typer.echo(json.dumps(report.to_json(), ensure_ascii=False)) if as_json else _show(report)


_NOT_READING = ("directory", "events", "items", "users", "dry_run", "strict", "rejects", "as_json", "drop_item")


def _show(report: "IngestReport") -> None:
    """The report as a table of steps, the decisions above it and what was stored below."""
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    console = Console(highlight=False)
    for decision in report.decisions:
        console.print(f"[dim]•[/] {escape(decision)}")
    table = Table("step", "rows in", "touched", "removed", "why", box=None, header_style="bold")
    for step in report.steps:
        touched = f"{step['touched']:,}" if step["touched"] else "·"
        removed = f"{step['removed']:,}" if step["removed"] else "·"
        table.add_row(escape(step["step"]), f"{step['rows_in']:,}", touched, removed, escape(step["why"]) if step["touched"] else "")
    console.print(table)
    rejects = report.rejects
    if rejects["count"]:
        where = f"all of them in {rejects['file']}" if rejects["file"] else "the first ones:"
        console.print(f"[yellow]{rejects['count']:,} bad rows[/], {escape(where)}")
        for row in rejects["examples"][:3]:
            console.print(escape(f"  {row['file']} row {row['row']} {row['column']}: {str(row['value'])[:60]!r} {row['reason']}"))
    for line in _told(report):
        console.print(line, soft_wrap=True)


def _told(report: "IngestReport") -> Iterator[str]:
    """What there is now, and what the catalogue lacks."""
    given = [(report.new_items, report.items, "items"), (report.new_users, report.users, "users")]
    if report.dry_run:
        counts = [f"{total:,} {what}" for total, what in ((report.usable, "events"), *(each[1:] for each in given)) if what in report.files]
        yield f"dry run: {', '.join(counts)} are usable; nothing was written"
    else:
        lists = [f"; {total:,} {what} listed, {new:,} new, {total - new:,} brought up to date" for new, total, what in given if total]
        yield f"[green]{report.stored:,} events stored[/], {report.known:,} were known{''.join(lists)}; {report.seconds:,.1f} s"
    if report.usable:
        yield f"the events are of {report.event_users:,} users and {report.event_items:,} items"
    if report.uncatalogued:
        yield f"events name {report.uncatalogued:,} items that the catalogue does not have; they can be recommended, with their id only"
