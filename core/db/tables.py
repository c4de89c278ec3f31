"""The schema on three pages (the others: ledger_tables, law_tables). Migrations make it; tests hold them against each other."""

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, BYTEA, JSONB

from core.db.columns import FALSE, ID, TEXTS, ZERO, count, identifier, metadata, owner, text, time, workspace
from core.db.law_tables import access_log, optouts
from core.db.ledger_tables import attempts, batches, direct_messages, events, receipts

workspaces = sa.Table(
    "workspaces", metadata, identifier(), text("name"), text("optout_number"),
    # who says no by the 080 number has said no on these channels: rules.law.Medium
    sa.Column("optout_channels", TEXTS, nullable=False, server_default=sa.text("'{TEXT}'")),
    time("optout_feed_at"),  # since when nobody is missed who said no by the 080 number; empty: there is no list of them
    # quiet hours of advertising on the Korean clock: never narrower than the law
    sa.Column("quiet_from", sa.Time, nullable=False, server_default=sa.text("'20:50'")),
    sa.Column("quiet_until", sa.Time, nullable=False, server_default=sa.text("'08:00'")),
    sa.Column("trade_exemption", sa.Boolean, nullable=False, server_default=FALSE),  # buyers of the last 6 months, same goods
    sa.Column("consent_lapses", sa.Boolean, nullable=False, server_default=FALSE),  # silence at the two-year notice ends it
    count("ad_cap"), sa.Column("ad_cap_days", sa.Integer, nullable=False, server_default=sa.text("1")),  # 0: no cap
    sa.Column("trial", sa.Boolean, nullable=False, server_default=FALSE),  # only to numbers of its guest list
    sa.Column("notice_sender_id", ID),  # the sender number of notices of the law; empty: none are sent
    sa.Column("routing", sa.Text, nullable=False, server_default=sa.text("'PRIORITY'")),  # or COST
    sa.Column("data_key", BYTEA, nullable=False),  # wrapped; seals phone numbers
    sa.Column("lookup_key", BYTEA, nullable=False),  # wrapped; makes phone_hash
    time("created_at", required=True),
    count("people"), count("people_level"), time("people_level_at"),  # counted every hour; duties of R-PII-13 that apply
)

users = sa.Table(
    "users", metadata, identifier(), owner(),
    sa.Column("email", sa.Text, nullable=False, unique=True),  # lower case
    sa.Column("password_hash", sa.Text, nullable=False),
    sa.Column("role", sa.Text, nullable=False),
    time("created_at", required=True), time("disabled_at"),
)

api_keys = sa.Table(
    "api_keys", metadata, identifier(), owner(), text("name"),
    sa.Column("key_hash", BYTEA, nullable=False, unique=True),
    sa.Column("role", sa.Text, nullable=False),
    sa.Column("test", sa.Boolean, nullable=False, server_default=FALSE),  # what it sends leaves by no provider
    time("created_at", required=True), time("revoked_at"),
    time("used_at"),  # to the day
)

sender_numbers = sa.Table(
    "sender_numbers", metadata, identifier(), owner(),
    sa.Column("number", sa.Text, nullable=False),
    sa.Column("active", sa.Boolean, nullable=False, server_default=sa.text("true")),
    time("created_at", required=True),
    sa.UniqueConstraint("workspace_id", "number"),
)

