"""Which address goes into a link."""

from __future__ import annotations

import pytest

from services.labeler.access import OPEN, Access, Role
from services.labeler.links import LinkMaker, is_local

ACCESS = Access({Role.ADMIN: "A" * 16, Role.ANNOTATOR: "B" * 16})
OWN = "http://192.168.1.5:5000/"


def test_a_link_carries_its_token_where_no_server_and_no_log_sees_it() -> None:
    links = LinkMaker(ACCESS, "https://labels.example.org/run", OWN).links()
    assert links.page == "https://labels.example.org/run/"
    assert links.admin == f"https://labels.example.org/run/join#{'A' * 16}"
    assert links.annotator == f"https://labels.example.org/run/join#{'B' * 16}"
    assert not links.is_local


def test_an_open_page_is_its_own_link() -> None:
    links = LinkMaker(OPEN, "", OWN).links()
    assert (links.page, links.admin, links.annotator) == (OWN, OWN, OWN)


@pytest.mark.parametrize(
    ("given", "seen", "own", "page"),
    [
        ("", "", OWN, OWN),
        ("", "box.lan:5000", OWN, "http://box.lan:5000/"),
        ("", "localhost:5000", OWN, OWN),
        ("https://labels.example.org/", "box.lan:5000", OWN, "https://labels.example.org/"),
        ("http://localhost:5000/", "box.lan:5000", OWN, "http://box.lan:5000/"),  # the stack's default
        ("http://localhost:5000/", "", "http://172.18.0.3:5000/", "http://localhost:5000/"),  # the container's own
        ("", "", "http://127.0.0.1:5000/", "http://127.0.0.1:5000/"),
    ],
)
def test_what_was_set_comes_first_and_this_machine_s_own_name_last(given: str, seen: str, own: str, page: str) -> None:
    maker = LinkMaker(ACCESS, given, own)
    if seen:
        maker.saw("http", seen)
    assert maker.links().page == page
    assert maker.links().is_local == is_local(page)


@pytest.mark.parametrize(
    ("url", "local"),
    [
        ("http://localhost:5000/", True),
        ("http://a.localhost/", True),
        ("http://127.0.0.9:5000/", True),
        ("http://[::1]:5000/", True),
        ("http://[bad", True),
        (OWN, False),
        ("https://localhost.example/", False),
    ],
)
def test_local_addresses(url: str, local: bool) -> None:
    assert is_local(url) is local
