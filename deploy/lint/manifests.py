"""Kubernetes' manifests: the bundled schemas know the built-in kinds, our own small one knows KEDA's."""

import subprocess
from pathlib import Path
from typing import Any

import yaml

from deploy.lint.tools import ask, wheel

SCHEMAS = Path(__file__).parent / "schemas"


def judge(files: list[Path], folder: Path) -> str:
    """Every document by whoever knows its kind."""
    try:
        return judge_texts({file.name: file.read_text() for file in files}, folder)
    except yaml.YAMLError as error:
        return str(error)


def rendered(files: list[Path], folder: Path) -> str:
    """Overlays as `kubectl kustomize` renders them."""
    texts = {}
    for overlay in (file.parent for file in files):
        done = subprocess.run(["kubectl", "kustomize", overlay], capture_output=True, text=True, check=False)
        if done.returncode:
            return f"{overlay.name}: {done.stderr}"
        texts[f"{overlay.name}.yaml"] = done.stdout
    return judge_texts(texts, folder)


def judge_texts(texts: dict[str, str], folder: Path) -> str:
    """Each text holds documents; both tools are asked once, since starting them is what takes time."""
    built_in, keda = [], []
    for name, text in texts.items():
        documents: list[Any] = [one for one in yaml.safe_load_all(text) if one]
        known = [one for one in documents if not str(one.get("apiVersion", "")).startswith("keda.sh/")]
        if known:
            built_in.append(_written(folder / name, yaml.safe_dump_all(known)))
        for number, one in enumerate(one for one in documents if one not in known):
            keda.append(_written(folder / f"keda-{number}-{name}", yaml.safe_dump(one)))
    said = ask(wheel("kubernetes-validate"), "--strict", "--quiet", "--no-warn", *built_in) if built_in else ""
    return said or (ask(wheel("check-jsonschema"), "--schemafile", SCHEMAS / "keda.json", *keda) if keda else "")


def _written(path: Path, text: str) -> Path:
    path.write_text(text)
    return path
