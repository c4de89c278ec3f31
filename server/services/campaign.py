"""CampaignService: drafts, preview, launch and control."""

from datetime import timedelta

from core.rules.states import CampaignState
from server.listing import Field, Lists

EDITABLE = frozenset({"name", "purpose", "body", "subject", "flyer_id", "sender_number_id", "audience", "expire_time"})
LIFETIME = timedelta(days=2)
LISTS = Lists(
    fields={
        "state": Field(values=frozenset(CampaignState)),
        "purpose": Field(values=frozenset({"AD", "INFO"})),
        "name": Field(":"),
    },
    orders=("create_time", "name"),
)
