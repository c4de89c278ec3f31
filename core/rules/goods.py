"""What a campaign is about: the kinds of goods, whether they are for adults, and what may not be advertised at all."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from core.errors import Violation


class Category(StrEnum):
    """What the law says about a product beyond its kind."""

    NORMAL = ""
    ADULT = "ADULT"
    PROHIBITED = "PROHIBITED"


@dataclass(frozen=True, slots=True)
class Item:
    """One product on a flyer."""

    name: str
    kind: str = ""
    category: str = ""


@dataclass(frozen=True, slots=True)
class Goods:
    """What a launch freezes."""

    kinds: tuple[str, ...] = ()
    adult: bool = False
    prohibited: tuple[str, ...] = ()  # names


def of_items(items: Sequence[Item]) -> Goods:
    """The goods of a flyer. Where one product has no kind nobody can say that a buyer bought the same (R-CON-3)."""
    kinds = sorted({item.kind for item in items})
    return Goods(
        kinds=() if "" in kinds else tuple(kinds),
        adult=any(item.category == Category.ADULT for item in items),
        prohibited=tuple(item.name for item in items if item.category == Category.PROHIBITED),
    )


def problems(prohibited: Iterable[str]) -> Iterator[Violation]:
    """R-PRO-1: no consent makes this lawful."""
    if names := ", ".join(prohibited):
        sentence = f"판매가 금지되었거나 광고할 수 없는 상품이 있습니다: {names}. 이 상품을 빼 주세요."
        yield Violation("campaign.flyer_id", sentence, "PROHIBITED_GOODS")


def halted(prohibited: Iterable[str]) -> str:
    """Why a campaign that was launched goes no further; empty when it may (R-PRO-1)."""
    names = ", ".join(prohibited)
    return (
        f"판매가 금지되었거나 광고할 수 없는 것으로 바뀐 상품이 있습니다: {names}. 이 캠페인은 더 보낼 수 없습니다."
        if names
        else ""
    )


_SUSPECT = re.compile(
    r"전자\s?담배|액상\s?담배|담배|니코틴|도박|카지노|바카라|토토(?:사이트)?|사설\s?대출|불법\s?대출|급전|작업\s?대출|내구제"
    r"|레플리카|짝퉁|이미테이션|비아그라|시알리스|다이어트\s?약|처방\s?약|전문\s?의약품|졸피뎀|마약|대마초"
)


def suspects(*texts: str) -> tuple[str, ...]:
    """Words of goods that may not be advertised: a person has to look."""
    return tuple(dict.fromkeys(found[0] for text in texts for found in _SUSPECT.finditer(text)))


def warnings(texts: Iterable[str]) -> Iterator[Violation]:
    """A word alone proves nothing, so it only warns."""
    if found := suspects(*texts):
        sentence = (
            f"광고가 금지된 상품으로 보이는 말이 있습니다: {', '.join(found)}. 금지된 상품의 광고는 동의가 있어도 처벌받습니다."
        )
        yield Violation("campaign.body", sentence, "GOODS_SUSPECT")
