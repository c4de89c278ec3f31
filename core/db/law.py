"""The law about one person, in the set-based form of `core.rules.law.decide`: one fragment for preview, plan and dispatch."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy.engine import Row

from core import clock
from core.db import goods
from core.db.session import Tx

ALL = (0, 2**63 - 1)  # contacts

# No, and not taken back by a later consent with its proof.
SUPPRESSED = """LEFT JOIN suppressions s ON s.workspace_id = c.workspace_id AND s.phone_hash = c.phone_hash
    AND s.lifted_at IS NULL AND 'TEXT' = ANY (s.channels)"""

# R-CON-3: every kind of goods that the campaign is about was bought, the last time within six months.
_BUYER = """(SELECT CASE
        WHEN count(*) = 0 THEN 'NO_CONSENT'
        WHEN NOT CAST(:goods AS text[]) <@ array_agg(t.kind) THEN 'TXN_KIND_MISMATCH'
        WHEN NOT CAST(:goods AS text[]) <@ coalesce(array_agg(t.kind)
            FILTER (WHERE (t.ended_on + interval '6 months')::date >= CAST(:today AS date)), '{}') THEN 'TXN_EXPIRED'
    END FROM trades t WHERE t.workspace_id = c.workspace_id AND t.contact_id = c.id)"""

# What people were or are being sent as advertising within the days of the cap, by other campaigns: every batch is opened
# once, and only those with contacts that are asked about. A look per person would open a batch of 500 for each of them.
_LATELY = """LEFT JOIN (SELECT p.contact, count(*) AS ads FROM campaigns k JOIN batches b ON b.campaign_id = k.id
        CROSS JOIN LATERAL unnest(b.contact_ids) WITH ORDINALITY p(contact, place)
    WHERE CAST(:ad AS boolean) AND CAST(:ad_cap AS int) > 0
    AND k.purpose = 'AD' AND k.kind = 'CAMPAIGN' AND k.id <> CAST(:campaign AS uuid)
    AND k.state IN ('PLANNING', 'SENDING', 'PAUSED', 'DONE', 'CANCELLED')
    AND (k.ended_at IS NULL OR k.ended_at > CAST(:cap_since AS timestamptz)) AND b.due_at > CAST(:cap_since AS timestamptz)
    AND b.last_contact >= CAST(:first_contact AS bigint) AND b.first_contact <= CAST(:last_contact AS bigint)
    AND get_byte(b.states, p.place::int - 1) IN (2, 3, 4, 5) GROUP BY p.contact) lately ON lately.contact = c.id"""

# What REASON looks at beside the contact itself.
JOINED = f"{SUPPRESSED} {_LATELY}"

# The last Korean day of a consent: confirmed before the same day two years later (R-NTC-2).
CONSENT_UNTIL = """((timezone('Asia/Seoul', coalesce(c.confirmed_at, c.consent_at))
    + interval '24 months') - interval '1 day')::date"""

# Why a contact may not get this campaign: the first of all reasons, in the order of the law.
REASON = f"""coalesce(
    CASE
        WHEN c.archived_at IS NOT NULL THEN 'ARCHIVED'
        WHEN c.restricted_at IS NOT NULL THEN 'RESTRICTED'
        WHEN CAST(:trial AS boolean) AND NOT EXISTS (SELECT FROM guests g
            WHERE g.workspace_id = c.workspace_id AND g.phone_hash = c.phone_hash) THEN 'NOT_ON_GUEST_LIST'
    END,
    CASE WHEN CAST(:ad AS boolean) THEN coalesce(
        CASE
            WHEN s.phone_hash IS NOT NULL THEN 'OPTED_OUT'
            WHEN NOT c.ad_consent THEN
                CASE WHEN CAST(:goods AS text[]) = '{{}}' THEN 'NO_CONSENT' ELSE {_BUYER} END
            WHEN c.consent_at IS NULL OR c.consent_source = '' THEN 'CONSENT_EVIDENCE_MISSING'
            WHEN coalesce(c.confirmed_at, c.consent_at) < CAST(:aged AS timestamptz)  -- spares most the arithmetic
                AND {CONSENT_UNTIL} < CAST(:today AS date) THEN 'RECONFIRM_OVERDUE'
        END,
        CASE
            WHEN c.guardian_proof = '' AND date_part('year', CAST(:today AS date)) - c.birth_year <= 14 THEN 'MINOR'
            WHEN CAST(:adult AS boolean) AND c.adult_at IS NULL THEN 'NOT_AGE_VERIFIED'
            WHEN CAST(:ad_cap AS int) > 0 AND lately.ads >= CAST(:ad_cap AS int) THEN 'FREQUENCY_CAP'
        END) END)"""

# Night consent is nothing without the consent that it belongs to.
NIGHT = "(c.night_consent AND c.ad_consent)"


# What `binds` asks of a workspace.
WORKSPACE = "w.trial, w.trade_exemption, w.ad_cap, w.ad_cap_days, w.quiet_from, w.quiet_until, w.optout_feed_at"


def binds(
    message: Row[Any], campaign: UUID, workspace: Row[Any], now: datetime, contacts: tuple[int, int] = ALL
) -> dict[str, Any]:
    """What REASON asks about a message: `message` has purpose, goods and adult; `workspace` what WORKSPACE names.

    Only contacts from the first to the last of `contacts` are asked about.
    """
    return {
        "ad": message.purpose == "AD",
        "today": clock.kst(now).date(),
        "aged": now - timedelta(days=700),  # younger consents are not two years old, whatever the calendar
        "goods": list(message.goods) if workspace.trade_exemption else [],
        "adult": message.adult,
        "trial": workspace.trial,
        "campaign": campaign,
        "ad_cap": workspace.ad_cap,
        "cap_since": now - timedelta(days=workspace.ad_cap_days),
        "first_contact": contacts[0],
        "last_contact": contacts[1],
    }


def of_campaign(tx: Tx, campaign: Row[Any], now: datetime, contacts: tuple[int, int] = ALL) -> dict[str, Any]:
    """`binds` for a campaign of this workspace: about the goods that its launch froze, or would freeze."""
    workspace = tx.row(f"SELECT {WORKSPACE} FROM workspaces w WHERE w.id = :id", id=campaign.workspace_id)  # noqa: S608
    assert workspace is not None
    values = binds(campaign, campaign.id, workspace, now, contacts)
    if campaign.ruleset:
        return values
    found = goods.of_campaign(tx, campaign)
    return {**values, "goods": list(found.kinds) if workspace.trade_exemption else [], "adult": found.adult}


def of_any(tx: Tx, workspace: UUID, purpose: str, now: datetime) -> dict[str, Any]:
    """`binds` for any message of this purpose that is still to be written, about no goods in particular."""
    found = tx.row(
        f"SELECT CAST(:purpose AS text) AS purpose, CAST('{{}}' AS text[]) AS goods, false AS adult, {WORKSPACE}"  # noqa: S608
        " FROM workspaces w WHERE w.id = :id",
        purpose=purpose,
        id=workspace,
    )
    assert found is not None
    return binds(found, UUID(int=0), found, now)
