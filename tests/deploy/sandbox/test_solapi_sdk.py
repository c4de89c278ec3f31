"""The official Solapi Python SDK, unmodified, against the sandbox. Only its host is told: it has no setting for it."""

import io
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from solapi import SolapiMessageService
from solapi.error.MessageNotReceiveError import MessageNotReceivedError
from solapi.model import RequestMessage, SendRequestConfig
from solapi.model.request.groups.get_groups import GetGroupsRequest
from solapi.model.request.messages.get_messages import GetMessagesRequest
from solapi.model.webhook.group_report import GroupReportPayload
from solapi.model.webhook.single_report import SingleReportPayload

from tests.deploy.sandbox.solapi_shop import KEY, ONE, SECRET, SENDER, TWO
from tests.deploy.sandbox.test_solapi_reading import hook, listener, until


def service(sandbox: Any, secret: str = SECRET) -> SolapiMessageService:
    made = SolapiMessageService(KEY, secret)
    made.base_url = sandbox.url
    return made


def message(to: Any = ONE, text: str = "안녕하세요", **more: Any) -> RequestMessage:
    return RequestMessage(from_=SENDER, to=to, text=text, **more)


def test_it_sends(sandbox: Any) -> None:
    answer = service(sandbox).send(
        [message(ONE), message(TWO, "긴 글" * 30)], request_config=SendRequestConfig(show_message_list=True)
    )
    assert (answer.group_info.status, answer.group_info.count.registered_success) == ("SENDING", 2)
    assert [one.status_code for one in answer.message_list] == ["2000", "2000"]
    shown = {one["receiver"]: (one["type"], one["text"]) for one in sandbox.get("/messages")["messages"]}
    assert shown == {ONE: ("SMS", "안녕하세요"), TWO: ("LMS", "긴 글" * 30)}


def test_it_learns_of_partial_and_of_whole_refusal(sandbox: Any) -> None:
    answer = service(sandbox).send([message(ONE), message("01012349008")])
    [failed] = answer.failed_message_list
    assert (failed.to, failed.status_code) == ("01012349008", "1011")
    with pytest.raises(MessageNotReceivedError) as caught:
        service(sandbox).send(message("01012349008"))
    assert [one.status_code for one in caught.value.failed_messages] == ["1011"]


def test_it_lists_messages_and_groups(sandbox: Any) -> None:
    sdk = service(sandbox)
    reference = sdk.send([message(ONE), message(TWO)]).group_info.group_id
    sandbox.move_clock(61)
    listed = sdk.get_messages(GetMessagesRequest(group_id=reference)).message_list
    assert {one.to: one.status_code for one in listed.values()} == {ONE: "4000", TWO: "4000"}
    assert sdk.get_messages(GetMessagesRequest(to=TWO, from_=SENDER)).message_list.keys() < listed.keys()
    assert sdk.get_group(reference).status == "COMPLETE"
    assert list(sdk.get_groups().group_list) == [reference]
    assert list(sdk.get_groups(GetGroupsRequest(group_id=reference)).group_list) == [reference]
    assert sdk.get_group_messages(reference).message_list.keys() == listed.keys()


def test_it_uploads_and_sends_a_picture(sandbox: Any, tmp_path: Path) -> None:
    buffer = io.BytesIO()
    Image.new("RGB", (600, 600), "orange").save(buffer, "JPEG")
    (tmp_path / "flyer.jpg").write_bytes(buffer.getvalue())
    file = service(sandbox).upload_file(str(tmp_path / "flyer.jpg"))
    service(sandbox).send(message(ONE, "전단", image_id=file.file_id))
    [shown] = sandbox.get("/messages")["messages"]
    assert (shown["type"], shown["images"][0]["bytes"]) == ("MMS", len(buffer.getvalue()))


def test_it_books_and_cancels(sandbox: Any) -> None:
    sdk = service(sandbox)
    config = SendRequestConfig(scheduled_date="2099-01-01 09:00:00")
    reference = sdk.send(message(), request_config=config).group_info.group_id
    assert sdk.get_group(reference).status == "SCHEDULED"
    assert sdk.cancel_scheduled_message(reference).status == "PENDING"
    assert sandbox.get("/stats")["accepted_messages"] == 0


def test_it_reads_the_balance_and_refusals(sandbox: Any) -> None:
    assert service(sandbox).get_balance().balance == 10_000_000
    with pytest.raises(Exception, match="SignatureDoesNotMatch"):
        service(sandbox, "other").get_balance()


def test_its_models_read_the_webhooks(launch: Any) -> None:
    sandbox = launch("--ripen", "0.2", "--failing-percent", "0")
    with listener() as (url, got):
        hook(sandbox, url)
        hook(sandbox, url, "GROUP-REPORT")
        reference = service(sandbox).send(message()).group_info.group_id
        until(lambda: len(got) == 2)
    said = {headers["x-solapi-event-name"]: body for headers, body in got}
    [single] = SingleReportPayload.model_validate(said["SINGLE-REPORT"]).root
    [group] = GroupReportPayload.model_validate(said["GROUP-REPORT"]).root
    assert (single.data.group_id, single.data.to, single.data.status_code) == (reference, ONE, "4000")
    assert (group.data.group_id, group.data.status) == (reference, "COMPLETE")
