"""The law of another country, to prove that nothing of Korea's is built into `decide`; shipped to nobody."""

from datetime import time

from core.rules.law import Profile
from core.rules.night import Window

US = Profile(
    ruleset="US-TEST",
    zone=None,
    quiet=Window(time(21), time(8)),
    night_consent=False,
    quiet_exempt=frozenset(),
    closed={},
    info_only=frozenset(),
    ad_only=frozenset(),
    exemption_months=0,
    exemption_media=frozenset(),
    reconfirm_months=0,
    guardian_until=0,
    certified_provider=False,
    optout_number=False,
    label="",
    optout_words=("stop", "quit", "end", "revoke", "opt out", "cancel", "unsubscribe"),
    optout_days=10,
    result_days=0,
)
