"""The audit of dependencies, with the real pip-audit and a local vulnerability service."""

import json
import subprocess
import sys
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from support.paths import ROOT

pytestmark = pytest.mark.slow

FLAW = {
    "id": "PYSEC-2026-1",
    "summary": "made up",
    "affected": [{
        "package": {"name": "jinja2", "ecosystem": "PyPI"},
        "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "99.1"}]}],
    }],
}  # fmt: skip


def audit(*arguments):
    return subprocess.run(
        [sys.executable, ROOT / ".ci" / "audit.py", *arguments],
        capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip


@contextmanager
def service(vulnerable: str):
    """A server of OSV's protocol that knows one vulnerable package."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            query = json.loads(self.rfile.read(int(self.headers["content-length"])))
            bad = query["package"]["name"] == vulnerable
            body = json.dumps({"vulns": [FLAW]} if bad else {}).encode()
            self.send_response(200)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format, *args):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def osv(url):
    return "--vulnerability-service", "osv", "--osv-url", url


def test_a_known_vulnerability_fails():
    """Fails if a vulnerable package passes."""
    with service("jinja2") as url:
        done = audit(*osv(url))
    assert done.returncode == 1
    assert done.stderr.startswith("audit: jinja2 ")
    assert "PYSEC-2026-1, fixed in 99.1" in done.stderr


def test_reports_the_number_of_audited_packages():
    """Fails if pinned packages are left out of the audit."""
    with service("none") as url:
        done = audit(*osv(url))
    assert done.returncode == 0, done.stderr
    pinned = (ROOT / "constraints.txt").read_text().count("==")
    assert done.stdout == f"audit: {pinned} packages, none known to be vulnerable\n"


def test_an_unreachable_service_is_reported_and_passes():
    """Fails if a machine without a network cannot run the checks."""
    done = audit(*osv("http://127.0.0.1:9"))
    assert (done.returncode, done.stderr) == (0, "")
    assert "no vulnerability service can be reached" in done.stdout


def test_an_audit_that_fails_for_another_reason_fails():
    """Fails if every failure of pip-audit is treated as a missing network."""
    done = audit("--no-such-option")
    assert done.returncode == 1
    assert "pip-audit failed" in done.stderr


def test_a_registry_without_vulnerability_data_does_not_pass():
    """A mirror makes pip-audit skip each name. Fails if that counts as an audit."""
    sys.path.insert(0, str(ROOT / ".ci"))
    try:
        from audit import verdict  # pyright: ignore[reportMissingImports]
    finally:
        sys.path.pop(0)
    skipped = {"name": "jax", "skip_reason": "Dependency not found on PyPI"}
    assert "nothing was audited" in verdict([skipped])[1]
    clean = {"name": "numpy", "version": "2", "vulns": []}
    assert verdict([skipped, clean])[1].endswith("vulnerable; not known to the service: jax")
    flaw = {"id": "X-1", "fix_versions": []}
    status, message = verdict([skipped, {**clean, "vulns": [flaw]}])
    assert status == 1
    assert message == "audit: numpy 2: X-1, fixed in no version yet"
