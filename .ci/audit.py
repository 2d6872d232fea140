"""Ask whether what constraints.txt pins is known to be vulnerable.

    python .ci/audit.py [what else pip-audit takes]

Exit 1 for a known vulnerability, and for an audit that failed. Where no vulnerability service can
be reached, there is nothing to be known: one line says so, and the exit is 0. pip-audit itself does
not tell these apart: for a name that its service does not know it reports a pass.
"""

import json
import subprocess
import sys
from pathlib import Path

PINS = Path(__file__).parent.parent / "constraints.txt"
UNREACHABLE = ("ConnectionError", "ConnectTimeout", "ReadTimeout", "Could not connect")
"""What the last line of pip-audit says of a service that does not answer."""


def audit(arguments: list[str]) -> tuple[int, str]:
    """The exit status, and what to say."""
    done = subprocess.run(
        [sys.executable, "-m", "pip_audit", "--requirement", str(PINS), "--no-deps",
         "--disable-pip", "--format", "json", "--progress-spinner", "off", *arguments],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    try:
        found = json.loads(done.stdout)["dependencies"]
    except ValueError:
        said = (done.stderr.strip() or "nothing was said").splitlines()[-1]
        if any(name in said for name in UNREACHABLE):
            return (
                0,
                "audit: no vulnerability service can be reached; nothing was audited",
            )
        return 1, f"audit: pip-audit failed: {said}"
    return verdict(found)


def verdict(found: list[dict]) -> tuple[int, str]:
    """The same for what pip-audit found of each package."""
    known = [package for package in found if "vulns" in package]
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
    unknown = [package["name"] for package in found if package not in known]
    note = f"; not known to the service: {', '.join(unknown)}" if unknown else ""
    return 0, f"audit: {len(known)} packages, none known to be vulnerable{note}"


if __name__ == "__main__":
    status, said = audit(sys.argv[1:])
    print(said, file=sys.stderr if status else sys.stdout)
    sys.exit(status)
