"""The look of the HTML pages: one style sheet for light, dark, phones and paper, without fonts or files from
elsewhere.
"""

from __future__ import annotations

__all__ = ["CSS", "series_style"]

_SERIES = 8
_DASHES = (None, "7 4", "2 3")


def series_style(index: int) -> tuple[str, str | None]:
    """CSS class and dash pattern of the line number ``index``: eight colours, then the same ones dashed and dotted."""
    return f"series-{index % _SERIES}", _DASHES[index // _SERIES % len(_DASHES)]


_LIGHT = """
  --paper: #ffffff; --ink: #16191d; --soft: #5d6570; --faint: #8b939d; --hair: #e4e7ea;
  --rule: #b9c0c7; --wash: #f6f7f8;
  --gain: #1b7f5c; --loss: #c0392b; --warn: #fdf4dc; --warn-edge: #d9a520;
  --price: #9db4cc; --half-spread: #e39a3b; --fee: #c94f3d; --impact: #8c62b0;
  --funding: #2f9c95; --liquidation: #5b2333;
  --s0: #2563a8; --s1: #d1661b; --s2: #23875f; --s3: #a83a6c; --s4: #7a5bc0; --s5: #9a7b1f;
  --s6: #1b8fa6; --s7: #6b7280;
  color-scheme: light;
"""

_DARK = """
  --paper: #14171a; --ink: #e7eaed; --soft: #a3abb5; --faint: #79828d; --hair: #2a2f35;
  --rule: #4a525b; --wash: #1b1f23;
  --gain: #4fc095; --loss: #ee7c6d; --warn: #2e2716; --warn-edge: #b98d1f;
  --price: #4f6c8a; --half-spread: #d48f3a; --fee: #d4604d; --impact: #a07ac6;
  --funding: #3aaea6; --liquidation: #b5566f;
  --s0: #69a5e8; --s1: #f0924c; --s2: #52bd90; --s3: #e27aa8; --s4: #a994ea; --s5: #d0b04c;
  --s6: #4fc0d6; --s7: #a0a8b3;
  color-scheme: dark;
"""

_PARTS = ("price", "half-spread", "fee", "impact", "funding", "liquidation")

CSS = f"""
:root {{{_LIGHT}}}
@media screen and (prefers-color-scheme: dark) {{ :root {{{_DARK}}} }}
* {{ box-sizing: border-box; }}
html {{ -webkit-text-size-adjust: 100%; }}
body {{ margin: 0; background: var(--paper); color: var(--ink);
  font: 15px/1.5 ui-sans-serif, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", "Noto Sans", Arial, sans-serif;
  font-variant-numeric: tabular-nums lining-nums; }}
main {{ max-width: 1060px; margin: 0 auto; padding: 40px 32px 64px; }}
header .brand {{ font-size: 12px; letter-spacing: .09em; text-transform: uppercase; color: var(--faint);
  margin: 0 0 6px; }}
h1 {{ font-size: 30px; line-height: 1.15; letter-spacing: -.015em; font-weight: 650; margin: 0;
  overflow-wrap: anywhere; }}
header p.what {{ color: var(--soft); margin: 8px 0 0; overflow-wrap: anywhere; }}
header p.params {{ color: var(--soft); margin: 2px 0 0; font-size: 13px; overflow-wrap: anywhere; }}
section {{ margin-top: 44px; }}
h2 {{ font-size: 17px; letter-spacing: -.005em; font-weight: 650; margin: 0 0 4px; }}
h3 {{ font-size: 13px; font-weight: 600; color: var(--soft); margin: 22px 0 4px; }}
p.lead {{ color: var(--soft); margin: 0 0 14px; max-width: 88ch; font-size: 14px; }}
p.lead.after {{ margin: 12px 0 0; }}
a {{ color: inherit; }}

.figures {{ display: grid; grid-template-columns: repeat(4, minmax(0, 1fr)); margin-top: 28px;
  border-top: 2px solid var(--ink); }}
.figures > div {{ padding: 12px 16px 14px 0; border-bottom: 1px solid var(--hair); }}
.figures .name {{ font-size: 13px; color: var(--soft); }}
.figures .value {{ font-size: 27px; line-height: 1.25; letter-spacing: -.02em; font-weight: 600;
  white-space: nowrap; }}
.figures .value small {{ font-size: 14px; font-weight: 400; letter-spacing: 0; color: var(--soft); }}
.figures .basis {{ font-size: 12px; line-height: 1.4; color: var(--soft); }}
.gain {{ color: var(--gain); }}
.loss {{ color: var(--loss); }}

.alert {{ margin: 18px 0 0; padding: 8px 14px; background: var(--warn);
  border-left: 3px solid var(--warn-edge); font-size: 14px; }}
.alert ul {{ margin: 0; padding-left: 18px; }}

dl {{ display: grid; grid-template-columns: minmax(7.5em, max-content) 1fr; gap: 0; margin: 14px 0 0;
  font-size: 13.5px; }}
dt, dd {{ padding: 5px 0; border-bottom: 1px solid var(--hair); margin: 0; }}
dt {{ color: var(--soft); padding-right: 24px; }}
dd {{ overflow-wrap: anywhere; }}

.scroll {{ overflow-x: auto; }}
table {{ border-collapse: collapse; width: 100%; font-size: 13.5px; }}
th, td {{ padding: 5px 0 5px 18px; text-align: right; white-space: nowrap; border-bottom: 1px solid var(--hair); }}
th:first-child, td:first-child {{ text-align: left; padding-left: 0; }}
thead th {{ font-weight: 500; font-size: 12px; color: var(--soft); border-bottom: 1px solid var(--rule);
  vertical-align: bottom; }}
tbody th {{ font-weight: 400; }}
th.words, td.words {{ text-align: left; }}
td.wrap {{ white-space: normal; overflow-wrap: anywhere; }}
tr.total th, tr.total td {{ font-weight: 650; border-top: 1px solid var(--ink);
  border-bottom: 1px solid var(--ink); }}
tr.aside th, tr.aside td {{ color: var(--soft); }}
td.strong {{ font-weight: 650; }}
table.ranking th {{ color: var(--soft); }}
table.ranking th, table.ranking td {{ padding-left: 12px; }}
table.ranking thead th {{ white-space: normal; }}
table.ranking th:first-child {{ padding-left: 0; }}
td.bar {{ width: 34%; min-width: 130px; padding: 5px 0 5px 22px; }}
.narrow {{ max-width: 560px; }}
table.instruments td.bar {{ width: 16%; min-width: 90px; }}
td.bar svg {{ display: block; width: 100%; height: 14px; }}
table.certainty thead th {{ white-space: normal; }}
table.certainty th, table.certainty td {{ padding-left: 14px; }}
table.certainty th:first-child {{ padding-left: 0; }}
table.certainty thead th {{ min-width: 64px; }}
table.certainty td.bar {{ width: 20%; }}
table.performance td.aside {{ color: var(--soft); font-size: 12.5px; white-space: normal; padding-left: 28px; }}
table.performance th.words {{ padding-left: 28px; }}
table.clock {{ font-size: 12.5px; margin-top: 14px; }}
table.clock th, table.clock td {{ padding: 2px 0 2px 10px; }}
table.clock th:first-child {{ padding-left: 0; }}
tr.group th {{ font-weight: 650; font-size: 12px; color: var(--soft); padding-top: 14px;
  border-bottom: 1px solid var(--rule); }}
table.months td, table.months th {{ padding-left: 8px; padding-right: 6px; }}
table.months td.month {{ background: color-mix(in srgb, var(--tint) var(--depth), transparent);
  border-bottom-color: var(--paper); }}
table.months td.year {{ font-weight: 650; }}
table.months {{ --up: var(--gain); --down: var(--loss); }}

figure {{ margin: 18px 0 0; break-inside: avoid; }}
figcaption {{ font-size: 13px; margin-bottom: 8px; display: flex; flex-wrap: wrap; gap: 0 14px;
  align-items: baseline; }}
.caption {{ font-weight: 600; }}
.note {{ color: var(--soft); font-size: 12px; }}
.legend {{ list-style: none; display: flex; flex-wrap: wrap; gap: 0 14px; margin: 2px 0 0; padding: 0;
  flex-basis: 100%; color: var(--soft);
  font-size: 12px; }}
.legend li {{ display: flex; align-items: center; gap: 6px; overflow-wrap: anywhere; }}
.key {{ display: inline-block; width: 14px; height: 10px; flex: none; background: var(--tone); border-radius: 1px; }}
.key.stroke {{ height: 2px; }}
.key.dashed {{ background: repeating-linear-gradient(90deg, var(--tone) 0 4px, transparent 4px 6px); }}
.plot {{ padding: 4px 0 0 54px; }}
.pair {{ display: grid; grid-template-columns: repeat(2, minmax(0, 1fr)); gap: 0 36px; }}

svg.chart {{ display: block; overflow: visible; }}
svg.drawing {{ overflow: hidden; }}
svg text {{ font-size: 11px; fill: var(--soft); }}
svg text.level {{ text-anchor: end; }}
svg .grid {{ stroke: var(--hair); shape-rendering: crispEdges; }}
svg .zero {{ stroke: var(--soft); shape-rendering: crispEdges; }}
svg .tick {{ stroke: var(--rule); shape-rendering: crispEdges; }}
svg .line {{ fill: none; stroke: var(--tone); stroke-width: 1.6; stroke-linejoin: round;
  vector-effect: non-scaling-stroke; }}
svg .fill {{ fill: var(--tone); }}
svg .whisker {{ stroke: var(--soft); stroke-width: 1.6; }}
svg .estimate {{ fill: var(--ink); }}
svg .line.thin {{ stroke-width: 1.1; }}
svg .fill.fall, svg .fill.exposure {{ fill-opacity: .22; }}
svg .line.fall, svg .line.exposure {{ stroke-width: 1.2; }}
.net {{ --tone: var(--ink); }}
.before-costs {{ --tone: var(--faint); }}
.benchmark {{ --tone: var(--s4); }}
.equity, .exposure {{ --tone: var(--s0); }}
.fall, .loss {{ --tone: var(--loss); }}
.gain {{ --tone: var(--gain); }}
{" ".join(f".part-{name} {{ --tone: var(--{name}); }}" for name in _PARTS)}
{" ".join(f".series-{index} {{ --tone: var(--s{index}); }}" for index in range(_SERIES))}
.up {{ --tint: var(--gain); }} .down {{ --tint: var(--loss); }}

footer {{ margin-top: 48px; padding-top: 10px; border-top: 1px solid var(--hair); font-size: 12px;
  color: var(--soft); }}
@media screen and (max-width: 760px) {{
  main {{ padding: 24px 16px 48px; }}
  h1 {{ font-size: 24px; }}
  .figures {{ grid-template-columns: repeat(2, minmax(0, 1fr)); }}
  .figures .value {{ font-size: 22px; }}
  .pair {{ grid-template-columns: minmax(0, 1fr); }}
  .plot {{ padding-left: 46px; }}
  .every-other {{ display: none; }}
  dl {{ grid-template-columns: 1fr; }}
  dt {{ border: 0; padding: 6px 0 0; }}
  dd {{ padding-top: 0; }}
  td.bar, th.bar {{ display: none; }}
  th, td {{ padding-left: 10px; }}
  table {{ font-size: 12.5px; }}
  table.performance td.aside {{ min-width: 240px; padding-left: 16px; font-size: 12px; }}
  table.performance th.words {{ padding-left: 16px; }}
  table.performance tbody th {{ white-space: normal; min-width: 118px; }}
}}
@media print {{
  @page {{ margin: 14mm; }}
  body {{ font-size: 10.5pt; -webkit-print-color-adjust: exact; print-color-adjust: exact; }}
  main {{ max-width: none; padding: 0; }}
  section {{ margin-top: 26px; }}
  h2, h3, p.lead, figcaption {{ break-after: avoid; }}
  tr, .figures, dt, dd {{ break-inside: avoid; }}
  .scroll {{ overflow: visible; }}
  .pair {{ gap: 0 24px; }}
  dl {{ font-size: 8.5pt; }}
  dt, dd {{ padding: 2px 0; }}
  table {{ font-size: 8pt; }}
  th, td {{ padding: 3px 0 3px 9px; }}
  table.clock th, table.clock td {{ padding: 1px 0 1px 6px; }}
  thead th {{ font-size: 7.5pt; white-space: normal; }}
  td.bar {{ min-width: 90px; padding-left: 12px; }}
}}
"""
