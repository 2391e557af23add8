"use strict";

const table = document.querySelector(".compared");
const heads = [...table.tHead.rows[0].cells];

function valueIn(row, column) {
  const text = row.cells[column].dataset.value;
  return text === "" ? null : Number(text);
}

function sort(column, ascending) {
  const rows = [...table.tBodies[0].rows];
  const sign = ascending ? 1 : -1;
  rows.sort((one, other) => {
    const [a, b] = [valueIn(one, column), valueIn(other, column)];
    if (a === null || b === null) return (a === null) - (b === null);
    return sign * (a - b);
  });
  table.tBodies[0].append(...rows);
  heads.forEach((head, place) => {
    head.setAttribute("aria-sort", place !== column ? "none" : ascending ? "ascending" : "descending");
  });
}

heads.forEach((head, column) => {
  head.querySelector("button").addEventListener("click", () => {
    const before = head.getAttribute("aria-sort");
    sort(column, before === "none" ? column === 0 : before === "descending");
  });
});
