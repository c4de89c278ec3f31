"""`make rules`: every rule of the law with the tests that prove it."""

import sys

from tests.rules.table import RULES, named


def main() -> int:
    """Print the table; 1 when a rule has no test."""
    found = named()
    for rule, title in RULES.items():
        print(f"{rule:9} {title}")
        for test in found[rule] or ["NO TEST"]:
            print(f"          {test}")
    bare = [rule for rule in RULES if not found[rule]]
    print(f"\n{len(RULES)} rules, {sum(map(len, found.values()))} namings by tests, without a test: {', '.join(bare) or 'none'}")
    return 1 if bare else 0


if __name__ == "__main__":
    sys.exit(main())
