"""`python -m deploy.lint`: every file that is no Python, by the tool that knows its kind. In CI nothing may stay unjudged."""

import os
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from deploy.lint.checks import CHECKS, Check

ROOT = Path(__file__).parent.parent.parent


def main() -> int:
    """0 when every tool agrees."""
    here = [check for check in CHECKS if not check.missing]
    with ThreadPoolExecutor(2) as pool:
        said = dict(zip(here, pool.map(lambda check: check.refuses(ROOT), here), strict=True))
    for check, words in said.items():
        if words:
            print(f"jeondan: {check.name}: {words}", file=sys.stderr)
    for check in CHECKS:
        if check.missing:
            print(f"jeondan: not checked: {check.name}; {check.program} is missing{_how(check)}", file=sys.stderr)
    duties = [check for check in CHECKS if check.missing and check.package]
    return 1 if any(said.values()) or (duties and os.environ.get("CI") == "true") else 0


def _how(check: Check) -> str:
    return f" (Debian: apt-get install {check.package})" if check.package else ""


if __name__ == "__main__":
    sys.exit(main())
