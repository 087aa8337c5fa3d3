/** The page's style: system fonts, two colours for two routes, a layout for laptops and one for A4. */
export const STYLE = `
:root { --ink: #1c2430; --soft: #5b6675; --line: #d9dee5; --paper: #fff; --vault: #0f766e; --hub: #b45309; --vault-soft: #e3f3f1; --hub-soft: #fbeedd; }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 1080px; padding: 32px 28px; color: var(--ink); background: var(--paper); font: 15px/1.5 system-ui, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif; }
h1 { font-size: 28px; line-height: 1.2; margin: 0 0 8px; overflow-wrap: anywhere; }
h2 { font-size: 18px; margin: 36px 0 10px; }
h3 { font-size: 15px; margin: 0 0 8px; }
p { margin: 0 0 8px; }
code { font: 13px ui-monospace, "SFMono-Regular", Menlo, Consolas, monospace; background: #f2f4f7; padding: 1px 4px; border-radius: 3px; overflow-wrap: anywhere; }
.over { color: var(--soft); margin: 0; letter-spacing: .04em; text-transform: uppercase; font-size: 12px; }
.key { color: var(--soft); }
.small, figcaption, footer { color: var(--soft); font-size: 13px; }
.chip { display: inline-block; width: 13px; height: 13px; border-radius: 3px; margin: 0 5px 0 0; vertical-align: -2px; background: #c3cad4; }
.key .chip:not(:first-child) { margin-left: 16px; }
.chip.vault { background: var(--vault); }
.chip.hub { background: var(--hub); border-radius: 50%; }
.hidden { position: absolute; clip-path: inset(50%); width: 1px; height: 1px; overflow: hidden; }
.verdict { margin: 22px 0; padding: 18px 22px; border-left: 6px solid var(--soft); background: #f5f6f8; border-radius: 4px; }
.verdict.vault { border-color: var(--vault); background: var(--vault-soft); }
.verdict.hub { border-color: var(--hub); background: var(--hub-soft); }
.verdict h2 { margin: 0 0 6px; font-size: 22px; }
.verdict ul { margin: 4px 0 0; padding-left: 20px; }
.charts { display: grid; grid-template-columns: 1fr 1fr; gap: 20px; }
figure { margin: 0; padding: 16px; border: 1px solid var(--line); border-radius: 6px; }
figcaption { margin-top: 8px; }
svg { display: block; width: 100%; height: auto; font: 13px system-ui, Arial, sans-serif; fill: var(--ink); }
svg .vault { fill: var(--vault); } svg .hub { fill: var(--hub); } svg .plain { fill: #9aa5b4; }
svg .good { fill: #3f7d58; } svg .bad { fill: #b42318; } svg .open { fill: #c9a227; }
svg circle { fill-opacity: .55; } svg .axis { stroke: var(--line); } svg .median { stroke: var(--ink); stroke-width: 2; }
svg .bold { font-weight: 600; } svg .small { font-size: 11px; fill: var(--soft); }
table { width: 100%; border-collapse: collapse; font-size: 14px; }
th, td { text-align: left; vertical-align: top; padding: 8px 10px; border-bottom: 1px solid var(--line); overflow-wrap: anywhere; }
thead th { color: var(--soft); font-weight: 600; font-size: 12px; }
tbody th { font-weight: 600; }
.lines th:first-child { width: 18%; } .lines td { width: 29%; } .lines td.evidence { width: 24%; color: var(--soft); font-size: 13px; }
.favoured.vault { background: var(--vault-soft); box-shadow: inset 3px 0 var(--vault); }
.favoured.hub { background: var(--hub-soft); box-shadow: inset 3px 0 var(--hub); }
.overview table { table-layout: fixed; } .overview td, .overview th { padding-top: 5px; padding-bottom: 5px; } .overview a { color: inherit; }
.rules td:first-child { width: 60%; } .decided td { background: #f2f4f7; font-weight: 600; }
footer { margin-top: 36px; border-top: 1px solid var(--line); padding-top: 12px; }
@media (max-width: 760px) { .charts { grid-template-columns: 1fr; } body { padding: 16px; } }
@media print {
  @page { size: A4; margin: 14mm; }
  body { max-width: none; padding: 0; font-size: 11px; }
  table, .small, figcaption, footer { font-size: 10px; } h1 { font-size: 20px; } h2 { font-size: 14px; margin-top: 18px; }
  figure, .verdict, tr { break-inside: avoid; } h2 { break-after: avoid; }
  * { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
}
`;
