"""0003 expand: consent with its proof and its two years, opt-outs, notices, certificates, segments, privacy."""

from alembic import op

from core.db.migrations.reading import added_columns, made_tables, protect, set_apart

revision = "0003_expand_law"
down_revision = "0002_expand_delivery"

COLUMNS = """
ALTER TABLE workspaces
    ADD COLUMN optout_channels TEXT[] DEFAULT '{TEXT}' NOT NULL, ADD COLUMN optout_feed_at TIMESTAMP WITH TIME ZONE,
    ADD COLUMN quiet_from TIME WITHOUT TIME ZONE DEFAULT '20:50' NOT NULL,
    ADD COLUMN quiet_until TIME WITHOUT TIME ZONE DEFAULT '08:00' NOT NULL,
    ADD COLUMN trade_exemption BOOLEAN DEFAULT false NOT NULL, ADD COLUMN consent_lapses BOOLEAN DEFAULT false NOT NULL,
    ADD COLUMN ad_cap INTEGER DEFAULT 0 NOT NULL, ADD COLUMN ad_cap_days INTEGER DEFAULT 1 NOT NULL,
    ADD COLUMN trial BOOLEAN DEFAULT false NOT NULL, ADD COLUMN notice_sender_id UUID;

ALTER TABLE provider_accounts
    ADD COLUMN certificate TEXT DEFAULT '' NOT NULL, ADD COLUMN certificate_checked_on DATE,
    ADD COLUMN certificate_until DATE, ADD COLUMN optout_number TEXT DEFAULT '' NOT NULL,
    ADD COLUMN senders_checked_at TIMESTAMP WITH TIME ZONE,
    ADD COLUMN optouts_asked_at TIMESTAMP WITH TIME ZONE, ADD COLUMN optouts_read_at TIMESTAMP WITH TIME ZONE;

ALTER TABLE provider_senders
    ADD COLUMN checked_at TIMESTAMP WITH TIME ZONE, ADD COLUMN words TEXT DEFAULT '' NOT NULL;

ALTER TABLE products
    ADD COLUMN kind TEXT DEFAULT '' NOT NULL, ADD COLUMN category TEXT DEFAULT '' NOT NULL;

ALTER TABLE contacts
    ADD COLUMN confirmed_at TIMESTAMP WITH TIME ZONE, ADD COLUMN birth_year SMALLINT,
    ADD COLUMN guardian_proof TEXT DEFAULT '' NOT NULL, ADD COLUMN adult_at TIMESTAMP WITH TIME ZONE,
    ADD COLUMN restricted_at TIMESTAMP WITH TIME ZONE;

ALTER TABLE consents
    ADD COLUMN channel TEXT DEFAULT 'TEXT' NOT NULL, ADD COLUMN wording_id UUID,
    ADD COLUMN proof TEXT DEFAULT '' NOT NULL;

ALTER TABLE suppressions
    ADD COLUMN channels TEXT[] DEFAULT '{TEXT}' NOT NULL, ADD COLUMN lifted_at TIMESTAMP WITH TIME ZONE;

ALTER TABLE imports
    ADD COLUMN dry_run BOOLEAN DEFAULT false NOT NULL, ADD COLUMN headers TEXT[] DEFAULT '{}' NOT NULL,
    ADD COLUMN mapping_from TEXT DEFAULT '' NOT NULL, ADD COLUMN unproven_count INTEGER DEFAULT 0 NOT NULL,
    ADD COLUMN flags TEXT[] DEFAULT '{}' NOT NULL, ADD COLUMN file_hash BYTEA, ADD COLUMN same_as UUID,
    ADD COLUMN errors_object TEXT DEFAULT '' NOT NULL;

ALTER TABLE campaigns
    ADD COLUMN segment_id UUID, ADD COLUMN audience JSONB, ADD COLUMN info_reason TEXT DEFAULT '' NOT NULL,
    ADD COLUMN purpose_override TEXT DEFAULT '' NOT NULL, ADD COLUMN purpose_override_by TEXT DEFAULT '' NOT NULL,
    ADD COLUMN purpose_agreed_by TEXT DEFAULT '' NOT NULL, ADD COLUMN ruleset TEXT DEFAULT '' NOT NULL,
    ADD COLUMN goods TEXT[] DEFAULT '{}' NOT NULL, ADD COLUMN adult BOOLEAN DEFAULT false NOT NULL,
    ADD COLUMN engine_failed_at TIMESTAMP WITH TIME ZONE;

ALTER TABLE worker_processes ADD COLUMN skew_seconds INTEGER DEFAULT 0 NOT NULL;

ALTER TABLE exclusions ADD COLUMN decided_at TIMESTAMP WITH TIME ZONE;

ALTER TABLE batches ADD COLUMN decided_at TIMESTAMP WITH TIME ZONE;

ALTER TABLE workspaces
    ADD COLUMN people INTEGER DEFAULT 0 NOT NULL, ADD COLUMN people_level INTEGER DEFAULT 0 NOT NULL,
    ADD COLUMN people_level_at TIMESTAMP WITH TIME ZONE;
"""

