"""The ledger and what goes out and comes in around it: the second page of the schema."""

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, BYTEA, JSONB

from core.db.columns import ID, TEXTS, ZERO, count, identifier, metadata, owner, text, time, workspace

# --- the ledger: partitioned by month through the time in the (version 7) id -------------------------------------

batches = sa.Table(
    "batches", metadata, identifier(), workspace(),
    sa.Column("number", sa.BigInteger, sa.Sequence("batch_numbers"), nullable=False,
              server_default=sa.text("nextval('batch_numbers')")),
    sa.Column("campaign_id", ID, nullable=False),
    sa.Column("first_contact", sa.BigInteger, nullable=False),
    sa.Column("last_contact", sa.BigInteger, nullable=False),
    sa.Column("contact_ids", ARRAY(sa.BigInteger), nullable=False),
    sa.Column("states", BYTEA, nullable=False),  # one byte per position: rules.states.MessageState
    sa.Column("reasons", JSONB, nullable=False, server_default=sa.text("'{}'")),  # position -> reason, where there is one
    sa.Column("state", sa.SmallInteger, nullable=False),  # rules.states.BatchState
    time("due_at", required=True),
    time("decided_at"),  # when a claim last left somebody out: who is handed over has the time in the attempt
    sa.Column("attempt", sa.SmallInteger, nullable=False, server_default=ZERO),
    sa.Column("lease_owner", ID), time("lease_until"),
    sa.Column("provider_account_id", ID),  # the account that has or had the last attempt
    # whom Kakao did not reach: they get the fallback, and their Alimtalk can only still be delivered
    sa.Column("fallen", ARRAY(sa.SmallInteger), nullable=False, server_default=sa.text("'{}'")),
    postgresql_partition_by="RANGE (id)",
)
sa.Index("batches_campaign", batches.c.campaign_id, batches.c.first_contact)
sa.Index("batches_newest", batches.c.workspace_id, batches.c.id)
sa.Index("batches_due", batches.c.due_at, postgresql_where=batches.c.state == 0)
sa.Index("batches_leased", batches.c.lease_until, postgresql_where=batches.c.state == 1)

attempts = sa.Table(
    "attempts", metadata, identifier(), workspace(),
    sa.Column("batch_id", ID, nullable=False), sa.Column("campaign_id", ID, nullable=False),
    sa.Column("number", sa.SmallInteger, nullable=False),
    sa.Column("provider_account_id", ID, nullable=False), sa.Column("provider", sa.Text, nullable=False),
    sa.Column("channel", sa.Text, nullable=False), sa.Column("sender", sa.Text, nullable=False),
    sa.Column("positions", ARRAY(sa.SmallInteger), nullable=False),
    sa.Column("text_hashes", BYTEA, nullable=False),  # 8 bytes per position: what was sent, provable and not readable
    sa.Column("unit_price", sa.Numeric(10, 2), nullable=False),
    time("started_at", required=True), time("finished_at"),
    sa.Column("outcome", sa.Text, nullable=False, server_default=sa.text("'OPEN'")),
    text("code"), text("words"),  # the provider's own, of the call as a whole
    text("reference"), count("accepted"), count("refused"),
    count("polls"), time("poll_at"),
    time("read_at"),  # when a push last made us read: many pushes are one read
    time("escalated_at"), text("decision"),  # nobody but a person can say what became of it; what that person said
    postgresql_partition_by="RANGE (id)",
)
sa.Index("attempts_batch", attempts.c.batch_id)
sa.Index("attempts_poll", attempts.c.poll_at, postgresql_where=attempts.c.poll_at.is_not(None))

receipts = sa.Table(  # append-only: what the provider reported, as it came
    "receipts", metadata, identifier(), workspace(),
    sa.Column("batch_id", ID, nullable=False), sa.Column("attempt_id", ID, nullable=False),
    sa.Column("positions", ARRAY(sa.SmallInteger), nullable=False),
    sa.Column("states", BYTEA, nullable=False),
    sa.Column("words", JSONB, nullable=False, server_default=sa.text("'{}'")),  # literal text -> positions, where not delivered
    time("received_at", required=True),
    postgresql_partition_by="RANGE (id)",
)
sa.Index("receipts_batch", receipts.c.batch_id)

direct_messages = sa.Table(  # what SendService was given: number and finished text of each position, sealed
    "direct_messages", metadata,
    sa.Column("batch_id", ID, primary_key=True),
    sa.Column("position", sa.SmallInteger, primary_key=True),
    workspace(),
    sa.Column("phone_sealed", BYTEA, nullable=False), sa.Column("phone_hash", BYTEA, nullable=False),
    sa.Column("text_sealed", BYTEA, nullable=False),
    sa.Column("variables_sealed", BYTEA),  # JSON, for a template
    text("client_reference"),
    postgresql_partition_by="RANGE (batch_id)",
)
sa.Index("direct_messages_reference", direct_messages.c.workspace_id, direct_messages.c.client_reference,
         direct_messages.c.batch_id, direct_messages.c.position, postgresql_where=direct_messages.c.client_reference != "")

