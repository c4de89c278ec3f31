"""Refusals: one sentence, a stable reason, plain facts."""

import pytest

from core import errors


def kinds(root: type[errors.Problem]) -> list[type[errors.Problem]]:
    return [root, *(kind for child in root.__subclasses__() for kind in kinds(child))]


@pytest.mark.parametrize("kind", [kind for kind in kinds(errors.Problem) if kind.__module__ == "core.errors"])
def test_a_refusal_has_a_sentence_and_a_reason(kind: type[errors.Problem]) -> None:
    problem = kind("안 됩니다.")
    assert str(problem) == problem.message == "안 됩니다."
    assert problem.reason == kind.reason == kind.reason.upper()
    assert kind("x", reason="OTHER").reason == "OTHER"
    assert kind.__doc__


def test_reasons_are_not_shared() -> None:
    reasons = [kind.reason for kind in kinds(errors.Problem) if kind.__module__ == "core.errors"]
    assert len(reasons) == len(set(reasons))


def test_facts_and_violations_are_copied() -> None:
    facts, wrong = {"a": "1"}, [errors.Violation("name", "너무 깁니다.")]
    problem = errors.InvalidInput("x", wrong, facts=facts)
    facts["a"] = "2"
    wrong.clear()
    assert problem.facts == {"a": "1"}
    assert [violation.field for violation in problem.violations] == ["name"]


def test_what_passes_says_when_to_come_back() -> None:
    assert errors.TooMany("x", retry_seconds=3).retry_seconds == 3
    assert errors.Unavailable("x").retry_seconds > 0
