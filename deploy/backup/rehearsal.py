"""Once a month: the newest backup in a scratch folder, rolled forward, questioned, and thrown away."""

import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from deploy.backup import checks, hold, recovery, restore
from deploy.backup.settings import Settings
from deploy.backup.store import Store
from deploy.local.pgbinaries import Binaries, Runner
from deploy.local.refusal import Refusal

_PATIENCE = 3600.0


def run(settings: Settings, store: Store, scratch: Path, superuser: str, say: Callable[[str], object]) -> restore.Report:
    """The report; a refusal when anything does not hold."""
    scratch.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="rehearsal-", dir=scratch))
    folder.chmod(0o755)
    try:
        report = restore.restore(settings, store, restore.Wish(folder / "pg", superuser=superuser), say)
        if wrong := _question(settings, report.data, superuser, say):
            raise Refusal(f"되살린 데이터베이스에 맞지 않는 것이 있습니다: {', '.join(wrong)}")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return report


def _question(settings: Settings, data: Path, superuser: str, say: Callable[[str], object]) -> list[str]:
    runner = Runner.choose(Binaries.find(settings.pg_bin), data)
    asked, wrong = 0, list[str]()
    with recovery.running(runner, data, superuser, _PATIENCE) as connection:
        for name in hold.databases(connection):
            with recovery.inside(connection, name) as ours:
                if not hold.owner(ours):
                    continue
                asked += 1
                say(f"{name}: {sum(checks.counts(ours).values()):,}행")
                for one in checks.ask(ours):
                    say(one.line)
                    wrong += [one.name] if one.wrong else []
    return wrong if asked else ["전단의 데이터베이스가 없음"]
