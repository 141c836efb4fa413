/** The report's looks, in light and dark. */
export const STYLE = `
:root { color-scheme: light dark; --page: #f7f7f5; --card: #fff; --text: #1d2125; --quiet: #667078; --rule: #e2e4e2;
  --reference: #a9b4bd; --current: #1a6fb5; --drift: #b3261e; --missing: #8a5a00; --slight: #5d6b1f; --same: #2c6e49; --skipped: #667078; }
@media (prefers-color-scheme: dark) {
  :root { --page: #15181b; --card: #1e2226; --text: #e4e7e9; --quiet: #98a2aa; --rule: #33393e;
    --reference: #56626c; --current: #6cb6f2; --drift: #ff8a80; --missing: #f0b95a; --slight: #bccb6a; --same: #7bcf9e; --skipped: #98a2aa; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 24px 20px 40px; max-width: 1080px; background: var(--page); color: var(--text);
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; }
h1 { margin: 0 0 8px; font-size: 26px; line-height: 1.2; } h2 { margin: 0 0 4px; font-size: 17px; overflow-wrap: anywhere; }
p { margin: 4px 0 10px; } a { color: inherit; } footer, .quiet { color: var(--quiet); font-size: 13px; }
.files .key { display: inline-block; width: 14px; height: 10px; margin-right: 4px; border-radius: 2px; }
.files .key.current { margin-left: 18px; background: var(--current); } .key.reference { background: var(--reference); }
.wide { overflow-x: auto; } .wide, article { background: var(--card); border: 1px solid var(--rule); border-radius: 8px; padding: 14px 16px; }
main { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 430px), 1fr)); gap: 16px; margin: 16px 0; }
table { width: 100%; border-collapse: collapse; font-size: 14px; } th { text-align: left; font-weight: 600; color: var(--quiet); }
th, td { padding: 4px 8px 4px 0; border-bottom: 1px solid var(--rule); vertical-align: top; } tbody tr:last-child td { border-bottom: 0; }
.n { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; } article table { margin: 8px 0; }
.size { white-space: nowrap; font-variant-numeric: tabular-nums; }
.track { display: inline-block; width: 90px; height: 8px; margin-right: 8px; border-radius: 4px; background: var(--rule); overflow: hidden; }
.bar { display: block; height: 100%; background: currentColor; }
.badge { display: inline-block; padding: 0 8px; border: 1px solid currentColor; border-radius: 10px; font-size: 12px; font-weight: 600; white-space: nowrap; }
.drift { color: var(--drift); } .missing { color: var(--missing); } .slight { color: var(--slight); } .same { color: var(--same); } .skipped { color: var(--skipped); }
svg { display: block; width: 100%; height: auto; margin: 8px 0; } svg text { font: 11px system-ui, sans-serif; fill: var(--quiet); }
.area.reference, rect.reference { fill: var(--reference); } rect.current { fill: var(--current); }
.line.current { fill: none; stroke: var(--current); stroke-width: 2; stroke-linejoin: round; } .axis { stroke: var(--rule); fill: none; }
@media print { body { max-width: none; } article { break-inside: avoid; } }
`;
