"""What every kind of customer file has in common: limits, refusals, and the rows a reader gives."""

from collections.abc import Generator, Sequence
from typing import Protocol

from core.errors import InvalidInput

MAX_BYTES = 200 * 1024 * 1024
MAX_ROWS = 1_000_000
MAX_COLUMNS = 200
MAX_CELL = 32_767

_SENTENCES = {
    "FILE_EMPTY": "파일에 고객이 한 명도 없습니다.",
    "FILE_TOO_LARGE": "파일이 200MB를 넘습니다. 나누어 올려 주세요.",
    "FILE_NOT_A_SPREADSHEET": "엑셀(xlsx, xls)이나 CSV 파일이 아닙니다.",
    "FILE_NO_HEADER": "제목 줄을 찾을 수 없습니다. 첫 줄에 ‘이름’, ‘휴대폰’ 같은 열 이름을 적어 주세요.",
    "FILE_NO_PHONE_COLUMN": "휴대폰 번호 열을 찾을 수 없습니다. 열 이름을 ‘휴대폰’으로 적어 주세요.",
    "FILE_TOO_MANY_COLUMNS": f"열이 {MAX_COLUMNS}개를 넘습니다. 필요한 열만 남겨 주세요.",
    "FILE_TOO_MANY_ROWS": "고객이 1,000,000명을 넘습니다. 나누어 올려 주세요.",
    "FILE_ENCRYPTED": "암호나 문서 보안이 걸린 파일입니다. 해제하고 다시 올려 주세요.",
    "FILE_BOMB": "압축을 풀면 지나치게 커지는 파일이라 열지 않았습니다.",
}
DAMAGED = "파일이 손상되어 읽을 수 없습니다. 엑셀에서 열어 다시 저장해 주세요."
WEB_PAGE = "엑셀 파일이 아니라 웹페이지로 저장된 표입니다. 엑셀에서 열어 xlsx로 다시 저장해 주세요."


RawRow = tuple[int, list[str]]


class Source(Protocol):
    """One opened file. Sheets go by name; a row is (number as Excel shows it, cells); blank rows are left out."""

    @property
    def sheet_names(self) -> tuple[str, ...]: ...

    @property
    def hidden_sheets(self) -> frozenset[str]: ...

    def rows(self, sheet: str) -> Generator[RawRow, None, None]:
        """Every row that holds something; at most MAX_COLUMNS + 1 cells, without blank ones at the end."""
        ...

    def most_rows(self, sheet: str) -> int | None:
        """More rows than this are not there; None when only counting can tell. Refuses a damaged sheet."""
        ...

    def share(self) -> float:
        """How much of the sheet `rows` has read: 0 to 1."""
        ...


class NoPhoneColumn(InvalidInput):
    """A table whose phone column a person has to point out; `headers` are those to choose from."""

    def __init__(self, headers: Sequence[str]) -> None:
        super().__init__(_SENTENCES["FILE_NO_PHONE_COLUMN"], reason="FILE_NO_PHONE_COLUMN")
        self.headers = tuple(headers)


def refusal(reason: str, sentence: str = "") -> InvalidInput:
    """The one sentence with which a whole file is turned away."""
    return InvalidInput(sentence or _SENTENCES[reason], reason=reason)


def trimmed(cells: list[str]) -> list[str]:
    """Without blank cells at the end."""
    end = len(cells)
    while end and not cells[end - 1].strip():
        end -= 1
    return cells[:end]