TABLES = """
CREATE TABLE consent_wordings (
    id UUID NOT NULL, workspace_id UUID NOT NULL, version TEXT NOT NULL, text TEXT NOT NULL, text_hash BYTEA NOT
    NULL, created_at TIMESTAMP WITH TIME ZONE NOT NULL, archived_at TIMESTAMP WITH TIME ZONE, PRIMARY KEY (id),
    UNIQUE (workspace_id, version), FOREIGN KEY(workspace_id) REFERENCES workspaces (id)
);

CREATE TABLE trades (
    workspace_id UUID NOT NULL, order_id TEXT NOT NULL, kind TEXT NOT NULL, contact_id BIGINT NOT NULL, ended_on
    DATE NOT NULL, created_at TIMESTAMP WITH TIME ZONE NOT NULL, PRIMARY KEY (workspace_id, order_id, kind)
);

CREATE INDEX trades_contact ON trades (workspace_id, contact_id);

CREATE TABLE optouts (
    id UUID NOT NULL, workspace_id UUID NOT NULL, phone_hash BYTEA NOT NULL, channel TEXT NOT NULL, source TEXT NOT
    NULL, source_event_id TEXT NOT NULL, said_at TIMESTAMP WITH TIME ZONE NOT NULL, recorded_by TEXT DEFAULT '' NOT
    NULL, recorded_at TIMESTAMP WITH TIME ZONE NOT NULL, PRIMARY KEY (id), UNIQUE (workspace_id, phone_hash,
    channel, source, source_event_id), FOREIGN KEY(workspace_id) REFERENCES workspaces (id)
);

CREATE TABLE notices (
    id UUID NOT NULL, workspace_id UUID NOT NULL, contact_id BIGINT, phone_hash BYTEA NOT NULL, phone_sealed BYTEA,
    kind TEXT NOT NULL, scope TEXT NOT NULL, said_at TIMESTAMP WITH TIME ZONE NOT NULL, state TEXT NOT NULL, due_at
    TIMESTAMP WITH TIME ZONE NOT NULL, deadline_at TIMESTAMP WITH TIME ZONE NOT NULL, batch_id UUID, position
    SMALLINT, tries INTEGER DEFAULT 0 NOT NULL, created_at TIMESTAMP WITH TIME ZONE NOT NULL, ended_at TIMESTAMP
    WITH TIME ZONE, PRIMARY KEY (id), FOREIGN KEY(workspace_id) REFERENCES workspaces (id)
);

CREATE INDEX notices_due ON notices (due_at) WHERE state = 'DUE';

CREATE INDEX notices_batch ON notices (batch_id) WHERE state = 'SENDING';

CREATE INDEX notices_person ON notices (workspace_id, phone_hash);

CREATE TABLE segments (
    id UUID NOT NULL, workspace_id UUID NOT NULL, name TEXT NOT NULL, rule JSONB NOT NULL, version INTEGER DEFAULT 1
    NOT NULL, created_at TIMESTAMP WITH TIME ZONE NOT NULL, updated_at TIMESTAMP WITH TIME ZONE NOT NULL,
    archived_at TIMESTAMP WITH TIME ZONE, PRIMARY KEY (id), FOREIGN KEY(workspace_id) REFERENCES workspaces (id)
);

CREATE INDEX segments_newest ON segments (workspace_id, id);

CREATE TABLE attribute_types (
    workspace_id UUID NOT NULL, name TEXT NOT NULL, kind TEXT NOT NULL, created_at TIMESTAMP WITH TIME ZONE NOT
    NULL, PRIMARY KEY (workspace_id, name)
);

CREATE TABLE import_mappings (
    workspace_id UUID NOT NULL, headers_hash BYTEA NOT NULL, mapping JSONB NOT NULL, used_at TIMESTAMP WITH TIME
    ZONE NOT NULL, PRIMARY KEY (workspace_id, headers_hash)
);

CREATE TABLE guests (
    id UUID NOT NULL, workspace_id UUID NOT NULL, phone_hash BYTEA NOT NULL, phone_sealed BYTEA NOT NULL, created_at
    TIMESTAMP WITH TIME ZONE NOT NULL, PRIMARY KEY (id), UNIQUE (workspace_id, phone_hash), FOREIGN
    KEY(workspace_id) REFERENCES workspaces (id)
);

CREATE TABLE access_log (
    id UUID NOT NULL, workspace_id UUID NOT NULL, actor TEXT NOT NULL, origin TEXT DEFAULT '' NOT NULL, action TEXT
    NOT NULL, subject TEXT DEFAULT '' NOT NULL, people INTEGER DEFAULT 0 NOT NULL, reason TEXT DEFAULT '' NOT NULL,
    at TIMESTAMP WITH TIME ZONE NOT NULL, PRIMARY KEY (id)
) PARTITION BY RANGE (id);

CREATE INDEX access_log_newest ON access_log (workspace_id, id);

CREATE TABLE privacy_requests (
    id UUID NOT NULL, workspace_id UUID NOT NULL, contact_id BIGINT NOT NULL, kind TEXT NOT NULL, state TEXT NOT
    NULL, note TEXT DEFAULT '' NOT NULL, answer TEXT DEFAULT '' NOT NULL, received_at TIMESTAMP WITH TIME ZONE NOT
    NULL, due_at TIMESTAMP WITH TIME ZONE NOT NULL, ended_at TIMESTAMP WITH TIME ZONE, ended_by TEXT DEFAULT '' NOT
    NULL, PRIMARY KEY (id), FOREIGN KEY(workspace_id) REFERENCES workspaces (id)
);

CREATE INDEX privacy_requests_due ON privacy_requests (due_at) WHERE state = 'OPEN';

CREATE TABLE exports (
    id UUID NOT NULL, workspace_id UUID NOT NULL, state TEXT NOT NULL, failure TEXT DEFAULT '' NOT NULL, masked
    BOOLEAN NOT NULL, password_sealed BYTEA, filter JSONB DEFAULT '{}' NOT NULL, reason TEXT DEFAULT '' NOT NULL,
    created_by TEXT DEFAULT '' NOT NULL, object_name TEXT DEFAULT '' NOT NULL, rows_done INTEGER DEFAULT 0 NOT NULL,
    rows_total INTEGER DEFAULT 0 NOT NULL, size_bytes INTEGER DEFAULT 0 NOT NULL, created_at TIMESTAMP WITH TIME
    ZONE NOT NULL, touched_at TIMESTAMP WITH TIME ZONE NOT NULL, ended_at TIMESTAMP WITH TIME ZONE, expires_at
    TIMESTAMP WITH TIME ZONE, PRIMARY KEY (id), FOREIGN KEY(workspace_id) REFERENCES workspaces (id)
);

CREATE TABLE reports (
    id UUID NOT NULL, workspace_id UUID NOT NULL, campaign_id UUID NOT NULL, state TEXT NOT NULL, failure TEXT DEFAULT
    '' NOT NULL, object_name TEXT DEFAULT '' NOT NULL, rows_done INTEGER DEFAULT 0 NOT NULL, rows_total INTEGER DEFAULT
    0 NOT NULL, sums JSONB DEFAULT '[]' NOT NULL, size_bytes INTEGER DEFAULT 0 NOT NULL, created_by TEXT DEFAULT '' NOT
    NULL, created_at TIMESTAMP WITH TIME ZONE NOT NULL, touched_at TIMESTAMP WITH TIME ZONE NOT NULL, ended_at
    TIMESTAMP WITH TIME ZONE, expires_at TIMESTAMP WITH TIME ZONE, PRIMARY KEY (id), FOREIGN KEY(workspace_id)
    REFERENCES workspaces (id)
);
"""

