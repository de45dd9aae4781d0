/** Colours meet WCAG 2.2 AA against their background in both schemes; no state is told by colour alone. */
export const STYLE = `:root {
  color-scheme: light dark;
  --back: #f6f7f9; --panel: #ffffff; --text: #1b2430; --quiet: #55606e; --line: #d5dae1;
  --accent: #1f5fa8; --good: #17663a; --bad: #a8201a; --warn: #b26a00;
  --good-back: #e3f3e9; --bad-back: #fbe6e4;
}
@media (prefers-color-scheme: dark) {
  :root {
    --back: #12161c; --panel: #1b212a; --text: #e6eaf0; --quiet: #a3aebc; --line: #333c49;
    --accent: #79b4f5; --good: #7fd6a0; --bad: #ff9d94; --warn: #e5ab4c;
    --good-back: #16301f; --bad-back: #3d1b19;
  }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--back); color: var(--text); font: 1rem/1.5 system-ui, sans-serif; overflow-wrap: break-word; }
header, main, footer { max-width: 76rem; margin: 0 auto; padding: 0 1rem; }
header { display: flex; flex-wrap: wrap; align-items: center; gap: .5rem 1rem; padding-top: 1rem; }
h1 { font-size: 1.4rem; margin: 0; flex: 1 1 auto; }
h1 small { font-size: .85rem; font-weight: normal; color: var(--quiet); }
h2, caption { font-size: 1.05rem; font-weight: 600; margin: 0 0 .5rem; text-align: left; }
section { background: var(--panel); border: 1px solid var(--line); border-radius: .5rem; padding: 1rem; margin: 1rem 0; }
p { margin: 0; }
.badge { padding: .1rem .6rem; border: 1px solid currentColor; border-radius: 1rem; font-size: .85rem; }
.notice { padding: .5rem .75rem; border-left: .3rem solid var(--line); border-radius: .2rem; background: var(--panel); }
main > .notice { margin-top: 1rem; font-weight: 600; }
.notice[data-look=good] { border-color: var(--good); background: var(--good-back); }
.notice[data-look=bad] { border-color: var(--bad); background: var(--bad-back); }
.badge[data-look=good], td[data-look=good] { color: var(--good); }
.badge[data-look=bad], td[data-look=bad] { color: var(--bad); font-weight: 600; }
.stale main { opacity: .6; }
button { font: inherit; font-size: .85rem; padding: .2rem .8rem; color: var(--text); background: var(--panel); border: 1px solid var(--quiet); border-radius: .3rem; cursor: pointer; }
button[aria-pressed=true] { color: var(--panel); background: var(--accent); border-color: var(--accent); }
a { color: var(--accent); }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(8rem, 1fr)); gap: 1rem; margin: 0 0 1rem; }
dt { color: var(--quiet); font-size: .85rem; }
dd { margin: 0; }
.tiles dd { font-size: 1.4rem; font-variant-numeric: tabular-nums; }
.tiles dd.long { font-size: 1rem; padding-top: .35rem; }
.facts { display: grid; grid-template-columns: auto 1fr; gap: .25rem 1rem; margin: 0; }
.plots { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 18rem), 1fr)); gap: 1rem; }
figure { margin: 0; }
figcaption { font-size: .9rem; }
figcaption span { display: block; color: var(--quiet); }
figure svg { display: block; width: 100%; height: 4.5rem; margin-top: .25rem; border-bottom: 1px solid var(--line); }
figure path { fill: none; stroke: var(--accent); stroke-width: 2; stroke-linecap: round; stroke-linejoin: round; vector-effect: non-scaling-stroke; }
.axis { display: flex; justify-content: space-between; font-size: .75rem; color: var(--quiet); }
table { width: 100%; border-collapse: collapse; font-size: .9rem; }
th, td { text-align: left; vertical-align: top; padding: .35rem 1rem .35rem 0; border-top: 1px solid var(--line); }
th { color: var(--quiet); font-weight: 600; border-top: 0; white-space: nowrap; }
th.number, td.number { text-align: right; font-variant-numeric: tabular-nums; }
td.text { overflow-wrap: anywhere; }
td.wide { min-width: 8rem; }
td.empty { color: var(--quiet); }
.strip { display: block; width: 100%; height: 1.1rem; background: var(--back); border: 1px solid var(--line); }
.strip .up { fill: var(--good); }
.strip .failed { fill: var(--warn); }
.strip .down { fill: var(--bad); }
.key { font-size: .75rem; color: var(--quiet); margin-top: .5rem; }
.key span { margin-right: 1rem; white-space: nowrap; }
.key span::before { content: ""; display: inline-block; width: .7rem; height: .7rem; margin-right: .3rem; background: var(--good); }
.key .failed::before { background: var(--warn); }
.key .down::before { background: var(--bad); }
#work-more { color: var(--quiet); font-size: .9rem; }
footer { padding-bottom: 2rem; font-size: .9rem; }
nav a { margin-right: 1rem; }
@media (max-width: 56rem) {
  h1 small { display: block; }
  table, tbody, tr, td, caption { display: block; }
  thead { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
  tr { border-top: 1px solid var(--line); padding: .5rem 0; }
  td, td.number { display: grid; grid-template-columns: 7rem 1fr; gap: .5rem; border: 0; padding: .1rem 0; text-align: left; }
  td::before { content: attr(data-label); color: var(--quiet); font-weight: normal; }
  td.wide { min-width: 0; }
  td { overflow-wrap: anywhere; }
  td.empty { display: block; }
  td.empty::before { content: none; }
}
@media (prefers-reduced-motion: no-preference) {
  .notice, .badge { transition: background-color .3s, border-color .3s, color .3s; }
}
`
