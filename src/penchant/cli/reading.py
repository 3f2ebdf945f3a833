"""The flags that say how files are read, shared by the commands that read some. Not a group of commands itself."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from penchant.data.options import ReadOptions

_PANEL = "Reading (all of it is detected by default)"

UserColumn = Annotated[
    str | None,
    typer.Option(help="Column of user ids; by number where there is no header; - = none, each session is one.", rich_help_panel=_PANEL),
]
ItemColumn = Annotated[str | None, typer.Option(help="Column of item ids.", rich_help_panel=_PANEL)]
TimeColumn = Annotated[str | None, typer.Option(help="Column of times; date+time joins two; - = none.", rich_help_panel=_PANEL)]
TypeColumn = Annotated[str | None, typer.Option(help="Column of kinds of events.", rich_help_panel=_PANEL)]
ValueColumn = Annotated[str | None, typer.Option(help="Column of ratings, quantities …", rich_help_panel=_PANEL)]
SessionColumn = Annotated[str | None, typer.Option(help="Column of sessions, baskets, orders.", rich_help_panel=_PANEL)]
TitleColumn = Annotated[str | None, typer.Option(help="Column of titles in the items file.", rich_help_panel=_PANEL)]
Delimiter = Annotated[str | None, typer.Option(help="What divides fields; \\t for a tab.", rich_help_panel=_PANEL)]
Header = Annotated[bool | None, typer.Option("--header/--no-header", help="Whether the first row names columns.", rich_help_panel=_PANEL)]
Encoding = Annotated[str | None, typer.Option(help="For example utf-8, latin-1, gb18030.", rich_help_panel=_PANEL)]
TimeFormat = Annotated[str | None, typer.Option(help="s, ms, us, ns, or a pattern such as %d.%m.%Y %H:%M.", rich_help_panel=_PANEL)]
Format = Annotated[str | None, typer.Option("--format", help="delimited, json, parquet, recbole, sequences.", rich_help_panel=_PANEL)]


def read_options(*, rejects: Path | None = None, quiet: bool = False, **given: Any) -> "ReadOptions":
    """ReadOptions from flags; those that are None keep their defaults. `Any`: parsed flags, checked by the class. Raises ConfigError."""
    from penchant.core.config import parse
    from penchant.data.options import ReadOptions

    values = {name: value for name, value in given.items() if value is not None}
    if "delimiter" in values:
        values["delimiter"] = values["delimiter"].replace("\\t", "\t")
    return parse(ReadOptions, {**values, "rejects": rejects, "quiet": quiet}, "")
