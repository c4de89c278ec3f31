"""Build the stubs: protos/jeondan/v1/*.proto -> protos/gen (Python, types, descriptors with comments)."""

import shutil
import subprocess
import sys
from pathlib import Path

from google.api import annotations_pb2
from google.protobuf import descriptor_pb2
from grpc_tools import protoc
from protovalidate._gen.buf.validate.validate_pb import FieldRules

HERE = Path(__file__).parent
GEN = HERE / "gen"


def main() -> None:
    """Generate everything into a fresh protos/gen."""
    shutil.rmtree(GEN, ignore_errors=True)
    GEN.mkdir()
    rules = GEN / "rules.binpb"
    rules.write_bytes(rules_schema().SerializeToString())
    sources = sorted(str(path.relative_to(HERE)) for path in HERE.glob("jeondan/**/*.proto"))
    outputs = [f"--python_out={GEN}", f"--mypy_out={GEN}", f"--grpc_python_out={GEN}", f"--mypy_grpc_out={GEN}"]
    run([*common(rules), *outputs, *sources, "buf/validate/validate.proto"])
    for package in ("jeondan", "jeondan/v1", "buf", "buf/validate"):
        (GEN / package / "__init__.py").touch()
    (GEN / "jeondan" / "py.typed").touch()
    described = f"--descriptor_set_out={GEN / 'jeondan' / 'descriptors.binpb'}"
    run([*common(rules), "--include_imports", "--include_source_info", described, *sources])
    for leftover in GEN.glob("buf/validate/*_grpc.py*"):
        leftover.unlink()
    rules.unlink()


def common(rules: Path) -> list[str]:
    """Where imports are found: our protos, google's (from their packages), and the schema of the field rules."""
    google = Path(annotations_pb2.__file__).parents[2]
    tools = Path(protoc.__file__).parent / "_proto"
    return ["protoc", f"--descriptor_set_in={rules}", f"-I{HERE}", f"-I{google}", f"-I{tools}"]


def rules_schema() -> descriptor_pb2.FileDescriptorSet:
    """The schema of `buf.validate` with its imports; protovalidate carries it only in compiled form."""
    files: dict[str, bytes] = {}
    pending = [FieldRules.desc().file]
    while pending:
        described = pending.pop()
        files[described.name] = described.proto.to_binary()
        pending.extend(described.dependencies)
    return descriptor_pb2.FileDescriptorSet(
        file=[descriptor_pb2.FileDescriptorProto.FromString(files[name]) for name in sorted(files)]
    )


def run(arguments: list[str]) -> None:
    """One protoc call; its own message is the error, its chatter is not."""
    command = [sys.executable, "-m", "grpc_tools.protoc", *arguments[1:]]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.stderr.write(done.stderr)
        sys.exit(1)


if __name__ == "__main__":
    main()
