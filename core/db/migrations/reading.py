"""What the statements of a migration make, and the policies that every table of theirs needs."""

from collections.abc import Sequence

from alembic import op
from alembic.script import Script, ScriptDirectory


def made_tables(statements: str) -> list[str]:
    """In the order they are made."""
    return [line.split()[2] for line in statements.splitlines() if line.startswith("CREATE TABLE ")]


def added_columns(statements: str) -> list[tuple[str, list[str]]]:
    """What is added, by table."""
    found = [" ".join(statement.split()) for statement in statements.split(";") if statement.strip()]
    return [(statement.split()[2], [part.split()[0] for part in statement.split("ADD COLUMN ")[1:]]) for statement in found]


OWN = "workspace_id = (SELECT nullif(current_setting('jeondan.workspace', true), '')::uuid)"


def protect(tables: Sequence[str]) -> None:
    """A transaction sees the rows of its own workspace only; the system's sees all."""
    for table in tables:
        op.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON {table} TO jeondan_system")
        op.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON {table} TO jeondan_app")
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
        op.execute(f"CREATE POLICY own_workspace ON {table} TO jeondan_app USING ({OWN}) WITH CHECK ({OWN})")
        op.execute(f"CREATE POLICY all_workspaces ON {table} TO jeondan_system USING (true) WITH CHECK (true)")


def set_apart(*tables: str, protected: bool = False) -> None:
    """What the role jeondan_apart may see of tables, which others do not, unless they are `protected` for them already."""
    for table in tables:
        if not protected:
            op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
            op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
        op.execute(f"CREATE POLICY apart ON {table} TO jeondan_apart USING ({OWN}) WITH CHECK ({OWN})")


def contracts(script: Script) -> bool:
    """Whether it takes away what an older version uses."""
    return "_contract_" in script.revision


def compatible_from(script: Script) -> str:
    """The oldest version that may run beside it: the one it comes with, unless it says that older ones can, too."""
    return str(getattr(script.module, "compatible_from", script.revision)) if contracts(script) else ""


def floor(directory: ScriptDirectory, head: str) -> str:
    """The oldest version that may run on a schema with this head; empty when all may."""
    return max((compatible_from(script) for script in directory.iterate_revisions(head, "base")), default="")
