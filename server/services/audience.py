"""AudienceService: contacts with consent, imports from spreadsheets, numbers that must not get ads."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from jeondan.v1 import audience_pb2 as pb
from jeondan.v1.audience_pb2_grpc import AudienceServiceServicer

from core import clock, jobs
from core.db import accounts, attributes, audience, disk, imports, optouts, suppressions
from core.db.ids import new_id
from core.rules import phone, typed
from core.rules.attributes import Kind
from core.rules.personal import masked_name
from server import import_view, updates, uploads
from server.consents import holds
from server.convert import check_etag, enum, enum_name, enum_names, etag, instant, stamp
from server.errors import at, wrong
from server.listing import Field, Lists, next_token, page
from server.rpc import Call, reads, writes

IMPORTS = Lists({"state": Field(values=enum_names(pb.Import.State, "STATE"))})
IMPORT_ERRORS = Lists(orders=("place",), size=100, most=1000, newest_first=False)
CONTACTS = Lists({"phone": Field(), "name": Field(), "tag": Field()})
SUPPRESSIONS = Lists({"source": Field(values=enum_names(pb.Suppression.Source, "SOURCE")), "phone": Field()})
FIXED = frozenset({"phone"})
ANY_FILE = "application/octet-stream"


class AudienceService(AudienceServiceServicer):
    """Contacts, imports, suppressions."""

    @reads
    def CreateImportUpload(self, request: pb.CreateImportUploadRequest, call: Call) -> pb.CreateImportUploadResponse:
        """An address to PUT one file to."""
        return pb.CreateImportUploadResponse(upload=uploads.offer(call, request.file_name, ANY_FILE))

    @writes
    def CreateImport(self, request: pb.CreateImportRequest, call: Call) -> pb.CreateImportResponse:
        """Read an uploaded file into contacts."""
        disk.refuse_when_full(call.tx)
        uploads.check(call, request.object_name)
        row = imports.add_import(call.tx, call.workspace, import_view.values(request), call.now)
        call.tx.after_commit(lambda: jobs.import_customers(call.workspace, row.id))
        return pb.CreateImportResponse(**{"import": import_view.shown(row)})

    @reads
    def GetImport(self, request: pb.GetImportRequest, call: Call) -> pb.GetImportResponse:
        """One import."""
        row = imports.get_import(call.tx, UUID(request.import_id))
        return pb.GetImportResponse(**{"import": import_view.shown(row)})

    @reads
    def ListImports(self, request: pb.ListImportsRequest, call: Call) -> pb.ListImportsResponse:
        """Newest first."""
        found = imports.list_imports(call.tx, page(request, IMPORTS))
        shown = map(import_view.shown, found.rows)
        return pb.ListImportsResponse(imports=shown, next_page_token=next_token(request, found.next))

    @reads
    def GetImportErrorFile(self, request: pb.GetImportErrorFileRequest, call: Call) -> pb.GetImportErrorFileResponse:
        """All skipped rows as a file."""
        return import_view.error_file(imports.get_import(call.tx, UUID(request.import_id)), call)

    @reads
    def ListImportErrors(self, request: pb.ListImportErrorsRequest, call: Call) -> pb.ListImportErrorsResponse:
        """In file order."""
        row = imports.get_import(call.tx, UUID(request.import_id))
        found = imports.list_import_errors(call.tx, row.id, page(request, IMPORT_ERRORS))
        wrong_rows = [import_view.error(row) for row in found.rows]
        return pb.ListImportErrorsResponse(errors=wrong_rows, next_page_token=next_token(request, found.next))

    @writes
    def CreateContact(self, request: pb.CreateContactRequest, call: Call) -> pb.CreateContactResponse:
        """Add one contact by hand."""
        with at("contact.phone"):
            number = phone.normalise(request.contact.phone)
        values, consent = _contact_values(request.contact, call), _consent_values(request.contact.consent, call)
        contact = audience.add_contact(call.tx, _recorder(call), number, values, consent)
        return pb.CreateContactResponse(contact=_read(call, contact))

    @reads
    def GetContact(self, request: pb.GetContactRequest, call: Call) -> pb.GetContactResponse:
        """One contact."""
        return pb.GetContactResponse(contact=_read(call, int(request.contact_id)))

    @reads
    def ListContacts(self, request: pb.ListContactsRequest, call: Call) -> pb.ListContactsResponse:
        """Contacts of the workspace."""
        with at("filter"):
            found = audience.list_contacts(call.tx, call.workspace, page(request, CONTACTS))
        contacts = map(_contact, found.rows, [_opener(call)] * len(found.rows))
        return pb.ListContactsResponse(contacts=contacts, next_page_token=next_token(request, found.next))

    @writes
    def UpdateContact(self, request: pb.UpdateContactRequest, call: Call) -> pb.UpdateContactResponse:
        """Change the fields named in the mask."""
        row = audience.get_contact(call.tx, int(request.contact_id), lock=True)
        stored = _contact(row, _opener(call))
        check_etag(request.etag, stored.etag)
        stored.name = row.name
        merged = updates.merged(stored, request.contact, request.update_mask, field="contact", fixed=FIXED)
        values, consent = _contact_values(merged, call), _consent_values(merged.consent, call)
        audience.update_contact(call.tx, _recorder(call), row, values, consent)
        return pb.UpdateContactResponse(contact=_read(call, row.id))

    @writes
    def ArchiveContact(self, request: pb.ArchiveContactRequest, call: Call) -> pb.ArchiveContactResponse:
        """Out of lists and audiences."""
        row = audience.get_contact(call.tx, int(request.contact_id), lock=True)
        audience.archive_contact(call.tx, row.id, call.now)
        return pb.ArchiveContactResponse(contact=_read(call, row.id))

    @writes
    def CreateSuppression(self, request: pb.CreateSuppressionRequest, call: Call) -> pb.CreateSuppressionResponse:
        """No more ads to this number."""
        with at("phone"):
            number = phone.normalise(request.phone)
        source = enum_name(pb.Suppression.Source, "SOURCE", request.source) or "MANUAL"
        said_at = instant(request.say_time) if request.HasField("say_time") else call.now
        if said_at > call.now:
            raise wrong("say_time", "수신거부 일시가 아직 오지 않은 때입니다.", "OPTOUT_IN_THE_FUTURE")
        no = optouts.of_number(call.tx, call.workspace, number, request.event_id or str(new_id()), said_at)
        optouts.say_no(call.tx, optouts.Way(call.workspace, source, by=call.actor), [no], call.now)
        row = suppressions.of_number(call.tx, call.workspace, number)
        return pb.CreateSuppressionResponse(suppression=_suppression(row, _opener(call)))

    @reads
    def ListSuppressions(self, request: pb.ListSuppressionsRequest, call: Call) -> pb.ListSuppressionsResponse:
        """Newest first."""
        with at("filter"):
            found = suppressions.page(call.tx, call.workspace, page(request, SUPPRESSIONS))
        shown = map(_suppression, found.rows, [_opener(call)] * len(found.rows))
        return pb.ListSuppressionsResponse(suppressions=shown, next_page_token=next_token(request, found.next))


Opener = Callable[[bytes], str]


def _opener(call: Call) -> Opener:
    return accounts.keys(call.tx, call.workspace).opener()


def _recorder(call: Call) -> audience.Recorder:
    return audience.Recorder(call.workspace, call.actor, call.now)


def _read(call: Call, contact: int) -> pb.Contact:
    return _contact(audience.get_contact(call.tx, contact), _opener(call))


def _contact(row: Any, unseal: Opener) -> pb.Contact:
    return pb.Contact(
        id=str(row.id),
        masked_phone=phone.mask(unseal(row.phone_sealed)),
        masked_name=masked_name(row.name),
        tags=row.tags,
        attributes=row.attributes,
        consent=holds(row),
        birth_year=row.birth_year or 0,
        guardian_proof=row.guardian_proof,
        adult_time=stamp(row.adult_at),
        suppressed=row.suppressed,
        etag=etag(row.id, row.version),
        create_time=stamp(row.created_at),
        archive_time=stamp(row.archived_at),
    )


def _contact_values(contact: pb.Contact, call: Call) -> dict[str, Any]:
    adult_at = instant(contact.adult_time) if contact.HasField("adult_time") else None
    if adult_at and adult_at > call.now:
        raise wrong("contact.adult_time", "성인 확인 일시가 아직 오지 않은 때입니다.", "OUT_OF_RANGE")
    if contact.birth_year > clock.kst(call.now).year:
        raise wrong("contact.birth_year", "태어난 해가 아직 오지 않은 해입니다.", "OUT_OF_RANGE")
    age = {"birth_year": contact.birth_year or None, "guardian_proof": contact.guardian_proof.strip(), "adult_at": adult_at}
    return {"name": contact.name, "tags": list(contact.tags), "attributes": _typed(contact, call), **age}


def _typed(contact: pb.Contact, call: Call) -> dict[str, str]:
    """The attributes, each read as its type asks, as an import does."""
    kinds = attributes.kinds(call.tx)
    read = {name: typed.read(kinds.get(name, Kind.TEXT), value) for name, value in contact.attributes.items()}
    if unreadable := [name for name, value in read.items() if value is None]:
        name = unreadable[0]
        raise wrong(f"contact.attributes.{name}", typed.sentence(kinds[name], name), "ATTRIBUTE_UNREADABLE")
    return {name: value for name, value in read.items() if value is not None}


def _consent_values(consent: pb.Consent, call: Call) -> audience.Consent:
    given_at = instant(consent.consent_time) if consent.HasField("consent_time") else None
    if given_at and given_at > call.now:
        raise wrong("contact.consent.consent_time", "동의일시가 아직 오지 않은 날입니다.", "CONSENT_DATE_FUTURE")
    return audience.Consent(consent.ads, consent.night, given_at, consent.source)


def _suppression(row: Any, unseal: Opener) -> pb.Suppression:
    return pb.Suppression(
        id=str(row.id),
        masked_phone=phone.mask(unseal(row.phone_sealed)) if row.phone_sealed else "",  # of whom is erased only the no is left
        source=enum(pb.Suppression.Source, "SOURCE", row.source),
        create_time=stamp(row.created_at),
    )
