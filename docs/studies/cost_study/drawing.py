"""Stand-alone SVG for pages on the web: one style for light and dark, panels with axes, text that is never cut off."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from halfspread.reports.scales import Scale
from halfspread.reports.svg import element, text

__all__ = ["Panel", "apart", "document", "words"]

_STYLE = """
svg { --paper: #ffffff; --ink: #16191d; --soft: #5d6570; --hair: #e4e7ea; --rule: #9aa2ab; --wash: #dfe4ea;
  --s0: #2563a8; --s1: #d1661b; --s2: #23875f; --s3: #a83a6c; --s4: #7a5bc0; --s5: #9a7b1f; --s6: #6b7280; }
@media (prefers-color-scheme: dark) { svg { --paper: #14171a; --ink: #e7eaed; --soft: #a3abb5; --hair: #2a2f35;
  --rule: #6a737d; --wash: #39424c; --s0: #69a5e8; --s1: #f0924c; --s2: #52bd90; --s3: #e27aa8; --s4: #a994ea;
  --s5: #d0b04c; --s6: #a0a8b3; } }
text { font: 12px ui-sans-serif, -apple-system, "Segoe UI", Roboto, "Noto Sans", Arial, sans-serif; fill: var(--soft); }
text.head { font-weight: 650; font-size: 13px; fill: var(--ink); }
text.strong { fill: var(--ink); }
.paper { fill: var(--paper); }
.grid { stroke: var(--hair); } .rule { stroke: var(--rule); } .dash { stroke-dasharray: 4 3; }
.line { fill: none; stroke-width: 1.8; } .dot { stroke: none; }
.wash { fill: var(--wash); } .ink { stroke: var(--ink); }
"""
_COLOURS = "\n".join(f".s{i} {{ --own: var(--s{i}); }}" for i in range(7)) + (
    "\n.line.own { stroke: var(--own); } .fill.own, .dot.own { fill: var(--own); } text.own { fill: var(--own); }\n"
)


def document(width: int, height: int, title: str, description: str, *parts: str) -> str:
    """The whole file: `parts` over a sheet of paper; ``title`` and ``description`` for those who do not see it."""
    return (
        element(
            "svg",
            element("title", text(title)),
            element("desc", text(description)),
            f"<style>{_STYLE}{_COLOURS}</style>",
            element("rect", width=width, height=height, rx=6, class_="paper"),
            *parts,
            xmlns="http://www.w3.org/2000/svg",
            viewBox=f"0 0 {width} {height}",
            width=width,
            height=height,
            role="img",
        )
        + "\n"
    )


def words(x: float, y: float, said: str, style: str = "", anchor: str = "start") -> str:
    """A line of text."""
    return element("text", text(said), x=round(x, 1), y=round(y, 1), class_=style or None, text_anchor=anchor)


@dataclass(frozen=True)
class Panel:
    """A rectangle of the picture and the ranges of the data in it."""

    left: float
    top: float
    width: float
    height: float
    xs: tuple[float, float]
    ys: tuple[float, float]

    @property
    def x(self) -> Scale:
        """Data to pixels."""
        return Scale(*self.xs, self.left, self.left + self.width)

    @property
    def y(self) -> Scale:
        """Data to pixels, upwards."""
        return Scale(*self.ys, self.top + self.height, self.top)

    def level(self, value: float, label: str, style: str = "grid") -> str:
        """A horizontal line with its label on the left."""
        y = round(float(self.y(value)), 1)
        line = element("line", x1=self.left, x2=self.left + self.width, y1=y, y2=y, class_=style)
        return line + words(self.left - 6, y + 4, label, anchor="end")

    def upright(self, value: float, style: str) -> str:
        """A vertical line."""
        x = round(float(self.x(value)), 1)
        return element("line", x1=x, x2=x, y1=self.top, y2=self.top + self.height, class_=style)

    def below(self, value: float, label: str, row: int = 0, anchor: str = "middle") -> str:
        """A label under the panel."""
        return words(float(self.x(value)), self.top + self.height + 16 + 15 * row, label, anchor=anchor)

    def path(self, xs: Sequence[float], ys: Sequence[float]) -> str:
        """Path data through the points."""
        points = zip(self.x(xs).tolist(), self.y(ys).tolist(), strict=True)
        return "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in points)


def apart(places: Sequence[float], least: float, low: float, high: float) -> list[float]:
    """The places moved as little as needed to be ``least`` apart, in their order, within the limits if there is
    room."""
    order = np.argsort(places, kind="stable")
    moved = np.array(places, dtype=np.float64)[order]
    for _ in range(200):
        for i in range(1, len(moved)):
            lack = least - (moved[i] - moved[i - 1])
            if lack > 0.0:
                moved[i - 1] -= lack / 2.0
                moved[i] += lack / 2.0
        moved = np.clip(moved, low, high)
    found = np.empty(len(moved))
    found[order] = moved
    return [float(each) for each in found]
