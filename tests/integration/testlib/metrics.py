# SPDX-License-Identifier: MIT
"""/metrics as Prometheus would scrape it, read by its client library's parser."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families

from testlib.http import Response

Key = tuple[str, frozenset[tuple[str, str]]]

_NAME = re.compile(r"(headcam|process)_[a-z]+(_[a-z]+)*")
_TYPES = ("counter", "gauge", "histogram")
_FOREIGN_UNITS = ("_ms", "_millis", "_milliseconds", "_minutes", "_kb", "_mb", "_percent")


class Scrape:
    """One answer of /metrics."""

    def __init__(self, response: Response) -> None:
        assert response.status == 200, response
        self.text = response.body.decode("utf-8")
        assert self.text.endswith("\n")
        self.families: list[Metric] = list(text_string_to_metric_families(self.text))
        self.samples: dict[Key, float] = {}
        for family in self.families:
            for sample in family.samples:
                key = sample.name, frozenset(sample.labels.items())
                assert key not in self.samples, f"twice: {key}"
                self.samples[key] = sample.value

    def value(self, name: str, **labels: str) -> float:
        """A sample's value; it must be there, with exactly these labels."""
        return self.samples[name, frozenset(labels.items())]

    def labels(self, name: str) -> list[Mapping[str, str]]:
        """The labels of all samples of a name."""
        return [dict(labels) for sample, labels in self.samples if sample == name]

    def sum(self, name: str, **labels: str) -> float:
        """All samples of a name that have these labels, perhaps among others."""
        wanted = labels.items()
        return sum(v for (n, has), v in self.samples.items() if n == name and wanted <= has)

    def streams(self) -> set[str]:
        """All that a label `stream` names."""
        return {value for _, labels in self.samples for key, value in labels if key == "stream"}

    def names(self) -> list[str]:
        """Of all metrics, as they stand behind # TYPE."""
        return re.findall(r"^# TYPE (\S+) ", self.text, re.MULTILINE)

    def totals(self) -> Iterator[tuple[Key, float]]:
        """Counters that are not of one stream, histograms' among them: none may ever fall."""
        for family in self.families:
            for sample in family.samples:
                if family.type in ("counter", "histogram") and "stream" not in sample.labels:
                    yield (sample.name, frozenset(sample.labels.items())), sample.value

    def check(self) -> None:
        """Fails where Prometheus' conventions are not kept."""
        names = self.names()
        assert len(names) == len(set(names)), "a metric in two places"
        heads = re.findall(r"^# HELP (\S+) (\S.*)\n# TYPE \1 (\S+)$", self.text, re.MULTILINE)
        assert [name for name, _, _ in heads] == names, "a HELP without its TYPE"
        for name, text, kind in heads:
            assert _NAME.fullmatch(name) and kind in _TYPES, (name, kind)
            assert re.fullmatch(r"(1 |[A-Z]).*[^.]\.", text), (name, text)
            assert (kind == "counter") == name.endswith("_total"), (name, kind)
            assert not name.removesuffix("_total").endswith(_FOREIGN_UNITS), name
            assert kind != "histogram" or name.endswith("_seconds"), name
        for family in self.families:
            if family.type == "histogram":
                self._check_histogram(family)

    def _check_histogram(self, family: Metric) -> None:
        buckets = [s for s in family.samples if s.name == f"{family.name}_bucket"]
        bounds = [float(s.labels["le"]) for s in buckets]
        counts = [s.value for s in buckets]
        assert bounds == sorted(bounds) and bounds[-1] == float("inf"), bounds
        assert counts == sorted(counts), counts
        assert counts[-1] == self.value(f"{family.name}_count")
        assert self.value(f"{family.name}_sum") >= 0
