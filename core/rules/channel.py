"""The four ways a message can travel, and how much each of them carries."""

from enum import StrEnum


class Channel(StrEnum):
    """What the provider is asked to send, and what it charges for."""

    SMS = "SMS"
    LMS = "LMS"
    MMS = "MMS"
    ALIMTALK = "ALIMTALK"


# CP949 bytes, except Alimtalk: characters.
BODY_LIMIT: dict[Channel, int] = {Channel.SMS: 90, Channel.LMS: 2000, Channel.MMS: 2000, Channel.ALIMTALK: 1000}

# CP949 bytes. Aligo takes 44, Solapi 40: the smaller one passes everywhere.
SUBJECT_LIMIT = 40
