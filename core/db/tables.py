"""The whole schema on one page. Migrations make it; tests hold the two against each other."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, BYTEA, JSONB, UUID

metadata = sa.MetaData()

_ID: Any = UUID(as_uuid=True)
_TIME: Any = sa.DateTime(timezone=True)
_TEXTS = ARRAY(sa.Text)
_EMPTY = sa.text("''")
_ZERO = sa.text("0")
_FALSE = sa.text("false")


def _id() -> sa.Column[Any]:
    return sa.Column("id", _ID, primary_key=True)


def _workspace() -> sa.Column[Any]:
    return sa.Column("workspace_id", _ID, nullable=False)


def _owner() -> sa.Column[Any]:
    return sa.Column("workspace_id", _ID, sa.ForeignKey("workspaces.id"), nullable=False)


def _text(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text, nullable=False, server_default=_EMPTY)


def _count(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.Integer, nullable=False, server_default=_ZERO)


def _time(name: str, *, required: bool = False) -> sa.Column[Any]:
    return sa.Column(name, _TIME, nullable=not required)


workspaces = sa.Table(
    "workspaces", metadata, _id(), _text("name"), _text("optout_number"),
    sa.Column("routing", sa.Text, nullable=False, server_default=sa.text("'PRIORITY'")),  # or COST
    sa.Column("data_key", BYTEA, nullable=False),  # wrapped; seals phone numbers
    sa.Column("lookup_key", BYTEA, nullable=False),  # wrapped; makes phone_hash
    _time("created_at", required=True),
)

users = sa.Table(
    "users", metadata, _id(), _owner(),
    sa.Column("email", sa.Text, nullable=False, unique=True),  # lower case
    sa.Column("password_hash", sa.Text, nullable=False),
    sa.Column("role", sa.Text, nullable=False),
    _time("created_at", required=True), _time("disabled_at"),
)

api_keys = sa.Table(
    "api_keys", metadata, _id(), _owner(), _text("name"),
    sa.Column("key_hash", BYTEA, nullable=False, unique=True),
    sa.Column("role", sa.Text, nullable=False),
    sa.Column("test", sa.Boolean, nullable=False, server_default=_FALSE),  # what it sends leaves by no provider
    _time("created_at", required=True), _time("revoked_at"),
)

sender_numbers = sa.Table(
    "sender_numbers", metadata, _id(), _owner(),
    sa.Column("number", sa.Text, nullable=False),
    sa.Column("active", sa.Boolean, nullable=False, server_default=sa.text("true")),
    _time("created_at", required=True),
    sa.UniqueConstraint("workspace_id", "number"),
)

provider_accounts = sa.Table(
    "provider_accounts", metadata, _id(), _owner(),
    sa.Column("provider", sa.Text, nullable=False),
    sa.Column("credentials", BYTEA, nullable=False),  # wrapped JSON
    sa.Column("state", sa.Text, nullable=False, server_default=sa.text("'ACTIVE'")),
    _text("pause_reason"),
    _count("priority"),  # the lowest goes first; of equals each gets its share
    sa.Column("share", sa.Integer, nullable=False, server_default=sa.text("1")),
    # the breaker: CLOSED, OPEN until breaker_until, then HALF_OPEN while one call probes
    sa.Column("breaker", sa.Text, nullable=False, server_default=sa.text("'CLOSED'")),
    _count("busy_count"), _time("breaker_until"),
    # limits of the account: calls at one moment, and calls begun within a second
    sa.Column("most_calls", sa.Integer, nullable=False, server_default=sa.text("5")),
    sa.Column("calls_per_second", sa.Integer, nullable=False, server_default=sa.text("20")),
    sa.Column("webhook_token_hash", BYTEA, unique=True),
    sa.Column("test_mode", sa.Boolean, nullable=False, server_default=_FALSE),
    # how long after a call the provider's own list can be trusted to show it, seconds
    sa.Column("settle_seconds", sa.Integer, nullable=False, server_default=sa.text("600")),
    # when results are asked for after acceptance, seconds
    sa.Column("poll_seconds", ARRAY(sa.Integer), nullable=False, server_default=sa.text("'{60,180,600,1800,7200,21600,86400}'")),
    sa.Column("balance_sms", sa.Integer), sa.Column("balance_lms", sa.Integer), sa.Column("balance_mms", sa.Integer),
    _time("balance_at"), _time("created_at", required=True),
)

provider_senders = sa.Table(  # which number may be used with which account
    "provider_senders", metadata,
    sa.Column("provider_account_id", _ID, sa.ForeignKey("provider_accounts.id"), primary_key=True),
    sa.Column("sender_number_id", _ID, sa.ForeignKey("sender_numbers.id"), primary_key=True),
    _workspace(), _time("created_at", required=True),
)

templates = sa.Table(  # Alimtalk texts that Kakao approved, as the provider lists them
    "templates", metadata, _id(), _owner(),
    sa.Column("provider_account_id", _ID, sa.ForeignKey("provider_accounts.id"), nullable=False),
    sa.Column("code", sa.Text, nullable=False),
    _text("channel_key"),  # Aligo senderkey, Solapi pfId
    _text("name"), _text("content"), _text("emphasis_title"),
    sa.Column("buttons", JSONB, nullable=False, server_default=sa.text("'[]'")),
    sa.Column("state", sa.Text, nullable=False),  # rules.states.TemplateState
    _text("comment"),
    _time("synced_at", required=True), _time("gone_at"),
    sa.UniqueConstraint("provider_account_id", "code"),
)

images = sa.Table(
    "images", metadata, _id(), _owner(),
    sa.Column("object_name", sa.Text, nullable=False),
    _text("file_name"),
    sa.Column("state", sa.Text, nullable=False), _text("refusal"), _text("refusal_reason"),
    _count("width"), _count("height"), _count("size_bytes"),
    _text("photo_name"),  # the normalised photo in storage
    _time("created_at", required=True),
)
sa.Index("images_newest", images.c.workspace_id, images.c.id)

products = sa.Table(
    "products", metadata, _id(), _owner(),
    sa.Column("name", sa.Text, nullable=False),
    _text("sku"), _text("description"),
    sa.Column("price_krw", sa.Integer, nullable=False),
    sa.Column("sale_price_krw", sa.Integer),
    _text("badge"),
    sa.Column("image_ids", ARRAY(_ID), nullable=False, server_default=sa.text("'{}'")),
    sa.Column("version", sa.Integer, nullable=False, server_default=sa.text("1")),
    _time("created_at", required=True), _time("updated_at", required=True), _time("archived_at"),
)
sa.Index("products_newest", products.c.workspace_id, products.c.id)
sa.Index("products_sku", products.c.workspace_id, products.c.sku, unique=True, postgresql_where=products.c.sku != "")

flyers = sa.Table(
    "flyers", metadata, _id(), _owner(),
    sa.Column("layout", sa.Text, nullable=False),
    _text("headline"), _text("footer"), _text("accent"),
    sa.Column("product_ids", ARRAY(_ID), nullable=False),
    sa.Column("state", sa.Text, nullable=False), _text("failure"), _text("failure_reason"),
    _count("steps_done"), _count("steps_total"),
    _text("object_name"), _count("size_bytes"),
    _time("created_at", required=True), _time("archived_at"),
)
sa.Index("flyers_newest", flyers.c.workspace_id, flyers.c.id)

contacts = sa.Table(
    "contacts", metadata,
    sa.Column("id", sa.BigInteger, sa.Identity(always=True), primary_key=True),
    _owner(),
    sa.Column("phone_sealed", BYTEA, nullable=False),
    sa.Column("phone_hash", BYTEA, nullable=False),
    _text("name"),
    sa.Column("tags", _TEXTS, nullable=False, server_default=sa.text("'{}'")),
    sa.Column("attributes", JSONB, nullable=False, server_default=sa.text("'{}'")),
    sa.Column("ad_consent", sa.Boolean, nullable=False, server_default=_FALSE),
    sa.Column("night_consent", sa.Boolean, nullable=False, server_default=_FALSE),
    _time("consent_at"), _text("consent_source"),
    sa.Column("version", sa.Integer, nullable=False, server_default=sa.text("1")),
    _time("created_at", required=True), _time("updated_at", required=True), _time("archived_at"),
    sa.UniqueConstraint("workspace_id", "phone_hash"),
)
sa.Index("contacts_order", contacts.c.workspace_id, contacts.c.id)
sa.Index("contacts_tags", contacts.c.tags, postgresql_using="gin")

consents = sa.Table(  # append-only: every yes and no, with its proof
    "consents", metadata,
    sa.Column("id", sa.BigInteger, sa.Identity(always=True), primary_key=True),
    _workspace(),
    sa.Column("contact_id", sa.BigInteger, nullable=False),
    sa.Column("scope", sa.Text, nullable=False),  # ADS or NIGHT
    sa.Column("granted", sa.Boolean, nullable=False),
    _time("given_at"), _text("source"), _text("recorded_by"), _time("recorded_at", required=True),
)
sa.Index("consents_contact", consents.c.workspace_id, consents.c.contact_id)

suppressions = sa.Table(
    "suppressions", metadata, _id(), _owner(),
    sa.Column("phone_hash", BYTEA, nullable=False),
    sa.Column("phone_sealed", BYTEA, nullable=False),
    sa.Column("source", sa.Text, nullable=False),
    _time("created_at", required=True),
    sa.UniqueConstraint("workspace_id", "phone_hash"),
)
sa.Index("suppressions_newest", suppressions.c.workspace_id, suppressions.c.id)

imports = sa.Table(
    "imports", metadata, _id(), _owner(),
    sa.Column("object_name", sa.Text, nullable=False), _text("file_name"), _text("tag"),
    sa.Column("mapping", JSONB, nullable=False, server_default=sa.text("'{}'")),
    sa.Column("state", sa.Text, nullable=False), _text("refusal"), _text("refusal_reason"),
    _count("rows_done"), _count("rows_total"),
    _count("created_count"), _count("updated_count"), _count("duplicate_count"), _count("error_count"),
    sa.Column("warnings", _TEXTS, nullable=False, server_default=sa.text("'{}'")),
    _time("created_at", required=True), _time("touched_at", required=True), _time("ended_at"),
)
sa.Index("imports_newest", imports.c.workspace_id, imports.c.id)

import_errors = sa.Table(
    "import_errors", metadata,
    sa.Column("import_id", _ID, sa.ForeignKey("imports.id"), primary_key=True),
    sa.Column("place", sa.Integer, primary_key=True),  # order within the file
    _workspace(), _text("sheet"), _count("row"), _text("column_name"), _text("value"), _text("reason"), _text("message"),
)

campaigns = sa.Table(
    "campaigns", metadata, _id(), _owner(),
    sa.Column("kind", sa.Text, nullable=False, server_default=sa.text("'CAMPAIGN'")),  # or SEND: made by SendService
    sa.Column("test", sa.Boolean, nullable=False, server_default=_FALSE),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("purpose", sa.Text, nullable=False),
    _text("body"), _text("subject"),
    sa.Column("flyer_id", _ID, sa.ForeignKey("flyers.id")),
    sa.Column("sender_number_id", _ID, sa.ForeignKey("sender_numbers.id")),
    sa.Column("any_tags", _TEXTS, nullable=False, server_default=sa.text("'{}'")),
    sa.Column("none_tags", _TEXTS, nullable=False, server_default=sa.text("'{}'")),
    sa.Column("state", sa.Text, nullable=False), _text("failure"), _text("waiting_for"),
    _time("expires_at"),
    # when and how fast: not before scheduled_at, at most pace_people within pace_seconds (0: as fast as it goes)
    _time("scheduled_at"), _count("pace_people"), _count("pace_seconds"), _time("paused_at"),
    # the cap in won, and what is spent or in the hands of a worker
    sa.Column("budget_krw", sa.Integer), sa.Column("committed", sa.Numeric(16, 2), nullable=False, server_default=_ZERO),
    # Alimtalk, and the text that goes by SMS or LMS to whom it does not reach
    sa.Column("template_id", _ID, sa.ForeignKey("templates.id")), _text("fallback_body"),
    sa.Column("version", sa.Integer, nullable=False, server_default=sa.text("1")),
    # frozen at launch: the finished text with its variables, what it is sent from and with, and what it costs
    _text("frozen_body"), _text("frozen_subject"), _text("sender"), _text("image_object"),
    _text("frozen_fallback"),
    # by which accounts it may leave, in order: [{account, provider, prices}]
    sa.Column("routes", JSONB, nullable=False, server_default=sa.text("'[]'")),
    sa.Column("provider_account_id", _ID, sa.ForeignKey("provider_accounts.id")),
    sa.Column("prices", JSONB, nullable=False, server_default=sa.text("'{}'")),
    sa.Column("batch_size", sa.Integer, nullable=False, server_default=sa.text("500")),
    # planning: the contacts up to plan_until, done up to plan_cursor
    sa.Column("plan_cursor", sa.BigInteger, nullable=False, server_default=_ZERO),
    sa.Column("plan_until", sa.BigInteger, nullable=False, server_default=_ZERO),
    _count("plan_total"),
    sa.Column("planned", sa.Boolean, nullable=False, server_default=_FALSE),
    _time("launched_at"), _time("ended_at"), _time("created_at", required=True), _time("archived_at"),
)
sa.Index("campaigns_newest", campaigns.c.workspace_id, campaigns.c.id)
sa.Index("campaigns_running", campaigns.c.state, postgresql_where=campaigns.c.state.in_(["PLANNING", "SENDING"]))

BUCKETS = ("selected", "excluded", "planned", "held", "claimed", "unknown",
           "accepted", "delivered", "failed", "cancelled", "expired")  # fmt: skip

campaign_counters = sa.Table(  # several rows a campaign, so that workers do not queue behind one another; read as sums
    "campaign_counters", metadata,
    sa.Column("campaign_id", _ID, sa.ForeignKey("campaigns.id"), primary_key=True),
    sa.Column("shard", sa.SmallInteger, primary_key=True),
    _workspace(), *(_count(name) for name in BUCKETS),
    sa.Column("cost", sa.Numeric(16, 2), nullable=False, server_default=_ZERO),
)

campaign_reasons = sa.Table(
    "campaign_reasons", metadata,
    sa.Column("campaign_id", _ID, primary_key=True),
    sa.Column("bucket", sa.Text, primary_key=True),  # excluded or failed
    sa.Column("reason", sa.Text, primary_key=True),
    _workspace(), _count("people"),
)

workspace_days = sa.Table(
    "workspace_days", metadata,
    sa.Column("workspace_id", _ID, primary_key=True),
    sa.Column("day", sa.Date, primary_key=True),  # KST
    sa.Column("channel", sa.Text, primary_key=True),
    sa.Column("shard", sa.SmallInteger, primary_key=True),
    _count("accepted"), sa.Column("cost", sa.Numeric(16, 2), nullable=False, server_default=_ZERO),
)

exclusions = sa.Table(  # whom planning left out, by reason
    "exclusions", metadata,
    sa.Column("id", sa.BigInteger, sa.Identity(always=True), primary_key=True),
    _workspace(), sa.Column("campaign_id", _ID, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("contact_ids", ARRAY(sa.BigInteger), nullable=False),
)
sa.Index("exclusions_campaign", exclusions.c.campaign_id)

# --- the ledger: partitioned by month through the time in the (version 7) id -------------------------------------

batches = sa.Table(
    "batches", metadata, _id(), _workspace(),
    sa.Column("number", sa.BigInteger, sa.Sequence("batch_numbers"), nullable=False,
              server_default=sa.text("nextval('batch_numbers')")),
    sa.Column("campaign_id", _ID, nullable=False),
    sa.Column("first_contact", sa.BigInteger, nullable=False),
    sa.Column("last_contact", sa.BigInteger, nullable=False),
    sa.Column("contact_ids", ARRAY(sa.BigInteger), nullable=False),
    sa.Column("states", BYTEA, nullable=False),  # one byte per position: rules.states.MessageState
    sa.Column("reasons", JSONB, nullable=False, server_default=sa.text("'{}'")),  # position -> reason, where there is one
    sa.Column("state", sa.SmallInteger, nullable=False),  # rules.states.BatchState
    _time("due_at", required=True),
    sa.Column("attempt", sa.SmallInteger, nullable=False, server_default=_ZERO),
    sa.Column("lease_owner", _ID), _time("lease_until"),
    sa.Column("provider_account_id", _ID),  # the account that has or had the last attempt
    postgresql_partition_by="RANGE (id)",
)
sa.Index("batches_campaign", batches.c.campaign_id, batches.c.first_contact)
sa.Index("batches_due", batches.c.due_at, postgresql_where=batches.c.state == 0)
sa.Index("batches_leased", batches.c.lease_until, postgresql_where=batches.c.state == 1)

attempts = sa.Table(
    "attempts", metadata, _id(), _workspace(),
    sa.Column("batch_id", _ID, nullable=False), sa.Column("campaign_id", _ID, nullable=False),
    sa.Column("number", sa.SmallInteger, nullable=False),
    sa.Column("provider_account_id", _ID, nullable=False), sa.Column("provider", sa.Text, nullable=False),
    sa.Column("channel", sa.Text, nullable=False), sa.Column("sender", sa.Text, nullable=False),
    sa.Column("positions", ARRAY(sa.SmallInteger), nullable=False),
    sa.Column("text_hashes", BYTEA, nullable=False),  # 8 bytes per position: what was sent, provable and not readable
    sa.Column("unit_price", sa.Numeric(10, 2), nullable=False),
    _time("started_at", required=True), _time("finished_at"),
    sa.Column("outcome", sa.Text, nullable=False, server_default=sa.text("'OPEN'")),
    _text("code"), _text("words"),  # the provider's own, of the call as a whole
    _text("reference"), _count("accepted"), _count("refused"),
    _count("polls"), _time("poll_at"),
    _time("escalated_at"),  # nobody but a person can say what became of it
    postgresql_partition_by="RANGE (id)",
)
sa.Index("attempts_batch", attempts.c.batch_id)
sa.Index("attempts_poll", attempts.c.poll_at, postgresql_where=attempts.c.poll_at.is_not(None))

receipts = sa.Table(  # append-only: what the provider reported, as it came
    "receipts", metadata, _id(), _workspace(),
    sa.Column("batch_id", _ID, nullable=False), sa.Column("attempt_id", _ID, nullable=False),
    sa.Column("positions", ARRAY(sa.SmallInteger), nullable=False),
    sa.Column("states", BYTEA, nullable=False),
    sa.Column("words", JSONB, nullable=False, server_default=sa.text("'{}'")),  # literal text -> positions, where not delivered
    _time("received_at", required=True),
    postgresql_partition_by="RANGE (id)",
)
sa.Index("receipts_batch", receipts.c.batch_id)

direct_messages = sa.Table(  # what SendService was given: number and finished text of each position, sealed
    "direct_messages", metadata,
    sa.Column("batch_id", _ID, primary_key=True),
    sa.Column("position", sa.SmallInteger, primary_key=True),
    _workspace(),
    sa.Column("phone_sealed", BYTEA, nullable=False), sa.Column("phone_hash", BYTEA, nullable=False),
    sa.Column("text_sealed", BYTEA, nullable=False),
    sa.Column("variables_sealed", BYTEA),  # JSON, for a template
    _text("client_reference"),
    postgresql_partition_by="RANGE (batch_id)",
)

events = sa.Table(  # the outbox: what happened to messages, written in the transaction in which it happened
    "events", metadata, _id(), _workspace(),
    # of two rows the one with the lower transaction is read first, and only when nothing older can still appear
    sa.Column("transaction", sa.BigInteger, nullable=False,
              server_default=sa.text("(pg_current_xact_id()::text)::bigint")),
    sa.Column("kind", sa.Text, nullable=False),  # message.accepted, campaign.done, ...
    sa.Column("campaign_id", _ID), sa.Column("batch_id", _ID),
    sa.Column("positions", ARRAY(sa.SmallInteger), nullable=False, server_default=sa.text("'{}'")),
    sa.Column("reasons", JSONB, nullable=False, server_default=sa.text("'{}'")),  # position -> reason, where there is one
    _time("created_at", required=True),
    postgresql_partition_by="RANGE (id)",
)
sa.Index("events_order", events.c.workspace_id, events.c.transaction, events.c.id)

webhook_endpoints = sa.Table(  # addresses of the merchant's own systems
    "webhook_endpoints", metadata, _id(), _owner(),
    sa.Column("url", sa.Text, nullable=False),
    sa.Column("secret", BYTEA, nullable=False),  # wrapped; signs what is sent
    sa.Column("kinds", _TEXTS, nullable=False, server_default=sa.text("'{}'")),  # empty: all
    sa.Column("state", sa.Text, nullable=False, server_default=sa.text("'ACTIVE'")),
    # events up to here have been made into deliveries
    sa.Column("cursor_transaction", sa.BigInteger, nullable=False, server_default=_ZERO), sa.Column("cursor_event", _ID),
    sa.Column("version", sa.Integer, nullable=False, server_default=sa.text("1")),
    _time("failing_since"), _time("created_at", required=True), _time("archived_at"),
)

webhook_deliveries = sa.Table(  # one POST: some events to one endpoint, again and again until it is taken or dead
    "webhook_deliveries", metadata, _id(), _owner(),
    sa.Column("endpoint_id", _ID, sa.ForeignKey("webhook_endpoints.id"), nullable=False),
    sa.Column("event_ids", ARRAY(_ID), nullable=False),
    sa.Column("state", sa.Text, nullable=False),  # PENDING, DELIVERED, DEAD
    _count("tries"), _time("due_at"), _count("last_status"), _text("last_error"),
    _time("created_at", required=True), _time("ended_at"),
)
sa.Index("webhook_deliveries_due", webhook_deliveries.c.due_at, postgresql_where=webhook_deliveries.c.state == "PENDING")
sa.Index("webhook_deliveries_newest", webhook_deliveries.c.workspace_id, webhook_deliveries.c.endpoint_id, webhook_deliveries.c.id)

pushes = sa.Table(  # what a provider pushed to us, raw until a worker has read it
    "pushes", metadata, _id(), _owner(),
    sa.Column("provider_account_id", _ID, sa.ForeignKey("provider_accounts.id"), nullable=False),
    sa.Column("headers_sealed", BYTEA, nullable=False), sa.Column("body_sealed", BYTEA, nullable=False),
    sa.Column("state", sa.Text, nullable=False),  # NEW, PARKED, DONE, FORGED
    _time("due_at"), _time("received_at", required=True),
)
sa.Index("pushes_due", pushes.c.due_at, postgresql_where=pushes.c.due_at.is_not(None))

unknown_words = sa.Table(  # results a provider reported in words that nobody knows yet
    "unknown_words", metadata,
    sa.Column("workspace_id", _ID, primary_key=True),
    sa.Column("provider", sa.Text, primary_key=True),
    sa.Column("words", sa.Text, primary_key=True),  # without numbers
    _count("people"), _time("first_seen_at", required=True), _time("last_seen_at", required=True),
)

incidents = sa.Table(  # what people are alerted about: once when it begins, once when it ends; no tenant sees it
    "incidents", metadata, _id(),
    sa.Column("workspace_id", _ID),  # empty: the whole installation
    sa.Column("kind", sa.Text, nullable=False),  # rules.alerts.Kind
    sa.Column("subject", sa.Text, nullable=False),  # what it is about: an account, a lane
    sa.Column("facts", JSONB, nullable=False, server_default=sa.text("'{}'")),
    _time("opened_at", required=True), _time("alerted_at"), _time("closed_at"), _time("recovery_alerted_at"),
)
sa.Index("incidents_open", incidents.c.kind, incidents.c.subject, unique=True, postgresql_where=incidents.c.closed_at.is_(None))

provider_references = sa.Table(  # one provider call belongs to one attempt, for ever
    "provider_references", metadata,
    sa.Column("provider_account_id", _ID, primary_key=True),
    sa.Column("reference", sa.Text, primary_key=True),
    _workspace(), sa.Column("attempt_id", _ID, nullable=False),
)

requests = sa.Table(  # answers kept for repeated request_ids
    "requests", metadata,
    sa.Column("workspace_id", _ID, primary_key=True),
    sa.Column("method", sa.Text, primary_key=True),
    sa.Column("request_id", _ID, primary_key=True),
    sa.Column("body_hash", BYTEA, nullable=False),
    sa.Column("response", BYTEA, nullable=False),
    _time("created_at", required=True),
)
sa.Index("requests_age", requests.c.created_at)

worker_processes = sa.Table(  # who is alive; no tenant data
    "worker_processes", metadata, _id(), _text("lanes"), _time("seen_at", required=True),
)

LEDGER = (batches, attempts, receipts, direct_messages, events)
SHARED = (worker_processes, incidents)
TENANT = tuple(table for table in metadata.sorted_tables if table not in SHARED)
