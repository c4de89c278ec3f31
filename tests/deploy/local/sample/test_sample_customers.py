"""The sample customer files hold what their summary says, and nobody's number."""

import csv
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from zipfile import ZipFile

import openpyxl
import pytest

from core.rules import customers
from deploy.local.sample import customers as sample
from workers.sheets import Table, open_table


def tally(found: Table) -> dict[str, int]:
    counts: Counter[str] = Counter()
    seen: set[str] = set()
    terms = customers.Terms(now=datetime(2026, 11, 23, tzinfo=UTC))
    for row in found.rows():
        checked = customers.check(row.cells, found.mapping, found.headers, sheet=row.sheet, number=row.number, terms=terms)
        if isinstance(checked, tuple):
            counts[checked[0].reason] += 1
        elif checked.phone in seen:
            counts["duplicates"] += 1
        else:
            seen.add(checked.phone)
            counts["proven" if checked.consent_proven else "unproven" if checked.consent else "no_consent"] += 1
            assert checked.phone.startswith("0100")
    return dict(counts)


def expected(summary: sample.Summary) -> dict[str, int]:
    kinds = {
        "duplicates": summary.duplicates,
        "proven": summary.proven,
        "unproven": summary.unproven,
        "no_consent": summary.no_consent,
    }
    return kinds | summary.bad


@pytest.mark.parametrize(
    ("name", "count", "encoding"), [("a.xlsx", 1000, ""), ("a.csv", 2500, "utf-8-sig"), ("a.csv", 100, "cp949")]
)
def test_the_sample_holds_what_its_summary_says(tmp_path: Path, name: str, count: int, encoding: str) -> None:
    summary = sample.write(tmp_path / name, count, 5, encoding=encoding)
    found = tally(open_table(tmp_path / name, name))
    assert found == expected(summary)
    assert summary.good == count == sum(found[kind] for kind in ("proven", "unproven", "no_consent"))
    assert sum(found.values()) == summary.rows


def parts(path: Path) -> dict[str, bytes]:
    """What a file holds, however this machine's zlib packs it."""
    if path.suffix != ".xlsx":
        return {"": path.read_bytes()}
    with ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


@pytest.mark.parametrize(("name", "count", "encoding"), [("customers.xlsx", 1000, ""), ("customers-cp949.csv", 100, "cp949")])
def test_the_committed_files_are_what_the_script_makes(tmp_path: Path, name: str, count: int, encoding: str) -> None:
    kept = Path(sample.__file__).with_name(name)
    sample.write(tmp_path / name, count, 1, encoding=encoding)
    assert parts(kept) == parts(tmp_path / name)
    assert kept.stat().st_size < 200_000


def test_another_program_can_open_the_sample() -> None:
    book = openpyxl.load_workbook(Path(sample.__file__).with_name("customers.xlsx"), data_only=True)
    assert book.sheetnames == ["고객", "요약"]
    assert [str(merged) for merged in book["고객"].merged_cells.ranges] == ["A1:I1"]
    assert [cell.value for cell in book["고객"][3]] == list(sample.HEADERS)


def test_ordinary_sample_numbers_avoid_the_magic_endings(tmp_path: Path) -> None:
    summary = sample.write(tmp_path / "a.csv", 12_000, 2)
    endings = {f"{ending}" for ending in range(9001, 9009)}
    with (tmp_path / "a.csv").open(encoding="utf-8-sig") as file:
        numbers = {"".join(sign for sign in row["휴대폰 번호"] if sign.isdigit()) for row in csv.DictReader(file)}
    assert {number[-4:] for number in numbers} & endings == set(sample.MAGIC)
    assert summary.magic == dict.fromkeys(sample.MAGIC, 2)
