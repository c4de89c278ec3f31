"""Consent and its proof, opt-outs, notices, segments, and who saw whose data: the third page of the schema."""

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import BYTEA, JSONB

from core.db.columns import ID, count, identifier, metadata, owner, text, time, workspace

consent_wordings = sa.Table(  # what people were asked, word for word; never changed
    "consent_wordings",
    metadata,
    identifier(),
    owner(),
    sa.Column("version", sa.Text, nullable=False),
    sa.Column("text", sa.Text, nullable=False),
    sa.Column("text_hash", BYTEA, nullable=False),
    time("created_at", required=True),
    time("archived_at"),
    sa.UniqueConstraint("workspace_id", "version"),
)

trades = sa.Table(  # what a customer bought: the exemption of R-CON-3
    "trades",
    metadata,
    sa.Column("workspace_id", ID, primary_key=True),
    sa.Column("order_id", sa.Text, primary_key=True),
    sa.Column("kind", sa.Text, primary_key=True),
    sa.Column("contact_id", sa.BigInteger, nullable=False),
    sa.Column("ended_on", sa.Date, nullable=False),  # Korean day
    time("created_at", required=True),
)
sa.Index("trades_contact", trades.c.workspace_id, trades.c.contact_id)

optouts = sa.Table(  # append-only: every no, by whichever way it came
    "optouts",
    metadata,
    identifier(),
    owner(),
    sa.Column("phone_hash", BYTEA, nullable=False),
    sa.Column("channel", sa.Text, nullable=False),
    sa.Column("source", sa.Text, nullable=False),
    sa.Column("source_event_id", sa.Text, nullable=False),
    time("said_at", required=True),
    text("recorded_by"),
    time("recorded_at", required=True),
    sa.UniqueConstraint("workspace_id", "phone_hash", "channel", "source", "source_event_id"),
)

notices = sa.Table(  # what the law wants a person to be told: that a yes or no was taken, and every two years that it stands
    "notices",
    metadata,
    identifier(),
    owner(),
    sa.Column("contact_id", sa.BigInteger),
    sa.Column("phone_hash", BYTEA, nullable=False),
    sa.Column("phone_sealed", BYTEA),
    sa.Column("kind", sa.Text, nullable=False),  # rules.notice.Kind
    sa.Column("scope", sa.Text, nullable=False),
    sa.Column("said_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("state", sa.Text, nullable=False),  # DUE, SENDING, DONE, FAILED, DROPPED
    time("due_at", required=True),
    time("deadline_at", required=True),
    sa.Column("batch_id", ID),
    sa.Column("position", sa.SmallInteger),
    count("tries"),
    time("created_at", required=True),
    time("ended_at"),
)
sa.Index("notices_due", notices.c.due_at, postgresql_where=notices.c.state == "DUE")
sa.Index("notices_batch", notices.c.batch_id, postgresql_where=notices.c.state == "SENDING")
sa.Index("notices_person", notices.c.workspace_id, notices.c.phone_hash)

segments = sa.Table(  # a saved rule about customers
    "segments",
    metadata,
    identifier(),
    owner(),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("rule", JSONB, nullable=False),  # rules.segment
    sa.Column("version", sa.Integer, nullable=False, server_default=sa.text("1")),
    time("created_at", required=True),
    time("updated_at", required=True),
    time("archived_at"),
)
sa.Index("segments_newest", segments.c.workspace_id, segments.c.id)

attribute_types = sa.Table(  # what the values of an attribute are; one that is not here is text
    "attribute_types",
    metadata,
    sa.Column("workspace_id", ID, primary_key=True),
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("kind", sa.Text, nullable=False),  # TEXT, NUMBER, DATE or YES_NO
    time("created_at", required=True),
)

import_mappings = sa.Table(  # how files with these headers were read last time
    "import_mappings",
    metadata,
    sa.Column("workspace_id", ID, primary_key=True),
    sa.Column("headers_hash", BYTEA, primary_key=True),
    sa.Column("mapping", JSONB, nullable=False),
    time("used_at", required=True),
)

guests = sa.Table(  # the numbers that a workspace on trial may send to
    "guests",
    metadata,
    identifier(),
    owner(),
    sa.Column("phone_hash", BYTEA, nullable=False),
    sa.Column("phone_sealed", BYTEA, nullable=False),
    time("created_at", required=True),
    sa.UniqueConstraint("workspace_id", "phone_hash"),
)

access_log = sa.Table(  # append-only: who saw or changed whose data, when, from where (R-PII-5)
    "access_log",
    metadata,
    identifier(),
    workspace(),
    sa.Column("actor", sa.Text, nullable=False),
    text("origin"),
    sa.Column("action", sa.Text, nullable=False),
    text("subject"),
    count("people"),
    text("reason"),
    time("at", required=True),
    postgresql_partition_by="RANGE (id)",
)
sa.Index("access_log_newest", access_log.c.workspace_id, access_log.c.id)

privacy_requests = sa.Table(  # what people ask about their own data; to be answered within ten days
    "privacy_requests",
    metadata,
    identifier(),
    owner(),
    sa.Column("contact_id", sa.BigInteger, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),  # ERASE, RESTRICT, RESUME, CORRECT, ACCESS
    sa.Column("state", sa.Text, nullable=False),
    text("note"),
    text("answer"),
    time("received_at", required=True),
    time("due_at", required=True),
    time("ended_at"),
    text("ended_by"),
)
sa.Index("privacy_requests_due", privacy_requests.c.due_at, postgresql_where=privacy_requests.c.state == "OPEN")

exports = sa.Table(  # customers as a file, encrypted, for a short time
    "exports",
    metadata,
    identifier(),
    owner(),
    sa.Column("state", sa.Text, nullable=False),
    text("failure"),
    sa.Column("masked", sa.Boolean, nullable=False),
    sa.Column("password_sealed", BYTEA),
    sa.Column("filter", JSONB, nullable=False, server_default=sa.text("'{}'")),
    text("reason"),
    text("created_by"),
    text("object_name"),
    count("rows_done"),
    count("rows_total"),
    count("size_bytes"),
    time("created_at", required=True),
    time("touched_at", required=True),
    time("ended_at"),
    time("expires_at"),
)

reports = sa.Table(  # what became of everybody of a campaign, as a file for a short time
    "reports",
    metadata,
    identifier(),
    owner(),
    sa.Column("campaign_id", ID, nullable=False),
    sa.Column("state", sa.Text, nullable=False),  # rules.states.ReportState
    text("failure"),
    text("object_name"),
    count("rows_done"),
    count("rows_total"),
    sa.Column("sums", JSONB, nullable=False, server_default=sa.text("'[]'")),  # [bucket, reason, people] as written
    count("size_bytes"),
    text("created_by"),
    time("created_at", required=True),
    time("touched_at", required=True),
    time("ended_at"),
    time("expires_at"),
)
