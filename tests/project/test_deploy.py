"""The files in deploy/ agree with the service: metrics, routes, settings, ports, grace periods."""

import json
import re

import pytest
import yaml

from service.api import health
from service.observe.metrics import ServiceMetrics
from service.settings import Settings
from support import dockerfile
from support.paths import ROOT

DEPLOY = ROOT / "deploy"
IMAGE = dockerfile.stages()[-1]
FILES = sorted(path for path in DEPLOY.rglob("*") if path.suffix in (".yaml", ".yml", ".json"))
VARIABLES = {f"TEXTRNN_{name.upper()}" for name in Settings.model_fields} | {"TEXTRNN_CONFIG"}


def read(path):
    """The documents of a file."""
    text = (DEPLOY / path).read_text(encoding="utf-8")
    return [json.loads(text)] if str(path).endswith(".json") else list(yaml.safe_load_all(text))


def one(path):
    """The only document of a file."""
    (document,) = read(path)
    return document


def exposed() -> dict[str, set[str]]:
    """The names that /metrics exposes, with their labels."""
    metrics = ServiceMetrics()
    named = {}
    for metric in metrics.registry._collector_to_names:
        labels = set(getattr(metric, "_labelnames", ()))
        for family in metric.describe():  # type: ignore[attr-defined]
            for suffix in {
                "counter": ["_total"], "gauge": [""], "histogram": ["_bucket", "_sum", "_count"],
            }[family.type]:  # fmt: skip
                own = labels | ({"le"} if suffix == "_bucket" else set())
                named[family.name + suffix] = own
    return named


def expressions() -> list[str]:
    panels = one("grafana/dashboards/textrnn.json")["panels"]
    rules = one("rules.yml")["groups"][0]["rules"]
    targets = [target["expr"] for panel in panels for target in panel["targets"]]
    return targets + [rule["expr"] for rule in rules]


@pytest.fixture(scope="module")
def pod():
    return one("kubernetes/deployment.yaml")["spec"]["template"]["spec"]


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(DEPLOY)))
def test_every_file_parses(path):
    documents = read(path.relative_to(DEPLOY))
    assert documents
    assert all(isinstance(document, dict) for document in documents)
    assert "\t" not in path.read_text()


def test_queried_metrics_are_exposed():
    """Fails if a metric is renamed, and a dashboard, an alert or the autoscaler goes blind."""
    known = exposed()
    used = {name for e in expressions() for name in re.findall(r"textrnn_\w+", e)}
    pods = one("kubernetes/autoscaler.yaml")["spec"]["metrics"][0]["pods"]
    used.add(pods["metric"]["name"])
    used |= set(re.findall(r"'(textrnn_\w+)\{", (DEPLOY / "README.md").read_text()))
    assert used <= set(known)
    families = {re.sub(r"_(bucket|sum|count)$", "", name) for name in used}
    shown = {re.sub(r"_(bucket|sum|count)$", "", name) for name in known}
    assert families == shown, "every exposed metric is on the dashboard"


def test_queried_labels_are_exposed():
    """Fails if an expression groups or matches by a label that no metric has."""
    known = exposed()
    given = {"job", "instance"}  # by Prometheus
    for expression in expressions():
        own = set().union(*(known[name] for name in re.findall(r"textrnn_\w+", expression)))
        by = {label for group in re.findall(r"by \(([^)]*)\)", expression)
              for label in group.replace(" ", "").split(",")}  # fmt: skip
        matched = set(re.findall(r"[{,](\w+)(?:=|!=|=~)", expression))
        assert by | matched <= own | given, expression


def test_alerts_use_reasons_that_the_service_counts():
    """Fails if an alert names a reason of refusal that the service never counts."""
    code = "".join(path.read_text() for path in (ROOT / "service").rglob("*.py"))
    counted = set(re.findall(r'rejected\.labels\("(\w+)"\)', code))
    named = {r for e in expressions() for r in re.findall(r'reason="(\w+)"', e)}
    assert named == counted


def test_panels_have_distinct_positions_and_the_provisioned_data_source():
    dashboard = one("grafana/dashboards/textrnn.json")
    (source,) = one("grafana/provisioning/datasources/prometheus.yaml")["datasources"]
    places = [(p["gridPos"]["x"], p["gridPos"]["y"]) for p in dashboard["panels"]]
    assert len(set(places)) == len(places)
    assert {p["datasource"]["uid"] for p in dashboard["panels"]} == {source["uid"]}
    (provider,) = one("grafana/provisioning/dashboards/textrnn.yaml")["providers"]
    mounts = one("compose.yaml")["services"]["grafana"]["volumes"]
    assert f"./grafana/dashboards:{provider['options']['path']}:ro" in mounts
    assert source["url"] == "http://prometheus:9090"


def test_referenced_files_exist():
    services = one("compose.yaml")["services"]
    for service in services.values():
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            assert not source.startswith(".") or (DEPLOY / source).exists()
    assert (DEPLOY / services["textrnn"]["build"] / "Dockerfile").exists()
    assert all((DEPLOY / name).exists() for name in one("prometheus.yml")["rule_files"])
    resources = one("kubernetes/kustomization.yaml")["resources"]
    there = {path.name for path in (DEPLOY / "kubernetes").glob("*.yaml")}
    assert {*resources, "kustomization.yaml"} == there
    for name in re.findall(
        r"`((?:kubernetes|grafana)/[\w./]+)`", (DEPLOY / "README.md").read_text()
    ):
        assert (DEPLOY / name).exists()


