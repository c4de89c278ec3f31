"""The list of rules is the law of the house: none without a test, no test of a rule that is none."""

from tests.rules.table import RULES, named


def test_every_rule_has_a_test() -> None:
    """R-PII-14: repeated and mass cases cost most, so no rule is left to trust."""
    found = named()
    assert [rule for rule in RULES if not found[rule]] == []
    assert set(found) == set(RULES)
