#!/usr/bin/env python3
"""Looks up known vulnerabilities of every pinned package with pip-audit; ends with 1 when there is one.

    scripts/audit.py PIP_AUDIT [requirements.lock]

A mirror of the package index may have no advisories: what was not looked up is counted, never passed over in silence.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any


def verdict(report: dict[str, Any]) -> tuple[str, int]:
    """What to say about a report of pip-audit, and the exit code: 1 with findings, 0 without."""
    packages = report["dependencies"]
    skipped = [package["name"] for package in packages if "skip_reason" in package]
    lines, found = [], 0
    for package in packages:
        for finding in package.get("vulns", []):
            found += 1
            fixed = ", ".join(finding["fix_versions"]) or "no version yet"
            lines.append(f"{package['name']} {package['version']}: {finding['id']}, mended in {fixed}")
    known = len(packages) - len(skipped)
    lines.append(f"{known} of {len(packages)} packages were looked up, {found} findings.")
    if skipped:
        lines.append(
            f"No advisories are to be had here for {len(skipped)}: {', '.join(skipped[:5])}"
            f"{', ...' if len(skipped) > 5 else ''}. Run this where the public index of packages answers."
        )
    return "\n".join(lines), int(found > 0)


def main() -> int:
    """Runs pip-audit, and tells."""
    program, pins = sys.argv[1], Path(sys.argv[2] if len(sys.argv) > 2 else "requirements.lock")
    command = [program, "--requirement", str(pins), "--no-deps", "--disable-pip", "--format", "json"]
    done = subprocess.run([*command, "--progress-spinner", "off"], capture_output=True, text=True, check=False)
    try:
        report = json.loads(done.stdout)
    except ValueError:
        sys.stderr.write(f"error: pip-audit could not look anything up: {done.stderr.strip()[-500:]}\n")
        return 2
    text, code = verdict(report)
    sys.stdout.write(text + "\n")
    return code


if __name__ == "__main__":
    sys.exit(main())
