"""TLS of the page: a certificate and its key, looked at before anything listens."""

from __future__ import annotations

import ssl
from dataclasses import dataclass

from protos.errors import InvalidInputError


@dataclass(frozen=True)
class PageTls:
    """PEM files of the page's certificate and of its key."""

    certificate: str
    key: str

    def context(self) -> ssl.SSLContext:
        """TLS as the page speaks it.

        Raises:
            ssl.SSLError, ValueError: when the files are no certificate with its key.
            OSError: when they cannot be read.
        """
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        # A password is none: otherwise OpenSSL would ask the terminal for one.
        context.load_cert_chain(self.certificate, self.key, password="")
        return context


def tls_of_page(certificate: str, key: str) -> PageTls | None:
    """The files, or None where none is named.

    Raises:
        InvalidInputError: when only one is named, or they cannot be used together; the page never falls back to plain http.
    """
    if not certificate and not key:
        return None
    if not certificate or not key:
        raise InvalidInputError(
            "https needs ACTIVE_LABELER_WEB_TLS_CERTIFICATE and ACTIVE_LABELER_WEB_TLS_KEY together; set both or none"
        )
    for file in (certificate, key):
        try:
            with open(file, "rb"):  # noqa: PTH123 - only whether this user may
                pass
        except OSError as error:
            raise InvalidInputError(
                f"{file} cannot be read: {error.strerror}; name PEM files that the labeler's user may read"
            ) from error
    tls = PageTls(certificate, key)
    try:
        tls.context()
    except (ssl.SSLError, ValueError) as error:
        raise InvalidInputError(
            f"{certificate} and {key} are no certificate with its key (PEM, the key without a password): {error}"
        ) from error
    return tls
