"""A pass as one page of HTML that needs nothing from elsewhere: made to be looked at rather than read."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from nightshift import checks
from nightshift.inspection_report import Report, ReportRow, Shown

_WIDTH, _HEIGHT = 72, 18
_STYLE = """
:root{color-scheme:light dark;--bg:#fbfbfa;--fg:#1d2021;--dim:#6b7075;--line:#e3e3df;--ill:#c0362c;
--illbg:#fbe9e7;--well:#2f7d4f;--odd:#9a6700;--oddbg:#fff6dd;--card:#fff}
@media(prefers-color-scheme:dark){:root{--bg:#16181a;--fg:#e6e4df;--dim:#9aa0a6;--line:#2c3033;
--ill:#ff8a80;--illbg:#3a1f1d;--well:#7bd3a0;--odd:#f0c24b;--oddbg:#332a12;--card:#1e2124}}
*{box-sizing:border-box}
body{margin:0;padding:28px 32px;background:var(--bg);color:var(--fg);
font:14px/1.45 system-ui,sans-serif}
h1{font-size:20px;margin:0 0 2px}
p{margin:0;color:var(--dim)}
.cards{display:flex;gap:12px;margin:18px 0;flex-wrap:wrap}
.card{background:var(--card);border:1px solid var(--line);border-radius:8px;padding:10px 16px;
min-width:110px}
.card b{display:block;font-size:24px;font-weight:600}
.card.ill b{color:var(--ill)}
.card.odd b{color:var(--odd)}
.card.well b{color:var(--well)}
.card span{color:var(--dim);font-size:12px}
table{border-collapse:collapse;width:100%;background:var(--card);border:1px solid var(--line);
border-radius:8px}
th{position:sticky;top:0;background:var(--card);text-align:left;font-weight:600;font-size:12px;
color:var(--dim);border-bottom:1px solid var(--line)}
th,td{padding:6px 10px;vertical-align:top}
td{border-top:1px solid var(--line)}
td.n{white-space:nowrap;font-variant-numeric:tabular-nums}
td.n.ill{background:var(--illbg);color:var(--ill);font-weight:600}
svg{display:block;margin-top:2px;color:var(--dim)}
td.ill svg{color:var(--ill)}
small{color:var(--dim);font-size:12px;display:block}
.tag{display:inline-block;background:var(--oddbg);color:var(--odd);border-radius:4px;padding:0 6px;
margin:0 4px 3px 0;font-size:12px}
.quiet{color:var(--ill)}
"""


def render(report: Report) -> str:
    """The page; every word that came from a node is escaped."""
    return "".join(_page(report))


def _page(report: Report) -> Iterator[str]:
    yield '<!doctype html><html lang="en"><meta charset="utf-8">'
    yield '<meta name="viewport" content="width=device-width"><title>Nightshift inspection</title>'
    yield f"<style>{_STYLE}</style><h1>Inspection of {escape(report.group or 'the whole fleet')}</h1>"
    compared = f"compared with {report.compared_with}" if report.compared_with else "the first one"
    about = f"{report.pass_id} · began {report.started_at}, by {report.by} · {compared}"
    yield f"<p>{escape(about)}</p>"
    yield '<div class="cards">'
    silent, changed = report.nodes - report.answered, sum(1 for row in report.rows if row.news)
    yield _card(report.nodes, "nodes", "")
    yield _card(report.findings, "findings", "ill" if report.findings else "well")
    yield _card(silent, "without an answer", "ill" if silent else "well")
    yield _card(report.drift, "drifted", "odd" if report.drift else "well")
    yield _card(
        changed + len(report.gone), "changed since the last pass", "odd" if changed or report.gone else ""
    )
    yield "</div>"
    if report.gone:
        yield f"<p>Gone since the last pass: {escape(', '.join(report.gone))}</p>"
    yield "<table><thead><tr><th>Node</th><th>Group</th>"
    yield "".join(f"<th>{escape(checks.load(name).TITLE)}</th>" for name in checks.names())
    yield "<th>What is new</th></tr></thead><tbody>"
    for row in report.rows:
        yield from _row(row)
    yield "</tbody></table></html>"


def _card(number: int, title: str, kind: str) -> str:
    return f'<div class="card {kind}"><b>{number}</b><span>{title}</span></div>'


def _row(row: ReportRow) -> Iterator[str]:
    yield f"<tr><td>{escape(row.name)}<small>{escape(row.node_id)}</small></td><td>{escape(row.group)}</td>"
    names = checks.names()
    if row.reason:
        yield f'<td class="quiet" colspan="{len(names)}">{escape(row.reason)}</td>'
    else:
        yield "".join(_cell(name, row.readings.get(name)) for name in names)
    tags = "".join(f'<span class="tag">{escape(text)}</span>' for text in (*row.news, *row.drift))
    busiest = f"<small>{escape(' · '.join(row.top[:3]))}</small>" if row.ill and row.top else ""
    yield f"<td>{tags}{busiest}</td></tr>"


def _cell(name: str, shown: Shown | None) -> str:
    if shown is None:
        return '<td class="n">-</td>'
    kind = "n ill" if shown.ill else "n"
    value = f"{shown.value:g}{checks.load(name).UNIT}"
    return (
        f'<td class="{kind}" title="{escape(shown.reason)}">{escape(value)}{_sparkline(shown.history)}</td>'
    )


def _sparkline(history: tuple[float, ...]) -> str:
    """The values of earlier passes as a line, from zero to the highest (100 at least for shares)."""
    if len(history) < 2 or max(history) == min(history) == 0:  # noqa: PLR2004 - one point is no line
        return ""
    most = max(*history, 1.0)
    step = _WIDTH / (len(history) - 1)
    points = " ".join(
        f"{index * step:.0f},{_HEIGHT - 2 - (_HEIGHT - 4) * value / most:.0f}"
        for index, value in enumerate(history)
    )
    return (
        f'<svg width="{_WIDTH}" height="{_HEIGHT}"><polyline points="{points}" fill="none" '
        'stroke="currentColor" stroke-width="1.5"/></svg>'
    )
