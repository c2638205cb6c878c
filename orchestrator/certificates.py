"""A development authority and a certificate for each process, for mutual TLS between them.

One folder a process, so that each host or container gets its own key and no other. The authority's key stays where it was
made: whoever has it can be every process.
"""

from __future__ import annotations

import datetime
import ipaddress
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from protos.errors import InvalidInputError

PROCESSES = ("embedder", "index", "trainer", "sampler", "labeler", "orchestrator")
AUTHORITY, AUTHORITY_KEY = "authority.pem", "authority.key"
CERTIFICATE, KEY = "certificate.pem", "key.pem"
_EVERYWHERE = ("localhost", "127.0.0.1", "::1")  # the health probe and Unix sockets speak to localhost
_EARLIER = datetime.timedelta(hours=1)  # clocks of two hosts differ


@dataclass(frozen=True)
class Authority:
    """Who signs: what all processes trust, and its key."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey


def write_certificates(folder: Path, hosts: Sequence[str] = (), days: int = 365) -> list[Path]:
    """Writes an authority, where there is none yet, and new certificates of all processes, signed by it.

    Args:
        folder: gets ``authority.pem``, ``authority.key``, and a folder for each process with ``certificate.pem``, ``key.pem`` and
            a copy of ``authority.pem``.
        hosts: names and addresses under which processes are reached, beyond their own names and localhost.
        days: how long they are valid.

    Returns:
        the folders of the processes.

    Raises:
        InvalidInputError: when a name is none, or the folder holds no authority that can sign.
        OSError: when the folder cannot be written.
    """
    names = [_name(host) for host in hosts]
    folder.mkdir(parents=True, exist_ok=True)
    authority = _authority(folder, days)
    trusted = authority.certificate.public_bytes(serialization.Encoding.PEM)
    made = []
    for process in PROCESSES:
        own = folder / process
        own.mkdir(mode=0o700, exist_ok=True)
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = _signed(authority, process, key, [_name(process), *map(_name, _EVERYWHERE), *names], days)
        _write(own / CERTIFICATE, certificate.public_bytes(serialization.Encoding.PEM), 0o644)
        _write(own / KEY, _pem(key), 0o600)
        _write(own / AUTHORITY, trusted, 0o644)
        made.append(own)
    return made


def _authority(folder: Path, days: int) -> Authority:
    files = (folder / AUTHORITY, folder / AUTHORITY_KEY)
    if any(file.exists() for file in files):
        return _read_authority(*files)
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Active Labeler development authority")])
    certificate = (
        _builder(name, name, key, 10 * days)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(key_cert_sign=True, crl_sign=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    _write(files[0], certificate.public_bytes(serialization.Encoding.PEM), 0o644)
    _write(files[1], _pem(key), 0o600)
    return Authority(certificate, key)


def _read_authority(certificate: Path, key: Path) -> Authority:
    try:
        found = x509.load_pem_x509_certificate(certificate.read_bytes())
        secret = serialization.load_pem_private_key(key.read_bytes(), None)
    except (OSError, ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise InvalidInputError(
            f"{certificate} and {key} are no authority that can sign ({error}); mend them, or give another folder"
        ) from error
    if not isinstance(secret, ec.EllipticCurvePrivateKey) or secret.public_key() != found.public_key():
        raise InvalidInputError(f"{key} is not the key of {certificate}; mend them, or give another folder")
    if found.not_valid_after_utc < _now():
        raise InvalidInputError(
            f"the authority {certificate} ended on {found.not_valid_after_utc:%Y-%m-%d}; make a new one in another folder"
        )
    return Authority(found, secret)


def _signed(
    authority: Authority, process: str, key: ec.EllipticCurvePrivateKey, names: list[x509.GeneralName], days: int
) -> x509.Certificate:
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, process)])
    both_ends = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
    signer = authority.certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    return (
        _builder(subject, authority.certificate.subject, key, days)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(digital_signature=True), critical=True)
        .add_extension(x509.ExtendedKeyUsage(both_ends), critical=False)
        .add_extension(x509.SubjectAlternativeName(list(dict.fromkeys(names))), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(signer), critical=False)
        .sign(authority.key, hashes.SHA256())
    )


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, days: int
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(_now() - _EARLIER)
        .not_valid_after(_now() + datetime.timedelta(days=days))
    )


def _usage(digital_signature: bool = False, key_cert_sign: bool = False, crl_sign: bool = False) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=digital_signature,
        key_cert_sign=key_cert_sign,
        crl_sign=crl_sign,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        pass
    letters = host.removeprefix("*.").replace("-", "").replace(".", "").replace("_", "")
    if not (letters.isascii() and letters.isalnum()) or ".." in host or len(host) > 253:
        raise InvalidInputError(f"--host {host!r} is no name or address of a machine; give it without port and scheme")
    return x509.DNSName(host)


def _pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _write(file: Path, content: bytes, mode: int) -> None:
    """Never there with more rights than ``mode``, and never half there."""
    fresh = file.with_name(f".{file.name}.new")
    fresh.unlink(missing_ok=True)
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as out:
        out.write(content)
    fresh.replace(file)


def _now() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC)
