"use strict";
(function () {
  const search = document.getElementById("search");
  const action = document.getElementById("action");
  const shown = document.getElementById("shown");
  const rows = Array.from(document.querySelectorAll("#table tbody tr"));
  const texts = rows.map((row) => row.textContent.toLowerCase());
  function filter() {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    let count = 0;
    rows.forEach((row, at) => {
      const fits = (!action.value || row.dataset.action === action.value) && words.every((word) => texts[at].includes(word));
      row.hidden = !fits;
      count += fits ? 1 : 0;
    });
    shown.textContent = count + " of " + rows.length + " shown";
  }
  search.addEventListener("input", filter);
  action.addEventListener("change", filter);
  filter();
})();
