"""What Prometheus is told of a process: bounded labels, and names that alert rules and documentation share."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import REGISTRY
from prometheus_client.parser import text_string_to_metric_families

from application.ports import Role
from infrastructure.event_log.log_statements import APPEND_PROTOCOL
from tests.api.world import World, must_be_refused, organisation

ROOT = Path(__file__).parents[2]
ALERTS = ROOT / "docs" / "alerts.yaml"
OPERATION = (ROOT / "docs" / "operation.md").read_text(encoding="utf-8")

OF_PROMETHEUS = {"up"}
LABELS_OF_PROMETHEUS = {"job", "instance", "le"}
_METRIC = re.compile(r"\b(kroniek_[a-z_]+|up)\b(?:\{([^}]*)\})?")


def samples(world: World) -> Mapping[tuple[str, frozenset[tuple[str, str]]], float]:
    text = world.anybody.reads("/metrics").text
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def value(world: World, name: str, **labels: str) -> float:
    return samples(world).get((name, frozenset(labels.items())), 0)


def test_appends_are_measured_by_the_batch(world: World) -> None:
    before = {name: value(world, f"kroniek_{name}_count") for name in ("append_seconds", "append_batch_calls")}
    waited = value(world, "kroniek_append_wait_seconds_count")
    world.does("register-organisation", **organisation("measured", 830))
    for name, count in before.items():
        assert value(world, f"kroniek_{name}_count") > count
    assert value(world, "kroniek_append_wait_seconds_count") > waited
    assert value(world, "kroniek_append_seconds_sum") > 0
    assert value(world, "kroniek_appends_waiting") == 0
    assert value(world, "kroniek_append_oldest_seconds") == 0
    assert value(world, "kroniek_lookup_wait_seconds_count") > 0


def test_turns_to_read_and_the_release_are_shown(world: World) -> None:
    assert {value(world, "kroniek_read_turns", state=state) for state in ("held", "waiting")} == {0}
    (info,) = [labels for name, labels in samples(world) if name == "kroniek_build_info"]
    assert dict(info)["version"] == version("kroniek")
    assert dict(info)["protocol"] == str(APPEND_PROTOCOL)


def test_refusals_are_counted_by_their_code(world: World) -> None:
    def counted() -> list[float]:
        codes = ("unauthenticated", "no-such-resource", "unknown-command", "enterprise-number-taken")
        return [value(world, "kroniek_refusals_total", code=code) for code in codes]

    before = counted()
    assert world.anybody.asks("{ organisations { totalCount } }").status == 401
    must_be_refused(world.anybody.reads("/no/such/place"), 404, "no-such-resource")
    administrator = world.caller(Role.ADMINISTRATOR)
    administrator.sends_lines([{"command": "none", "idempotencyKey": "k", "body": {}}])
    world.does("register-organisation", **organisation("again", 831))
    twice = organisation("another", 831)
    must_be_refused(administrator.sends("/organisations", twice), 409, "enterprise-number-taken", twice)
    assert [after - count for after, count in zip(counted(), before, strict=True)] == [1, 1, 1, 1]


def test_labels_are_routes_and_known_methods_and_never_what_a_caller_wrote(world: World) -> None:
    caller = world.caller(Role.AGENCY, "agency")
    for path in (f"/persons/{world.id['ann']}/erasures", "/organisations/made-up-4711/services", "/made-up-4711"):
        caller.sends(path, {})
    world.anybody.requests("PROPFIND", "/made-up-4711")
    labels = {label for _, of_sample in samples(world) for label in of_sample}
    routes = {content for name, content in labels if name == "route"}
    assert {"/persons/{personId}/erasures", "none"} <= {re.sub("{.*?}", "{personId}", route) for route in routes}
    assert not [content for _, content in labels if "made-up" in content or world.id["ann"] in content]
    assert "PROPFIND" not in {content for name, content in labels if name == "method"}


# --- Alert rules ----------------------------------------------------------------------------------------------------


def rules() -> Iterator[dict[str, Any]]:
    for group in import_module("yaml").safe_load(ALERTS.read_text(encoding="utf-8"))["groups"]:
        assert group.keys() <= {"name", "interval", "rules"}
        yield from group["rules"]


SUFFIXES = {"histogram": ("_bucket", "_sum", "_count"), "counter": ("_total",)}


def of_the_process() -> dict[str, str]:
    """Return the type of each metric, by its name on the page."""
    families = (family for family in REGISTRY.collect() if family.name.startswith("kroniek_"))
    return {family.name + ("_total" if family.type == "counter" else ""): family.type for family in families}


def of_the_page() -> dict[str, set[str]]:
    """Return the labels of each metric."""
    rows = re.findall(r"^\| (`kroniek_[^|]*)\|([^|]*)\|", OPERATION, re.MULTILINE)
    word = re.compile(r"`(\w+)`")
    return {name: set(word.findall(labels)) for names, labels in rows for name in word.findall(names)}


def known_names() -> dict[str, set[str]]:
    """Return the labels of each name that a rule can ask for."""
    types, labels = of_the_process(), of_the_page()
    known: dict[str, set[str]] = {name: set() for name in OF_PROMETHEUS}
    for name, kind in types.items():
        endings = SUFFIXES[kind] if kind == "histogram" else ("",)
        known |= {name + ending: labels[name] for ending in endings}
    return known


@pytest.mark.parametrize("rule", list(rules()), ids=lambda rule: rule["alert"])
def test_an_alert_asks_for_metrics_that_there_are_and_says_what_to_do(rule: Mapping[str, Any]) -> None:
    assert rule.keys() == {"alert", "expr", "for", "labels", "annotations"}
    assert re.fullmatch(r"Kroniek[A-Za-z]+", rule["alert"])
    assert re.fullmatch(r"\d+[smh]", rule["for"])
    assert rule["labels"]["severity"] in {"critical", "warning", "info"}
    assert {"summary", "action"} == rule["annotations"].keys()
    known = known_names()
    asked = _METRIC.findall(rule["expr"])
    assert asked
    for name, selectors in asked:
        assert name in known
        assert set(re.findall(r"(\w+)\s*(?:=~|!~|!=|=)", selectors)) <= known[name] | LABELS_OF_PROMETHEUS
    for grouped in re.findall(r"\bby \(([^)]*)\)", rule["expr"]):
        assert {each.strip() for each in grouped.split(",")} <= set.union(*known.values()) | LABELS_OF_PROMETHEUS
    assert f"| `{rule['alert']}` |" in OPERATION


def test_the_alerts_of_the_page_are_those_of_the_file() -> None:
    assert re.findall(r"^\| `(Kroniek\w+)` \|", OPERATION, re.MULTILINE) == [rule["alert"] for rule in rules()]


def test_the_metrics_of_the_page_are_those_of_the_process() -> None:
    assert sorted(of_the_page()) == sorted(of_the_process())
