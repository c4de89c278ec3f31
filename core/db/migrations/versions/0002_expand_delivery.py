"""0002 expand: routing, limits and pace, Alimtalk, SendService, events and webhooks, incidents."""

from alembic import op

from core.db.migrations.reading import added_columns, made_tables, protect

revision = "0002_expand_delivery"
down_revision = "0001_expand_first"

COLUMNS = """
ALTER TABLE workspaces ADD COLUMN routing TEXT DEFAULT 'PRIORITY' NOT NULL;

ALTER TABLE api_keys ADD COLUMN test BOOLEAN DEFAULT false NOT NULL;

ALTER TABLE provider_accounts
    ADD COLUMN share INTEGER DEFAULT 1 NOT NULL, ADD COLUMN breaker TEXT DEFAULT 'CLOSED' NOT NULL,
    ADD COLUMN busy_count INTEGER DEFAULT 0 NOT NULL, ADD COLUMN breaker_until TIMESTAMP WITH TIME ZONE,
    ADD COLUMN most_calls INTEGER DEFAULT 5 NOT NULL, ADD COLUMN calls_per_second INTEGER DEFAULT 20 NOT NULL,
    ADD COLUMN webhook_token_hash BYTEA, ADD COLUMN templates_asked_at TIMESTAMP WITH TIME ZONE,
    ADD COLUMN templates_synced_at TIMESTAMP WITH TIME ZONE, ADD COLUMN templates_refusal TEXT DEFAULT '' NOT NULL;

ALTER TABLE campaigns
    ADD COLUMN kind TEXT DEFAULT 'CAMPAIGN' NOT NULL, ADD COLUMN test BOOLEAN DEFAULT false NOT NULL,
    ADD COLUMN scheduled_at TIMESTAMP WITH TIME ZONE, ADD COLUMN pace_people INTEGER DEFAULT 0 NOT NULL,
    ADD COLUMN pace_seconds INTEGER DEFAULT 0 NOT NULL, ADD COLUMN paused_at TIMESTAMP WITH TIME ZONE,
    ADD COLUMN pace_free_at TIMESTAMP WITH TIME ZONE, ADD COLUMN pace_end_at TIMESTAMP WITH TIME ZONE,
    ADD COLUMN budget_krw INTEGER, ADD COLUMN committed NUMERIC(16, 2) DEFAULT 0 NOT NULL,
    ADD COLUMN template_id UUID, ADD COLUMN fallback_body TEXT DEFAULT '' NOT NULL,
    ADD COLUMN frozen_fallback TEXT DEFAULT '' NOT NULL, ADD COLUMN routes JSONB DEFAULT '[]' NOT NULL;

ALTER TABLE batches
    ADD COLUMN provider_account_id UUID, ADD COLUMN fallen SMALLINT[] DEFAULT '{}' NOT NULL;

ALTER TABLE attempts
    ADD COLUMN read_at TIMESTAMP WITH TIME ZONE, ADD COLUMN escalated_at TIMESTAMP WITH TIME ZONE,
    ADD COLUMN decision TEXT DEFAULT '' NOT NULL;
"""

