/** The style sheet of every page. Colours are the variables of the charts, so page and charts change together. */
export const pageStyle = `
*{box-sizing:border-box}
:root{--accent:#0a5fb4;--tint:#f5f6f7;--notice:#fff6e0;--notice-edge:#d9a300}
@media (prefers-color-scheme:dark){:root{--accent:#6cb2f7;--tint:#1c2025;--notice:#2c2512;--notice-edge:#a88a2c}}
html{-webkit-text-size-adjust:100%;scroll-padding-top:1rem}
body{margin:0;background:var(--ground);color:var(--ink);font:16px/1.6 system-ui,-apple-system,'Segoe UI',Roboto,'Helvetica Neue',sans-serif;overflow-wrap:break-word}
.wrap{max-width:66rem;margin:0 auto;padding:2.5rem 1.25rem 4rem}
h1,h2,.verdict{font-family:'Iowan Old Style','Palatino Linotype',Palatino,'Source Serif 4',Georgia,'DejaVu Serif',serif}
h1{font-size:clamp(1.6rem,1.2rem + 2vw,2.4rem);line-height:1.2;font-weight:600;margin:.2rem 0 .6rem;text-wrap:balance}
h2{font-size:1.45rem;font-weight:600;margin:3rem 0 .8rem;line-height:1.3}
h3{font-size:1rem;margin:1.6rem 0 .4rem}
p{margin:.6rem 0}
a{color:var(--accent);text-underline-offset:.18em;text-decoration-thickness:1px}
:focus-visible{outline:2px solid var(--accent);outline-offset:2px}
.eyebrow{color:var(--muted);font-size:.82rem;letter-spacing:.02em;margin:0}
.source{color:var(--muted);font-size:.92rem;max-width:46rem}
.verdict{font-size:1.16rem;line-height:1.6;max-width:44rem;margin:1.4rem 0}ul.verdict,ul.finding{padding-left:1.2rem}.finding{max-width:46rem;margin:2.4rem 0 0}
nav{border-block:1px solid var(--faint);padding:.55rem 0;font-size:.9rem;display:flex;flex-wrap:wrap;gap:.2rem 1.2rem}
nav a{text-decoration:none}nav a:hover{text-decoration:underline}
.anchor{color:var(--muted);text-decoration:none;font-weight:400;opacity:.55;font-size:.8em}.anchor:hover,.anchor:focus{opacity:1}
.notice{background:var(--notice);border-left:3px solid var(--notice-edge);padding:.6rem .9rem;margin:1rem 0;max-width:46rem}
.notice p{margin:0}.notice ul{margin:.3rem 0 0;padding-left:1.2rem}
.scroll{overflow-x:auto;max-width:100%}
table{border-collapse:collapse;font-size:.92rem;font-variant-numeric:tabular-nums lining-nums;border-top:1.5px solid var(--ink);border-bottom:1.5px solid var(--ink);min-width:min(100%,30rem)}
.caption{margin:1.2rem 0 .6rem;font-size:.92rem;color:var(--muted);line-height:1.45;max-width:46rem}
.metric{color:var(--ink);font-weight:600}.direction{white-space:nowrap;margin-left:.5em}
th,td{padding:.45rem .9rem .45rem 0;text-align:left;vertical-align:top;font-weight:400;line-height:1.35}
th:last-child,td:last-child{padding-right:.2rem}
thead th{border-bottom:1px solid var(--muted);font-weight:600;vertical-align:bottom}
tbody th{font-weight:500}
th:first-child{position:sticky;left:0;background:var(--ground);min-width:6.2rem}
#table-checks th:first-child{min-width:11rem}
tbody tr+tr>*{border-top:1px solid var(--faint)}
.numeric{text-align:right;white-space:nowrap}
td .sub,th .sub,.caption .sub{display:block;color:var(--muted);font-size:.82em;font-weight:400}
td.numeric .sub{white-space:normal}
tr.baseline>*{background:var(--tint)}
tr.baseline>:first-child{padding-left:.5rem;box-shadow:inset 2px 0 0 var(--muted)}
.badge{display:inline-block;font-size:.72rem;line-height:1.2;color:var(--muted);border:1px solid var(--muted);border-radius:3px;padding:.05rem .3rem;white-space:nowrap;font-weight:400}
strong{font-weight:700}u{text-decoration-thickness:1.5px;text-underline-offset:.2em}
.rule{color:var(--muted);font-size:.85rem;max-width:46rem}
button{font:inherit;color:var(--accent);background:none;border:0;padding:0;cursor:pointer;text-align:inherit}
th button{color:inherit;font-weight:600;white-space:nowrap}
th button::after{content:' ↕';color:var(--muted);font-weight:400;font-size:.85em}
th[aria-sort=ascending] button::after{content:' ↑';color:var(--accent)}
th[aria-sort=descending] button::after{content:' ↓';color:var(--accent)}
.downloads{font-size:.82rem;color:var(--muted);display:flex;flex-wrap:wrap;gap:.1rem .9rem;margin:.4rem 0 0}
.downloads button{text-decoration:underline;text-decoration-thickness:1px;text-underline-offset:.18em}
[hidden]{display:none!important}
figure{margin:1.2rem 0 2.4rem}
.panels{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,24rem),1fr));gap:1.6rem 2rem}
.panels:has(.scatter3d){grid-template-columns:repeat(auto-fit,minmax(min(100%,15rem),20rem));gap:1rem}
.panels.single{grid-template-columns:minmax(0,33rem)}
svg.map image[data-values]{cursor:crosshair}.enlarged{grid-column:1/-1}
.chart{display:block;width:100%;height:auto}
figcaption{font-size:.9rem;color:var(--muted);max-width:46rem;margin-top:.7rem;line-height:1.5}
figcaption b{color:var(--ink);font-weight:600}
details{margin:1.2rem 0}summary{cursor:pointer;color:var(--accent);font-size:.92rem;padding:.2rem 0}
details>.scroll{margin-top:.8rem}
pre{background:var(--tint);padding:.8rem 1rem;border-radius:4px;font-size:.86rem;margin:.4rem 0}
code{font-family:ui-monospace,'SF Mono',Menlo,Consolas,'DejaVu Sans Mono',monospace}
dl{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,22rem),1fr));gap:.1rem 2rem;margin:.4rem 0;font-size:.92rem}
dl div{display:grid;grid-template-columns:minmax(7rem,35%) 1fr;gap:.8rem;border-top:1px solid var(--faint);padding:.3rem 0}
dt{color:var(--muted)}dd{margin:0;min-width:0;overflow-wrap:anywhere}
footer{margin-top:3rem;border-top:1px solid var(--faint);padding-top:.8rem;color:var(--muted);font-size:.85rem}
progress{width:8rem;max-width:100%;height:.6rem;accent-color:var(--accent);vertical-align:middle}
.spark{display:block;width:10rem;height:2.6rem}
.spark path{fill:none;stroke:var(--accent);stroke-width:1.5;vector-effect:non-scaling-stroke}
@media (max-width:40rem){.wrap{padding:1.4rem 1rem 3rem}h2{margin-top:2.4rem}.verdict{font-size:1.08rem}th,td{padding-right:.7rem}}
@media print{
:root{--tint:#f5f6f7;--notice:#fff6e0}
nav,.downloads,.anchor,th button::after{display:none!important}
.wrap{max-width:none;padding:0}body{font-size:10.5pt}
figure,tr,dl div{break-inside:avoid}h2,h3{break-after:avoid}.scroll{overflow:visible}
}
`;
