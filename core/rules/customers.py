"""One raw row of a merchant's file becomes a checked customer, or the reasons why it cannot."""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from core.rules import cells, phone, typed
from core.rules.columns import ALSO_ATTRIBUTES, FIELDS, Named, attribute_columns, forbidden_columns, guess_mapping
from core.rules.typed import Kinds

__all__ = ["FIELDS", "MAX_TAGS", "Customer", "RowError", "Terms", "check", "forbidden_columns", "guess_mapping"]

MAX_TAGS = 20
_LONGEST = {
    "name": 50,
    "consent_source": 100,
    "consent_proof": 200,
    "consent_wording": 50,
    "guardian_proof": 200,
    "tag": 30,
    "attribute": 200,
}
_REASONS = {
    "PHONE_PRECISION_LOST": "엑셀이 번호 뒷자리를 지웠습니다. 전화번호 열을 텍스트로 바꾸어 다시 저장해 주세요.",
    "CONSENT_UNREADABLE": "동의 여부를 읽을 수 없습니다. Y 또는 N으로 적어 주세요.",
    "CONSENT_DATE_UNREADABLE": "동의일시를 읽을 수 없습니다. 2026-03-02 14:00처럼 적어 주세요.",
    "CONSENT_DATE_FUTURE": "동의일시가 아직 오지 않은 날입니다.",
    "WORDING_UNKNOWN": "등록되지 않은 동의 문구입니다. 동의 문구를 먼저 등록하거나 그 버전을 고쳐 주세요.",
    "BIRTH_YEAR_UNREADABLE": "태어난 해를 읽을 수 없습니다. 1990 또는 1990-03-02처럼 적어 주세요.",
    "ADULT_DATE_UNREADABLE": "성인인증 날짜를 읽을 수 없습니다. 2026-03-02처럼, 오늘까지의 날로 적어 주세요.",
    "CELL_ERROR": "셀에 오류 값이나 계산되지 않은 수식이 있습니다.",
    "CELL_UNREADABLE": "글자가 깨져 있습니다. 파일을 UTF-8이나 xlsx로 다시 저장해 주세요.",
    "TOO_LONG": "내용이 너무 깁니다.",
    "TOO_MANY_TAGS": f"태그는 {MAX_TAGS}개까지 쓸 수 있습니다.",
    "COLUMN_COUNT": "제목 줄보다 칸이 많아 값이 밀려 있습니다. 쉼표가 든 값은 큰따옴표로 묶어 주세요.",
}


@dataclass(frozen=True, slots=True)
class Customer:
    """A row that may go in. `phone` is the normalised number; `consent_at` is UTC. `refused`: it says no, whatever else."""

    phone: str
    name: str
    consent: bool
    consent_at: datetime | None
    consent_source: str
    night_consent: bool
    tags: tuple[str, ...]
    attributes: dict[str, str]
    refused: bool = False
    consent_proof: str = ""
    wording_id: UUID | None = None
    birth_year: int | None = None
    guardian_proof: str = ""
    adult_at: datetime | None = None

    @property
    def consent_proven(self) -> bool:
        """When and how consent was given is known (R-CON-5); without, the customer stays but gets no ad."""
        return self.consent and self.consent_at is not None and bool(self.consent_source)


@dataclass(frozen=True, slots=True)
class RowError:
    """Why a row stayed outside, for the merchant: place, masked value, machine reason, Korean sentence."""

    sheet: str
    row: int
    column: str
    value: str
    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class Terms:
    """What is known beyond the file: `now` (aware) judges dates in the future; attributes, their types, and wordings."""

    now: datetime
    attributes: Named | None = None  # as a person named them; else as the headers say
    kinds: Kinds = field(default_factory=dict)
    wordings: Mapping[str, UUID] = field(default_factory=dict)


def check(
    row_cells: Sequence[str],
    mapping: Mapping[str, int],
    headers: Sequence[str],
    *,
    sheet: str,
    number: int,
    terms: Terms,
) -> Customer | tuple[RowError, ...]:
    """The customer of this row, or every reason against it."""
    if any(cells.clean(cell) for cell in row_cells[len(headers) :]):
        return (RowError(sheet, number, "", "", "COLUMN_COUNT", _REASONS["COLUMN_COUNT"]),)
    reading = _Reading(row_cells, mapping, tuple(headers), terms)
    customer = reading.customer()
    if not reading.wrong:
        return customer
    return tuple(
        RowError(sheet, number, reading.header(at), _shown(field, reading.cell(at)), reason, message)
        for field, at, reason, message in reading.wrong
    )


