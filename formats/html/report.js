// Charts of a report: the value under the pointer, and with the arrow keys every
// value in turn. What they show stands in the page without this script.
(() => {
  const kUnits = {
    percent: (v) => `${(100 * v).toFixed(v !== 0 && v < 0.0995 ? 1 : 0)} %`,
    power: (v) => v <= -44.9 ? "0" : page.number(Math.pow(10, v)),
    number: page.number,
  };

  function readable(value, unit) {
    if (value === null) return "–";
    return value === "x" ? "not finite" : kUnits[unit](value);
  }
  const steps = ([first, last]) =>
      first === last ? `step ${first}` : `steps ${first} to ${last}`;

  // Where column `i` is, as shares of the width: its left end and its width.
  function heatColumn(data, i) {
    return [i / data.columns.length, 1 / data.columns.length];
  }
  function lineColumn(data, i) {
    const first = data.columns[0][1];
    const last = data.columns[data.columns.length - 1][1];
    return [last > first ? (data.columns[i][1] - first) / (last - first) : 0, 0];
  }

  function start(figure) {
    const data = JSON.parse(
        figure.querySelector("script[type='application/json']").textContent);
    const plot = figure.querySelector(".plot");
    const area = figure.querySelector(".area");
    const readout = figure.querySelector(".readout");
    const heat = figure.dataset.kind === "heat";
    const place = heat ? heatColumn : lineColumn;
    const cursor = page.html("div", {class: "cursor", hidden: true});
    area.append(cursor);
    let row = 0;
    let column = data.columns.length - 1;

    function show() {
      const [left, width] = place(data, column);
      cursor.style.left = `${100 * left}%`;
      cursor.style.width = `${100 * width}%`;
      cursor.style.top = heat ? `${100 * row / data.rows.length}%` : "0";
      cursor.style.height = heat ? `${100 / data.rows.length}%` : "100%";
      cursor.hidden = false;
      const at = steps(data.columns[column]);
      readout.textContent = heat ?
          `${data.rows[row]}, ${at}: ${readable(data.values[row][column], data.unit)}` :
          `${at}: ` + data.rows.map((name, i) =>
              `${name} ${readable(data.values[i][column], data.unit)}`).join(", ");
    }
    function hide() {
      if (document.activeElement === plot) return;
      cursor.hidden = true;
      readout.textContent = "";
    }
    area.addEventListener("pointermove", (event) => {
      const box = area.getBoundingClientRect();
      const x = (event.clientX - box.left) / box.width;
      const y = (event.clientY - box.top) / box.height;
      let best = 2;
      data.columns.forEach((_, i) => {
        const [left, width] = place(data, i);
        const distance = Math.abs(left + width / 2 - x);
        if (distance < best) [best, column] = [distance, i];
      });
      row = Math.min(Math.max(Math.floor(y * data.rows.length), 0),
                     data.rows.length - 1);
      show();
    });
    area.addEventListener("pointerleave", hide);
    plot.addEventListener("focus", () => {
      if (plot.matches(":focus-visible")) show();
    });
    plot.addEventListener("blur", () => {
      cursor.hidden = true;
      readout.textContent = "";
    });
    plot.addEventListener("keydown", (event) => {
      const most = data.columns.length - 1;
      const page_ = Math.max(1, Math.round(most / 10));
      const moves = {
        ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0],
        ArrowDown: [1, 0], PageUp: [0, -page_], PageDown: [0, page_],
        Home: [0, -most], End: [0, most],
      };
      const move = moves[event.key];
      if (move === undefined || event.ctrlKey || event.altKey || event.metaKey) return;
      if (!heat && move[0] !== 0) return;
      event.preventDefault();
      row = Math.min(Math.max(row + move[0], 0), data.rows.length - 1);
      column = Math.min(Math.max(column + move[1], 0), most);
      show();
    });
  }

  document.querySelectorAll("figure.chart[data-kind]").forEach(start);
  const header = document.querySelector("body > header");
  if (header !== null) header.append(page.themeButton());
})();
