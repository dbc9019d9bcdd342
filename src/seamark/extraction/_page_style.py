"""The look of a prediction's page, and the script that lights up what belongs together."""

from __future__ import annotations

STYLE = """
:root {
  color-scheme: light dark;
  --paper: #faf9f6; --sheet: #ffffff; --ink: #23262d; --soft: #6a6f7a; --line: #e5e2da; --hover: #f4f2ec;
  --skill: #1f6f78; --skill-wash: #d8eeee; --skill-lit: #b3dfdf;
  --knowledge: #a3560a; --knowledge-wash: #fbe8cd; --knowledge-lit: #f6d3a2;
  --tag: #5c4aa8; --tag-wash: #ece8fa; --bar: #e9e6de; --shade: 0 8px 28px rgb(40 36 28 / .16);
  --serif: "Iowan Old Style", Charter, "Bitstream Charter", "Source Serif 4", "Noto Serif", Georgia, serif;
  --sans: Inter, ui-sans-serif, system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #16181c; --sheet: #1c1f24; --ink: #e4e3df; --soft: #9a9fa9; --line: #2e3239; --hover: #23272d;
    --skill: #7fd0d3; --skill-wash: #17393c; --skill-lit: #1f5256;
    --knowledge: #f0b673; --knowledge-wash: #41301a; --knowledge-lit: #5d4320;
    --tag: #b9abf5; --tag-wash: #2d2848; --bar: #2c3037; --shade: 0 8px 28px rgb(0 0 0 / .5);
  }
}
* { box-sizing: border-box; }
html { scroll-behavior: smooth; scroll-padding-top: 5rem; -webkit-text-size-adjust: 100%; }
body { margin: 0 auto; padding: 2.5rem 2.5rem 4rem; max-width: 82rem; background: var(--paper);
  color: var(--ink); font: 15px/1.5 var(--sans); }
body.many { max-width: 96rem; }
h1, h2, h3, p, ol, ul { margin: 0; padding: 0; }
ol, ul { list-style: none; }
a { color: inherit; text-decoration: none; }
a:focus-visible, summary:focus-visible, .skills:focus-visible {
  outline: 2px solid var(--skill); outline-offset: 2px; border-radius: 3px; }
.top { margin-bottom: 2rem; }
h1 { font: 600 2rem/1.2 var(--serif); letter-spacing: -.012em; text-wrap: balance; overflow-wrap: anywhere; }
.sub h2 { font: 600 1.4rem/1.25 var(--serif); overflow-wrap: anywhere; }
.sub { margin-bottom: 1rem; }
.facts { display: flex; flex-wrap: wrap; margin-top: .5rem; color: var(--soft); font-size: .875rem; }
.facts li:not(:last-child)::after { content: "·"; margin: 0 .5em; }
.doc { display: grid; grid-template-columns: minmax(0, 1fr) minmax(19rem, 25rem); gap: 1.75rem;
  align-items: start; }
.text, .skills { background: var(--sheet); border: 1px solid var(--line); border-radius: 12px; }
.bar { display: flex; justify-content: space-between; align-items: baseline; gap: 1rem;
  padding: .75rem 1.5rem; min-height: 2.9rem; border-bottom: 1px solid var(--line); }
.bar h2, .bar h3 { font: 600 .75rem/1.4 var(--sans); letter-spacing: .07em; text-transform: uppercase;
  color: var(--soft); }
.hint { font-size: .75rem; color: var(--soft); }
.legend { display: flex; gap: .6rem; font-size: .8rem; }
.legend span { padding: 0 .4em; border-radius: 3px; }
.words { padding: 1.4rem 1.75rem 2rem; font: 17px/1.72 var(--serif); white-space: pre-wrap;
  overflow-wrap: anywhere; max-width: 48rem; }

.mark { position: relative; }
.mark > a, .legend span { border-bottom: 2px solid; transition: background-color .12s; }
.mark > a { padding: .1em 0; border-radius: 3px 3px 0 0; scroll-margin-top: 6rem; color: var(--ink);
  -webkit-box-decoration-break: clone; box-decoration-break: clone; }
a.skill, .legend .skill { background: var(--skill-wash); border-color: var(--skill) !important; }
a.knowledge, .legend .knowledge { background: var(--knowledge-wash);
  border-color: var(--knowledge) !important; border-bottom-style: dotted !important; }
.mark > a.deep { background: var(--skill-lit); }
.mark > a.deep.knowledge { background: var(--knowledge-lit); }
.mark > a.knowledge.skill { border-bottom-style: solid !important; border-color: var(--skill) !important;
  background: var(--knowledge-wash); text-decoration: underline 2px dotted var(--knowledge);
  text-underline-offset: .2em; text-decoration-skip-ink: none; }
.mark > a.skill:hover, .mark > a.skill.lit, .mark > :target ~ a.skill { background: var(--skill-lit); }
.mark > a.knowledge:hover, .mark > a.knowledge.lit, .mark > :target ~ a.knowledge {
  background: var(--knowledge-lit); }
.hush .mark > a:not(.lit) { background: none; }
.mark > :target ~ a { outline: 2px solid currentColor; outline-offset: 1px; border-radius: 3px; }
.tip { position: absolute; left: -.5rem; top: 100%; z-index: 5; visibility: hidden; opacity: 0;
  width: max-content; max-width: 20rem; padding: .55rem .8rem; background: var(--sheet); color: var(--ink);
  border: 1px solid var(--line); border-radius: 9px; box-shadow: var(--shade); font: 13px/1.5 var(--sans);
  white-space: normal; text-align: left; user-select: none;
  transition: opacity .12s .06s, visibility .12s .06s; }
.mark:hover > .tip, .mark:focus-within > .tip { visibility: visible; opacity: 1; z-index: 6; }
.tip .row { display: block; }
.tip .row + .row { margin-top: .35rem; padding-top: .35rem; border-top: 1px solid var(--line); }
.tip b { font-weight: 600; }
b.skill { color: var(--skill); } b.knowledge { color: var(--knowledge); }
.tip i { font-style: normal; color: var(--soft); font-variant-numeric: tabular-nums; }
.tip a { display: block; padding: .05rem 0; }
.tip a::before { content: "→ "; color: var(--soft); }
.tip a:hover { text-decoration: underline; }

.skills { position: sticky; top: 1.25rem; max-height: calc(100vh - 2.5rem); overflow: auto;
  scrollbar-width: thin; scrollbar-color: var(--line) transparent; }
.skills > .bar { position: sticky; top: 0; z-index: 2; background: var(--sheet); }
.skill:is(li) { padding: .7rem 1.5rem .8rem; border-bottom: 1px solid var(--line);
  scroll-margin-top: 3.5rem; transition: background-color .12s; }
li.skill:last-child { border-bottom: 0; }
li.skill.lit, li.skill:hover, li.skill:target { background: var(--hover); }
.head { display: flex; justify-content: space-between; align-items: baseline; gap: 1rem; line-height: 1.4; }
.head strong { margin-right: .5rem; font-weight: 600; overflow-wrap: anywhere; }
.aside { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
.score { position: relative; font-variant-numeric: tabular-nums; color: var(--soft); }
.meter { height: 3px; margin: .3rem 0 .5rem; border-radius: 2px; background: var(--bar); overflow: hidden; }
.meter i { display: block; height: 100%; border-radius: 2px; background: var(--skill); }
.kind { color: var(--soft); font-size: .8rem; }
.kind > * { margin-right: .55em; white-space: nowrap; }
.tag { padding: 0 .5em; border-radius: 9px; background: var(--tag-wash); color: var(--tag); }
.evidence { display: flex; flex-wrap: wrap; gap: .3rem .4rem; font: .875rem/1.45 var(--serif); }
.evidence a { padding: 0 .35em; border-bottom: 2px solid; border-radius: 3px 3px 0 0;
  overflow-wrap: anywhere; }
.evidence a.skill:hover { background: var(--skill-lit); }
.evidence a.knowledge:hover { background: var(--knowledge-lit); }
.evidence details { display: contents; }
.evidence summary { cursor: pointer; color: var(--soft); font-family: var(--sans); font-size: .8rem; }
.whole { color: var(--soft); font-style: italic; }
.nothing { padding: 1.4rem 1.5rem 1.6rem; color: var(--soft); }
.nothing strong { color: var(--ink); }
.nothing p + p { margin-top: .4rem; }

.shelf { display: grid; grid-template-columns: 13.5rem minmax(0, 1fr); gap: 2rem; align-items: start; }
nav { position: sticky; top: 1.25rem; max-height: calc(100vh - 2.5rem); overflow: auto; margin-left: -.7rem;
  font-size: .875rem; }
nav a { display: flex; justify-content: space-between; gap: .75rem; padding: .32rem .7rem; border-radius: 7px;
  line-height: 1.35; }
nav a:hover { background: var(--hover); }
nav small { color: var(--soft); font-variant-numeric: tabular-nums; }
article { margin-bottom: 3.5rem; scroll-margin-top: 1.25rem; }

@media (max-width: 74rem) {
  .shelf { display: block; }
  nav { position: static; max-height: 14rem; margin: 0 0 2rem; border: 1px solid var(--line);
    border-radius: 12px; padding: .5rem; background: var(--sheet); columns: 16rem; }
}
@media (max-width: 56rem) {
  body { padding: 1.25rem 1rem 3rem; }
  h1 { font-size: 1.6rem; }
  .top { margin-bottom: 1.25rem; }
  .doc { grid-template-columns: minmax(0, 1fr); gap: 1rem; }
  .skills { position: static; max-height: none; }
  .skills > .bar { position: static; }
  .words { padding: 1rem 1.1rem 1.4rem; font-size: 16px; line-height: 1.68; }
  .bar, .skill:is(li), .nothing { padding-left: 1.1rem; padding-right: 1.1rem; }
  .tip { position: fixed; inset: auto .75rem .75rem; width: auto; max-width: none; max-height: 45vh;
    overflow: auto; padding: .8rem 1rem; font-size: 14px; }
  .tip a { padding: .3rem 0; }
}
@media (prefers-reduced-motion: reduce) {
  * { transition: none !important; scroll-behavior: auto !important; }
}
@media print {
  body { padding: 0; } .skills { position: static; max-height: none; } .tip, nav { display: none; }
  * { -webkit-print-color-adjust: exact; print-color-adjust: exact; }
}
"""

SCRIPT = """
const light = on => event => {
  const source = event.target.closest('[data-k]');
  const doc = source && source.closest('.doc');
  if (!doc) return;
  for (const key of source.dataset.k.split(' '))
    for (const node of doc.querySelectorAll('[data-k~="' + key + '"]')) node.classList.toggle('lit', on);
  if (source.matches('li')) doc.classList.toggle('hush', on && !!doc.querySelector('.mark > a.lit'));
};
for (const type of ['mouseover', 'focusin']) document.addEventListener(type, light(true));
for (const type of ['mouseout', 'focusout']) document.addEventListener(type, light(false));
"""