TABLES = """
CREATE TABLE provider_senders (
    provider_account_id UUID NOT NULL, sender_number_id UUID NOT NULL, workspace_id UUID NOT NULL,
    refused_at TIMESTAMP WITH TIME ZONE, created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    PRIMARY KEY (provider_account_id, sender_number_id),
    FOREIGN KEY(provider_account_id) REFERENCES provider_accounts (id),
    FOREIGN KEY(sender_number_id) REFERENCES sender_numbers (id)
);

CREATE TABLE templates (
    id UUID NOT NULL, workspace_id UUID NOT NULL, provider_account_id UUID NOT NULL, code TEXT NOT NULL,
    channel_key TEXT DEFAULT '' NOT NULL, name TEXT DEFAULT '' NOT NULL, content TEXT DEFAULT '' NOT NULL,
    emphasis_title TEXT DEFAULT '' NOT NULL, buttons JSONB DEFAULT '[]' NOT NULL, state TEXT NOT NULL, comment TEXT
    DEFAULT '' NOT NULL, synced_at TIMESTAMP WITH TIME ZONE NOT NULL, gone_at TIMESTAMP WITH TIME ZONE, PRIMARY KEY
    (id), UNIQUE (provider_account_id, code), FOREIGN KEY(workspace_id) REFERENCES workspaces (id), FOREIGN
    KEY(provider_account_id) REFERENCES provider_accounts (id)
);

CREATE TABLE direct_messages (
    batch_id UUID NOT NULL, position SMALLINT NOT NULL, workspace_id UUID NOT NULL, phone_sealed BYTEA NOT NULL,
    phone_hash BYTEA NOT NULL, text_sealed BYTEA NOT NULL, variables_sealed BYTEA, client_reference TEXT DEFAULT ''
    NOT NULL, PRIMARY KEY (batch_id, position)
) PARTITION BY RANGE (batch_id);

CREATE INDEX direct_messages_reference ON direct_messages (workspace_id, client_reference, batch_id, position)
    WHERE client_reference != '';

CREATE TABLE events (
    id UUID NOT NULL, workspace_id UUID NOT NULL, transaction BIGINT DEFAULT (pg_current_xact_id()::text)::bigint
    NOT NULL, kind TEXT NOT NULL, campaign_id UUID, batch_id UUID, positions SMALLINT[] DEFAULT '{}' NOT NULL,
    reasons JSONB DEFAULT '{}' NOT NULL, created_at TIMESTAMP WITH TIME ZONE NOT NULL, PRIMARY KEY (id)
) PARTITION BY RANGE (id);

CREATE INDEX events_order ON events (workspace_id, transaction, id);

CREATE TABLE webhook_endpoints (
    id UUID NOT NULL, workspace_id UUID NOT NULL, url TEXT NOT NULL, description TEXT DEFAULT '' NOT NULL, secret
    BYTEA NOT NULL, old_secret BYTEA, old_secret_until TIMESTAMP WITH TIME ZONE, kinds TEXT[] DEFAULT '{}' NOT NULL,
    state TEXT DEFAULT 'ACTIVE' NOT NULL, disabled_reason TEXT DEFAULT '' NOT NULL, cursor_transaction BIGINT DEFAULT
    0 NOT NULL, cursor_event UUID, version INTEGER DEFAULT 1 NOT NULL, failing_since TIMESTAMP WITH TIME ZONE,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL, archived_at TIMESTAMP WITH TIME ZONE, PRIMARY KEY (id), FOREIGN
    KEY(workspace_id) REFERENCES workspaces (id)
);

CREATE TABLE webhook_deliveries (
    id UUID NOT NULL, workspace_id UUID NOT NULL, endpoint_id UUID NOT NULL, event_ids UUID[] NOT NULL, skip INTEGER
    DEFAULT 0 NOT NULL, size INTEGER DEFAULT 0 NOT NULL, state TEXT NOT NULL, tries INTEGER DEFAULT 0 NOT NULL, due_at
    TIMESTAMP WITH TIME ZONE, give_up_at TIMESTAMP WITH TIME ZONE, lease_until TIMESTAMP WITH TIME ZONE, last_status
    INTEGER DEFAULT 0 NOT NULL, last_error TEXT DEFAULT '' NOT NULL, created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    ended_at TIMESTAMP WITH TIME ZONE, PRIMARY KEY (id), FOREIGN KEY(workspace_id) REFERENCES workspaces (id), FOREIGN
    KEY(endpoint_id) REFERENCES webhook_endpoints (id)
);

CREATE INDEX webhook_deliveries_due ON webhook_deliveries (endpoint_id, due_at) WHERE state = 'PENDING';

CREATE INDEX webhook_deliveries_newest ON webhook_deliveries (workspace_id, endpoint_id, id);

CREATE TABLE pushes (
    id UUID NOT NULL, workspace_id UUID NOT NULL, provider_account_id UUID NOT NULL, headers_sealed BYTEA NOT NULL,
    body_sealed BYTEA NOT NULL, state TEXT NOT NULL, due_at TIMESTAMP WITH TIME ZONE, received_at TIMESTAMP WITH
    TIME ZONE NOT NULL, PRIMARY KEY (id), FOREIGN KEY(workspace_id) REFERENCES workspaces (id), FOREIGN
    KEY(provider_account_id) REFERENCES provider_accounts (id)
);

CREATE INDEX pushes_due ON pushes (due_at) WHERE due_at IS NOT NULL;

CREATE TABLE unknown_words (
    workspace_id UUID NOT NULL, provider TEXT NOT NULL, words TEXT NOT NULL, people INTEGER DEFAULT 0 NOT NULL,
    first_seen_at TIMESTAMP WITH TIME ZONE NOT NULL, last_seen_at TIMESTAMP WITH TIME ZONE NOT NULL, PRIMARY KEY
    (workspace_id, provider, words)
);

CREATE TABLE incidents (
    id UUID NOT NULL, workspace_id UUID, kind TEXT NOT NULL, subject TEXT NOT NULL, facts JSONB DEFAULT '{}' NOT
    NULL, opened_at TIMESTAMP WITH TIME ZONE NOT NULL, alerted_at TIMESTAMP WITH TIME ZONE, closed_at TIMESTAMP
    WITH TIME ZONE, recovery_alerted_at TIMESTAMP WITH TIME ZONE, cleared_at TIMESTAMP WITH TIME ZONE, due_at
    TIMESTAMP WITH TIME ZONE, told TEXT[] DEFAULT '{}' NOT NULL, PRIMARY KEY (id)
);

CREATE UNIQUE INDEX incidents_open ON incidents (kind, subject) WHERE closed_at IS NULL;
"""

