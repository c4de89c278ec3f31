"""What `make lint` asks would refuse a broken file, and for the right reason: each kind is broken once."""

import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest

from deploy.lint.checks import CHECKS, Check

ROOT = Path(__file__).parent.parent.parent


@dataclass(frozen=True)
class Break:
    """One file, the words that are changed in it, and what the tool then has to speak of."""

    check: str
    file: str
    old: str
    new: str
    says: str

    def __str__(self) -> str:
        return f"{self.check}: {self.old.strip()} -> {self.new.strip()}"


BREAKS = (
    Break("script", ".ci/run", 'cd "$(dirname "$0")/.."', "cd $(dirname $0)/..", "SC2046"),
    Break("compose", "compose.prod.yaml", "stop_grace_period:", "stop_grace:", "stop_grace"),
    Break("image", "deploy/Dockerfile", "\nUSER 10001:10001", "\nRUN sudo id", "DL3004"),
    Break("template", "deploy/ecs/data.yaml", "MultiAZ: true", "MultiAz: true", "'MultiAz' was unexpected"),
    Break("railway", "railway.json", "healthcheckPath", "healthCheckPath", "healthCheckPath"),
    Break("vercel", "vercel.json", "rewrites", "rewrite", "rewrite"),
    Break("netlify", "netlify.toml", "status = 200", 'status = "200"', "200"),
    Break("workflow", ".github/workflows/ci.yml", "runs-on:", "run-on:", "run-on"),
    Break("workflow safety", ".github/workflows/roll-out.yml", '"$STAGE" ', '"${{ inputs.stage }}" ', "template-injection"),
    Break("workflow safety", ".github/workflows/ci.yml", "@08c6903cd8c0fde910a37f88322edcfb5dd907a8", "@v5", "unpinned-uses"),
    Break("manifest", "deploy/kubernetes/base/server.yaml", "livenessProbe", "livenessProb", "livenessProb"),
    Break("manifest", "deploy/kubernetes/base/scaling.yaml", 'listLength: "20"', "listLength: 20", "listLength"),
    Break("manifest", "deploy/kubernetes/base/scaling.yaml", "minReplicaCount", "minReplicas", "minReplicas"),
    Break("kustomization", "deploy/kubernetes/staging/kustomization.yaml", "patches:", "patchs:", "patchs"),
    Break("overlay", "deploy/kubernetes/staging/kustomization.yaml", "[../base]", "[../bas]", "bas"),
    Break("overlay", "deploy/kubernetes/staging/kustomization.yaml", "{ name: jeondan-gateway }", "{ name: gate }", "no matches"),
    Break("nginx", "deploy/nginx/jeondan.conf.template", "grpc_pass grpc://", "grpc_pas grpc://", 'unknown directive "grpc_pas"'),
    Break("nginx", "deploy/nginx/jeondan.conf.template", "${BURST}", "${BRUST}", "BRUST"),
    Break("rules", "deploy/watch/rules.yml", "expr: ", "expr: sum(", "could not parse expression"),
    Break("rule tests", "deploy/watch/rules_test.yml", "exp_alerts: []", "exp_alerts: [{}]", "FAILED"),
)


def named(name: str) -> Check:
    (only,) = (check for check in CHECKS if check.name == name)
    return only


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All that is judged, in a folder of its own."""
    root = tmp_path_factory.mktemp("copy")
    for check in CHECKS:
        for file in check.found(ROOT):
            target = root / file.relative_to(ROOT)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(file, target)
    return root


@pytest.mark.parametrize("broken", BREAKS, ids=str)
def test_a_broken_file_is_refused_for_its_reason(copy: Path, tmp_path: Path, broken: Break) -> None:
    check, file = named(broken.check), copy / broken.file
    if check.missing:
        pytest.skip(f"{check.program} is not installed")
    whole = file.read_text()
    assert broken.old in whole and file in check.found(copy)
    file.write_text(whole.replace(broken.old, broken.new, 1))
    try:
        assert broken.says in check.judge([file], tmp_path)
    finally:
        file.write_text(whole)


def test_every_kind_is_broken_once() -> None:
    assert {broken.check for broken in BREAKS} == {check.name for check in CHECKS}


def test_a_kind_without_a_file_is_refused(tmp_path: Path) -> None:
    assert all("no file" in check.refuses(tmp_path) for check in CHECKS)


def test_make_lint_asks_them_all() -> None:
    lint = (ROOT / "Makefile").read_text().split("\nlint:", 1)[1].split("\n\n", 1)[0]
    assert "\t@$(BIN)/python -m deploy.lint\n" in f"{lint}\n"
