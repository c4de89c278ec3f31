"""What it takes to connect a provider account: the names of its credentials, checked before they are stored."""

from collections.abc import Mapping, Sequence

from core.errors import InvalidInput, Violation

# provider -> (needed, allowed besides)
NAMES: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "aligo": (("key", "user_id"), ("sender_key",)),
    "solapi": (("api_key", "api_secret"), ("webhook_secret", "pf_id")),
}
_LENGTHS = {("solapi", "api_key"): 16}


def check(provider: str, credentials: Mapping[str, str]) -> dict[str, str]:
    """The credentials without blanks around them; InvalidInput names every wrong one (and never shows a value)."""
    if provider not in NAMES:
        message = f"연결할 수 있는 발송사: {', '.join(sorted(NAMES))}"
        raise InvalidInput(message, [Violation("provider", message, "UNKNOWN_PROVIDER")], reason="UNKNOWN_PROVIDER")
    needed, allowed = NAMES[provider]
    clean = {name: value.strip() for name, value in credentials.items()}
    wrong = [Violation(f"credentials.{name}", "값이 필요합니다.", "CREDENTIAL_INVALID") for name in needed if not clean.get(name)]
    wrong += _strange(clean, (*needed, *allowed))
    for (of, name), length in _LENGTHS.items():
        if of == provider and clean.get(name) and len(clean[name]) != length:
            wrong.append(Violation(f"credentials.{name}", f"{length}자여야 합니다.", "CREDENTIAL_INVALID"))
    if wrong:
        raise InvalidInput("발송사 계정 정보를 확인해 주세요.", wrong, reason="CREDENTIAL_INVALID")
    return clean


def _strange(credentials: Mapping[str, str], known: Sequence[str]) -> list[Violation]:
    sentence = f"모르는 항목입니다. 쓸 수 있는 항목: {', '.join(known)}"
    return [Violation("credentials", sentence, "CREDENTIAL_INVALID") for name in credentials if name not in known][:1]
