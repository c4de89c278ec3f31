"""0001 expand: the first schema, with row-level security on every tenant table."""

from alembic import op

revision = "0001_expand_first"
down_revision = None

SCHEMA = """
CREATE SEQUENCE batch_numbers;

CREATE TABLE attempts (
    id UUID NOT NULL, workspace_id UUID NOT NULL, batch_id UUID NOT NULL, campaign_id UUID NOT NULL,
    number SMALLINT NOT NULL, provider_account_id UUID NOT NULL, provider TEXT NOT NULL, channel TEXT NOT NULL,
    sender TEXT NOT NULL, positions SMALLINT[] NOT NULL, text_hashes BYTEA NOT NULL,
    unit_price NUMERIC(10, 2) NOT NULL, started_at TIMESTAMP WITH TIME ZONE NOT NULL,
    finished_at TIMESTAMP WITH TIME ZONE, outcome TEXT DEFAULT 'OPEN' NOT NULL, code TEXT DEFAULT '' NOT NULL,
    words TEXT DEFAULT '' NOT NULL, reference TEXT DEFAULT '' NOT NULL, accepted INTEGER DEFAULT 0 NOT NULL,
    refused INTEGER DEFAULT 0 NOT NULL, polls INTEGER DEFAULT 0 NOT NULL, poll_at TIMESTAMP WITH TIME ZONE,
    PRIMARY KEY (id) ) PARTITION BY RANGE (id
);

CREATE INDEX attempts_batch ON attempts (batch_id);

CREATE INDEX attempts_poll ON attempts (poll_at) WHERE poll_at IS NOT NULL;

CREATE TABLE batches (
    id UUID NOT NULL, workspace_id UUID NOT NULL, number BIGINT DEFAULT nextval('batch_numbers') NOT NULL,
    campaign_id UUID NOT NULL, first_contact BIGINT NOT NULL, last_contact BIGINT NOT NULL,
    contact_ids BIGINT[] NOT NULL, states BYTEA NOT NULL, reasons JSONB DEFAULT '{}' NOT NULL,
    state SMALLINT NOT NULL, due_at TIMESTAMP WITH TIME ZONE NOT NULL, attempt SMALLINT DEFAULT 0 NOT NULL,
    lease_owner UUID, lease_until TIMESTAMP WITH TIME ZONE, PRIMARY KEY (id) ) PARTITION BY RANGE (id
);

CREATE INDEX batches_campaign ON batches (campaign_id, first_contact);

CREATE INDEX batches_due ON batches (due_at) WHERE state = 0;

CREATE INDEX batches_leased ON batches (lease_until) WHERE state = 1;

CREATE TABLE campaign_reasons (
    campaign_id UUID NOT NULL, bucket TEXT NOT NULL, reason TEXT NOT NULL, workspace_id UUID NOT NULL,
    people INTEGER DEFAULT 0 NOT NULL, PRIMARY KEY (campaign_id, bucket, reason)
);

CREATE TABLE consents (
    id BIGINT GENERATED ALWAYS AS IDENTITY, workspace_id UUID NOT NULL, contact_id BIGINT NOT NULL,
    scope TEXT NOT NULL, granted BOOLEAN NOT NULL, given_at TIMESTAMP WITH TIME ZONE,
    source TEXT DEFAULT '' NOT NULL, recorded_by TEXT DEFAULT '' NOT NULL,
    recorded_at TIMESTAMP WITH TIME ZONE NOT NULL, PRIMARY KEY (id)
);

CREATE INDEX consents_contact ON consents (workspace_id, contact_id);

CREATE TABLE exclusions (
    id BIGINT GENERATED ALWAYS AS IDENTITY, workspace_id UUID NOT NULL, campaign_id UUID NOT NULL,
    reason TEXT NOT NULL, contact_ids BIGINT[] NOT NULL, PRIMARY KEY (id)
);

CREATE INDEX exclusions_campaign ON exclusions (campaign_id);

CREATE TABLE provider_references (
    provider_account_id UUID NOT NULL, reference TEXT NOT NULL, workspace_id UUID NOT NULL,
    attempt_id UUID NOT NULL, PRIMARY KEY (provider_account_id, reference)
);

CREATE TABLE receipts (
    id UUID NOT NULL, workspace_id UUID NOT NULL, batch_id UUID NOT NULL, attempt_id UUID NOT NULL,
    positions SMALLINT[] NOT NULL, states BYTEA NOT NULL, words JSONB DEFAULT '{}' NOT NULL,
    received_at TIMESTAMP WITH TIME ZONE NOT NULL, PRIMARY KEY (id) ) PARTITION BY RANGE (id
);

CREATE INDEX receipts_batch ON receipts (batch_id);

CREATE TABLE requests (
    workspace_id UUID NOT NULL, method TEXT NOT NULL, request_id UUID NOT NULL, body_hash BYTEA NOT NULL,
    response BYTEA NOT NULL, created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    PRIMARY KEY (workspace_id, method, request_id)
);

CREATE INDEX requests_age ON requests (created_at);

CREATE TABLE worker_processes (
    id UUID NOT NULL, lanes TEXT DEFAULT '' NOT NULL, seen_at TIMESTAMP WITH TIME ZONE NOT NULL,
    PRIMARY KEY (id)
);

CREATE TABLE workspace_days (
    workspace_id UUID NOT NULL, day DATE NOT NULL, channel TEXT NOT NULL, shard SMALLINT NOT NULL,
    accepted INTEGER DEFAULT 0 NOT NULL, cost NUMERIC(16, 2) DEFAULT 0 NOT NULL,
    PRIMARY KEY (workspace_id, day, channel, shard)
);

CREATE TABLE workspaces (
    id UUID NOT NULL, name TEXT DEFAULT '' NOT NULL, optout_number TEXT DEFAULT '' NOT NULL,
    data_key BYTEA NOT NULL, lookup_key BYTEA NOT NULL, created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    PRIMARY KEY (id)
);

CREATE TABLE api_keys (
    id UUID NOT NULL, workspace_id UUID NOT NULL, name TEXT DEFAULT '' NOT NULL, key_hash BYTEA NOT NULL,
    role TEXT NOT NULL, created_at TIMESTAMP WITH TIME ZONE NOT NULL, revoked_at TIMESTAMP WITH TIME ZONE,
    PRIMARY KEY (id), FOREIGN KEY(workspace_id) REFERENCES workspaces (id), UNIQUE (key_hash)
);

CREATE TABLE contacts (
    id BIGINT GENERATED ALWAYS AS IDENTITY, workspace_id UUID NOT NULL, phone_sealed BYTEA NOT NULL,
    phone_hash BYTEA NOT NULL, name TEXT DEFAULT '' NOT NULL, tags TEXT[] DEFAULT '{}' NOT NULL,
    attributes JSONB DEFAULT '{}' NOT NULL, ad_consent BOOLEAN DEFAULT false NOT NULL,
    night_consent BOOLEAN DEFAULT false NOT NULL, consent_at TIMESTAMP WITH TIME ZONE,
    consent_source TEXT DEFAULT '' NOT NULL, version INTEGER DEFAULT 1 NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL, updated_at TIMESTAMP WITH TIME ZONE NOT NULL,
    archived_at TIMESTAMP WITH TIME ZONE, PRIMARY KEY (id), UNIQUE (workspace_id, phone_hash),
    FOREIGN KEY(workspace_id) REFERENCES workspaces (id)
);

CREATE INDEX contacts_order ON contacts (workspace_id, id);

CREATE INDEX contacts_tags ON contacts USING gin (tags);

CREATE TABLE flyers (
    id UUID NOT NULL, workspace_id UUID NOT NULL, layout TEXT NOT NULL, headline TEXT DEFAULT '' NOT NULL,
    footer TEXT DEFAULT '' NOT NULL, accent TEXT DEFAULT '' NOT NULL, product_ids UUID[] NOT NULL,
    state TEXT NOT NULL, failure TEXT DEFAULT '' NOT NULL, failure_reason TEXT DEFAULT '' NOT NULL,
    steps_done INTEGER DEFAULT 0 NOT NULL, steps_total INTEGER DEFAULT 0 NOT NULL,
    object_name TEXT DEFAULT '' NOT NULL, size_bytes INTEGER DEFAULT 0 NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL, archived_at TIMESTAMP WITH TIME ZONE, PRIMARY KEY (id),
    FOREIGN KEY(workspace_id) REFERENCES workspaces (id)
);

CREATE INDEX flyers_newest ON flyers (workspace_id, id);

CREATE TABLE images (
    id UUID NOT NULL, workspace_id UUID NOT NULL, object_name TEXT NOT NULL,
    file_name TEXT DEFAULT '' NOT NULL, state TEXT NOT NULL, refusal TEXT DEFAULT '' NOT NULL,
    refusal_reason TEXT DEFAULT '' NOT NULL, width INTEGER DEFAULT 0 NOT NULL,
    height INTEGER DEFAULT 0 NOT NULL, size_bytes INTEGER DEFAULT 0 NOT NULL,
    photo_name TEXT DEFAULT '' NOT NULL, created_at TIMESTAMP WITH TIME ZONE NOT NULL, PRIMARY KEY (id),
    FOREIGN KEY(workspace_id) REFERENCES workspaces (id)
);

CREATE INDEX images_newest ON images (workspace_id, id);

CREATE TABLE imports (
    id UUID NOT NULL, workspace_id UUID NOT NULL, object_name TEXT NOT NULL,
    file_name TEXT DEFAULT '' NOT NULL, tag TEXT DEFAULT '' NOT NULL, mapping JSONB DEFAULT '{}' NOT NULL,
    state TEXT NOT NULL, refusal TEXT DEFAULT '' NOT NULL, refusal_reason TEXT DEFAULT '' NOT NULL,
    rows_done INTEGER DEFAULT 0 NOT NULL, rows_total INTEGER DEFAULT 0 NOT NULL,
    created_count INTEGER DEFAULT 0 NOT NULL, updated_count INTEGER DEFAULT 0 NOT NULL,
    duplicate_count INTEGER DEFAULT 0 NOT NULL, error_count INTEGER DEFAULT 0 NOT NULL,
    warnings TEXT[] DEFAULT '{}' NOT NULL, created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    touched_at TIMESTAMP WITH TIME ZONE NOT NULL, ended_at TIMESTAMP WITH TIME ZONE, PRIMARY KEY (id),
    FOREIGN KEY(workspace_id) REFERENCES workspaces (id)
);

CREATE INDEX imports_newest ON imports (workspace_id, id);

CREATE TABLE products (
    id UUID NOT NULL, workspace_id UUID NOT NULL, name TEXT NOT NULL, sku TEXT DEFAULT '' NOT NULL,
    description TEXT DEFAULT '' NOT NULL, price_krw INTEGER NOT NULL, sale_price_krw INTEGER,
    badge TEXT DEFAULT '' NOT NULL, image_ids UUID[] DEFAULT '{}' NOT NULL, version INTEGER DEFAULT 1 NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL, updated_at TIMESTAMP WITH TIME ZONE NOT NULL,
    archived_at TIMESTAMP WITH TIME ZONE, PRIMARY KEY (id),
    FOREIGN KEY(workspace_id) REFERENCES workspaces (id)
);

CREATE INDEX products_newest ON products (workspace_id, id);

CREATE UNIQUE INDEX products_sku ON products (workspace_id, sku) WHERE sku != '';

CREATE TABLE provider_accounts (
    id UUID NOT NULL, workspace_id UUID NOT NULL, provider TEXT NOT NULL, credentials BYTEA NOT NULL,
    state TEXT DEFAULT 'ACTIVE' NOT NULL, pause_reason TEXT DEFAULT '' NOT NULL,
    priority INTEGER DEFAULT 0 NOT NULL, test_mode BOOLEAN DEFAULT false NOT NULL,
    settle_seconds INTEGER DEFAULT 600 NOT NULL,
    poll_seconds INTEGER[] DEFAULT '{60,180,600,1800,7200,21600,86400}' NOT NULL, balance_sms INTEGER,
    balance_lms INTEGER, balance_mms INTEGER, balance_at TIMESTAMP WITH TIME ZONE,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL, PRIMARY KEY (id),
    FOREIGN KEY(workspace_id) REFERENCES workspaces (id)
);

CREATE TABLE sender_numbers (
    id UUID NOT NULL, workspace_id UUID NOT NULL, number TEXT NOT NULL, active BOOLEAN DEFAULT true NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL, PRIMARY KEY (id), UNIQUE (workspace_id, number),
    FOREIGN KEY(workspace_id) REFERENCES workspaces (id)
);

CREATE TABLE suppressions (
    id UUID NOT NULL, workspace_id UUID NOT NULL, phone_hash BYTEA NOT NULL, phone_sealed BYTEA NOT NULL,
    source TEXT NOT NULL, created_at TIMESTAMP WITH TIME ZONE NOT NULL, PRIMARY KEY (id),
    UNIQUE (workspace_id, phone_hash), FOREIGN KEY(workspace_id) REFERENCES workspaces (id)
);

CREATE INDEX suppressions_newest ON suppressions (workspace_id, id);

CREATE TABLE users (
    id UUID NOT NULL, workspace_id UUID NOT NULL, email TEXT NOT NULL, password_hash TEXT NOT NULL,
    role TEXT NOT NULL, created_at TIMESTAMP WITH TIME ZONE NOT NULL, disabled_at TIMESTAMP WITH TIME ZONE,
    PRIMARY KEY (id), FOREIGN KEY(workspace_id) REFERENCES workspaces (id), UNIQUE (email)
);

CREATE TABLE campaigns (
    id UUID NOT NULL, workspace_id UUID NOT NULL, name TEXT NOT NULL, purpose TEXT NOT NULL,
    body TEXT DEFAULT '' NOT NULL, subject TEXT DEFAULT '' NOT NULL, flyer_id UUID, sender_number_id UUID,
    any_tags TEXT[] DEFAULT '{}' NOT NULL, none_tags TEXT[] DEFAULT '{}' NOT NULL, state TEXT NOT NULL,
    failure TEXT DEFAULT '' NOT NULL, waiting_for TEXT DEFAULT '' NOT NULL,
    expires_at TIMESTAMP WITH TIME ZONE, version INTEGER DEFAULT 1 NOT NULL,
    frozen_body TEXT DEFAULT '' NOT NULL, frozen_subject TEXT DEFAULT '' NOT NULL,
    sender TEXT DEFAULT '' NOT NULL, image_object TEXT DEFAULT '' NOT NULL,
    batch_size INTEGER DEFAULT 500 NOT NULL,
    plan_cursor BIGINT DEFAULT 0 NOT NULL, plan_until BIGINT DEFAULT 0 NOT NULL,
    plan_total INTEGER DEFAULT 0 NOT NULL, planned BOOLEAN DEFAULT false NOT NULL,
    launched_at TIMESTAMP WITH TIME ZONE, ended_at TIMESTAMP WITH TIME ZONE,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL, archived_at TIMESTAMP WITH TIME ZONE, PRIMARY KEY (id),
    FOREIGN KEY(workspace_id) REFERENCES workspaces (id), FOREIGN KEY(flyer_id) REFERENCES flyers (id),
    FOREIGN KEY(sender_number_id) REFERENCES sender_numbers (id)
);

CREATE INDEX campaigns_running ON campaigns (state) WHERE state IN ('PLANNING', 'SENDING');

CREATE TABLE import_errors (
    import_id UUID NOT NULL, place INTEGER NOT NULL, workspace_id UUID NOT NULL,
    sheet TEXT DEFAULT '' NOT NULL, row INTEGER DEFAULT 0 NOT NULL, column_name TEXT DEFAULT '' NOT NULL,
    value TEXT DEFAULT '' NOT NULL, reason TEXT DEFAULT '' NOT NULL, message TEXT DEFAULT '' NOT NULL,
    PRIMARY KEY (import_id, place), FOREIGN KEY(import_id) REFERENCES imports (id)
);

CREATE TABLE campaign_counters (
    campaign_id UUID NOT NULL, shard SMALLINT NOT NULL, workspace_id UUID NOT NULL,
    selected INTEGER DEFAULT 0 NOT NULL, excluded INTEGER DEFAULT 0 NOT NULL,
    planned INTEGER DEFAULT 0 NOT NULL, held INTEGER DEFAULT 0 NOT NULL, claimed INTEGER DEFAULT 0 NOT NULL,
    unknown INTEGER DEFAULT 0 NOT NULL, accepted INTEGER DEFAULT 0 NOT NULL,
    delivered INTEGER DEFAULT 0 NOT NULL, failed INTEGER DEFAULT 0 NOT NULL,
    cancelled INTEGER DEFAULT 0 NOT NULL, expired INTEGER DEFAULT 0 NOT NULL,
    cost NUMERIC(16, 2) DEFAULT 0 NOT NULL, PRIMARY KEY (campaign_id, shard),
    FOREIGN KEY(campaign_id) REFERENCES campaigns (id)
);
"""