def test_variables_are_valid_settings(pod):
    """Fails if a variable is misspelt, and so ignored, or has an invalid value."""
    container = pod["containers"][0]
    (settings,) = one("kubernetes/kustomization.yaml")["configMapGenerator"]
    assert container["envFrom"][0]["configMapRef"]["name"] == settings["name"]
    mapped = dict(literal.split("=", 1) for literal in settings["literals"])
    composed = one("compose.yaml")["services"]["textrnn"]["environment"]
    secret = {entry["name"] for entry in container["env"]}
    assert secret == {"TEXTRNN_API_KEYS", "TEXTRNN_STATE_KEY"}
    assert {*mapped, *composed, *secret} <= VARIABLES
    named = set(re.findall(r"TEXTRNN_[A-Z_]+", (DEPLOY / "README.md").read_text()))
    named |= {name for name in dockerfile.variables(IMAGE) if name.startswith("TEXTRNN_")}
    assert named <= VARIABLES
    for given in (mapped, {k: v for k, v in composed.items() if not v.startswith("$")}):
        Settings(**{name.removeprefix("TEXTRNN_").lower(): value for name, value in given.items()})


def test_keys_come_from_the_secret(pod):
    for entry in pod["containers"][0]["env"]:
        assert set(entry["valueFrom"]) == {"secretKeyRef"}
        assert entry["valueFrom"]["secretKeyRef"]["name"] == "textrnn-keys"
    assert not any(document.get("kind") == "Secret" for path in FILES
                   for document in read(path.relative_to(DEPLOY)))  # fmt: skip


def test_ports_and_probes_match_the_service(pod):
    (container,) = pod["containers"]
    (port,) = container["ports"]
    (exposed_port,) = dockerfile.last(IMAGE, "EXPOSE").words
    assert port["containerPort"] == int(exposed_port)
    paths = {route.path for route in health.router.routes}  # type: ignore[attr-defined]
    for probe, path in (("startup", "/readyz"), ("readiness", "/readyz"), ("liveness", "/healthz")):
        assert container[f"{probe}Probe"]["httpGet"] == {"path": path, "port": port["name"]}
        assert path in paths
    annotations = one("kubernetes/deployment.yaml")["spec"]["template"]["metadata"]["annotations"]
    assert annotations["prometheus.io/port"] == exposed_port
    assert annotations["prometheus.io/path"] in paths
    assert one("kubernetes/service.yaml")["spec"]["ports"][0]["targetPort"] == port["name"]
    scrape = one("prometheus.yml")["scrape_configs"][0]
    assert scrape["static_configs"][0]["targets"] == [f"textrnn:{exposed_port}"]
    assert scrape["metrics_path"] in paths
    assert one("compose.yaml")["services"]["textrnn"]["ports"] == [f"127.0.0.1:8000:{exposed_port}"]


def test_grace_periods_leave_time_to_drain(pod):
    """Fails if SIGKILL comes before accepted requests are finished."""
    (settings,) = one("kubernetes/kustomization.yaml")["configMapGenerator"]
    mapped = dict(literal.split("=", 1) for literal in settings["literals"])
    grace = float(mapped["TEXTRNN_GRACE"])
    (container,) = pod["containers"]
    command = container["lifecycle"]["preStop"]["exec"]["command"]
    assert command[0] == "sleep"
    assert pod["terminationGracePeriodSeconds"] > int(command[1]) + grace
    assert grace > float(mapped["TEXTRNN_DEADLINE"])
    composed = one("compose.yaml")["services"]["textrnn"]
    assert int(composed["stop_grace_period"].removesuffix("s")) > float(
        composed["environment"]["TEXTRNN_GRACE"]
    )


def test_the_pod_has_minimal_privileges(pod):
    (container,) = pod["containers"]
    assert pod["securityContext"]["runAsNonRoot"]
    assert pod["securityContext"]["runAsUser"] == dockerfile.user_id(IMAGE)
    own = container["securityContext"]
    assert own["readOnlyRootFilesystem"]
    assert not own["allowPrivilegeEscalation"]
    assert own["capabilities"] == {"drop": ["ALL"]}
    assert {m["name"] for m in container["volumeMounts"]} == {v["name"] for v in pod["volumes"]}


def test_service_links_do_not_overwrite_settings(pod):
    """Kubernetes sets TEXTRNN_PORT=tcp://... for a Service named textrnn. Fails if it overrides
    the port setting."""
    assert one("kubernetes/service.yaml")["metadata"]["name"] == "textrnn"
    assert pod["enableServiceLinks"] is False


def test_the_autoscaler_acts_before_the_queue_is_full():
    """Fails if requests are refused before another replica starts."""
    spec = one("kubernetes/autoscaler.yaml")["spec"]
    deployment = one("kubernetes/deployment.yaml")
    assert spec["scaleTargetRef"]["name"] == deployment["metadata"]["name"]
    target = float(spec["metrics"][0]["pods"]["target"]["averageValue"])
    assert target < Settings().queue_rows / 2
    assert spec["minReplicas"] > one("kubernetes/disruption.yaml")["spec"]["minAvailable"]
