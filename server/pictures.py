"""Where a picture can be looked at: in the storage, or a stand-in while the storage does not answer."""

from core.images import storage
from core.settings import load

STAND_IN = "/placeholder.svg"  # the gateway has it


def view_url(object_name: str) -> str:
    """For a browser; empty when there is no picture."""
    if not object_name:
        return ""
    return load().link_base_url.rstrip("/") + STAND_IN if storage().away else storage().view_url(object_name)


def stands_in(object_name: str) -> bool:
    """Whether that is the stand-in."""
    return bool(object_name) and storage().away
