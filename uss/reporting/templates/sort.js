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
