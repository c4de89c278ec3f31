"""`python -m tests.gateway.compile FOLDER FILE`: one more proto beside ours, compiled the way ours are."""

import sys
from pathlib import Path

from grpc_tools import protoc

from protos import build


def main(folder: Path, name: str) -> int:
    """Python code into the folder, and set.binpb with the comments."""
    rules = folder / "rules.binpb"
    rules.write_bytes(build.rules_schema().SerializeToString())
    described = f"--descriptor_set_out={folder / 'set.binpb'}"
    arguments = [*build.common(rules), f"-I{folder}", f"--python_out={folder}", "--include_imports", described]
    return int(protoc.main([*arguments, "--include_source_info", name]))


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2]))
