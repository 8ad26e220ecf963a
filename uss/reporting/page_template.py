"""The page's skeleton: HTML, style, and the few lines of script that sort its tables."""

from string import Template

STYLE = """
:root { color-scheme: light; }
body { font: 15px/1.45 system-ui, sans-serif; color: #222; margin: 0 auto; max-width: 76rem;
  padding: 1rem 1.5rem 4rem; }
h1 { font-size: 1.6rem; margin-bottom: .2rem; }
h2 { font-size: 1.2rem; margin-top: 2.2rem; border-bottom: 1px solid #ddd; padding-bottom: .2rem; }
h3 { font-size: 1rem; margin: 0; }
p { max-width: 55rem; }
.interval { display: block; color: #666; font-size: .75rem; }
.small, figcaption { color: #555; font-size: .85rem; }
.scroll { overflow: auto; max-height: 40rem; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: .85rem; }
th, td { padding: .3rem .7rem; text-align: right; border-bottom: 1px solid #e4e4e4; }
th:first-child, td:first-child { text-align: left; }
td + td { white-space: nowrap; }
th:first-child { min-width: 11rem; }
th + th { min-width: 4rem; }
th { background: #f5f5f5; vertical-align: bottom; position: sticky; top: 0; }
th button { font: inherit; font-weight: 600; color: inherit; background: none; border: 0;
  padding: 0; cursor: pointer; text-align: inherit; }
th[aria-sort=ascending] button::after { content: " \\25b2"; }
th[aria-sort=descending] button::after { content: " \\25bc"; }
tbody tr:hover { background: #fafafa; }
img.figure { max-width: 100%; height: auto; }
.cards { display: grid; gap: 1rem; }
.card { border: 1px solid #ddd; border-radius: 6px; padding: .8rem 1rem; }
.signals { display: grid; gap: .8rem; margin-top: .6rem;
  grid-template-columns: repeat(auto-fill, minmax(13rem, 1fr)); }
.signals figure { margin: 0; }
.signals img { width: 100%; height: 6.5rem; display: block; }
.signals audio { width: 100%; height: 2.2rem; margin-top: .2rem; }
.curves { margin-top: 1rem; display: flex; flex-wrap: wrap; gap: 1rem; }
.curves figure { margin: 0; }
.curves img { width: 24rem; max-width: 100%; }
pre { background: #f5f5f5; padding: .6rem .8rem; overflow: auto; }
"""

SCRIPT = """
for (const table of document.querySelectorAll("table.sortable")) {
  const headers = Array.from(table.tHead.rows[0].cells);
  headers.forEach((header, column) => header.querySelector("button").onclick = () => {
    const before = header.getAttribute("aria-sort");
    const down = before ? before === "ascending" : column > 0;
    headers.forEach(other => other.removeAttribute("aria-sort"));
    header.setAttribute("aria-sort", down ? "descending" : "ascending");
    const text = row => row.cells[column].textContent;
    const compare = column === 0
      ? (a, b) => text(a).localeCompare(text(b))
      : (a, b) => parseFloat(text(a)) - parseFloat(text(b));
    const body = table.tBodies[0];
    body.append(...Array.from(body.rows).sort((a, b) => down ? compare(b, a) : compare(a, b)));
  });
}
"""

PAGE = Template("""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>$title</title>
<style>$style</style>
</head>
<body>
<h1>$title</h1>
<p class="small">$subtitle</p>
<h2>Systems</h2>
<div class="scroll">$table1</div>
$notes
<h2>Figure 2: class-wise SDRi with the average embedding</h2>
$figure2
<h2>Figure 3: spectrograms</h2>
$figure3
<h2>Examples</h2>
<p class="small">The best, the median and the worst mixture of each system by its SDRi, separated
with the average embedding of the target's class; the ideal ratio mask knows both sources.
Spectrograms of one example share a colour scale.</p>
<div class="cards">$cards</div>
<h2>Classes</h2>
<p class="small">SDRi in dB with the average embedding. A click on a heading sorts.</p>
<div class="scroll">$classes</div>
<h2>Networks</h2>
<div class="scroll">$costs</div>
$trainings
<h2>How to make this again</h2>
<pre>$command</pre>
<p class="small">All numbers: <a href="results.csv">results.csv</a> (each mixture),
<a href="results.json">results.json</a>, <a href="RESULTS.md">RESULTS.md</a> (with digests).</p>
<script>$script</script>
</body>
</html>
""")
