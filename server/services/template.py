"""TemplateService: what Kakao has approved, as the providers list it."""

from functools import partial
from typing import Any
from uuid import UUID

from jeondan.v1 import template_pb2 as pb
from jeondan.v1.template_pb2_grpc import TemplateServiceServicer

from core import jobs
from core.db import templates
from core.db.session import Row, Tx
from core.errors import NotFound
from core.rules.template import names
from server.convert import enum, enum_names, stamp
from server.listing import Field, Lists, next_token, page
from server.rpc import Call, reads, writes

LISTS = Lists(
    {"state": Field(values=enum_names(pb.Template.State, "STATE")), "provider": Field(), "name": Field(":")},
    ("create_time", "name"),
)


class TemplateService(TemplateServiceServicer):
    """Alimtalk templates."""

    @reads
    def ListTemplates(self, request: pb.ListTemplatesRequest, call: Call) -> pb.ListTemplatesResponse:
        found = templates.page(call.tx, page(request, LISTS))
        return pb.ListTemplatesResponse(
            templates=map(_template, found.rows), next_page_token=next_token(request, found.next), syncs=_syncs(call.tx)
        )

    @reads
    def GetTemplate(self, request: pb.GetTemplateRequest, call: Call) -> pb.GetTemplateResponse:
        row = templates.get(call.tx, UUID(request.template_id))
        if row is None:
            raise NotFound("이런 알림톡 템플릿이 없습니다.")
        return pb.GetTemplateResponse(template=_template(row))

    @writes
    def SyncTemplates(self, request: pb.SyncTemplatesRequest, call: Call) -> pb.SyncTemplatesResponse:
        for row in templates.ask(call.tx, call.now):
            call.tx.after_commit(partial(jobs.sync_templates, row.workspace_id, row.id))
        return pb.SyncTemplatesResponse(syncs=_syncs(call.tx))


def _template(row: Row[Any]) -> pb.Template:
    return pb.Template(
        id=str(row.id),
        provider_account_id=str(row.provider_account_id),
        provider=row.provider,
        code=row.code,
        name=row.name,
        content=row.content,
        emphasis_title=row.emphasis_title,
        buttons=[pb.Template.Button(**button) for button in row.buttons],
        variables=names(templates.as_template(row)),
        state=enum(pb.Template.State, "STATE", row.state),
        comment=row.comment,
        sync_time=stamp(row.synced_at),
        gone_time=stamp(row.gone_at),
    )


def _syncs(tx: Tx) -> list[pb.TemplateSync]:
    return [
        pb.TemplateSync(
            provider_account_id=str(row.id),
            provider=row.provider,
            state=enum(pb.TemplateSync.State, "STATE", _sync_state(row)),
            failure=row.templates_refusal if _sync_state(row) == "FAILED" else "",
            sync_time=stamp(row.templates_synced_at),
        )
        for row in templates.syncs(tx)
    ]


def _sync_state(row: Row[Any]) -> str:
    asked, synced = row.templates_asked_at, row.templates_synced_at
    if asked is not None and (synced is None or synced < asked):
        return "RUNNING"
    if synced is None:
        return "NEVER"
    return "FAILED" if row.templates_refusal else "DONE"
