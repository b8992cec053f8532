// Where everything stands: a row a layer, a column a pass. The forward pass is
// read downwards, gradients beside it upwards. A pure function of the model and
// of what is unfolded.
"use strict";
const graphLayout = (() => {
  const kText = 212, kLane = 132;        // parts of a card
  const kSpine = 58;                     // where edges from row to row run
  const kCard = 48, kInput = 34, kRepeat = 68, kHeader = 28;
  const kGap = 36, kGutter = 30, kTrack = 7;
  const kTitle = 30, kPadding = 14;      // of an unfolded cell
  const kRank = 34, kBeside = 14;
  const kMostBeside = 8, kMostBesideShared = 4;  // shared: of a hook
  const kCharacter = 6.9;                // of 12 px text, on average

  // ---- Inside of a cell ------------------------------------------------------

  function boxSize(model, box) {
    const title = box.lines.reduce((a, b) => Math.max(a, b.length), 0);
    const detail = boxDetail(model, box);
    const width = Math.max(title * kCharacter, detail.length * 5.9) + 22;
    return {w: Math.min(Math.max(width, 62), 220),
            h: 11 + 15 * box.lines.length + (detail ? 13 : 0)};
  }

  // The shape that stands below a box, right of its middle.
  const labelWidth = (box) =>
      box.outputs.length === 0 ? 0 : 6.4 * Math.min(box.outputs[0].type.length, 36);

  // The small line of a box: what kernel runs it.
  function boxDetail(model, box) {
    if (box.kernel === undefined) return "";
    return model.graph.plan.kernels[box.kernel].implementation;
  }

  // The rank of each box: behind all that it reads; a source right before its
  // first reader.
  function ranksOf(boxes) {
    const inside = new Set(boxes.map((b) => b.id));
    const rank = new Map();
    const inputs = (b) => b.inputs.filter((e) => inside.has(e.from));
    const visit = (b) => {
      const ranks = inputs(b).filter((e) => rank.has(e.from))
                        .map((e) => rank.get(e.from) + 1);
      rank.set(b.id, Math.max(0, ...ranks));
    };
    boxes.forEach(visit);  // ids are a topological order, but for kernels
    boxes.forEach(visit);
    for (const box of boxes) {
      if (inputs(box).length > 0) continue;
      const readers = box.outputs.filter((e) => inside.has(e.to))
                          .map((e) => rank.get(e.to));
      if (readers.length > 0) {
        rank.set(box.id, Math.max(0, Math.min(...readers) - 1));
      }
    }
    return rank;
  }

  // Boxes of a cell, placed from (0, 0); gradients from the bottom up.
  function layOutCell(model, boxes, upwards, most) {
    const rank = ranksOf(boxes);
    const lines = [];
    for (const box of boxes) {
      (lines[rank.get(box.id)] = lines[rank.get(box.id)] || []).push(box);
    }
    const places = new Map();
    let y = 0, width = 0;
    for (const line of lines.filter(Boolean)) {
      const wanted = (box) => {
        const above = box.inputs.map((e) => places.get(e.from)).filter(Boolean)
                          .map((p) => p.x + p.w / 2);
        return above.length === 0 ? 1e9 :
            above.reduce((a, b) => a + b, 0) / above.length;
      };
      const order = line.map((box, i) => ({box, at: wanted(box), i}))
                        .sort((a, b) => a.at - b.at || a.i - b.i);
      for (let k = 0; k < order.length; k += most) {
        let x = 0, height = 0;
        const beside = order.slice(k, k + most);
        let end = 0;  // of what stands there: boxes, and shapes below them
        for (const {box} of beside) {
          const size = boxSize(model, box);
          x = Math.max(x, end - size.w / 2);
          places.set(box.id, {x, y, ...size});
          end = x + size.w / 2 + labelWidth(box) + 14;
          x += size.w + kBeside;
          height = Math.max(height, size.h);
        }
        // Lines are centred, at first about 0.
        const all = Math.max(x - kBeside, end - kBeside);
        for (const {box} of beside) places.get(box.id).x -= all / 2;
        width = Math.max(width, all);
        y += height + kRank;
      }
    }
    for (const place of places.values()) place.x += width / 2;
    const height = Math.max(0, y - kRank);
    if (upwards) {
      for (const p of places.values()) p.y = height - p.y - p.h;
    }
    return {places, width, height};
  }

  // ---- Rows ------------------------------------------------------------------

  function visibleRows(model, state) {
    const rows = [];
    model.groups.forEach((group, index) => {
      if (group.count === 1) {
        rows.push({key: `l${group.layers[0].id}`, kind: "layer",
                   layers: group.layers, group: -1});
      } else if (!state.groups.has(index)) {
        rows.push({key: `g${index}`, kind: "repeat", layers: group.layers,
                   group: index, repeat: group});
      } else {
        rows.push({key: `h${index}`, kind: "header", layers: group.layers,
                   group: index, repeat: group});
        for (const layer of group.layers) {
          rows.push({key: `l${layer.id}`, kind: "layer", layers: [layer],
                     group: index});
        }
      }
    });
    return rows;
  }

  const hasCell = (row, pass) => row.kind !== "header" &&
      row.layers.some((layer) => layer.cells[pass].length > 0);

  function layOut(model, state) {
    const rows = visibleRows(model, state);
    const lane = (pass) => model.statistics !== null &&
        model.statistics.range[pass] !== undefined ? kLane : 0;
    const columns = {};
    for (const pass of model.passes) {
      columns[pass] = {lane: lane(pass), card: kText + lane(pass),
                       width: kText + lane(pass)};
    }
    // An input in the middle stands aside: the way from layer to layer is free.
    rows.forEach((row, index) => {
      row.aside = index > 0 && row.kind === "layer" &&
          row.layers[0].kind === "input" && !state.layers.has(row.layers[0].id);
      makeCells(model, state, row, columns);
    });
    let y = 0;
    for (const row of rows) {
      row.y = y;
      row.h = Math.max(kHeader,
                       ...Object.values(row.cells).map((cell) => cell.h));
      y += row.h + (row.kind === "header" ? 14 : kGap);
      for (const cell of Object.values(row.cells)) {
        cell.y = row.y;
        if (cell.boxes) {
          cell.shift = {x: kPadding + (cell.w - 2 * kPadding - cell.boxes.width) / 2,
                        y: kTitle + kPadding};
        }
      }
    }
    const layout = {rows, columns, height: y - kGap};
    const edges = collectEdges(model, layout);
    route(model, layout, edges);
    return layout;
  }

  function makeCells(model, state, row, columns) {
    row.cells = {};
    for (const pass of model.passes) {
      if (!hasCell(row, pass)) continue;
      const cell = {key: `${row.key}.${pass}`, row, pass, w: columns[pass].card};
      row.cells[pass] = cell;
      const layer = row.layers[0];
      if (row.kind === "layer" && state.layers.has(layer.id)) {
        cell.boxes = layOutCell(model, layer.cells[pass], pass === "gradient",
            isShared(row) ? kMostBesideShared : kMostBeside);
        cell.w = Math.max(cell.w, cell.boxes.width + 2 * kPadding);
        cell.h = cell.boxes.height + kTitle + 2 * kPadding;
        columns[pass].width = Math.max(columns[pass].width, cell.w);
      } else if (row.kind === "repeat") {
        cell.h = columns[pass].lane === 0 ? kRepeat :
            Math.min(Math.max(row.layers.length * 4, kRepeat), 330);
      } else {
        cell.h = layer.kind === "input" ? kInput : kCard;
      }
    }
  }

  // ---- Edges -----------------------------------------------------------------

  // What stands for a box: itself, or the card of its layer.
  function makeEnds(model, layout) {
    const ends = new Map();
    layout.rows.forEach((row, index) => {
      row.index = index;
      for (const cell of Object.values(row.cells)) {
        for (const layer of row.layers) {
          for (const box of layer.cells[cell.pass]) {
            ends.set(box.id, cell.boxes ?
                {key: `b${box.id}`, cell, box: cell.boxes.places.get(box.id)} :
                {key: cell.key, cell, box: null});
          }
        }
      }
    });
    return ends;
  }

  // Edges between what is visible, those of the same ends as one.
  function collectEdges(model, layout) {
    const ends = layout.ends = makeEnds(model, layout);
    const edges = new Map();
    for (const box of model.boxes) {
      for (const edge of box.outputs) {
        const from = ends.get(edge.from), to = ends.get(edge.to);
        if (from === undefined || to === undefined || from.key === to.key) continue;
        const key = `${from.key}>${to.key}`;
        const known = edges.get(key);
        if (known === undefined) {
          edges.set(key, {key, from, to, values: [edge]});
        } else {
          known.values.push(edge);
        }
      }
    }
    return [...edges.values()];
  }

  // Of a hook, or of what all updates share.
  const isShared = (row) =>
      row.layers[0].kind === "hook" || row.layers[0].kind === "update";

  // How an edge runs:
  //   inside   between boxes of one cell
  //   spine    to the next row of the same pass
  //   across   to the next pass of the same row
  //   bus      along a gutter, to or from a row further away
  //   quiet    not drawn unless one of its ends is selected
  function kindOf(layout, edge) {
    const {from, to} = edge;
    const a = from.cell, b = to.cell;
    if (a === b) return "inside";
    if (a.row === b.row) {
      const far = a.pass === "forward" && b.pass === "update" && a.row.cells.gradient;
      return far ? "quiet" : "across";
    }
    if (a.pass === b.pass && a.pass === "update") return "bus";
    if (a.pass === b.pass) {
      const step = a.pass === "gradient" ? -1 : 1;
      for (let r = a.row.index + step; ; r += step) {
        const row = layout.rows[r];
        if (row === undefined) return "bus";
        if (row === b.row) return "spine";
        if (row.cells[a.pass] !== undefined && !row.aside) return "bus";
      }
    }
    return isShared(a.row) || isShared(b.row) ? "bus" : "quiet";
  }

  // Gives buses their tracks and columns their x; then every edge its ends.
  function route(model, layout, edges) {
    const passes = model.passes;
    const gutters = Array.from({length: passes.length + 1}, () => []);
    layout.edges = [];
    for (const edge of edges) {
      edge.kind = kindOf(layout, edge);
      if (edge.kind === "bus") {
        const a = passes.indexOf(edge.from.cell.pass);
        const b = passes.indexOf(edge.to.cell.pass);
        // Before the column within the first two passes, else behind it.
        edge.gutter = a !== b ? Math.min(a, b) + 1 :
            edge.from.cell.pass === "update" ? a + 1 : a;
        gutters[edge.gutter].push(edge);
      }
      layout.edges.push(edge);
    }
    const tracks = gutters.map((list) => giveTracks(list));
    let x = 0;
    passes.forEach((pass, i) => {
      const before = tracks[i] * kTrack;
      layout.gutters = layout.gutters || [];
      layout.gutters[i] = x + kGutter / 2;
      x += (i === 0 ? (before > 0 ? kGutter + before : 0) : kGutter + before) +
          (i === 0 ? 0 : 18);
      layout.columns[pass].x = x;
      x += layout.columns[pass].width;
    });
    layout.gutters[passes.length] = x + kGutter / 2;
    layout.width = x + (tracks[passes.length] > 0 ?
        kGutter + tracks[passes.length] * kTrack : 0);
    for (const row of layout.rows) {
      for (const cell of Object.values(row.cells)) {
        cell.x = layout.columns[cell.pass].x;
      }
    }
    for (const edge of layout.edges) setEnds(layout, edge);
  }

  // Edges of a gutter share a track where they share their busier end; other
  // tracks are taken where rows do not overlap. Returns the number of tracks.
  function giveTracks(edges) {
    const degree = new Map();
    for (const {from, to} of edges) {
      degree.set(`<${from.key}`, (degree.get(`<${from.key}`) || 0) + 1);
      degree.set(`>${to.key}`, (degree.get(`>${to.key}`) || 0) + 1);
    }
    const bundles = new Map();
    for (const edge of edges) {
      const source = `<${edge.from.key}`, target = `>${edge.to.key}`;
      const shared = [edge.from, edge.to].find(({cell}) => isShared(cell.row));
      const key = shared ?
          `${shared === edge.from ? "<" : ">"}${shared.cell.row.key}` :
          degree.get(source) >= degree.get(target) ? source : target;
      if (!bundles.has(key)) bundles.set(key, {edges: [], low: Infinity, high: -1});
      const bundle = bundles.get(key);
      bundle.edges.push(edge);
      for (const {cell} of [edge.from, edge.to]) {
        bundle.low = Math.min(bundle.low, cell.row.index);
        bundle.high = Math.max(bundle.high, cell.row.index);
      }
    }
    const ends = [];  // by track: the last row that is taken
    for (const bundle of [...bundles.values()].sort((a, b) => a.low - b.low)) {
      let track = ends.findIndex((end) => end < bundle.low);
      if (track < 0) track = ends.length;
      ends[track] = bundle.high;
      for (const edge of bundle.edges) edge.track = track;
    }
    return ends.length;
  }

  function rectOf(layout, end) {
    const {cell, box} = end;
    if (box === null) {
      const aside = cell.row.aside ? kSpine + 26 : 0;
      return {x: cell.x + aside, y: cell.y,
              w: layout.columns[cell.pass].card - aside, h: cell.h};
    }
    return {x: cell.x + cell.shift.x + box.x, y: cell.y + cell.shift.y + box.y,
            w: box.w, h: box.h};
  }

  function setEnds(layout, edge) {
    const a = rectOf(layout, edge.from), b = rectOf(layout, edge.to);
    edge.low = Math.min(a.y, b.y);
    edge.high = Math.max(a.y + a.h, b.y + b.h);
    edge.path = pathOf(layout, edge, a, b);
    edge.label = {x: a.x + a.w / 2, y: a.y + a.h / 2};
    if (edge.kind === "spine" || edge.kind === "inside") {
      const up = a.y > b.y;
      edge.label = {x: a.x + a.w / 2 + 6, y: up ? a.y - 7 : a.y + a.h + 14};
      if (edge.kind === "spine" && edge.from.box === null) {
        edge.label = {x: spineX(a) + 7, y: up ? a.y - kGap / 2 + 4 : a.y + a.h + kGap / 2 + 4};
      }
    }
  }

  const spineX = (rect) => rect.x + Math.min(rect.w / 2, kSpine);
  const round = (number) => Math.round(number * 10) / 10;

  function pathOf(layout, edge, a, b) {
    if (edge.kind === "bus") return busPath(layout, edge, a, b);
    if (edge.kind === "inside" || edge.kind === "spine") {
      const up = a.y > b.y;
      const x1 = edge.from.box ? a.x + a.w / 2 : spineX(a);
      const x2 = edge.to.box ? b.x + b.w / 2 :
          edge.from.cell.row.aside ? x1 : spineX(b);
      const y1 = up ? a.y : a.y + a.h, y2 = up ? b.y + b.h : b.y;
      const bend = Math.min(Math.abs(y2 - y1) / 2, 40) * (up ? -1 : 1);
      return `M${round(x1)} ${round(y1)}C${round(x1)} ${round(y1 + bend)} ` +
          `${round(x2)} ${round(y2 - bend)} ${round(x2)} ${round(y2)}`;
    }
    const right = a.x < b.x;
    const x1 = right ? a.x + a.w : a.x, x2 = right ? b.x : b.x + b.w;
    const y1 = a.y + Math.min(a.h / 2, 24), y2 = b.y + Math.min(b.h / 2, 24);
    const bend = Math.max(20, Math.abs(x2 - x1) / 2) * (right ? 1 : -1);
    return `M${round(x1)} ${round(y1)}C${round(x1 + bend)} ${round(y1)} ` +
        `${round(x2 - bend)} ${round(y2)} ${round(x2)} ${round(y2)}`;
  }

  // From the side of `a` to its track, along it, and to the side of `b`.
  function busPath(layout, edge, a, b) {
    const x = layout.gutters[edge.gutter] + edge.track * kTrack;
    const x1 = a.x > x ? a.x : a.x + a.w, x2 = b.x > x ? b.x : b.x + b.w;
    const y1 = a.y + Math.min(a.h / 2, 24) + 8, y2 = b.y + Math.min(b.h / 2, 24) - 8;
    const down = y2 > y1 ? 1 : -1;
    const r = Math.min(6, Math.abs(y2 - y1) / 2);
    const d1 = x1 > x ? 1 : -1, d2 = x2 > x ? 1 : -1;
    return `M${round(x1)} ${round(y1)}H${round(x + d1 * r)}` +
        `Q${round(x)} ${round(y1)} ${round(x)} ${round(y1 + down * r)}` +
        `V${round(y2 - down * r)}` +
        `Q${round(x)} ${round(y2)} ${round(x + d2 * r)} ${round(y2)}H${round(x2)}`;
  }

  return {layOut, rectOf, boxDetail, kText, kTitle};
})();
