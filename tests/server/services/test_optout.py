"""The page behind a link: looking does nothing, confirming stops the ads at once, and nobody learns more than that."""

from uuid import UUID, uuid4

import grpc
import pytest
from jeondan.v1 import audience_pb2 as audience
from jeondan.v1 import optout_pb2 as pb

from core import clock
from core.db import accounts, optouts
from core.db.ids import new_id
from core.db.session import database
from core.rules import optout
from tests.server.shop import PHONE, Shop


def link(shop: Shop, contact: str, position: int = 0) -> str:
    """The code in a message to this customer: the second of three in its batch."""
    batch, ids = new_id(), [0, int(contact), 0] if position == 1 else [int(contact)]
    with database().write(shop.workspace) as tx:
        tx.run(
            "INSERT INTO batches (id, workspace_id, campaign_id, number, first_contact, last_contact, contact_ids, states, state,"
            " due_at) VALUES (:id, :workspace, :campaign, 0, 0, 9223372036854775807, :ids, :states, 3, :now)",
            id=batch,
            workspace=shop.workspace,
            campaign=new_id(),
            ids=ids,
            states=bytes(len(ids)),
            now=clock.now(),
        )
        return optout.code(batch, position, accounts.keys(tx, shop.workspace).lookup_key)


@pytest.fixture
def contact(shop: Shop) -> str:
    made = audience.Contact(phone=PHONE, name="김하나", consent={"ads": True})
    return str(shop.call("CreateContact", audience.CreateContactRequest(contact=made)).contact.id)


def look(shop: Shop, code: str) -> pb.OptoutPage:
    return shop.call("GetOptoutPage", pb.GetOptoutPageRequest(code=code), metadata=()).page


def confirm(shop: Shop, code: str) -> pb.OptoutPage:
    request = pb.ConfirmOptoutRequest(code=code, request_id=str(uuid4()))
    return shop.call("ConfirmOptout", request, metadata=()).page


def kept(shop: Shop) -> list[pb.Optout]:
    return list(shop.call("ListOptouts", pb.ListOptoutsRequest()).optouts)


def suppressed(shop: Shop) -> list[audience.Suppression]:
    return list(shop.call("ListSuppressions", audience.ListSuppressionsRequest()).suppressions)


@pytest.mark.parametrize("position", [0, 1])
def test_looking_does_nothing_and_confirming_does_it_at_once(shop: Shop, contact: str, position: int) -> None:
    """R-OPT-1, R-OPT-5: no login, one button, and the answer comes when it is stored."""
    code = link(shop, contact, position)
    for _ in range(3):
        page = look(shop, code)
        assert (page.shop, page.masked_phone, page.optout_number) == ("봄날커피", "010-****-6789", "0801234567")
        assert not page.HasField("refuse_time")
    assert suppressed(shop) == kept(shop) == []
    assert confirm(shop, code).HasField("refuse_time")
    [no] = suppressed(shop)
    assert no.source == audience.Suppression.SOURCE_LINK
    assert look(shop, code).refuse_time == no.create_time


def test_saying_it_again_is_saying_it_once(shop: Shop, contact: str) -> None:
    code = link(shop, contact)
    first = confirm(shop, code)
    assert confirm(shop, code) == first
    assert confirm(shop, link(shop, contact)) == first
    [event] = kept(shop)
    assert (event.source, event.masked_phone) == (audience.Suppression.SOURCE_LINK, "010-****-6789")


def test_an_old_link_counts_again_after_a_new_consent(shop: Shop, contact: str) -> None:
    """R-CON-4: of a no and a yes the newer one counts, by whichever link it is said."""
    code = link(shop, contact)
    confirm(shop, code)
    with database().write(shop.workspace) as tx:
        tx.run("UPDATE suppressions SET lifted_at = :now", now=clock.now())
        tx.run("UPDATE contacts SET ad_consent = true, consent_at = :now", now=clock.now())
    assert suppressed(shop) == []
    assert not look(shop, code).HasField("refuse_time")
    assert confirm(shop, code).HasField("refuse_time")
    assert len(suppressed(shop)) == 1
    assert len(kept(shop)) == 2


def test_whose_code_is_wrong_learns_nothing(shop: Shop, contact: str) -> None:
    code = link(shop, contact)
    forged = code[:-1] + ("0" if code[-1] != "0" else "1")
    other = optout.code(new_id(), 0, b"k" * 32)
    refusals = [shop.refused("GetOptoutPage", pb.GetOptoutPageRequest(code=one), metadata=()) for one in (forged, other, "x")]
    refusals += [
        shop.refused("ConfirmOptout", pb.ConfirmOptoutRequest(code=forged, request_id=str(uuid4())), metadata=())
    ]  # fmt: skip
    assert {(one.code, one.message) for one in refusals} == {(grpc.StatusCode.NOT_FOUND, "이런 주소가 없습니다.")}
    assert suppressed(shop) == []


