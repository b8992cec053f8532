// The page of a graph: state, drawing what is in sight, and what the reader does.
"use strict";
(() => {
  const {html, svg, number} = page;
  const kHead = 54;      // pixels of the column heads above the graph
  const kFar = .42;      // below this scale, boxes have no text
  const graph = page.data("graph");
  const model = graphModel.make(graph);
  graphDraw.largestCosts(model);
  const state = {
    layers: new Set(), groups: new Set(),  // unfolded
    selected: null, focus: null, tab: "graph",
    colour: model.statistics ? "statistics" : "kind",
    step: model.statistics ? model.statistics.steps.length - 1 : 0,
    x: 0, y: 0, scale: 1,
  };
  let layout = null, items = [], drawnRows = new Map(), drawnEdges = new Map();
  let drawnFar = false;

  // ---- The page's parts ------------------------------------------------------

  const world = svg("g"), head = svg("g");
  const layers = {grid: svg("g"), edges: svg("g"), rows: svg("g", {role: "group"}),
                  picked: svg("g")};
  world.append(layers.grid, layers.edges, layers.picked, layers.rows);
  const canvas = svg("svg", {class: "graph", role: "tree", tabindex: -1,
      "aria-label": "Layers of the graph"}, graphDraw.markers(), world,
      svg("rect", {x: 0, y: 0, width: "100%", height: kHead, fill: "var(--surface)"}),
      svg("line", {class: "grid", x1: 0, x2: "100%", y1: kHead, y2: kHead}), head);
  const area = html("main", {class: "stagearea"});
  const side = html("aside", {class: "side", "aria-label": "Details"});
  const verdict = html("div", {class: "verdict", role: "status"});
  const actions = {select, showNode, showLayer, showBuffer};

  function toolbar() {
    const tab = (name, text) => html("button", {type: "button", "data-tab": name,
        "aria-pressed": String(state.tab === name), onclick: () => setTab(name)}, text);
    const colours = [["kind", "kind"], ["flops", "FLOPs"], ["bytes", "bytes moved"]];
    if (model.statistics) colours.unshift(["statistics", "statistics"]);
    const colour = html("select", {id: "colour", onchange: (event) => {
      state.colour = event.target.value;
      refresh();
    }}, colours.map(([value, text]) => html("option", {value}, text)));
    return html("header", {class: "top"},
      html("h1", {title: graph.title}, graph.title),
      html("span", {class: "stage"}, `stage ${graph.stage}`),
      html("div", {class: "tabs", role: "group", "aria-label": "View"},
           tab("graph", "Graph"), tab("table", "Table"),
           graph.plan && tab("arena", "Memory")),
      html("button", {type: "button", id: "fold", onclick: () => foldAll(true)}, "Fold all"),
      html("button", {type: "button", id: "unfold", onclick: () => foldAll(false)},
           "Unfold all"),
      html("label", {for: "colour"}, "Colour", colour),
      html("span", {class: "space"}), graphSearch.box(model, actions),
      page.themeButton());
  }

  function zoomButtons() {
    const button = (text, label, onclick) => html("button",
        {type: "button", "aria-label": label, title: label, onclick}, text);
    return html("div", {class: "zoom"},
        button("+", "Zoom in", () => zoomBy(1.3)), button("−", "Zoom out", () => zoomBy(1 / 1.3)),
        button("Fit", "Fit to the window", fit));
  }

  // ---- Drawing ---------------------------------------------------------------

  // Lays the graph out anew.
  function relayout() {
    layout = graphLayout.layOut(model, state);
    items = [];
    for (const row of layout.rows) {
      items.push({key: row.key, row, box: null});
      for (const pass of model.passes) {
        const cell = row.cells[pass];
        if (!cell || !cell.boxes) continue;
        for (const box of row.layers[0].cells[pass]) {
          items.push({key: `b${box.id}`, row, box});
        }
      }
    }
    if (!items.some((item) => item.key === state.focus)) {
      state.focus = items.length > 0 ? items[0].key : null;
    }
    layout.edges.sort((a, b) => a.low - b.low);
    redraw();
  }

  // Draws what is in sight from nothing.
  function redraw() {
    const hadFocus = layers.rows.contains(document.activeElement);
    for (const part of Object.values(layers)) part.replaceChildren();
    drawnRows = new Map();
    drawnEdges = new Map();
    drawnFar = state.scale < kFar;
    layers.grid.append(...graphDraw.laneGrid(model, layout));
    head.replaceChildren(...graphDraw.columnHeads(model, layout).flat());
    move();
    drawPicked();
    if (hadFocus) focusItem(false);
  }

  // Puts the graph where it is looked at, and draws what comes into sight.
  function move() {
    if ((state.scale < kFar) !== drawnFar) return redraw();
    world.setAttribute("transform",
        `translate(${state.x} ${state.y}) scale(${state.scale})`);
    head.setAttribute("transform",
        `translate(${state.x} ${kHead}) scale(${state.scale})`);
    const size = canvas.getBoundingClientRect();
    const margin = 300;
    const low = (-state.y - margin) / state.scale;
    const high = (size.height - state.y + margin) / state.scale;
    const wanted = new Set();
    for (const row of layout.rows) {
      const focused = state.focus === row.key ||
          (document.activeElement && row.key === document.activeElement.dataset.row);
      if (row.y + row.h < low || (row.y > high && !focused)) continue;
      wanted.add(row.key);
      if (drawnRows.has(row.key)) continue;
      const group = drawRow(row);
      drawnRows.set(row.key, group);
      insertInOrder(row, group);
    }
    for (const [key, group] of drawnRows) {
      if (wanted.has(key) || group.contains(document.activeElement)) continue;
      group.remove();
      drawnRows.delete(key);
    }
    moveEdges(low, high);
  }

  // Rows stand in the document as they do on the page, for screen readers.
  function insertInOrder(row, group) {
    for (let i = row.index + 1; i < layout.rows.length; ++i) {
      const next = drawnRows.get(layout.rows[i].key);
      if (next !== undefined) return next.before(group);
    }
    layers.rows.append(group);
  }

  function moveEdges(low, high) {
    const labelled = new Set();
    for (const edge of layout.edges) {
      if (edge.low > high) break;
      if (edge.kind === "quiet" || edge.high < low || drawnEdges.has(edge.key)) continue;
      const parts = [graphDraw.edgePath(model, edge, false)];
      if (!drawnFar && (edge.kind === "spine" || edge.kind === "inside") &&
          !labelled.has(edge.from.key)) {
        labelled.add(edge.from.key);
        parts.push(graphDraw.edgeLabel(edge));
      }
      drawnEdges.set(edge.key, {edge, parts});
      layers.edges.append(...parts);
    }
    for (const [key, {edge, parts}] of drawnEdges) {
      if (edge.low <= high && edge.high >= low) continue;
      for (const part of parts) part.remove();
      drawnEdges.delete(key);
    }
  }

  function drawRow(row) {
    const unfolded = row.kind === "header" ||
        (row.kind === "layer" && state.layers.has(row.layers[0].id));
    const foldable = row.layers[0].kind !== "input" || row.kind !== "layer";
    const group = svg("g", {role: "treeitem", "aria-level": 1, "data-row": row.key,
        "aria-expanded": foldable ? String(unfolded) : null,
        "aria-label": graphDraw.rowLabel(model, state, row),
        "aria-setsize": layout.rows.length, "aria-posinset": row.index + 1,
        tabindex: state.focus === row.key ? 0 : -1,
        onclick: (event) => clickRow(event, row),
        ondblclick: () => row.kind === "layer" && toggle(row)});
    if (row.kind === "header") {
      group.append(...headerParts(row));
    } else {
      for (const cell of Object.values(row.cells)) {
        const parts = cell.boxes ? graphDraw.frame(model, state, layout, cell) :
            row.kind === "repeat" ?
                graphDraw.stack(model, state, layout, cell, actions) :
                graphDraw.card(model, state, layout, cell, actions);
        group.append(...parts.filter(Boolean));
        if (cell.boxes) group.append(...drawBoxes(row, cell));
      }
      if (row.group >= 0 && row.kind === "layer") {
        group.append(svg("path", {class: "bracket",
                                  d: `M-12 ${row.y - 20}V${row.y + row.h + 16}`}));
      }
    }
    const right = Math.max(row.kind === "header" ? 440 : 180, ...Object.values(row.cells).map((c) => c.x + c.w));
    group.append(svg("rect", {class: "focus", x: row.kind === "header" ? -16 : -5,
                              y: row.y - 5, width: right + 10,
                              height: row.h + 10}));
    if (isSelectedRow(row)) group.classList.add("selected");
    return group;
  }

  function headerParts(row) {
    return [svg("rect", {x: -16, y: row.y, width: 470, height: row.h, fill: "transparent"}),
            graphDraw.foldMark(-10, row.y + 9, true),
            svg("text", {class: "name frame-name", x: 8, y: row.y + 18},
                `${graphDraw.runName(row)}  × ${row.repeat.count}`)];
  }

  function drawBoxes(row, cell) {
    return row.layers[0].cells[cell.pass].map((box) => {
      const key = `b${box.id}`;
      return svg("g", {class: `node${isSelectedBox(box) ? " selected" : ""}${
              isPartner(box) ? " partner" : ""}`, role: "treeitem", "aria-level": 2,
          "data-row": row.key, "data-box": box.id,
          "aria-label": graphDraw.boxLabel(model, box),
          tabindex: state.focus === key ? 0 : -1,
          onclick: (event) => {
            event.stopPropagation();
            state.focus = key;
            select({kind: "node", id: box.nodes[0]});
          }, ondblclick: (event) => event.stopPropagation()},
          svg("title", {}, graphDraw.boxLabel(model, box)),
          graphDraw.boxShape(model, state, layout, cell, box, !drawnFar));
    });
  }

  // ---- Selection -------------------------------------------------------------

  const selectedBox = () => state.selected && state.selected.kind === "node" ?
      model.boxOf[state.selected.id] : -1;
  const isSelectedBox = (box) => box.id === selectedBox();
  const isSelectedRow = (row) => state.selected !== null &&
      state.selected.kind === "layer" && row.kind !== "header" &&
      row.layers.some((layer) => layer.id === state.selected.id);

  // The boxes of the gradient of the selected one, or what it is a gradient of.
  function partnersOf(id) {
    const box = model.boxOf[id] >= 0 ? model.boxes[model.boxOf[id]] : null;
    const nodes = box ? box.nodes : [id];
    const partners = new Set();
    for (const n of nodes) {
      const of = graph.nodes[n].gradient_of;
      for (const other of [...model.gradientsOf[n], ...(of === undefined ? [] : [of])]) {
        if (model.boxOf[other] >= 0) partners.add(model.boxOf[other]);
      }
    }
    if (box) partners.delete(box.id);
    return partners;
  }
  let partners = new Set();
  const isPartner = (box) => partners.has(box.id);

  function select(picked) {
    state.selected = picked;
    partners = picked && picked.kind === "node" ? partnersOf(picked.id) : new Set();
    if (layout !== null && state.tab === "graph") redraw();
    showSide();
    if (state.tab === "arena") showTab();
  }

  function showSide() {
    side.replaceChildren(...[graphPanels.side(model, actions, state)].flat(9)
                             .filter((part) => part instanceof Node));
    side.scrollTop = 0;
  }

  // All edges of what is selected, also those that are quiet otherwise.
  function drawPicked() {
    layers.picked.replaceChildren();
    if (state.selected === null) return;
    const keys = new Set();
    if (state.selected.kind === "node") {
      const end = layout.ends.get(selectedBox());
      if (end !== undefined) keys.add(end.key);
    } else if (state.selected.kind === "layer") {
      for (const row of layout.rows.filter(isSelectedRow)) {
        if (row.kind === "repeat") continue;
        for (const cell of Object.values(row.cells)) keys.add(cell.key);
      }
    }
    for (const edge of layout.edges) {
      if (!keys.has(edge.from.key) && !keys.has(edge.to.key)) continue;
      layers.picked.append(graphDraw.edgePath(model, edge, true));
    }
  }

  // ---- Folding and going somewhere -------------------------------------------

  function toggle(row) {
    if (row.kind === "layer") {
      const id = row.layers[0].id;
      if (row.layers[0].kind === "input") return;
      if (!state.layers.delete(id)) state.layers.add(id);
    } else if (!state.groups.delete(row.group)) {
      state.groups.add(row.group);
      state.focus = `h${row.group}`;
    } else {
      state.focus = `g${row.group}`;
    }
    keepInPlace(row, relayout);
  }

  // The row stays where it is on the screen while the others make room.
  function keepInPlace(row, change) {
    const before = row.y;
    change();
    const after = layout.rows.find((r) => r.key === row.key ||
        (r.group === row.group && row.group >= 0 && r.kind !== "layer"));
    if (after === undefined) return;
    state.y += (before - after.y) * state.scale;
    move();
    focusItem(false);
  }

  function foldAll(fold) {
    state.layers.clear();
    state.groups.clear();
    if (!fold) {
      for (const layer of model.layers) {
        if (layer.kind !== "input") state.layers.add(layer.id);
      }
      model.groups.forEach((group, i) => group.count > 1 && state.groups.add(i));
    }
    setTab("graph");
    relayout();
    fit();
  }

  // Unfolds what hides the layer, and with `inside` the layer itself.
  function reveal(layerId, inside) {
    model.groups.forEach((group, i) => {
      if (group.count > 1 && group.layers.some((l) => l.id === layerId)) state.groups.add(i);
    });
    if (inside) state.layers.add(layerId);
    if (state.tab !== "graph") setTab("graph");
    relayout();
  }

  function showNode(id) {
    const box = model.boxOf[id];
    select({kind: "node", id});
    if (box < 0) return;
    reveal(model.boxes[box].layer, true);
    state.focus = `b${box}`;
    const end = layout.ends.get(box);
    centre(graphLayout.rectOf(layout, end));
    redraw();
  }

  function showLayer(id) {
    select({kind: "layer", id});
    if (!model.layerById.has(id)) return;
    reveal(id, false);
    const row = layout.rows.find((r) => r.kind === "layer" && r.layers[0].id === id);
    state.focus = row.key;
    centre({x: 0, y: row.y, w: layout.width, h: row.h});
    redraw();
  }

  function showBuffer(id) {
    select({kind: "buffer", id});
    if (state.tab !== "arena") setTab("arena");
  }

  // ---- Moving ----------------------------------------------------------------

  const isReady = () => canvas.isConnected && canvas.getBoundingClientRect().width > 0;

  function centre(rect) {
    if (!isReady()) return;
    const size = canvas.getBoundingClientRect();
    state.scale = Math.max(state.scale, .8);
    state.x = size.width / 2 - (rect.x + rect.w / 2) * state.scale;
    const free = size.width - layout.width * state.scale;
    state.x = free > 0 ? free / 2 : Math.max(free - 30, Math.min(30, state.x));
    state.y = (size.height + kHead) / 2 - (rect.y + rect.h / 2) * state.scale;
    if (rect.h * state.scale > size.height - kHead) {
      state.y = kHead + 20 - rect.y * state.scale;
    }
    move();
  }

  // All of it, or what of it is legible from the top.
  function fit() {
    if (!isReady()) return;
    const size = canvas.getBoundingClientRect();
    const free = {w: size.width - 60, h: size.height - kHead - 30};
    const all = Math.min(free.w / Math.max(1, layout.width), free.h / Math.max(1, layout.height));
    state.scale = Math.min(1.15, Math.max(all, Math.min(.5, free.w / Math.max(1, layout.width))));
    state.x = Math.max(30, (size.width - layout.width * state.scale) / 2);
    state.y = kHead + 16;
    move();
  }

  function moveBy(dx, dy) {
    state.x += dx;
    state.y += dy;
    move();
  }

  function zoomBy(factor, at) {
    const size = canvas.getBoundingClientRect();
    const x = at ? at.x : size.width / 2, y = at ? at.y : size.height / 2;
    const scale = Math.min(3, Math.max(.04, state.scale * factor));
    state.x = x - (x - state.x) * scale / state.scale;
    state.y = y - (y - state.y) * scale / state.scale;
    state.scale = scale;
    move();
  }

  function clickRow(event, row) {
    event.stopPropagation();
    if (event.detail > 1 && row.kind !== "layer") return;  // of a double click
    state.focus = row.key;
    if (event.target.classList.contains("fold") || row.kind === "header" ||
        onFoldMark(event, row)) {
      return toggle(row);
    }
    if (row.kind === "repeat") return toggle(row);
    select({kind: "layer", id: row.layers[0].id});
  }

  // Within the corner of a card that holds its triangle.
  function onFoldMark(event, row) {
    const size = canvas.getBoundingClientRect();
    const x = (event.clientX - size.left - state.x) / state.scale;
    const y = (event.clientY - size.top - state.y) / state.scale;
    return row.layers[0].kind !== "input" && Object.values(row.cells).some(
        (cell) => x >= cell.x && x <= cell.x + 26 && y >= cell.y && y <= cell.y + 28);
  }

  // ---- Keys ------------------------------------------------------------------

  function focusItem(scroll = true) {
    const item = items.find((i) => i.key === state.focus);
    if (item === undefined) return;
    if (scroll) {
      const rect = item.box ? graphLayout.rectOf(layout, layout.ends.get(item.box.id)) :
          {x: 0, y: item.row.y, w: layout.width, h: Math.min(item.row.h, 200)};
      const size = canvas.getBoundingClientRect();
      const top = state.y + rect.y * state.scale;
      const bottom = top + rect.h * state.scale;
      if (top < kHead + 10) state.y += kHead + 20 - top;
      if (bottom > size.height - 10) state.y -= bottom - size.height + 20;
      const left = state.x + rect.x * state.scale;
      const right = left + rect.w * state.scale;
      if (item.box && left < 10) state.x += 20 - left;
      if (item.box && right > size.width - 10) state.x -= right - size.width + 20;
      move();
    }
    for (const old of layers.rows.querySelectorAll('[tabindex="0"]')) {
      old.setAttribute("tabindex", -1);
    }
    const row = drawnRows.get(item.row.key);
    const element = item.box ?
        row && row.querySelector(`[data-box="${item.box.id}"]`) : row;
    if (!element) return;
    element.setAttribute("tabindex", 0);
    element.focus({preventScroll: true});
  }

  function onTreeKey(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const at = Math.max(0, items.findIndex((i) => i.key === state.focus));
    const item = items[at];
    const go = (index) => {
      state.focus = items[Math.min(Math.max(index, 0), items.length - 1)].key;
      focusItem();
    };
    const isOpen = !item.box && (item.row.kind === "header" ||
        (item.row.kind === "layer" && state.layers.has(item.row.layers[0].id)));
    const keys = {
      ArrowDown: () => go(at + 1), ArrowUp: () => go(at - 1),
      Home: () => go(0), End: () => go(items.length - 1),
      ArrowRight: () => item.box || isOpen ? go(at + 1) : toggle(item.row),
      ArrowLeft: () => {
        if (item.box) return go(items.findIndex((i) => i.key === item.row.key));
        if (isOpen) return toggle(item.row);
        const parent = items.findIndex((i) => i.key === `h${item.row.group}`);
        if (parent >= 0) go(parent);
      },
      Enter: () => item.box ? select({kind: "node", id: item.box.nodes[0]}) :
          item.row.kind === "layer" ?
              select({kind: "layer", id: item.row.layers[0].id}) : toggle(item.row),
      g: () => {
        const of = item.box ? partnersOf(item.box.nodes[0]) : new Set();
        if (of.size > 0) showNode(model.boxes[Math.min(...of)].nodes[0]);
        focusItem();
      },
    };
    keys[" "] = keys.Enter;
    if (keys[event.key] === undefined) return;
    event.preventDefault();
    keys[event.key]();
    if (event.key === "Enter" || event.key === " ") focusItem(false);
  }

  function onPageKey(event) {
    if (/^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName) || event.ctrlKey ||
        event.metaKey || event.altKey) {
      return;
    }
    const keys = {"/": () => document.getElementById("search").focus(),
                  "f": fit, "0": fit, "+": () => zoomBy(1.3), "=": () => zoomBy(1.3),
                  "-": () => zoomBy(1 / 1.3), "Escape": () => select(null)};
    if (keys[event.key] === undefined) return;
    event.preventDefault();
    keys[event.key]();
  }

  // ---- Statistics ------------------------------------------------------------

  // What the record says, in words, and which of the records it is.
  function showVerdict() {
    if (model.statistics === null) return verdict.remove();
    const {steps} = model.statistics;
    const {record} = steps[state.step];
    const network = record.findings.filter((f) => f.layer < 0);
    const flagged = new Set(record.findings.filter((f) => f.layer >= 0).map((f) => f.layer));
    const word = network.length > 0 ? network[0].text :
        flagged.size > 0 ? `${flagged.size} ${flagged.size === 1 ? "layer needs" :
            "layers need"} a look` : "the gradient reaches all layers";
    const slider = html("input", {type: "range", min: 0, max: steps.length - 1,
        value: state.step, "aria-label": "Record of the run",
        "aria-valuetext": `step ${record.step}`,
        oninput: (event) => { state.step = Number(event.target.value); refresh(true); }});
    const bad = network.length > 0;
    const text = html("span", {class: `word ${bad ? "bad" : flagged.size > 0 ? "warning" : "good"}`},
                      bad ? "⚠ " : "", word);
    if (verdict.firstChild && document.activeElement === verdict.querySelector("input")) {
      verdict.querySelector("input").setAttribute("aria-valuetext", `step ${record.step}`);
      verdict.querySelector(".word").replaceWith(text);
      verdict.querySelector(".at").textContent = stepText(record);
      return;
    }
    verdict.replaceChildren(text, html("span", {class: "space", style: "flex:1"}),
        html("span", {class: "muted at"}, stepText(record)),
        ...(steps.length > 1 ? [slider] : []));
  }
  const stepText = (record) => `step ${number(record.step)}, loss ${number(record.loss)}`;

  // ---- Tabs ------------------------------------------------------------------

  function setTab(name) {
    state.tab = name;
    for (const button of document.querySelectorAll("[data-tab]")) {
      button.setAttribute("aria-pressed", String(button.dataset.tab === name));
    }
    showTab();
  }

  function showTab() {
    if (state.tab === "graph") {
      area.replaceChildren(canvas, zoomButtons());
      redraw();
      return;
    }
    const buffer = state.selected && state.selected.kind === "buffer" ?
        state.selected.id : -1;
    area.replaceChildren(html("div", {class: "scroll", tabindex: 0}, state.tab === "arena" ?
        graphPanels.arena(model, actions, buffer) :
        graphPanels.layersTable(model, actions, state)));
  }

  // After another colour or step.
  function refresh() {
    showVerdict();
    showSide();
    if (state.tab === "graph") redraw(); else showTab();
  }

  function start() {
    const kSmall = 36;
    if (model.boxes.length <= kSmall) {
      for (const layer of model.layers) {
        if (layer.kind !== "input") state.layers.add(layer.id);
      }
      model.groups.forEach((group, i) => group.count > 1 && state.groups.add(i));
    }
    document.getElementById("app").replaceChildren(
        html("div", {class: "app"}, toolbar(), verdict,
                            html("div", {class: "body"}, area, side)));
    layout = graphLayout.layOut(model, state);
    canvas.addEventListener("keydown", onTreeKey);
    document.addEventListener("keydown", onPageKey);
    graphPointer.attach(canvas, {moveBy, zoomBy, onEmptyClick: () => select(null)});
    showVerdict();
    showSide();
    setTab("graph");
    relayout();
    fit();
    window.addEventListener("resize", () => state.tab === "graph" && move());
    document.documentElement.dataset.ready = "true";
  }
  start();
})();
