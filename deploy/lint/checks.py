"""Which tool judges which file: the one list behind `make lint` for everything that is no Python."""

import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from deploy.lint import front_door, manifests
from deploy.lint.tools import ask, installed, wheel

# A judge gets the files of its kind and a folder for what it has to write; it answers with what is wrong, or nothing.
Judge = Callable[[list[Path], Path], str]


@dataclass(frozen=True)
class Check:
    """One tool, and the files it knows (patterns below the root)."""

    name: str
    files: tuple[str, ...]
    judge: Judge
    program: str = ""  # of the machine, where no wheel carries the tool
    package: str = ""  # Debian's name of it; without one it is a help where it is, and no duty

    def found(self, root: Path) -> list[Path]:
        """The files of this kind."""
        return sorted({path for pattern in self.files for path in root.glob(pattern)})

    @property
    def missing(self) -> bool:
        """Whether its program is not on this machine."""
        return bool(self.program) and not installed(self.program)

    def refuses(self, root: Path) -> str:
        """What is wrong with these files; nothing when all is well."""
        found = self.found(root)
        if not found:
            return f"no file is named {' or '.join(self.files)}"
        with tempfile.TemporaryDirectory(prefix="jeondan-lint-") as folder:
            return self.judge(found, Path(folder))


def _command(*command: str) -> Judge:
    return lambda files, _: ask(wheel(command[0]), *command[1:], *files)


def _schema(name: str) -> Judge:
    """Against a small schema of our own, where none can be had offline."""
    return _command("check-jsonschema", "--schemafile", str(manifests.SCHEMAS / f"{name}.json"))


def _machine(*command: str) -> Judge:
    return lambda files, _: ask(*command, *files)


def _each(judge: Callable[[Path, Path], str]) -> Judge:
    def every(files: list[Path], folder: Path) -> str:
        return _first(judge(file, _inside(folder, number)) for number, file in enumerate(files))

    return every


def _inside(folder: Path, number: int) -> Path:
    inner = folder / str(number)
    inner.mkdir()
    return inner


def _first(answers: Iterable[str]) -> str:
    return next(filter(None, answers), "")


SCRIPTS = (".ci/run", "deploy/ecs/*.sh", "deploy/nginx/*.sh", "tests/deploy/images/standins/*.sh")

CHECKS = (
    Check(
        "script", (".ci/run", "deploy/ecs/*.sh", "deploy/nginx/*.sh", "tests/deploy/images/standins/*.sh"), _command("shellcheck")
    ),
    Check("compose", ("compose*.yaml",), _command("check-jsonschema", "--builtin-schema", "vendor.compose-spec")),
    Check("image", ("deploy/Dockerfile",), _command("hadolint")),
    Check("template", ("deploy/ecs/*.yaml",), _command("cfn-lint", "-r", "ap-northeast-2", "--")),
    Check("workflow", (".github/workflows/*.yml",), _command("check-jsonschema", "--builtin-schema", "vendor.github-workflows")),
    Check("workflow safety", (".github/workflows/*.yml",), _command("zizmor", "--offline", "--quiet", "--color", "never")),
    Check("railway", ("railway.json", "deploy/railway/*.json"), _schema("railway")),
    Check("vercel", ("vercel.json",), _schema("vercel")),
    Check("netlify", ("netlify.toml",), _schema("netlify")),
    Check("manifest", ("deploy/kubernetes/base/[!k]*.yaml",), manifests.judge),
    Check("kustomization", ("deploy/kubernetes/*/kustomization.yaml",), _schema("kustomization")),
    Check("overlay", ("deploy/kubernetes/[!b]*/kustomization.yaml",), manifests.rendered, "kubectl"),
    Check("nginx", ("deploy/nginx/*.template",), _each(front_door.judge), "nginx", "nginx"),
    Check("rules", ("deploy/watch/*rules.yml",), _machine("promtool", "check", "rules"), "promtool", "prometheus"),
    Check("rule tests", ("deploy/watch/*_test.yml",), _machine("promtool", "test", "rules"), "promtool", "prometheus"),
)
