"""Audit the versions that constraints.txt pins for known vulnerabilities.

    python .ci/audit.py [options of pip-audit]

Exits with 1 for a known vulnerability and for an audit that failed. Where no vulnerability service
can be reached, this prints one line and exits with 0. pip-audit itself does not distinguish these
cases: it reports a pass for a name that its service does not know.
"""

import json
import subprocess
import sys
from pathlib import Path

PINS = Path(__file__).parent.parent / "constraints.txt"
UNREACHABLE = ("ConnectionError", "ConnectTimeout", "ReadTimeout", "Could not connect")
"""What the last line of pip-audit's errors contains if its service does not respond."""


def audit(arguments: list[str]) -> tuple[int, str]:
    """Run pip-audit with further arguments; returns the exit status and a message."""
    done = subprocess.run(
        [sys.executable, "-m", "pip_audit", "--requirement", str(PINS), "--no-deps",
         "--disable-pip", "--format", "json", "--progress-spinner", "off", *arguments],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    try:
        packages = json.loads(done.stdout)["dependencies"]
    except ValueError:
        reason = (done.stderr.strip() or "no error message").splitlines()[-1]
        if any(name in reason for name in UNREACHABLE):
            return (
                0,
                "audit: no vulnerability service can be reached; nothing was audited",
            )
        return 1, f"audit: pip-audit failed: {reason}"
    return verdict(packages)


def verdict(packages: list[dict]) -> tuple[int, str]:
    """The exit status and the message for pip-audit's report on each package."""
    known = [package for package in packages if "vulns" in package]
    bad = [
        f"audit: {package['name']} {package['version']}: {flaw['id']}, "
        f"fixed in {', '.join(flaw['fix_versions']) or 'no version yet'}"
        for package in known
        for flaw in package["vulns"]
    ]
    if bad:
        return 1, "\n".join(bad)
    if not known:
        return 0, "audit: no vulnerability service knows any package here; nothing was audited"
    unknown = [package["name"] for package in packages if package not in known]
    note = f"; not known to the service: {', '.join(unknown)}" if unknown else ""
    return 0, f"audit: {len(known)} packages, none known to be vulnerable{note}"


if __name__ == "__main__":
    status, message = audit(sys.argv[1:])
    print(message, file=sys.stderr if status else sys.stdout)
    sys.exit(status)