provider_accounts = sa.Table(
    "provider_accounts", metadata, identifier(), owner(),
    sa.Column("provider", sa.Text, nullable=False),
    sa.Column("credentials", BYTEA, nullable=False),  # wrapped JSON
    sa.Column("state", sa.Text, nullable=False, server_default=sa.text("'ACTIVE'")),
    text("pause_reason"),
    count("priority"),  # the lowest goes first; of equals each gets its share
    sa.Column("share", sa.Integer, nullable=False, server_default=sa.text("1")),
    # the breaker: CLOSED, OPEN until breaker_until, then HALF_OPEN while one call probes
    sa.Column("breaker", sa.Text, nullable=False, server_default=sa.text("'CLOSED'")),
    count("busy_count"), time("breaker_until"),
    # limits of the account: calls at one moment, and calls begun within a second
    sa.Column("most_calls", sa.Integer, nullable=False, server_default=sa.text("5")),
    sa.Column("calls_per_second", sa.Integer, nullable=False, server_default=sa.text("20")),
    sa.Column("webhook_token_hash", BYTEA, unique=True),
    sa.Column("test_mode", sa.Boolean, nullable=False, server_default=FALSE),
    # how long after a call the provider's own list can be trusted to show it, seconds
    sa.Column("settle_seconds", sa.Integer, nullable=False, server_default=sa.text("600")),
    # when results are asked for after acceptance, seconds
    sa.Column("poll_seconds", ARRAY(sa.Integer), nullable=False, server_default=sa.text("'{60,180,600,1800,7200,21600,86400}'")),
    sa.Column("balance_sms", sa.Integer), sa.Column("balance_lms", sa.Integer), sa.Column("balance_mms", sa.Integer),
    time("balance_at"),
    # the transmission certificate of the provider, without which it must not carry advertising
    text("certificate"), sa.Column("certificate_checked_on", sa.Date), sa.Column("certificate_until", sa.Date),
    text("optout_number"),  # its own 080 number, where it has one; else the workspace's
    time("senders_checked_at"),
    time("optouts_asked_at"), time("optouts_read_at"),  # its list of who said no by the 080 number
    time("templates_asked_at"), time("templates_synced_at"), text("templates_refusal"),
    time("created_at", required=True),
)

provider_senders = sa.Table(  # which number may be used with which account
    "provider_senders", metadata,
    sa.Column("provider_account_id", ID, sa.ForeignKey("provider_accounts.id"), primary_key=True),
    sa.Column("sender_number_id", ID, sa.ForeignKey("sender_numbers.id"), primary_key=True),
    workspace(), time("refused_at"),  # since when the provider says that it does not know the number
    time("checked_at"), text("words"),  # the provider's own, at the last check
    time("created_at", required=True),
)

templates = sa.Table(  # Alimtalk texts that Kakao approved, as the provider lists them
    "templates", metadata, identifier(), owner(),
    sa.Column("provider_account_id", ID, sa.ForeignKey("provider_accounts.id"), nullable=False),
    sa.Column("code", sa.Text, nullable=False),
    text("channel_key"),  # Aligo senderkey, Solapi pfId
    text("name"), text("content"), text("emphasis_title"),
    sa.Column("buttons", JSONB, nullable=False, server_default=sa.text("'[]'")),
    sa.Column("state", sa.Text, nullable=False),  # rules.states.TemplateState
    text("comment"),
    time("synced_at", required=True), time("gone_at"),
    sa.UniqueConstraint("provider_account_id", "code"),
)

images = sa.Table(
    "images", metadata, identifier(), owner(),
    sa.Column("object_name", sa.Text, nullable=False),
    text("file_name"),
    sa.Column("state", sa.Text, nullable=False), text("refusal"), text("refusal_reason"),
    count("width"), count("height"), count("size_bytes"),
    text("photo_name"),  # the normalised photo in storage
    time("created_at", required=True),
)
sa.Index("images_newest", images.c.workspace_id, images.c.id)

products = sa.Table(
    "products", metadata, identifier(), owner(),
    sa.Column("name", sa.Text, nullable=False),
    text("sku"), text("description"),
    sa.Column("price_krw", sa.Integer, nullable=False),
    sa.Column("sale_price_krw", sa.Integer),
    text("badge"),
    text("kind"),  # the kind of goods, for the exemption of buyers
    text("category"),  # rules.goods.Category: empty, ADULT or PROHIBITED
    sa.Column("image_ids", ARRAY(ID), nullable=False, server_default=sa.text("'{}'")),
    sa.Column("version", sa.Integer, nullable=False, server_default=sa.text("1")),
    time("created_at", required=True), time("updated_at", required=True), time("archived_at"),
)
sa.Index("products_newest", products.c.workspace_id, products.c.id)
sa.Index("products_sku", products.c.workspace_id, products.c.sku, unique=True, postgresql_where=products.c.sku != "")