class _Reading:
    """Reads one row field by field and collects what is wrong with it."""

    def __init__(self, row_cells: Sequence[str], mapping: Mapping[str, int], headers: tuple[str, ...], terms: Terms) -> None:
        self._cells, self._mapping, self._headers, self._terms = row_cells, mapping, headers, terms
        self.wrong: list[tuple[str, int, str, str]] = []

    def customer(self) -> Customer:
        refused = self._flag("refused")
        consent, night = self._flag("consent"), self._flag("night_consent")
        return Customer(
            phone=self._phone(),
            name=self._text("name"),
            consent=consent and not refused,
            consent_at=self._consent_at(),
            consent_source=self._text("consent_source"),
            night_consent=night and not refused,
            tags=self._tags(),
            attributes=self._attributes(),
            refused=refused,
            consent_proof=self._text("consent_proof"),
            wording_id=self._wording(),
            birth_year=self._birth_year(),
            guardian_proof=self._text("guardian_proof"),
            adult_at=self._adult_at(),
        )

    def header(self, at: int) -> str:
        return cells.clean(self._headers[at]) if 0 <= at < len(self._headers) else ""

    def cell(self, at: int) -> str:
        return cells.clean(self._cells[at]) if 0 <= at < len(self._cells) else ""

    def _column(self, field: str) -> int:
        return self._mapping.get(field, -1)

    def _readable(self, field: str, at: int) -> str:
        """The cell's clean text; an error value or a broken character is reported and reads as blank."""
        text = self.cell(at)
        if text.startswith("#") and text.upper() in cells.ERRORS:
            return self._report(field, at, "CELL_ERROR")
        return self._report(field, at, "CELL_UNREADABLE") if "\ufffd" in text else text

    def _report(self, field: str, at: int, reason: str, message: str = "") -> str:
        self.wrong.append((field, at, reason, message or _REASONS[reason]))
        return ""

    def _phone(self) -> str:
        at, before = self._column("phone"), len(self.wrong)
        text = self._readable("phone", at)
        if len(self.wrong) > before:
            return ""
        digits = _written_out(text)
        if digits is None:
            return self._report("phone", at, "PHONE_PRECISION_LOST")
        try:
            return phone.normalise(digits)
        except phone.BadPhone as bad:
            return self._report("phone", at, bad.reason, bad.message)

    def _text(self, field: str) -> str:
        at = self._column(field)
        text = self._readable(field, at) if at >= 0 else ""
        if cells.is_blank(text):
            return ""
        return text if len(text) <= _LONGEST[field] else self._report(field, at, "TOO_LONG")

    def _flag(self, field: str) -> bool:
        at = self._column(field)
        if at < 0:
            return False
        answer = cells.yes_no(self._readable(field, at))
        if answer is None:
            self._report(field, at, "CONSENT_UNREADABLE")
        return bool(answer)

    def _consent_at(self) -> datetime | None:
        at = self._column("consent_at")
        text = self._readable("consent_at", at)
        if cells.is_blank(text):
            return None
        moment = cells.instant(text)
        if moment is None:
            self._report("consent_at", at, "CONSENT_DATE_UNREADABLE")
        elif moment > self._terms.now:
            self._report("consent_at", at, "CONSENT_DATE_FUTURE")
        return moment

    def _wording(self) -> UUID | None:
        version = self._text("consent_wording")
        found = self._terms.wordings.get(version)
        if version and found is None:
            self._report("consent_wording", self._column("consent_wording"), "WORDING_UNKNOWN")
        return found

    def _birth_year(self) -> int | None:
        at = self._column("birth_year")
        text = self._readable("birth_year", at) if at >= 0 else ""
        if cells.is_blank(text):
            return None
        year = cells.birth_year(text, self._terms.now)
        if year is None:
            self._report("birth_year", at, "BIRTH_YEAR_UNREADABLE")
        return year

    def _adult_at(self) -> datetime | None:
        at = self._column("adult_at")
        text = self._readable("adult_at", at) if at >= 0 else ""
        if cells.is_blank(text):
            return None
        moment = cells.instant(text)
        if moment is None or moment > self._terms.now:
            self._report("adult_at", at, "ADULT_DATE_UNREADABLE")
        return moment

    def _tags(self) -> tuple[str, ...]:
        at = self._column("tags")
        tags = cells.listed(self._readable("tags", at))
        if len(tags) > MAX_TAGS:
            self._report("tags", at, "TOO_MANY_TAGS")
        elif any(len(tag) > _LONGEST["tag"] for tag in tags):
            self._report("tags", at, "TOO_LONG")
        return tags

    def _attributes(self) -> dict[str, str]:
        found: dict[str, str] = {}
        for at, name in self._named():
            text = self._readable("attribute", at)
            if len(text) > _LONGEST["attribute"]:
                self._report("attribute", at, "TOO_LONG")
            elif text and name in self._terms.kinds:
                found[name] = self._typed(at, name, text)
            elif text:
                found[name] = text
        return found

    def _typed(self, at: int, name: str, text: str) -> str:
        kind = self._terms.kinds[name]
        value = typed.read(kind, text)
        return self._report("attribute", at, "ATTRIBUTE_UNREADABLE", typed.sentence(kind, name)) if value is None else value

    def _named(self) -> Named:
        if self._terms.attributes is not None:
            return self._terms.attributes
        return attribute_columns(
            self._headers, frozenset(at for name, at in self._mapping.items() if name not in ALSO_ATTRIBUTES)
        )


def _written_out(cleaned: str) -> str | None:
    """The phone cell as plain digits and signs; None when the spreadsheet has rounded digits away."""
    return cells.whole_number(unicodedata.normalize("NFKC", cells.unwrapped(cleaned)))


def _shown(field: str, cleaned: str) -> str:
    """The value in an error report: never enough of it to find the person."""
    if field == "name":
        return cells.masked_name(cleaned)
    digits = re.sub(r"\D", "", unicodedata.normalize("NFKC", cleaned))
    return phone.mask(digits) if re.fullmatch(r"010\d{8}", digits) else cells.masked(cleaned)
