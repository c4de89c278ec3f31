"""The rules of the law beside the tests that name them."""

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path

TESTS = Path(__file__).parent.parent
RULES: dict[str, str] = json.loads((TESTS / "rules/rules.json").read_text(encoding="utf-8"))
_ID = re.compile(r"R-[A-Z]{3}-\d+")


def named() -> dict[str, list[str]]:
    """Rule -> `path::test` of every test function that names it."""
    found: dict[str, list[str]] = {rule: [] for rule in RULES}
    for path in sorted(TESTS.rglob("test_*.py")):
        for name, rules in _named(path):
            for rule in rules:
                found.setdefault(rule, []).append(f"{path.relative_to(TESTS.parent)}::{name}")
    return found


def _named(path: Path) -> Iterator[tuple[str, list[str]]]:
    source = path.read_text(encoding="utf-8")
    if not _ID.search(source):
        return
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_"):
            own = [ast.unparse(decorator) for decorator in node.decorator_list] + [ast.unparse(node)]
            if rules := sorted(set(_ID.findall("\n".join(own)))):
                yield node.name, rules
