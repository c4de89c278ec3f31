"""`python -m deploy.capacity`: the capacity page; with a load, what that load asks for."""

import argparse
import sys
from dataclasses import fields

from deploy.capacity.model import Load, needs
from deploy.capacity.page import page, table


def main() -> int:
    """Print the page, or the table of a load."""
    parser = argparse.ArgumentParser(prog="python -m deploy.capacity", description=__doc__)
    for one in fields(Load):
        parser.add_argument(f"--{one.name.replace('_', '-')}", type=type(one.default), help=f"default {one.default:,}")
    given = {name: value for name, value in vars(parser.parse_args()).items() if value is not None}
    if any(value <= 0 and name != "singles" for name, value in given.items()) or not 0 <= given.get("singles", 0) <= 1:
        parser.error("numbers have to be above 0, and singles is a share")
    print(table(needs(Load(**given))) if given else page(), end="\n" if given else "")
    return 0


if __name__ == "__main__":
    sys.exit(main())
