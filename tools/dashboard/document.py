"""Rows of panels → the JSON that Grafana imports (schema 39: Grafana 10.3 and later)."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from dashboard.panel import Look, Panel, Query, Row

_WIDTH: Final = 24
_HEIGHTS: Final[Mapping[str, int]] = {"stat": 4, "timeseries": 8, "state-timeline": 8}
_SOURCE: Final = {"type": "prometheus", "uid": "${datasource}"}
_SCHEMA: Final = 39

Json = dict[str, Any]


def document(rows: Iterable[Row]) -> str:
    """The file's text."""
    panels: list[Json] = []
    y = 0
    for row in rows:
        panels.append(_row(row.title, y, len(panels) + 1))
        y += 1
        x = height = 0
        for panel in row.panels:
            if x + panel.width > _WIDTH:
                x, y = 0, y + height
            height = _HEIGHTS[panel.kind]
            place = {"h": height, "w": panel.width, "x": x, "y": y}
            panels.append(_panel(panel, place, len(panels) + 1))
            x += panel.width
        y += height
    return json.dumps(_dashboard(panels), indent=2, ensure_ascii=False) + "\n"


def _dashboard(panels: list[Json]) -> Json:
    return {
        "uid": "axm1-llm",
        "title": "axm1-llm",
        "description": "Language models on the AX-M1 card: what they do, how fast, who waits, what fails.",
        "tags": ["axm1-llm", "llm"],
        "timezone": "browser",
        "editable": True,
        "graphTooltip": 1,
        "time": {"from": "now-6h", "to": "now"},
        "fiscalYearStartMonth": 0,
        "refresh": "30s",
        "schemaVersion": _SCHEMA,
        "version": 1,
        "panels": panels,
        "templating": {"list": [_datasource(), _instance(), _model()]},
        "annotations": {"list": []},
        "links": [],
    }


def _datasource() -> Json:
    return {
        "type": "datasource",
        "name": "datasource",
        "label": "Prometheus",
        "query": "prometheus",
        "current": {},
        "hide": 0,
        "multi": False,
        "includeAll": False,
        "refresh": 1,
        "regex": "",
        "skipUrlSync": False,
    }


def _instance() -> Json:
    return _labels("instance", "Instance", "label_values(axm1_llm_build_info, instance)")


def _model() -> Json:
    return _labels("model", "Model", 'label_values(axm1_llm_queue_length{instance=~"$instance"}, model)')


def _labels(name: str, label: str, query: str) -> Json:
    return {
        "type": "query",
        "name": name,
        "label": label,
        "datasource": _SOURCE,
        "query": {"query": query, "refId": name},
        "current": {"selected": True, "text": "All", "value": "$__all"},
        "hide": 0,
        "multi": True,
        "includeAll": True,
        # An empty label too: that of a metric which node_exporter filled up.
        "allValue": ".*",
        "refresh": 2,  # when the time range changes: models come and go
        "regex": "",
        "skipUrlSync": False,
        "sort": 1,
    }


def _row(title: str, y: int, number: int) -> Json:
    return {
        "type": "row",
        "title": title,
        "id": number,
        "collapsed": False,
        "gridPos": {"h": 1, "w": _WIDTH, "x": 0, "y": y},
        "panels": [],
    }


def _panel(panel: Panel, place: Json, number: int) -> Json:
    return {
        "type": panel.kind,
        "id": number,
        "title": panel.title,
        "description": panel.description,
        "datasource": _SOURCE,
        "gridPos": place,
        "targets": [
            _target(query, chr(ord("A") + index), latest=panel.look.text)
            for index, query in enumerate(panel.queries)
        ],
        "fieldConfig": {"defaults": _defaults(panel), "overrides": []},
        "options": _options(panel),
    }


def _target(query: Query, letter: str, *, latest: bool) -> Json:
    return {
        "refId": letter,
        "datasource": _SOURCE,
        "expr": query.expr,
        "legendFormat": query.legend,
        "editorMode": "code",
        "range": not latest,
        "instant": latest,
    }


def _defaults(panel: Panel) -> Json:
    look = panel.look
    colored = bool(look.steps) and panel.kind == "stat"
    defaults: Json = {
        "unit": panel.unit,
        "color": {"mode": "thresholds" if colored or look.words else "palette-classic"},
        "mappings": _words(look),
        "thresholds": {
            "mode": "absolute",
            "steps": [{"value": step.value, "color": step.color} for step in look.steps]
            or [{"value": None, "color": "green"}],
        },
        "custom": _custom(panel),
    }
    if look.low is not None:
        defaults["min"] = look.low
    if look.high is not None:
        defaults["max"] = look.high
    return defaults


def _words(look: Look) -> list[Json]:
    if not look.words:
        return []
    options = {str(value): {"text": text, "color": color} for value, text, color in look.words}
    return [{"type": "value", "options": options}]


def _custom(panel: Panel) -> Json:
    if panel.kind == "state-timeline":
        return {"lineWidth": 0, "fillOpacity": 80}
    if panel.kind == "stat":
        return {}
    return {
        "drawStyle": "line",
        "lineWidth": 1,
        "fillOpacity": 20 if panel.look.stacked else 5,
        "showPoints": "never",
        "spanNulls": False,
        "stacking": {"mode": "normal" if panel.look.stacked else "none", "group": "A"},
        "thresholdsStyle": {"mode": "line" if panel.look.steps else "off"},
    }


def _options(panel: Panel) -> Json:
    if panel.kind == "stat":
        return {
            "reduceOptions": {"calcs": ["lastNotNull"], "values": False, "fields": ""},
            "colorMode": "value",
            "graphMode": "none" if panel.look.text or panel.look.words else "area",
            "textMode": "name" if panel.look.text else "value",
            "justifyMode": "auto",
            "orientation": "auto",
        }
    legend = {"showLegend": True, "displayMode": "list", "placement": "bottom", "calcs": []}
    tooltip = {"mode": "multi", "sort": "desc"}
    if panel.kind == "state-timeline":
        look = {"showValue": "never", "rowHeight": 0.8, "mergeValues": True, "alignValue": "left"}
        return {**look, "legend": legend, "tooltip": tooltip}
    return {"legend": legend, "tooltip": tooltip}
