"""What reports look like beyond the look of a prediction's page, whose inks and fonts they share."""

from __future__ import annotations

REPORT_STYLE = """
:root { --good: #1f6f78; --good-wash: #d8eeee; --bad: #a32f1d; --bad-wash: #fbe1da; --calm: #6a6f7a; }
@media (prefers-color-scheme: dark) {
  :root { --good: #7fd0d3; --good-wash: #17393c; --bad: #f2957f; --bad-wash: #45211a; --calm: #9a9fa9; }
}
body.report { max-width: 76rem; }
.report .top { margin-bottom: 1.5rem; }
.report section { margin-top: 2.4rem; }
.report h2 { font: 600 1.3rem/1.3 var(--serif); letter-spacing: -.005em; }
.report small { color: var(--soft); font-size: .8rem; font-weight: 400; }
.verdict { display: inline-block; margin-bottom: .7rem; padding: .15rem .8rem; border-radius: 99px;
  font: 600 .78rem/1.6 var(--sans); letter-spacing: .06em; text-transform: uppercase; }
.verdict.good { background: var(--good-wash); color: var(--good); }
.verdict.bad { background: var(--bad-wash); color: var(--bad); }
.lead { margin-top: .25rem; color: var(--soft); font-size: .9rem; max-width: 62rem; }
.gist { font: 500 1.1rem/1.5 var(--serif); max-width: 48rem; }
.sheet { margin-top: .9rem; background: var(--sheet); border: 1px solid var(--line); border-radius: 12px;
  overflow-x: auto; }
.sheet.narrow { max-width: 30rem; }
.none { margin-top: .9rem; color: var(--soft); }

.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(8.5rem, 1fr)); gap: .75rem;
  margin-top: .9rem; }
.tiles li { padding: .8rem 1.1rem .85rem; background: var(--sheet); border: 1px solid var(--line);
  border-radius: 12px; }
.tiles b { display: block; font: 600 1.5rem/1.25 var(--sans); font-variant-numeric: tabular-nums;
  letter-spacing: -.015em; white-space: nowrap; }
.tiles span { color: var(--soft); font-size: .84rem; }
.tiles .good b { color: var(--good); } .tiles .bad b { color: var(--bad); }
.tiles .faint b { color: var(--soft); font-weight: 400; }
.tiles.wide { grid-template-columns: repeat(auto-fit, minmax(12.5rem, 1fr)); }

.why { padding: 1.1rem 1.5rem 1.2rem; }
.why li { position: relative; padding-left: 1.5rem; max-width: 60rem; }
.why li + li { margin-top: .4rem; }
.why li::before { content: "–"; position: absolute; left: .2rem; color: var(--soft); }
.why .first { font: 500 1.08rem/1.5 var(--serif); }
.why .note { color: var(--soft); }
.why .note::before { content: "!"; left: .3rem; font-weight: 600; }
.why .first:only-child { padding-left: 0; }
.why .first:only-child::before { content: none; }

table { width: 100%; border-collapse: collapse; font-size: .9rem; }
th, td { padding: .45rem .7rem; text-align: left; vertical-align: middle; border-bottom: 1px solid var(--line); }
th:first-child, td:first-child { padding-left: 1.5rem; }
th:last-child, td:last-child { padding-right: 1.5rem; }
tbody:last-child tr:last-child > * { border-bottom: 0; }
thead th { font: 600 .72rem/1.4 var(--sans); letter-spacing: .06em; text-transform: uppercase; color: var(--soft);
  white-space: nowrap; }
tbody th { font-weight: 500; }
tbody th small { white-space: nowrap; }
.forest tbody th { min-width: 12rem; }
tr.main th { font-weight: 700; }
tr.group th { padding-top: .9rem; padding-bottom: .3rem; color: var(--soft); font-weight: 600; font-size: .8rem; }
tr.faint { color: var(--soft); }
td.n, th.n { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
td.up { color: var(--good); } td.down { color: var(--bad); }
td.asked { color: var(--soft); }
td.plot, th.plot { width: 16rem; min-width: 12rem; padding-top: 0; padding-bottom: 0; }
svg { display: block; width: 100%; height: auto; overflow: visible; }
svg .zero { stroke: var(--soft); stroke-width: 1; }
svg .limit { stroke: var(--bad); stroke-width: 1.5; stroke-dasharray: 3 2.5; }
svg .span { stroke-width: 2.5; stroke-linecap: round; }
svg .good { stroke: var(--good); fill: var(--good); } svg .bad { stroke: var(--bad); fill: var(--bad); }
svg .calm { stroke: var(--calm); fill: var(--calm); }
svg text { font: 10.5px var(--sans); fill: var(--soft); letter-spacing: 0; text-transform: none;
  font-variant-numeric: tabular-nums; }
.mark-ok, .mark-no, .mark-off { display: inline-block; padding: .02rem .55em; border-radius: 99px; font-size: .78rem;
  white-space: nowrap; }
.mark-ok { background: var(--good-wash); color: var(--good); }
.mark-no { background: var(--bad-wash); color: var(--bad); font-weight: 600; }
.mark-off { background: var(--hover); color: var(--soft); }

.case { margin: 0; padding: 1.1rem 1.5rem 1.2rem; }
.case + .case { border-top: 1px solid var(--line); }
.case header { display: flex; justify-content: space-between; align-items: baseline; gap: .2rem 1rem; }
.case h3 { font: 600 .95rem/1.4 var(--sans); overflow-wrap: anywhere; }
.case h3 small { margin-left: .5rem; }
.case .move { font-variant-numeric: tabular-nums; white-space: nowrap; font-size: .9rem; }
.case blockquote { margin: .5rem 0 .8rem; font: 1.05rem/1.6 var(--serif); max-width: 60rem; overflow-wrap: anywhere; }
.case dl { display: grid; grid-template-columns: 6.5rem minmax(0, 1fr); gap: .45rem 1rem; margin: 0; }
.case dt { color: var(--soft); font-size: .82rem; padding-top: .12rem; }
.case dd { margin: 0; display: flex; flex-wrap: wrap; gap: .3rem .4rem; font-size: .84rem; }
.chip { padding: .08rem .6em; border-radius: 6px; border: 1px solid var(--line); overflow-wrap: anywhere; }
.chip.hit { background: var(--good-wash); border-color: transparent; color: var(--good); }
.chip.hit::before { content: "✓ "; }
.chip.wrong { background: var(--bad-wash); border-color: transparent; color: var(--bad); }
.chip.wrong::before { content: "✕ "; }
.chip.missed { border-style: dashed; color: var(--soft); }
.chip.missed::before { content: "missed "; font-size: .85em; }
.chip i { font-style: normal; opacity: .8; font-variant-numeric: tabular-nums; }
.key { display: flex; flex-wrap: wrap; gap: .4rem; margin-top: .5rem; font-size: .8rem; }

.folds .card { padding: 0 1.5rem 1.4rem 2.6rem; font-size: .9rem; }
.card h3 { margin: 1.3rem 0 .4rem; font: 600 1rem/1.4 var(--sans); }
.card :is(p, ul) { margin: .4rem 0; max-width: 48rem; }
.folds .card ul { padding: 0 0 0 1.1rem; list-style: disc; }
.folds .card li { padding: .1rem 0; border: 0; }
.card table { width: auto; min-width: 24rem; margin: .5rem 0; }
.card :is(th, td):first-child { padding-left: 0; }
.card td { overflow-wrap: anywhere; }
.card code { font: .92em ui-monospace, "SF Mono", Menlo, Consolas, monospace; overflow-wrap: anywhere; }
.details td { vertical-align: top; overflow-wrap: anywhere; }
.details th { width: 14rem; vertical-align: top; font-weight: 500; color: var(--soft); }
.checks td, .checks th { vertical-align: baseline; }
.checks th { white-space: nowrap; }
.examples { margin-top: .35rem; color: var(--soft); font: .84rem/1.5 ui-monospace, "SF Mono", Menlo, Consolas,
  monospace; white-space: pre-wrap; overflow-wrap: anywhere; }
.examples li + li { margin-top: .2rem; }
.report td .hint { display: block; margin-top: .3rem; font-size: .85rem; color: var(--ink); }

.folds details + details { border-top: 1px solid var(--line); }
.folds summary { padding: .65rem 1.5rem; cursor: pointer; font-weight: 600; }
.folds summary:hover { background: var(--hover); }
.folds summary small { margin-left: .4rem; font-variant-numeric: tabular-nums; }
.folds ul, .folds .more { padding: 0 1.5rem .9rem 2.6rem; }
.folds li { padding: .3rem 0; overflow-wrap: anywhere; }
.folds li + li { border-top: 1px solid var(--line); }
.folds .more { color: var(--soft); font-size: .85rem; }
del { color: var(--bad); text-decoration-thickness: 1px; } ins { color: var(--good); text-decoration: none; }
.changes li { display: grid; grid-template-columns: 1.6rem minmax(0, 1fr) auto 7rem; gap: .1rem .7rem;
  align-items: baseline; padding: .3rem 0; }
.changes li + li { border-top: 1px solid var(--line); }
.changes .sign { text-align: center; border-radius: 4px; font-weight: 700; }
.changes .n { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
.gained .sign { background: var(--good-wash); color: var(--good); }
.lost .sign { background: var(--bad-wash); color: var(--bad); }
.moved .sign { background: var(--tag-wash); color: var(--tag); }

@media (max-width: 64rem) {
  th:first-child, td:first-child { padding-left: 1rem; } th:last-child, td:last-child { padding-right: 1rem; }
}
@media screen and (max-width: 52rem) {
  .case, .why { padding: 1rem; }
  .case header { flex-wrap: wrap; }
  .case dl { grid-template-columns: minmax(0, 1fr); gap: .2rem; }
  .case dd { margin-bottom: .4rem; }
  .tiles { gap: .5rem; } .tiles li { padding: .6rem .85rem; } .tiles b { font-size: 1.25rem; }
  .tiles.wide { grid-template-columns: repeat(2, minmax(0, 1fr)); }
  .folds summary { padding: .6rem 1rem; } .folds ul, .folds .more { padding: 0 1rem .8rem; }
  .changes li { grid-template-columns: 1.6rem minmax(0, 1fr) auto; }
  .changes .cause { grid-column: 2; grid-row: 2; }

  .report :is(table, thead, tbody) { display: block; }
  .report tr { display: grid; gap: .15rem .7rem; padding: .7rem 1rem; border-bottom: 1px solid var(--line);
    align-items: baseline; }
  .report tbody:last-child tr:last-child { border-bottom: 0; }
  .report :is(th, td), .report :is(th, td):is(:first-child, :last-child) { padding: 0; border: 0; width: auto;
    min-width: 0; }
  .forest tbody th { min-width: 0; }
  .report td:empty { display: none; }
  .forest tr { grid-template-columns: auto auto auto 1fr; }
  .forest thead th:not(.plot) { display: none; }
  .forest thead tr { padding-bottom: .3rem; }
  .forest tbody th { grid-column: 1 / 4; white-space: normal; }
  .forest :is(.plot, tr.group th) { grid-column: 1 / -1; }
  .forest .champion::after { content: " →"; color: var(--soft); }
  .forest td.n { text-align: left; }
  .forest td.interval { text-align: right; color: var(--soft); }
  .forest .state { grid-column: 4; grid-row: 1; text-align: right; }
  .forest td.asked { grid-column: 1 / -1; grid-row: 4; font-size: .8rem; }
  .forest td.asked::before { content: "asked: "; }
  .checks thead { display: none; }
  .checks tr { grid-template-columns: minmax(0, 1fr) auto; }
  .checks .found, .checks .expected { grid-column: 1 / -1; }
  .checks .expected::before { content: "expected: "; color: var(--soft); font-size: .8rem; }
  .checks td.n { display: none; }
  .values tr { grid-template-columns: minmax(0, 1fr) auto; }
  .metrics tr { grid-template-columns: minmax(0, 1fr) repeat(3, 4.2rem); }
  .sheet.narrow .metrics tr { grid-template-columns: minmax(0, 1fr) 4.2rem; }
  .metrics tr.group th { grid-column: 1 / -1; }
  .folds .card { padding: 0 1rem 1rem; }
  .card table { min-width: 0; }
  .card tr { grid-template-columns: minmax(0, 1fr) minmax(0, 1fr); padding: .35rem 0; }
  .details tr { grid-template-columns: minmax(0, 1fr); gap: 0; padding: .5rem 1rem; }
}
@media print {
  html { font-size: 11px; }
  body.report { max-width: none; font-size: 1rem; background: none; }
  .report :is(tr, .case, .tiles li, .why) { break-inside: avoid; }
  .report h2 { break-after: avoid; }
  .sheet { overflow: visible; }
  th, td { padding: .35rem .5rem; }
  .tiles.wide { grid-template-columns: repeat(4, 1fr); }
  .forest tbody th { min-width: 0; } td.plot, th.plot { width: 14rem; min-width: 12rem; }
  details::details-content { content-visibility: visible; block-size: auto; }
}
"""
