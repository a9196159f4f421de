# SPDX-License-Identifier: MIT
"""What the sections found, and how it is printed: budgets, transports, peers, notes."""

from __future__ import annotations

import os
import platform
import time
from dataclasses import dataclass, field
from pathlib import Path

from floors import Pairs
from harness import say


@dataclass
class Row:
    """One line of the table of budgets."""

    what: str
    unit: str
    figure: float
    floor: float | None
    ratio: float | None
    budget: str
    ok: bool | None  # None: no budget, for information
    note: str = ""


@dataclass
class Report:
    """Figures as they come in."""

    rows: list[Row] = field(default_factory=list)
    # figure -> column -> text
    transports: dict[str, dict[str, str]] = field(default_factory=dict)
    peers: dict[str, dict[str, str]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    # single measurements that are not a Measurement's, for the JSON
    measured: dict[str, dict] = field(default_factory=dict)

    def pairs(
        self, what: str, unit: str, pairs: Pairs, factor: float, extra: float = 0, note: str = ""
    ) -> None:
        """A row whose budget is factor x floor + extra; the median of the pairs decides."""
        budget = f"<= {factor:g} x" + (f" + {extra:g} {unit}" if extra else "")
        low, high = min(pairs.ratios()), max(pairs.ratios())
        spread = f"{low:.2f} to {high:.2f} x in {len(pairs.figures)} pairs"
        self.rows.append(
            Row(
                what,
                unit,
                pairs.figure,
                pairs.floor,
                pairs.ratio(),
                budget,
                pairs.ratio(extra) <= factor,
                f"{spread}; {note}" if note else spread,
            )
        )

    def limit(
        self, what: str, unit: str, figure: float, budget: str, ok: bool | None, note: str = ""
    ) -> None:
        """A row whose budget is no floor's."""
        self.rows.append(Row(what, unit, figure, None, None, budget, ok, note))

    def in_units_of(
        self, what: str, unit: str, figure: float, of: float, factor: float | None, note: str
    ) -> None:
        """A row told as a multiple of a fixed amount, and held below factor of these."""
        ratio = figure / of
        budget, ok = ("", None) if factor is None else (f"< {factor:g} x", ratio < factor)
        self.rows.append(Row(what, unit, figure, of, ratio, budget, ok, note))

    def transport(self, figure: str, way: str, text: str) -> None:
        self.transports.setdefault(figure, {})[way] = text

    def peer(self, figure: str, subject: str, text: str) -> None:
        self.peers.setdefault(figure, {})[subject] = text

    def note(self, text: str) -> None:
        if text not in self.notes:
            self.notes.append(text)
            say(f"  note: {text}")


def machine() -> str:
    """One line: when, on what, under which load."""
    model = next(
        (
            line.split(":", 1)[1].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if line.startswith("model name")
        ),
        platform.machine(),
    )
    load = ", ".join(f"{value:.2f}" for value in os.getloadavg())
    when = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime())
    kernel = platform.release().partition("-")[0]
    what = f"{os.cpu_count()} cores of {model}, Linux {kernel}"
    return f"{when}; {what}; load average {load}"


# ------------------------------------------------------------------- tables


def _number(value: float | None, unit: str = "") -> str:
    return "-" if value is None else f"{value:.{0 if value >= 100 else 2}f} {unit}".rstrip()


def _verdict(ok: bool | None) -> str:
    return {True: "ok", False: "over", None: ""}[ok]


Table = tuple[list[str], list[list[str]]]


def _tables(report: Report) -> list[Table]:
    tables: list[Table] = []
    if report.rows:
        tables.append(
            (
                ["budget", "figure", "floor", "ratio", "at most", "", "remark"],
                [
                    [
                        row.what,
                        _number(row.figure, row.unit),
                        _number(row.floor, row.unit),
                        _number(row.ratio),
                        row.budget,
                        _verdict(row.ok),
                        row.note,
                    ]
                    for row in report.rows
                ],
            )
        )
    for first, cells in (
        ("ring against inline, 1080p30", report.transports),
        ("the same pictures and viewers", report.peers),
    ):
        if cells:
            columns = list(
                dict.fromkeys(name for by_column in cells.values() for name in by_column)
            )
            tables.append(
                (
                    [first, *columns],
                    [
                        [figure, *(by_column.get(name, "-") for name in columns)]
                        for figure, by_column in cells.items()
                    ],
                )
            )
    return tables


def _as_text(header: list[str], lines: list[list[str]]) -> str:
    widths = [max(len(line[i]) for line in [header, *lines]) for i in range(len(header))]
    rule = ["-" * width for width in widths]

    def text(line: list[str]) -> str:
        return "  ".join(cell.ljust(width) for cell, width in zip(line, widths)).rstrip()

    return "\n".join(map(text, [header, rule, *lines]))


def _as_markdown(header: list[str], lines: list[list[str]]) -> str:
    def text(line: list[str]) -> str:
        return "| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |"

    return "\n".join([text(header), "|" + "---|" * len(header), *map(text, lines)])


def render(report: Report, about: str, markdown: bool) -> str:
    """Returns all tables and notes as plain text or as Markdown."""
    table = _as_markdown if markdown else _as_text
    parts = [about, *(table(header, lines) for header, lines in _tables(report))]
    if report.notes:
        parts.append("\n".join(f"- {note}" if markdown else note for note in report.notes))
    return "\n\n".join(parts)
