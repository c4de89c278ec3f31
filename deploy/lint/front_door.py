"""The front door's template becomes a configuration that the real nginx can be asked about."""

import os
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from deploy.lint.tools import ask

_VARIABLE = re.compile(r"\$\{(\w+)\}")
_KINDS = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")


def certificate(where: Path, name: str = "localhost") -> None:
    """A certificate that nobody signed but itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    made = x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number(), now, now + timedelta(days=2))
    signed = made.add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), False).sign(key, hashes.SHA256())
    (where / "fullchain.pem").write_bytes(signed.public_bytes(serialization.Encoding.PEM))
    plain = serialization.NoEncryption()
    private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
    (where / "privkey.pem").write_bytes(private)


def values(folder: Path) -> dict[str, str]:
    """One value for each ${VARIABLE} of the template."""
    return {
        "GATEWAYS": "server 127.0.0.1:8080;",
        "SERVERS": "server 127.0.0.1:50051;",
        "RATE": "20r/s",
        "BURST": "40",
        "HTTP_LISTEN": "127.0.0.1:8081",
        "HTTPS_LISTEN": "127.0.0.1:8443",
        "SERVER_NAME": "localhost",
        "CERTIFICATE_FOLDER": str(folder),
        "ACME_FOLDER": str(folder),
        "LOG_FOLDER": str(folder),
    }


def whole(http: str, folder: Path) -> str:
    """A whole nginx.conf around what belongs inside `http { }`; what nginx writes stays in the folder."""
    temporary = "\n".join(f"{kind}_temp_path {folder}/{kind};" for kind in _KINDS)
    user = "user root;" if os.getuid() == 0 else ""
    return f"{user}\nworker_processes 1;\npid {folder}/pid;\nevents {{}}\nhttp {{\n{temporary}\n{http}\n}}\n"


def filled(template: str, known: dict[str, str]) -> str:
    """The template with a value for each ${VARIABLE}."""
    return _VARIABLE.sub(lambda found: known[found[1]], template)


def judge(template: Path, folder: Path) -> str:
    """`nginx -t`."""
    known = values(folder)
    text = template.read_text()
    if unknown := set(_VARIABLE.findall(text)) - set(known):
        return f"{template.name}: deploy/lint/front_door.py has no value for {', '.join(sorted(unknown))}"
    certificate(folder)
    written = folder / "nginx.conf"
    written.write_text(whole(filled(text, known), folder))
    return ask("nginx", "-t", "-q", "-p", folder, "-e", folder / "error.log", "-c", written)