events = sa.Table(  # the outbox: what happened to messages, written in the transaction in which it happened
    "events", metadata, identifier(), workspace(),
    # of two rows the one with the lower transaction is read first, and only when nothing older can still appear
    sa.Column("transaction", sa.BigInteger, nullable=False,
              server_default=sa.text("(pg_current_xact_id()::text)::bigint")),
    sa.Column("kind", sa.Text, nullable=False),  # message.accepted, campaign.done, ...
    sa.Column("campaign_id", ID), sa.Column("batch_id", ID),
    sa.Column("positions", ARRAY(sa.SmallInteger), nullable=False, server_default=sa.text("'{}'")),
    sa.Column("reasons", JSONB, nullable=False, server_default=sa.text("'{}'")),  # position -> reason, where there is one
    time("created_at", required=True),
    postgresql_partition_by="RANGE (id)",
)
sa.Index("events_order", events.c.workspace_id, events.c.transaction, events.c.id)

webhook_endpoints = sa.Table(  # addresses of the merchant's own systems
    "webhook_endpoints", metadata, identifier(), owner(),
    sa.Column("url", sa.Text, nullable=False),
    text("description"),
    sa.Column("secret", BYTEA, nullable=False),  # wrapped; signs what is sent
    sa.Column("old_secret", BYTEA), time("old_secret_until"),  # the one before, which signs too until then
    sa.Column("kinds", TEXTS, nullable=False, server_default=sa.text("'{}'")),  # empty: all
    sa.Column("state", sa.Text, nullable=False, server_default=sa.text("'ACTIVE'")), text("disabled_reason"),
    # events up to here have been made into deliveries
    sa.Column("cursor_transaction", sa.BigInteger, nullable=False, server_default=ZERO), sa.Column("cursor_event", ID),
    sa.Column("version", sa.Integer, nullable=False, server_default=sa.text("1")),
    time("failing_since"), time("created_at", required=True), time("archived_at"),
)

webhook_deliveries = sa.Table(  # one POST: some events to one endpoint, again and again until it is taken or dead
    "webhook_deliveries", metadata, identifier(), owner(),
    sa.Column("endpoint_id", ID, sa.ForeignKey("webhook_endpoints.id"), nullable=False),
    # of these rows of events, unfolded into single ones, `size` after the first `skip`; none: a test
    sa.Column("event_ids", ARRAY(ID), nullable=False), count("skip"), count("size"),
    sa.Column("state", sa.Text, nullable=False),  # PENDING, DELIVERED, DEAD
    count("tries"), time("due_at"), time("give_up_at"), time("lease_until"), count("last_status"), text("last_error"),
    time("created_at", required=True), time("ended_at"),
)
sa.Index("webhook_deliveries_due", webhook_deliveries.c.endpoint_id, webhook_deliveries.c.due_at,
         postgresql_where=webhook_deliveries.c.state == "PENDING")
sa.Index("webhook_deliveries_newest",
         webhook_deliveries.c.workspace_id, webhook_deliveries.c.endpoint_id, webhook_deliveries.c.id)

pushes = sa.Table(  # what a provider pushed to us, raw until a worker has read it
    "pushes", metadata, identifier(), owner(),
    sa.Column("provider_account_id", ID, sa.ForeignKey("provider_accounts.id"), nullable=False),
    sa.Column("headers_sealed", BYTEA, nullable=False), sa.Column("body_sealed", BYTEA, nullable=False),
    sa.Column("state", sa.Text, nullable=False),  # NEW, PARKED, DONE, FORGED
    time("due_at"), time("received_at", required=True),
)
sa.Index("pushes_due", pushes.c.due_at, postgresql_where=pushes.c.due_at.is_not(None))

unknown_words = sa.Table(  # results a provider reported in words that nobody knows yet
    "unknown_words", metadata,
    sa.Column("workspace_id", ID, primary_key=True),
    sa.Column("provider", sa.Text, primary_key=True),
    sa.Column("words", sa.Text, primary_key=True),  # without numbers
    count("people"), time("first_seen_at", required=True), time("last_seen_at", required=True),
)

incidents = sa.Table(  # what people are alerted about: once when it begins, once when it ends
    "incidents", metadata, identifier(),
    sa.Column("workspace_id", ID),  # empty: the whole installation
    sa.Column("kind", sa.Text, nullable=False),  # rules.alerts.Kind
    sa.Column("subject", sa.Text, nullable=False),  # what it is about: an account, a lane
    sa.Column("facts", JSONB, nullable=False, server_default=sa.text("'{}'")),
    time("opened_at", required=True), time("alerted_at"), time("closed_at"), time("recovery_alerted_at"),
    time("cleared_at"),  # since when the condition does not hold any more; it closes when that has lasted
    time("due_at"),  # when the next try to alert is due
    sa.Column("told", TEXTS, nullable=False, server_default=sa.text("'{}'")),  # channels that took the alert
)
sa.Index("incidents_open", incidents.c.kind, incidents.c.subject, unique=True, postgresql_where=incidents.c.closed_at.is_(None))

provider_references = sa.Table(  # one provider call belongs to one attempt, for ever
    "provider_references", metadata,
    sa.Column("provider_account_id", ID, primary_key=True),
    sa.Column("reference", sa.Text, primary_key=True),
    workspace(), sa.Column("attempt_id", ID, nullable=False),
)
