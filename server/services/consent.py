"""ConsentService: who agreed to what and what proves it, the words they were asked, what they bought."""

from jeondan.v1 import consent_pb2 as pb
from jeondan.v1.consent_pb2_grpc import ConsentServiceServicer

from core.db import audience, consents, trades, wordings
from core.db.listing import Page
from server import consents as view
from server.convert import ids
from server.listing import Lists, next_token, page
from server.rpc import Call, reads, writes

LISTS = Lists()
TRADES = Lists(orders=("order",), newest_first=False)


class ConsentService(ConsentServiceServicer):
    """Wordings, consents, trades."""

    @writes
    def CreateWording(self, request: pb.CreateWordingRequest, call: Call) -> pb.CreateWordingResponse:
        """Words to ask with."""
        made = wordings.add(call.tx, call.workspace, request.version.strip(), request.text, call.now)
        return pb.CreateWordingResponse(wording=view.wording(wordings.get(call.tx, made)))

    @reads
    def ListWordings(self, request: pb.ListWordingsRequest, call: Call) -> pb.ListWordingsResponse:
        """Newest first."""
        found = wordings.page(call.tx, page(request, LISTS))
        return pb.ListWordingsResponse(wordings=map(view.wording, found.rows), next_page_token=next_token(request, found.next))

    @writes
    def ArchiveWording(self, request: pb.ArchiveWordingRequest, call: Call) -> pb.ArchiveWordingResponse:
        """Out of use."""
        (identifier,) = ids([request.wording_id])
        wordings.get(call.tx, identifier)
        wordings.archive(call.tx, identifier, call.now)
        return pb.ArchiveWordingResponse(wording=view.wording(wordings.get(call.tx, identifier)))

    @writes
    def RecordConsent(self, request: pb.RecordConsentRequest, call: Call) -> pb.RecordConsentResponse:
        """A yes with its proof."""
        yes = view.yes(request, call)
        contact = view.person(request, call, add=True)
        lifted = consents.record_yes(call.tx, view.recorder(call), contact, yes)
        events, holds = view.events_now(call, contact.id), view.holds(audience.get_contact(call.tx, contact.id))
        return pb.RecordConsentResponse(events=events, contact_id=str(contact.id), consent=holds, lifted=lifted)

    @writes
    def WithdrawConsent(self, request: pb.WithdrawConsentRequest, call: Call) -> pb.WithdrawConsentResponse:
        """A yes taken back."""
        contact = audience.get_contact(call.tx, int(request.contact_id), lock=True)
        consents.record_no(call.tx, view.recorder(call), contact, view.no(request, call))
        events, holds = view.events_now(call, contact.id), view.holds(audience.get_contact(call.tx, contact.id))
        return pb.WithdrawConsentResponse(events=events, consent=holds)

    @reads
    def ListConsentEvents(self, request: pb.ListConsentEventsRequest, call: Call) -> pb.ListConsentEventsResponse:
        """Newest first."""
        contact = audience.get_contact(call.tx, int(request.contact_id))
        found = consents.page(call.tx, contact.id, page(request, LISTS))
        events = map(view.event, found.rows)
        return pb.ListConsentEventsResponse(events=events, next_page_token=next_token(request, found.next))

    @writes
    def RecordTrade(self, request: pb.RecordTradeRequest, call: Call) -> pb.RecordTradeResponse:
        """A dealing that ended."""
        contact, ended_on = view.person(request, call), view.past_day(request.end_date, call)
        row = trades.record(call.tx, call.workspace, contact.id, view.dealt(request, ended_on), call.now)
        return pb.RecordTradeResponse(trade=view.trade(row), contact_id=str(contact.id))

    @reads
    def ListTrades(self, request: pb.ListTradesRequest, call: Call) -> pb.ListTradesResponse:
        """By order."""
        contact = audience.get_contact(call.tx, int(request.contact_id))
        wanted: Page = page(request, TRADES)
        found = trades.page(call.tx, contact.id, wanted)
        return pb.ListTradesResponse(trades=map(view.trade, found.rows), next_page_token=next_token(request, found.next))