LEDGER = ("batches", "attempts", "receipts")

ROLES = """
DO $$
DECLARE name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['jeondan_app', 'jeondan_system'] LOOP
        BEGIN
            EXECUTE format('CREATE ROLE %I NOLOGIN', name);
        EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;
        END;
        -- the login role may switch to these, but has nothing of theirs by itself
        IF current_setting('server_version_num')::int >= 160000 THEN
            EXECUTE format('GRANT %I TO %I WITH INHERIT FALSE, SET TRUE', name, current_user);
        ELSE
            EXECUTE format('ALTER ROLE %I NOINHERIT', current_user);
            EXECUTE format('GRANT %I TO %I', name, current_user);
        END IF;
    END LOOP;
END $$;
"""

GRANTS = """
GRANT USAGE ON SCHEMA public TO jeondan_app, jeondan_system;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO jeondan_app, jeondan_system;
GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO jeondan_app, jeondan_system;
REVOKE UPDATE, DELETE ON consents, receipts FROM jeondan_app, jeondan_system;
"""

# One row per message, for reading: the ledger itself keeps a batch in one row (deploy/decisions/0003).
MESSAGES = """
CREATE VIEW messages WITH (security_invoker = true) AS
SELECT b.workspace_id, b.campaign_id, b.id AS batch_id, (u.place - 1)::smallint AS position, u.contact_id,
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


def upgrade() -> None:
    """Tables, roles, policies, view."""
    op.execute(SCHEMA)
    op.execute(ROLES)
    for table in tenant_tables():
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
        column = "id" if table == "workspaces" else "workspace_id"
        own = f"{column} = (SELECT nullif(current_setting('jeondan.workspace', true), '')::uuid)"
        op.execute(f"CREATE POLICY own_workspace ON {table} TO jeondan_app USING ({own}) WITH CHECK ({own})")
        op.execute(f"CREATE POLICY all_workspaces ON {table} TO jeondan_system USING (true) WITH CHECK (true)")
    op.execute(MESSAGES)
    op.execute(GRANTS)


def downgrade() -> None:
    """Everything goes; the roles stay, because other databases of the cluster may use them."""
    op.execute("DROP VIEW messages")
    for table in (*tenant_tables(), "worker_processes"):
        op.execute(f"DROP TABLE {table} CASCADE")
    op.execute("DROP SEQUENCE batch_numbers")


def tenant_tables() -> list[str]:
    """Every table of this migration but the shared one."""
    lines = [line for line in SCHEMA.splitlines() if line.startswith("CREATE TABLE ")]
    names = [line.split()[2] for line in lines]
    return [name for name in names if name != "worker_processes"]