flyers = sa.Table(
    "flyers", metadata, identifier(), owner(),
    sa.Column("layout", sa.Text, nullable=False),
    text("headline"), text("footer"), text("accent"),
    sa.Column("product_ids", ARRAY(ID), nullable=False),
    sa.Column("state", sa.Text, nullable=False), text("failure"), text("failure_reason"),
    count("steps_done"), count("steps_total"),
    text("object_name"), count("size_bytes"),
    time("created_at", required=True), time("archived_at"),
)
sa.Index("flyers_newest", flyers.c.workspace_id, flyers.c.id)

contacts = sa.Table(
    "contacts", metadata,
    sa.Column("id", sa.BigInteger, sa.Identity(always=True), primary_key=True),
    owner(),
    sa.Column("phone_sealed", BYTEA, nullable=False),
    sa.Column("phone_hash", BYTEA, nullable=False),
    text("name"),
    sa.Column("tags", TEXTS, nullable=False, server_default=sa.text("'{}'")),
    sa.Column("attributes", JSONB, nullable=False, server_default=sa.text("'{}'")),
    sa.Column("ad_consent", sa.Boolean, nullable=False, server_default=FALSE),
    sa.Column("night_consent", sa.Boolean, nullable=False, server_default=FALSE),
    time("consent_at"), text("consent_source"),
    time("confirmed_at"),  # the anniversary at which the consent was last confirmed
    sa.Column("birth_year", sa.SmallInteger), text("guardian_proof"),
    time("adult_at"),  # when they were found to be of age
    time("restricted_at"),  # they want nothing done with their data
    sa.Column("version", sa.Integer, nullable=False, server_default=sa.text("1")),
    time("created_at", required=True), time("updated_at", required=True), time("archived_at"),
    sa.UniqueConstraint("workspace_id", "phone_hash"),
)
sa.Index("contacts_order", contacts.c.workspace_id, contacts.c.id)
sa.Index("contacts_tags", contacts.c.tags, postgresql_using="gin")

consents = sa.Table(  # append-only: every yes and no, with its proof
    "consents", metadata,
    sa.Column("id", sa.BigInteger, sa.Identity(always=True), primary_key=True),
    workspace(),
    sa.Column("contact_id", sa.BigInteger, nullable=False),
    sa.Column("scope", sa.Text, nullable=False),  # ADS or NIGHT
    sa.Column("granted", sa.Boolean, nullable=False),
    sa.Column("channel", sa.Text, nullable=False, server_default=sa.text("'TEXT'")),  # rules.law.Medium
    sa.Column("wording_id", ID), text("proof"),  # what they agreed to, and the paper, form or address that shows it
    time("given_at"), text("source"), text("recorded_by"), time("recorded_at", required=True),
)
sa.Index("consents_contact", consents.c.workspace_id, consents.c.contact_id)

suppressions = sa.Table(
    "suppressions", metadata, identifier(), owner(),
    sa.Column("phone_hash", BYTEA, nullable=False),
    sa.Column("phone_sealed", BYTEA, nullable=False),  # empty when the person is erased: the hash stays, so that the no stays
    sa.Column("source", sa.Text, nullable=False),
    sa.Column("channels", TEXTS, nullable=False, server_default=sa.text("'{TEXT}'")),
    time("created_at", required=True), time("lifted_at"),  # by a later consent with its proof
    sa.UniqueConstraint("workspace_id", "phone_hash"),
)
sa.Index("suppressions_newest", suppressions.c.workspace_id, suppressions.c.id)
sa.Index("suppressions_by_hash", suppressions.c.phone_hash, postgresql_using="hash")

