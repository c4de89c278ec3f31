"""How the columns of one customer file are read: as this import says, as its like was read last time, or as guessed."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.db.session import Row
from core.rules import mapping
from core.rules.mapping import Layout, Origin, Said
from workers.sheets import Known, Table, open_table


@dataclass(frozen=True, slots=True)
class Opened:
    """A table and what its columns are; `said` is what a person said about them, now or before."""

    table: Table
    layout: Layout
    said: Said
    origin: Origin


def opened(path: Path, row: Row[Any], remembered: dict[bytes, dict[str, str]]) -> Opened:
    """The table of an import's file; refused when the import names columns that are not there."""
    given: Said = row.mapping
    if given:
        mapping.check(given)
    table = open_table(path, row.file_name, known=_as_given(given) if given else _as_before(remembered))
    if given and not table.said:
        raise mapping.refuse_missing(mapping.missing(given, table.headers))
    origin = Origin(row.mapping_from or Origin.GIVEN) if given else Origin.REMEMBERED if table.said else Origin.GUESSED
    return Opened(table, mapping.layout(table.headers, table.said), table.said, origin)


def _as_given(given: Said) -> Known:
    return lambda names: {} if mapping.missing(given, names) else given


def _as_before(remembered: dict[bytes, dict[str, str]]) -> Known:
    def known(names: Sequence[str]) -> Said:
        said = remembered.get(mapping.headers_hash(names), {})
        return {} if mapping.missing(said, names) else said

    return known
