"""Imports between protobuf and rows."""

from datetime import timedelta
from typing import Any

from jeondan.v1 import audience_pb2 as pb
from jeondan.v1.types_pb2 import Progress

from core import images
from core.errors import NotFound
from core.rules import mapping
from core.rules.mapping import Origin
from server.convert import enum, stamp
from server.errors import at
from server.rpc import Call


def shown(row: Any) -> pb.Import:
    """One import as the merchant sees it."""
    return pb.Import(
        id=str(row.id),
        state=enum(pb.Import.State, "STATE", row.state),
        progress=Progress(done=row.rows_done, total=row.rows_total),
        file_name=row.file_name,
        created_count=row.created_count,
        updated_count=row.updated_count,
        duplicate_count=row.duplicate_count,
        error_count=row.error_count,
        refusal=row.refusal,
        refusal_reason=row.refusal_reason,
        warnings=row.warnings,
        mapping=row.mapping,
        tag=row.tag,
        create_time=stamp(row.created_at),
        end_time=stamp(row.ended_at),
        dry_run=row.dry_run,
        headers=row.headers,
        mapping_origin=enum(pb.Import.MappingOrigin, "MAPPING_ORIGIN", row.mapping_from),
        unproven_count=row.unproven_count,
        flags=row.flags,
        same_as_import_id=str(row.same_as or ""),
        has_error_file=bool(row.errors_object),
    )


def values(request: pb.CreateImportRequest) -> dict[str, Any]:
    """A new import as asked for; a mapping that cannot be meant is refused."""
    said = {header: what.strip() for header, what in request.mapping.items()}
    with at("mapping"):
        if said:
            mapping.check(said)
    return {
        "object_name": request.object_name,
        "file_name": request.file_name,
        "tag": request.tag.strip(),
        "mapping": said,
        "mapping_from": Origin.GIVEN if said else "",
        "dry_run": request.dry_run,
    }


def error(row: Any) -> pb.ImportError:
    """One bad row."""
    return pb.ImportError(
        sheet=row.sheet, row=row.row, column=row.column_name, value=row.value, reason=row.reason, message=row.message
    )


def error_file(row: Any, call: Call) -> pb.GetImportErrorFileResponse:
    """An address for the skipped rows of an import, for a quarter of an hour."""
    if not row.errors_object:
        raise NotFound("이 가져오기에는 오류 파일이 없습니다.", reason="NO_ERROR_FILE")
    until = call.now + timedelta(seconds=images.UPLOAD_SECONDS)
    url = images.storage().download_url(row.errors_object, "가져오기 오류.csv")
    return pb.GetImportErrorFileResponse(download_url=url, expire_time=stamp(until))