imports = sa.Table(
    "imports", metadata, identifier(), owner(),
    sa.Column("object_name", sa.Text, nullable=False), text("file_name"), text("tag"),
    sa.Column("mapping", JSONB, nullable=False, server_default=sa.text("'{}'")),
    sa.Column("state", sa.Text, nullable=False), text("refusal"), text("refusal_reason"),
    count("rows_done"), count("rows_total"),
    count("created_count"), count("updated_count"), count("duplicate_count"), count("error_count"),
    sa.Column("warnings", TEXTS, nullable=False, server_default=sa.text("'{}'")),
    sa.Column("dry_run", sa.Boolean, nullable=False, server_default=FALSE),  # nothing goes in
    sa.Column("headers", TEXTS, nullable=False, server_default=sa.text("'{}'")),
    text("mapping_from"),  # GIVEN, REMEMBERED or GUESSED
    count("unproven_count"),  # people whose yes has no time or no way: it does not count
    sa.Column("flags", TEXTS, nullable=False, server_default=sa.text("'{}'")),  # what a person has to look at: rules.reading.Flag
    sa.Column("file_hash", BYTEA), sa.Column("same_as", ID),  # an earlier import of the very same file
    text("errors_object"),  # the whole list of errors, as a file
    time("created_at", required=True), time("touched_at", required=True), time("ended_at"),
)
sa.Index("imports_newest", imports.c.workspace_id, imports.c.id)

import_errors = sa.Table(
    "import_errors", metadata,
    sa.Column("import_id", ID, sa.ForeignKey("imports.id"), primary_key=True),
    sa.Column("place", sa.Integer, primary_key=True),  # order within the file
    workspace(), text("sheet"), count("row"), text("column_name"), text("value"), text("reason"), text("message"),
)

campaigns = sa.Table(
    "campaigns", metadata, identifier(), owner(),
    sa.Column("kind", sa.Text, nullable=False, server_default=sa.text("'CAMPAIGN'")),  # or SEND: made by SendService
    sa.Column("test", sa.Boolean, nullable=False, server_default=FALSE),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("purpose", sa.Text, nullable=False),
    text("body"), text("subject"),
    sa.Column("flyer_id", ID, sa.ForeignKey("flyers.id")),
    sa.Column("sender_number_id", ID, sa.ForeignKey("sender_numbers.id")),
    sa.Column("any_tags", TEXTS, nullable=False, server_default=sa.text("'{}'")),
    sa.Column("none_tags", TEXTS, nullable=False, server_default=sa.text("'{}'")),
    sa.Column("segment_id", ID, sa.ForeignKey("segments.id")),
    sa.Column("audience", JSONB(none_as_null=True)),  # the rule of the segment, frozen at launch: rules.segment
    text("info_reason"),  # why it is information: rules.purpose.InfoReason
    # who says that it is information although the words look like advertising, why, and who agrees
    text("purpose_override"), text("purpose_override_by"), text("purpose_agreed_by"),
    # frozen at launch: the version of the rules, and the kinds of goods that it is about
    text("ruleset"), sa.Column("goods", TEXTS, nullable=False, server_default=sa.text("'{}'")),
    sa.Column("adult", sa.Boolean, nullable=False, server_default=FALSE),
    sa.Column("state", sa.Text, nullable=False), text("failure"), text("waiting_for"),
    time("engine_failed_at"),  # when the law could last not be decided for a batch of it
    time("expires_at"),
    # when and how fast: not before scheduled_at, at most pace_people within pace_seconds (0: as fast as it goes)
    time("scheduled_at"), count("pace_people"), count("pace_seconds"), time("paused_at"),
    # pace: before pace_free_at no further batch leaves; pace_end_at is the last instant that was given to a batch
    time("pace_free_at"), time("pace_end_at"),
    # the cap in won, and what is spent or in the hands of a worker
    sa.Column("budget_krw", sa.Integer), sa.Column("committed", sa.Numeric(16, 2), nullable=False, server_default=ZERO),
    # Alimtalk, and the text that goes by SMS or LMS to whom it does not reach
    sa.Column("template_id", ID, sa.ForeignKey("templates.id")), text("fallback_body"),
    sa.Column("version", sa.Integer, nullable=False, server_default=sa.text("1")),
    # frozen at launch: the finished text with its variables, what it is sent from and with, and what it costs
    text("frozen_body"), text("frozen_subject"), text("sender"), text("image_object"),
    text("frozen_fallback"),
    # by which accounts it may leave, in order, at which prices: rules.routing.Route
    sa.Column("routes", JSONB, nullable=False, server_default=sa.text("'[]'")),
    sa.Column("batch_size", sa.Integer, nullable=False, server_default=sa.text("500")),
    # planning: the contacts up to plan_until, done up to plan_cursor
    sa.Column("plan_cursor", sa.BigInteger, nullable=False, server_default=ZERO),
    sa.Column("plan_until", sa.BigInteger, nullable=False, server_default=ZERO),
    count("plan_total"),
    sa.Column("planned", sa.Boolean, nullable=False, server_default=FALSE),
    time("launched_at"), time("ended_at"), time("created_at", required=True), time("archived_at"),
)
sa.Index("campaigns_newest", campaigns.c.workspace_id, campaigns.c.id, postgresql_where=campaigns.c.kind == "CAMPAIGN")
sa.Index("campaigns_scheduled", campaigns.c.scheduled_at, postgresql_where=campaigns.c.state == "SCHEDULED")
sa.Index("campaigns_running", campaigns.c.state, postgresql_where=campaigns.c.state.in_(["PLANNING", "SENDING"]))

