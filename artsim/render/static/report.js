document.documentElement.classList.add("scripted");
for (const table of document.querySelectorAll("table")) {
  const body = table.tBodies[0], first = [...body.rows];
  table.tHead.addEventListener("click", (event) => {
    const head = event.target.closest("th");
    if (!head || !event.target.closest("button")) return;
    const old = head.getAttribute("aria-sort"), numeric = head.classList.contains("number");
    const start = numeric ? "descending" : "ascending";
    const next = { [start]: numeric ? "ascending" : "descending" };
    const order = old === null ? start : next[old];
    for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
    const sign = order === "descending" ? -1 : 1, at = head.cellIndex;
    const rows = [...first];
    if (order !== undefined) {
      head.setAttribute("aria-sort", order);
      const value = (row) => row.cells[at].dataset.sort ?? row.cells[at].textContent;
      rows.sort((a, b) => {
        const [x, y] = [value(a), value(b)];
        if (!numeric) return sign * x.localeCompare(y);
        if (x === "" || y === "") return (x === "") - (y === "");
        return sign * (x - y);
      });
    }
    body.append(...rows);
  });
}
