"""The dashboards as Grafana's model wants them."""

import json
import re
from typing import Any

import pytest

from components.observability.dashboards import DASHBOARDS, Dashboard, render

VARIABLE = re.compile(r"\$(?:\{(\w+)(?::\w+)?\}|(\w+))")
GRAFANAS_OWN = {"__rate_interval", "__interval", "__range"}
each_dashboard = pytest.mark.parametrize("dashboard", DASHBOARDS, ids=lambda dashboard: dashboard.uid)


def model(dashboard: Dashboard) -> dict[str, Any]:
    return json.loads(render(dashboard))


def test_every_dashboard_has_an_identity_of_its_own() -> None:
    assert len({dashboard.uid for dashboard in DASHBOARDS}) == len({dashboard.title for dashboard in DASHBOARDS}) == 4
    assert all(len(dashboard.uid) <= 40 for dashboard in DASHBOARDS)  # Grafana's longest


@each_dashboard
def test_a_query_stands_on_a_dashboard_once(dashboard: Dashboard) -> None:
    queries = [query.expression for panel in dashboard.panels for query in panel.queries]

    assert len(set(queries)) == len(queries)


@each_dashboard
def test_the_data_source_is_chosen_where_it_is_imported(dashboard: Dashboard) -> None:
    document = model(dashboard)

    assert document["templating"]["list"][0]["type"] == "datasource"
    for panel in document["panels"]:
        assert panel["datasource"]["uid"] == "${datasource}"
        assert all(target["datasource"]["uid"] == "${datasource}" for target in panel["targets"])


@each_dashboard
def test_every_variable_that_a_query_uses_is_there_and_used(dashboard: Dashboard) -> None:
    document = model(dashboard)
    offered = {variable["name"] for variable in document["templating"]["list"]} - {"datasource"}
    used = {
        match[0] or match[1]
        for panel in document["panels"]
        for target in panel["targets"]
        for match in VARIABLE.findall(target["expr"])
    }

    assert used - GRAFANAS_OWN == offered


@each_dashboard
def test_panels_fill_the_grid_without_overlap(dashboard: Dashboard) -> None:
    taken: set[tuple[int, int]] = set()
    for panel in model(dashboard)["panels"]:
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & taken
        assert all(0 <= x < 24 for x, _ in cells)
        taken |= cells


@each_dashboard
def test_panels_and_queries_are_numbered_apart(dashboard: Dashboard) -> None:
    panels = model(dashboard)["panels"]

    assert len({panel["id"] for panel in panels}) == len(panels)
    for panel in panels:
        assert len({target["refId"] for target in panel["targets"]}) == len(panel["targets"])
        assert panel["description"]
