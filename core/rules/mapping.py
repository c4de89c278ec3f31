"""Which column of a file becomes what: as a person says, as it was read last time, or as its headers are understood."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from core.errors import InvalidInput
from core.rules import cells, columns
from core.rules.columns import ALSO_ATTRIBUTES, FIELDS, Named

_MISSING = "파일에 이런 열이 없습니다: {}"
_NO_PHONE = "휴대폰 번호가 든 열을 골라 주세요."
_TWICE = "‘{}’에 열을 두 개 고르셨습니다."
_BAD_NAME = "‘{}’은 속성 이름으로 쓸 수 없습니다. 30자까지, # {{ }} | 없이 적어 주세요."
_FORBIDDEN = "‘{}’ 열은 수집하면 안 되는 개인정보라 읽을 수 없습니다."


class Origin(StrEnum):
    """Where a mapping comes from."""

    GIVEN = "GIVEN"
    REMEMBERED = "REMEMBERED"
    GUESSED = "GUESSED"


Said = Mapping[str, str]  # header -> field, name of an attribute, or nothing: not read


@dataclass(frozen=True, slots=True)
class Layout:
    """The columns of one table: by field, and by attribute in the order of the columns."""

    headers: tuple[str, ...]
    fields: dict[str, int]
    attributes: Named

    def said(self) -> dict[str, str]:
        """Header -> what it became, for people; columns that are not read are missing."""
        whole = {**dict(self.attributes), **{at: field for field, at in self.fields.items()}}
        return {self.headers[at]: whole[at] for at in sorted(whole, reverse=True)}

    def unread(self) -> tuple[str, ...]:
        """Named columns for which there was no room among the attributes."""
        read = {*self.fields.values(), *(at for at, _ in self.attributes)}
        names = enumerate(self.headers)
        return tuple(
            cells.clean(name)
            for at, name in names
            if columns.attribute_name(name) and at not in read and not columns.is_forbidden(name)
        )


def check(said: Said) -> None:
    """Refuse a mapping that cannot be meant, whatever the file."""
    if "phone" not in said.values():
        raise InvalidInput(_NO_PHONE, reason="FILE_NO_PHONE_COLUMN")
    wanted = [what for what in said.values() if what]
    sentences = [_FORBIDDEN.format(cells.clean(header)) for header, what in said.items() if what and columns.is_forbidden(header)]
    sentences += [_BAD_NAME.format(what[:40]) for what in wanted if columns.attribute_name(what) != what]
    sentences += [_TWICE.format(what) for what in dict.fromkeys(wanted) if wanted.count(what) > 1]
    if sentences:
        raise InvalidInput(sentences[0], reason="MAPPING_INVALID")


def missing(said: Said, headers: Sequence[str]) -> list[str]:
    """The headers that a mapping names and the table does not have."""
    return [name for name in said if _place(name, headers) is None]


def refuse_missing(names: Sequence[str]) -> InvalidInput:
    """The refusal of a mapping that belongs to another file."""
    return InvalidInput(_MISSING.format(", ".join(sorted(names))), reason="FILE_NO_HEADER")


def fields(said: Said, headers: Sequence[str]) -> dict[str, int]:
    """Field -> column, as said."""
    places = {what: _place(header, headers) for header, what in said.items() if what in FIELDS}
    return {what: at for what, at in places.items() if at is not None}


def layout(headers: Sequence[str], said: Said) -> Layout:
    """The table as said; without a word about it, as its headers are understood."""
    if not said:
        found = columns.guess_mapping(headers)
        return Layout(tuple(headers), found, columns.attribute_columns(tuple(headers), _taken(found)))
    found = fields(said, headers)
    places = {_place(header, headers): what for header, what in said.items()}
    given = tuple((at, what) for at, what in places.items() if at is not None and what and what not in FIELDS)
    not_read = {at for at, what in places.items() if at is not None and not what}
    taken = _taken(found) | {at for at, _ in given} | not_read
    return Layout(tuple(headers), found, columns.attribute_columns(tuple(headers), frozenset(taken), given))


def headers_hash(headers: Sequence[str]) -> bytes:
    """What a file is recognised by: its headers in any order, case and width."""
    names = sorted(filter(None, map(columns.key, headers)))
    return hashlib.sha256(json.dumps(names).encode()).digest()


def _taken(found: Mapping[str, int]) -> frozenset[int]:
    return frozenset(at for field, at in found.items() if field not in ALSO_ATTRIBUTES)


def _place(name: str, headers: Sequence[str]) -> int | None:
    """The column that bears this name; else the first that means the same."""
    exact, meant = cells.clean(name), columns.key(name)
    same = (at for at, header in enumerate(headers) if cells.clean(header) == exact)
    alike = (at for at, header in enumerate(headers) if meant and columns.key(header) == meant)
    return next(same, next(alike, None))