AFTER = """
-- compressing the contacts of a batch costs more than everything else that planning does
ALTER TABLE batches ALTER COLUMN contact_ids SET STORAGE EXTERNAL;

ALTER TABLE campaigns ADD CONSTRAINT campaigns_segment_id_fkey FOREIGN KEY (segment_id) REFERENCES segments (id);
"""

# What other laws keep of people who were erased (R-PII-11): apart, and readable by a role that nothing else has.
ROLE = """
DO $$ BEGIN
    BEGIN
        CREATE ROLE jeondan_apart NOLOGIN;
    EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;
    END;
    IF current_setting('server_version_num')::int >= 160000 THEN
        EXECUTE format('GRANT jeondan_apart TO %I WITH INHERIT FALSE, SET TRUE', current_user);
    ELSE
        EXECUTE format('GRANT jeondan_apart TO %I', current_user);
    END IF;
END $$;
"""

APART = """
CREATE SCHEMA apart;

CREATE TABLE apart.people (
    workspace_id UUID NOT NULL, contact_id BIGINT NOT NULL, phone_hash BYTEA NOT NULL,
    erased_at TIMESTAMP WITH TIME ZONE NOT NULL, PRIMARY KEY (workspace_id, contact_id)
);

CREATE TABLE apart.records (
    workspace_id UUID NOT NULL, contact_id BIGINT NOT NULL, kind TEXT NOT NULL, record JSONB NOT NULL,
    until TIMESTAMP WITH TIME ZONE NOT NULL
);

CREATE INDEX records_person ON apart.records (workspace_id, contact_id);

CREATE INDEX records_until ON apart.records (workspace_id, until);

GRANT USAGE ON SCHEMA public, apart TO jeondan_apart;

GRANT SELECT, INSERT, DELETE ON apart.people, apart.records TO jeondan_apart;

GRANT SELECT, DELETE ON consents, notices, trades TO jeondan_apart;
"""


