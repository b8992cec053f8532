// SVG of the parts of a layout: cards, boxes, lanes of statistics, edges.
"use strict";
const graphDraw = (() => {
  const {svg, number, bytes, count} = page;
  const {kText, kTitle} = graphLayout;
  const kNameStyle = "600 13px";
  const kTitles = {forward: "Forward pass ↓", gradient: "Gradient ↑", update: "Update"};

  // Widths of texts in pixels, by style: "600 13px", "11px".
  const canvas = document.createElement("canvas").getContext("2d");
  const widths = new Map();
  function textWidth(text, style) {
    const key = `${style} ${text}`;
    if (!widths.has(key)) {
      canvas.font = `${style} ${getComputedStyle(document.body).fontFamily}`;
      widths.set(key, canvas.measureText(text).width);
    }
    return widths.get(key);
  }

  // The longest of part(0), part(1), … part(n) that fits; part(n) is the whole.
  function longest(n, width, style, part) {
    if (textWidth(part(n), style) <= width) return part(n);
    let low = 0, high = n;
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if (textWidth(part(middle), style) <= width) low = middle; else high = middle;
    }
    return part(low);
  }
  const kMostCharacters = 120;  // no text has room for more

  // `text`, or its end where it is wider: names differ there.
  function fitted(text, width, style = "12px") {
    const end = text.slice(-kMostCharacters);
    return longest(end.length, width, style, (n) =>
        n === text.length ? text : "…" + end.slice(end.length - n));
  }
  // The beginning, of a list.
  function cut(text, width, style = "11px") {
    const start = text.slice(0, kMostCharacters);
    return longest(start.length, width, style, (n) =>
        n === text.length ? text : start.slice(0, n) + "…");
  }
  const spoken = (text) => text.length <= 200 ? text : text.slice(0, 200) + "…";

  // ---- Colours ---------------------------------------------------------------

  const colourName = (model, layer, pass, role) => {
    if (role === "input" || layer.kind === "input") return "input";
    if (role === "parameter" || role === "state") return "state";
    return layer.kind === "hook" ? "hook" : pass;
  };

  const costOf = (boxes, key) => boxes.reduce((s, box) => s + box[key], 0);

  // Fill of a layer's cell or a box; strong: text must be light on it (or dark,
  // in the dark).
  function fillOf(model, state, layer, pass, box) {
    const name = colourName(model, layer, pass, box ? box.role : "compute");
    const plain = {fill: `var(--${name}-soft)`, strong: false};
    if (state.colour === "statistics") {
      const entry = statisticOf(model, state, layer, pass);
      if (entry === undefined || box) return plain;
      return {fill: page.balance(entry.balance), strong: Math.abs(entry.balance) > .5};
    }
    if (state.colour === "kind") return plain;
    const cost = box ? box[state.colour] : costOf(layer.cells[pass], state.colour);
    const most = box ? model.most.box[state.colour] : model.most.cell[state.colour];
    const share = most > 0 ? Math.sqrt(cost / most) : 0;
    return {fill: page.heat(share), strong: share > .68};
  }

  const statisticOf = (model, state, layer, pass) => model.statistics === null ?
      undefined : model.statistics.steps[state.step].lanes[pass].get(layer.id);

  // The largest costs of cells and of boxes.
  function largestCosts(model) {
    const most = {cell: {flops: 0, bytes: 0}, box: {flops: 0, bytes: 0}};
    for (const key of ["flops", "bytes"]) {
      for (const box of model.boxes) most.box[key] = Math.max(most.box[key], box[key]);
      for (const layer of model.layers) {
        for (const pass of model.passes) {
          most.cell[key] = Math.max(most.cell[key], costOf(layer.cells[pass], key));
        }
      }
    }
    model.most = most;
  }

  // ---- Lanes -----------------------------------------------------------------

  const laneX = (column) => column.x + kText + 8;
  const laneWidth = (column) => column.lane - 18;
  function placeOnLane(model, column, pass, value) {
    const {low, high} = model.statistics.range[pass];
    const at = (Math.log10(value) - low) / Math.max(1, high - low);
    return Math.min(1, Math.max(0, at)) * laneWidth(column);
  }

  function bar(model, state, column, layer, pass, y, h, onclick) {
    const entry = statisticOf(model, state, layer, pass);
    if (entry === undefined) return null;
    const x = laneX(column);
    const title = svg("title", {}, spoken(
        `${layer.name}: ${model.statistics.lanes[pass].title} ${number(entry.value)}`));
    if (typeof entry.value !== "number") {  // nan, inf
      return svg("rect", {class: "bar broken", x, y, width: laneWidth(column), height: h,
                          onclick}, title);
    }
    const width = entry.value > 0 ? placeOnLane(model, column, pass, entry.value) : 0;
    return svg("rect", {class: "bar", x, y, width: Math.max(1.5, width), height: h,
                        style: `fill: color-mix(in srgb, var(--muted) 28%, ${
                            page.balance(entry.balance)})`, onclick}, title);
  }

  // Lines through all rows at powers of ten.
  function laneGrid(model, layout) {
    const lines = [];
    for (const pass of model.passes) {
      const column = layout.columns[pass];
      if (column.lane === 0) continue;
      for (const tick of laneTicks(model, pass)) {
        const x = laneX(column) + placeOnLane(model, column, pass, tick);
        lines.push(svg("line", {class: "lane-grid", x1: x, x2: x, y1: -6,
                                y2: layout.height + 6}));
      }
    }
    return lines;
  }
  function laneTicks(model, pass) {
    const {low, high} = model.statistics.range[pass];
    return page.logTicks(Math.pow(10, low), Math.pow(10, high), 4);
  }

  // What stands above the columns.
  function columnHeads(model, layout) {
    return model.passes.map((pass) => {
      const column = layout.columns[pass];
      const parts = [svg("text", {class: "column", x: column.x, y: -26,
                                  style: `fill: var(--${pass})`}, kTitles[pass])];
      if (column.lane > 0) {
        parts.push(svg("text", {class: "lane-title", x: column.x + column.card, y: -26,
            "text-anchor": "end"}, model.statistics.lanes[pass].title));
        for (const tick of laneTicks(model, pass)) {
          parts.push(svg("text", {class: "lane-tick", y: -11,
              x: laneX(column) + placeOnLane(model, column, pass, tick)},
              tick.toExponential(0).replace("+", "")));
        }
      }
      return parts;
    });
  }

  // ---- Cards -----------------------------------------------------------------

  const heading = (layer, pass) =>
      pass === "gradient" ? `∇ ${layer.name}` : layer.name;

  function opsOf(model, boxes) {
    const ops = [];
    for (const box of boxes) {
      if (box.role !== "compute") continue;
      for (const line of box.lines) {
        const op = line.split(" ")[0];
        if (ops[ops.length - 1] !== op) ops.push(op);
      }
    }
    return ops;
  }

  function detailOf(model, layer, pass) {
    const boxes = layer.cells[pass];
    if (layer.kind === "input") return layer.output;
    const guarded = new Set(model.graph.guards.map((guard) => guard.value[0]));
    if (layer.kind === "hook" && boxes.some((b) => b.nodes.some((n) => guarded.has(n)))) {
      return "guards: must be finite";
    }
    if (pass === "update" && layer.kind === "layer") {
      const states = boxes.flatMap((b) => b.nodes).map((n) => model.stateOf.get(n))
          .filter((s) => s !== undefined && model.graph.nodes[s].role === "parameter")
          .map((s) => graphModel.nameIn(layer.name, model.graph.nodes[s].name));
      if (states.length > 0) return `new ${states.join(", ")}`;
    }
    const ops = opsOf(model, boxes);
    if (layer.kind === "update") {
      ops.unshift(...boxes.filter((b) => b.role === "state").map((b) => b.lines[0]));
    }
    if (ops.length === 0) return boxes.map((b) => b.lines[0]).join(", ");
    return ops.length <= 4 ? ops.join(" · ") :
        `${ops.slice(0, 3).join(" · ")} and ${ops.length - 3} more`;
  }

  // The name of layers that repeat together: the scope around them, or that of
  // the first.
  function periodName(layers) {
    const paths = layers.map((layer) => layer.name.split("/"));
    let same = 0;
    while (paths.every((path) => path[same] !== undefined &&
                                 path[same] === paths[0][same])) {
      ++same;
    }
    return same === 0 ? layers[0].name : paths[0].slice(0, same).join("/");
  }
  // Of the first and the last time: ["block1", "block12"].
  function runNames(row) {
    const {period} = row.repeat;
    return [periodName(row.layers.slice(0, period)),
            periodName(row.layers.slice(-period))];
  }
  const runName = (row) => runNames(row).join(" … ");

  const foldMark = (x, y, open) => svg("path", {class: "fold", d: open ?
      `M${x} ${y + 1}h10l-5 7z` : `M${x + 1} ${y}v10l7 -5z`});

  function hasWarning(model, state, layers) {
    if (model.statistics === null) return false;
    const {record, broken} = model.statistics.steps[state.step];
    const ids = new Set(layers.map((l) => l.id));
    return record.findings.some((f) => ids.has(f.layer)) ||
        layers.some((l) => broken.has(l.id));
  }

  function card(model, state, layout, cell, actions) {
    const {row, pass} = cell;
    const layer = row.layers[0];
    const rect = graphLayout.rectOf(layout, {cell, box: null});
    const column = layout.columns[pass];
    const {fill, strong} = fillOf(model, state, layer, pass, null);
    const name = colourName(model, layer, pass, "compute");
    const ink = strong ? "fill: var(--surface)" : null;
    const foldable = layer.kind !== "input";
    const parts = [svg("rect", {class: "card", x: rect.x, y: rect.y, width: rect.w,
        height: rect.h, style: `fill: ${fill}; stroke: var(--${name})`})];
    const left = rect.x + (foldable ? 26 : 12);
    const width = (row.aside ? rect.w : kText) - (foldable ? 34 : 20);
    if (foldable) parts.push(foldMark(rect.x + 9, rect.y + 10, false));
    const small = rect.h < 40;
    parts.push(
        svg("text", {class: "name", x: left, y: rect.y + (small ? 15 : 20), style: ink},
            fitted(heading(layer, pass), width, kNameStyle)),
        svg("text", {class: "detail", x: left, y: rect.y + (small ? 28 : 37), style: ink},
            cut(detailOf(model, layer, pass), width)));
    if (column.lane > 0 && !row.aside) parts.push(...laneOfCard(model, state, column, layer, pass, rect));
    if (pass === "forward" && hasWarning(model, state, [layer])) {
      parts.push(svg("text", {class: "warn", x: rect.x + kText - 14, y: rect.y + 20,
                              style: ink}, "⚠"));
    }
    return parts;
  }

  function laneOfCard(model, state, column, layer, pass, rect) {
    const entry = statisticOf(model, state, layer, pass);
    if (entry === undefined) return [];
    return [svg("rect", {x: column.x + kText, y: rect.y + 1.5, height: rect.h - 3,
                         width: column.lane - 1.5, rx: 6, fill: "var(--raised)"}),
            svg("text", {class: typeof entry.value === "number" ? "detail" : "detail broken",
                         x: laneX(column), y: rect.y + 17}, number(entry.value)),
            bar(model, state, column, layer, pass, rect.y + 24, 14)];
  }

  // A run of equal layers: sheets behind, a stripe and a bar a layer.
  function stack(model, state, layout, cell, actions) {
    const {row, pass} = cell;
    const rect = graphLayout.rectOf(layout, {cell, box: null});
    const column = layout.columns[pass];
    const layer = row.layers[0];
    const name = colourName(model, layer, pass, "compute");
    const look = `fill: var(--${name}-soft); stroke: var(--${name})`;
    const sheet = (d) => svg("rect", {class: "card", x: rect.x + d, y: rect.y + d,
                                      width: rect.w, height: rect.h, style: look});
    const parts = [sheet(6), sheet(3), sheet(0)];
    const step = (rect.h - 4) / row.layers.length;
    row.layers.forEach((one, i) => {
      const {fill} = fillOf(model, state, one, pass, null);
      if (state.colour !== "kind") {
        parts.push(svg("rect", {x: rect.x + 2, y: rect.y + 2 + i * step, width: 14,
                                height: step + .3, style: `fill: ${fill}`}));
      }
    });
    const left = rect.x + 42;
    const [first, last] = runNames(row);
    const heading = pass === "gradient" ? `∇ ${first}` : first;
    const detail = row.repeat.period === 1 ? detailOf(model, layer, pass) :
        `${row.repeat.period} layers each`;
    parts.push(foldMark(rect.x + 24, rect.y + 10, false),
        svg("text", {class: "name", x: left, y: rect.y + 20},
            fitted(heading, kText - 100, kNameStyle)),
        svg("text", {class: "detail", x: left, y: rect.y + 36},
            fitted(`to ${last}`, kText - 52, "11px")),
        svg("text", {class: "detail", x: left, y: rect.y + 52},
            cut(detail, kText - 50)),
        svg("text", {class: "badge", x: rect.x + kText - 12, y: rect.y + 20,
                     "text-anchor": "end"}, `× ${row.repeat.count}`));
    if (pass === "forward" && hasWarning(model, state, row.layers)) {
      parts.push(svg("text", {class: "warn", x: left, y: rect.y + rect.h - 10}, "⚠"));
    }
    if (column.lane === 0) return parts;
    parts.push(svg("rect", {x: column.x + kText, y: rect.y + 1.5, height: rect.h - 3,
                            width: column.lane - 1.5, rx: 6, fill: "var(--raised)"}));
    row.layers.forEach((one, i) => {
      parts.push(bar(model, state, column, one, pass, rect.y + 2 + i * step,
                     Math.max(.8, step * .82), (event) => {
                       event.stopPropagation();
                       actions.showLayer(one.id);
                     }));
    });
    return parts;
  }

  // An unfolded cell: a frame with a title, and boxes in it.
  function frame(model, state, layout, cell) {
    const {row, pass} = cell;
    const layer = row.layers[0];
    const name = colourName(model, layer, pass, "compute");
    const column = layout.columns[pass];
    const parts = [
      svg("rect", {class: "card", x: cell.x, y: cell.y, width: cell.w, height: cell.h,
                   style: `fill: transparent; stroke: var(--${name})`}),
      foldMark(cell.x + 9, cell.y + 10, true),
      svg("text", {class: "name frame-name", x: cell.x + 26, y: cell.y + 20},
          fitted(heading(layer, pass), kText - 34, kNameStyle))];
    if (column.lane > 0 && statisticOf(model, state, layer, pass) !== undefined) {
      parts.push(bar(model, state, column, layer, pass, cell.y + 8, 14));
    }
    return parts;
  }

  // One box of an unfolded cell.
  function boxShape(model, state, layout, cell, box, detail) {
    const rect = graphLayout.rectOf(layout, {cell, box: cell.boxes.places.get(box.id)});
    const layer = model.layerById.get(box.layer);
    const {fill, strong} = fillOf(model, state, layer, box.pass, box);
    const name = colourName(model, layer, box.pass, box.role);
    const parts = [svg("rect", {class: "shape", x: rect.x, y: rect.y, width: rect.w,
        height: rect.h, style: `fill: ${fill}; stroke: var(--${name})`})];
    if (!detail) return parts;
    const ink = strong ? "fill: var(--surface)" : null;
    box.lines.forEach((line, i) => parts.push(
        svg("text", {class: "op", x: rect.x + 10, y: rect.y + 18 + 15 * i, style: ink},
            fitted(line, rect.w - 16))));
    const small = graphLayout.boxDetail(model, box);
    if (small) {
      parts.push(svg("text", {class: "detail", x: rect.x + 10, y: rect.y + rect.h - 7,
                              style: ink}, fitted(small, rect.w - 16, "11px")));
    }
    parts.push(svg("rect", {class: "focus", x: rect.x - 3, y: rect.y - 3,
                            width: rect.w + 6, height: rect.h + 6}));
    return parts;
  }

  function boxLabel(model, box) {
    const node = model.graph.nodes[box.nodes[0]];
    const kernel = box.kernel === undefined ? "" :
        `, kernel ${model.graph.plan.kernels[box.kernel].implementation}`;
    return spoken(`${box.lines.join(", ")}: ${node.name}, ${node.outputs.join(", ")}` +
        `${kernel}, ${box.flops > 0 ? `${count(box.flops)} FLOPs, ` : ""}${bytes(box.bytes)}`);
  }

  function rowLabel(model, state, row) {
    const layer = row.layers[0];
    const parts = [row.layers.length > 1 && row.kind !== "layer" ?
        `${runName(row)}, ${row.repeat.count} times` : layer.name];
    if (row.kind === "layer") {
      parts.push(layer.output, `${count(layer.parameters)} parameters`,
                 `${count(layer.flops)} FLOPs`);
      const entry = statisticOf(model, state, layer, "gradient");
      if (entry) parts.push(`gradient ${number(entry.value)}`);
      if (hasWarning(model, state, [layer])) parts.push("see findings");
    }
    return spoken(parts.filter(Boolean).join(", "));
  }

  // ---- Edges -----------------------------------------------------------------

  function edgeClass(model, edge) {
    const kinds = [edge.from.cell, edge.to.cell].map((c) => c.row.layers[0].kind);
    const hook = edge.kind === "bus" && kinds.includes("hook");
    return hook ? "hook" : edge.kind === "bus" && kinds.includes("update") ?
        "update" : edge.from.cell.pass;
  }

  function edgePath(model, edge, picked) {
    const name = edgeClass(model, edge);
    return svg("path", {class: `edge ${edge.kind} ${name}${picked ? " picked" : ""}`,
                        d: edge.path,
                        "marker-end": `url(#arrow-${picked ? "picked" :
                            edge.kind === "across" ? "plain" : name})`});
  }

  function edgeLabel(edge) {
    const types = [...new Set(edge.values.map((v) => v.type))];
    const more = types.length > 1 ? ` +${types.length - 1}` : "";
    return svg("text", {class: "shape-label", x: edge.label.x, y: edge.label.y},
               cut(types[0] + more, 230));
  }

  function markers() {
    const colours = {forward: "forward", gradient: "gradient", update: "update",
                     hook: "hook", plain: "line-strong", picked: "text"};
    return svg("defs", {}, Object.entries(colours).map(([name, colour]) =>
        svg("marker", {id: `arrow-${name}`, viewBox: "0 0 8 8", refX: 7, refY: 4,
                       markerWidth: 7, markerHeight: 7, orient: "auto-start-reverse",
                       markerUnits: "userSpaceOnUse"},
            svg("path", {d: "M0 .5L8 4L0 7.5z", fill: `var(--${colour})`}))));
  }

  return {card, stack, frame, boxShape, boxLabel, rowLabel, runName, edgePath,
          edgeLabel, markers, columnHeads, laneGrid, largestCosts, foldMark, kTitle};
})();