def test_of_whom_is_erased_nothing_is_shown_and_nothing_needed(shop: Shop, contact: str) -> None:
    """R-OPT-7: who is erased gets no ads, and whoever said no before stays suppressed."""
    code, before = link(shop, contact), link(shop, contact)
    confirm(shop, before)
    with database().write(shop.workspace) as tx:
        tx.run("UPDATE suppressions SET phone_sealed = ''")
        tx.run("DELETE FROM contacts WHERE id = :id", id=int(contact))
    page = confirm(shop, code)
    assert (page.masked_phone, page.HasField("refuse_time"), page.shop) == ("", False, "봄날커피")
    [no] = suppressed(shop)
    assert no.masked_phone == ""
    assert [one.masked_phone for one in kept(shop)] == [""]
    back = audience.Contact(phone=PHONE, consent={"ads": True})
    assert shop.call("CreateContact", audience.CreateContactRequest(contact=back)).contact.suppressed


def test_a_link_of_one_merchant_is_nothing_to_another(shop: Shop, other: Shop, contact: str) -> None:
    """R-OPT-4: the brand that the recipient sees, and no other."""
    made = audience.Contact(phone=PHONE, consent={"ads": True})
    other.call("CreateContact", audience.CreateContactRequest(contact=made))
    confirm(shop, link(shop, contact))
    assert suppressed(other) == kept(other) == []


def test_every_way_of_saying_no_is_listed(shop: Shop, contact: str) -> None:
    """R-OPT-2: console, API, 080 callback, page and provider end in one list."""
    manual, called = audience.Suppression.SOURCE_MANUAL, audience.Suppression.SOURCE_OPTOUT_CALL
    shop.call("CreateSuppression", audience.CreateSuppressionRequest(phone="01011112222"))
    for _ in range(2):  # as a callback of an 080 number does that was not answered in time
        shop.call("CreateSuppression", audience.CreateSuppressionRequest(phone="01033334444", source=called, event_id="A-17"))
    confirm(shop, link(shop, contact))
    with database().write(shop.workspace) as tx:
        no = optouts.of_number(tx, shop.workspace, "01055556666", "attempt", clock.now())
        optouts.say_no(tx, optouts.Way(shop.workspace, "PROVIDER"), [no], clock.now())
    found = kept(shop)
    assert [one.source for one in found[::-1]] == [
        manual, called, audience.Suppression.SOURCE_LINK, audience.Suppression.SOURCE_PROVIDER,
    ]  # fmt: skip
    assert [one.event_id for one in found[::-1]][1] == "A-17"
    only = shop.call("ListOptouts", pb.ListOptoutsRequest(filter='source = "OPTOUT_CALL" AND phone = "010-3333-4444"'))
    assert [one.masked_phone for one in only.optouts] == ["010-****-4444"]
    page = shop.call("ListOptouts", pb.ListOptoutsRequest(page_size=3))
    rest = shop.call("ListOptouts", pb.ListOptoutsRequest(page_size=3, page_token=page.next_page_token))
    assert [*page.optouts, *rest.optouts] == found


def test_who_says_no_is_told_the_result(shop: Shop, contact: str) -> None:
    """R-NTC-1: the notice is made in the transaction of the no."""
    confirm(shop, link(shop, contact))
    with database().read(shop.workspace) as tx:
        [notice] = tx.rows("SELECT * FROM notices")
    assert (notice.kind, notice.state) == ("REFUSED", "DUE")


def test_a_no_may_tell_when_it_was_said_but_not_in_the_future(shop: Shop) -> None:
    request = audience.CreateSuppressionRequest(phone=PHONE)
    request.say_time.FromDatetime(clock.now().replace(microsecond=0))
    shop.call("CreateSuppression", request)
    assert kept(shop)[0].say_time == request.say_time
    request.say_time.seconds += 86_400
    assert shop.refused("CreateSuppression", request).fields == {"say_time": "OPTOUT_IN_THE_FUTURE"}


def test_the_workspace_of_a_link_is_found_by_its_key_alone(shop: Shop, contact: str) -> None:
    code = optout.read(link(shop, contact))
    assert code is not None
    with database().system() as tx:
        assert [row.workspace_id for row in optouts.batches_of(tx, code)] == [UUID(str(shop.workspace))]