# Numbers of SendService are nobody's contact; `messages` says so with a NULL.
MESSAGES = """
CREATE OR REPLACE VIEW messages WITH (security_invoker = true) AS
SELECT b.workspace_id, b.campaign_id, b.id AS batch_id, (u.place - 1)::smallint AS position, {contact} AS contact_id,
       get_byte(b.states, (u.place - 1)::int) AS state,
       b.reasons ->> ((u.place - 1)::text) AS reason,
       a.channel, a.provider, a.reference, a.finished_at AS sent_at
FROM batches b
CROSS JOIN LATERAL unnest(b.contact_ids) WITH ORDINALITY AS u(contact_id, place)
LEFT JOIN LATERAL (
    SELECT channel, provider, reference, finished_at FROM attempts
    WHERE batch_id = b.id AND (u.place - 1)::smallint = ANY (positions) AND outcome IN ('ACCEPTED', 'REFUSED', 'UNKNOWN')
    ORDER BY id DESC LIMIT 1
) a ON true;
"""

AFTER = """
ALTER TABLE provider_accounts
    ADD CONSTRAINT provider_accounts_webhook_token_hash_key UNIQUE (webhook_token_hash);

ALTER TABLE campaigns
    ADD CONSTRAINT campaigns_template_id_fkey FOREIGN KEY (template_id) REFERENCES templates (id);

-- what SendService made is in the ledger's order, and not in a merchant's list of campaigns
CREATE INDEX batches_newest ON batches (workspace_id, id);

CREATE INDEX campaigns_newest ON campaigns (workspace_id, id) WHERE kind = 'CAMPAIGN';

CREATE INDEX campaigns_scheduled ON campaigns (scheduled_at) WHERE state = 'SCHEDULED';
"""


def upgrade() -> None:
    """Columns with constant defaults (no table is rewritten), then the new tables with their policies."""
    op.execute(COLUMNS)
    op.execute(TABLES)
    op.execute(AFTER)
    op.execute(MESSAGES.format(contact="nullif(u.contact_id, 0)"))
    protect(made_tables(TABLES))
    op.execute("REVOKE UPDATE, DELETE ON events FROM jeondan_app, jeondan_system")


def downgrade() -> None:
    """Back to 0001."""
    op.execute(MESSAGES.format(contact="u.contact_id"))
    op.execute("DROP INDEX batches_newest")
    op.execute("ALTER TABLE campaigns DROP CONSTRAINT campaigns_template_id_fkey")
    for table in reversed(made_tables(TABLES)):
        op.execute(f"DROP TABLE {table} CASCADE")
    for table, names in reversed(added_columns(COLUMNS)):
        op.execute(f"ALTER TABLE {table} {', '.join(f'DROP COLUMN {name}' for name in names)}")