def upgrade() -> None:
    """Columns with constant defaults, then the new tables with their policies."""
    op.execute(COLUMNS)
    op.execute(TABLES)
    op.execute(AFTER)
    protect(made_tables(TABLES))
    op.execute("REVOKE UPDATE, DELETE ON optouts, access_log FROM jeondan_app, jeondan_system")
    op.execute(ROLE)
    op.execute(APART)
    set_apart("apart.people", "apart.records")
    set_apart("consents", "notices", "trades", protected=True)


def downgrade() -> None:
    """Back to 0002."""
    op.execute("ALTER TABLE batches ALTER COLUMN contact_ids SET STORAGE EXTENDED")
    op.execute("DROP SCHEMA apart CASCADE")
    op.execute("DROP POLICY apart ON consents")
    op.execute("REVOKE ALL ON consents FROM jeondan_apart")
    op.execute("REVOKE USAGE ON SCHEMA public FROM jeondan_apart")
    op.execute("ALTER TABLE campaigns DROP CONSTRAINT campaigns_segment_id_fkey")
    for table in reversed(made_tables(TABLES)):
        op.execute(f"DROP TABLE {table} CASCADE")
    for table, names in reversed(added_columns(COLUMNS)):
        op.execute(f"ALTER TABLE {table} {', '.join(f'DROP COLUMN {name}' for name in names)}")