BUCKETS = ("selected", "excluded", "planned", "held", "claimed", "unknown",
           "accepted", "delivered", "failed", "cancelled", "expired")  # fmt: skip

campaign_counters = sa.Table(  # several rows a campaign, so that workers do not queue behind one another; read as sums
    "campaign_counters", metadata,
    sa.Column("campaign_id", ID, sa.ForeignKey("campaigns.id"), primary_key=True),
    sa.Column("shard", sa.SmallInteger, primary_key=True),
    workspace(), *(count(name) for name in BUCKETS),
    sa.Column("cost", sa.Numeric(16, 2), nullable=False, server_default=ZERO),
)

campaign_reasons = sa.Table(
    "campaign_reasons", metadata,
    sa.Column("campaign_id", ID, primary_key=True),
    sa.Column("bucket", sa.Text, primary_key=True),  # excluded or failed
    sa.Column("reason", sa.Text, primary_key=True),
    workspace(), count("people"),
)

workspace_days = sa.Table(
    "workspace_days", metadata,
    sa.Column("workspace_id", ID, primary_key=True),
    sa.Column("day", sa.Date, primary_key=True),  # KST
    sa.Column("channel", sa.Text, primary_key=True),
    sa.Column("shard", sa.SmallInteger, primary_key=True),
    count("accepted"), sa.Column("cost", sa.Numeric(16, 2), nullable=False, server_default=ZERO),
)

exclusions = sa.Table(  # whom planning left out, by reason
    "exclusions", metadata,
    sa.Column("id", sa.BigInteger, sa.Identity(always=True), primary_key=True),
    workspace(), sa.Column("campaign_id", ID, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("contact_ids", ARRAY(sa.BigInteger), nullable=False),
    time("decided_at"),
)
sa.Index("exclusions_campaign", exclusions.c.campaign_id)

requests = sa.Table(  # answers kept for repeated request_ids
    "requests", metadata,
    sa.Column("workspace_id", ID, primary_key=True),
    sa.Column("method", sa.Text, primary_key=True),
    sa.Column("request_id", ID, primary_key=True),
    sa.Column("body_hash", BYTEA, nullable=False),
    sa.Column("response", BYTEA, nullable=False),
    time("created_at", required=True),
)
sa.Index("requests_age", requests.c.created_at)

worker_processes = sa.Table(  # who is alive; no tenant data
    "worker_processes", metadata, identifier(), text("lanes"), time("seen_at", required=True),
    count("skew_seconds"),  # by how much its machine's clock is ahead of the database's
)

house_checks = sa.Table(  # what the operator's checklists came to; no tenant data
    "house_checks", metadata,
    sa.Column("check_name", sa.Text, primary_key=True), sa.Column("subject", sa.Text, primary_key=True),
    sa.Column("state", sa.Text, nullable=False), sa.Column("reason", sa.Text, nullable=False),
    time("moment"), time("seen_at", required=True),
)

LEDGER = (batches, attempts, receipts, direct_messages, events)
APPEND_ONLY = (consents, receipts, events, optouts, access_log)
SHARED = (worker_processes, house_checks)
TENANT = tuple(table for table in metadata.sorted_tables if table not in SHARED)
