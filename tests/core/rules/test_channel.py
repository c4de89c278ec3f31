"""The limits every other rule counts against."""

from core.rules.channel import BODY_LIMIT, SUBJECT_LIMIT, Channel


def test_every_channel_has_a_limit() -> None:
    assert set(BODY_LIMIT) == set(Channel)


def test_the_limits_are_the_ones_of_the_providers() -> None:
    assert (BODY_LIMIT[Channel.SMS], BODY_LIMIT[Channel.LMS], BODY_LIMIT[Channel.MMS]) == (90, 2000, 2000)
    assert BODY_LIMIT[Channel.ALIMTALK] == 1000
    assert SUBJECT_LIMIT == 40


def test_a_channel_is_its_own_name_on_the_wire_and_in_the_database() -> None:
    assert [str(channel) for channel in Channel] == ["SMS", "LMS", "MMS", "ALIMTALK"]
    assert Channel("LMS") is Channel.LMS
