"""`make audit`: findings fail, and what could not be looked up is said."""

from __future__ import annotations

from scripts.audit import verdict


def test_a_finding_fails_and_names_the_version_that_mends_it() -> None:
    finding = {"id": "GHSA-1", "fix_versions": ["2.1"], "aliases": [], "description": ""}
    text, code = verdict({"dependencies": [{"name": "a", "version": "2.0", "vulns": [finding]}]})
    assert code == 1
    assert "a 2.0: GHSA-1, mended in 2.1" in text
    assert "1 of 1 packages were looked up, 1 findings" in text


def test_what_was_not_looked_up_is_counted() -> None:
    packages = [{"name": "a", "version": "2.0", "vulns": []}, {"name": "b", "skip_reason": "not found"}]
    text, code = verdict({"dependencies": packages})
    assert code == 0
    assert "1 of 2 packages were looked up, 0 findings" in text
    assert "No advisories are to be had here for 1: b" in text
