"""`make restore-drill`: the whole story, with a table of what was found; RECIPIENTS=2000."""

import os
import sys

from tests import stack as parts
from tests.restore.story import Drill


def main() -> int:
    people = int(os.environ.get("RECIPIENTS") or 2000)
    with parts.folder() as var:
        outcome = Drill(var, people, lambda line: print(line, flush=True)).run()
    report = outcome.report
    assert report is not None
    print("\n복구 훈련")
    for name, value in outcome.facts.items():
        print(f"  {name}: {value}")
    print(f"  복구 시간(RTO): {report.total:.1f}초 ({', '.join(f'{name} {took:.1f}' for name, took in report.seconds.items())})")
    print(f"  복구 시점(RPO): 지정 {report.to:%H:%M:%S.%f}, 마지막 거래 {report.last_commit}")
    for wrong in outcome.wrong:
        print(f"  틀림: {wrong}")
    print("  결과: " + ("모두 맞음" if not outcome.wrong else f"{len(outcome.wrong)}가지가 틀림"))
    return 1 if outcome.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
