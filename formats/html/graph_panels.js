// What stands beside the graph: details of what is selected, the legend, the
// table of layers, and the arena over time.
"use strict";
const graphPanels = (() => {
  const {html, svg, number, bytes, count} = page;

  const kPassNames = {forward: "forward pass", gradient: "gradient",
                      update: "update", initial: "initial value"};
  const kBytesNote = "Bytes count what is read and written: by a kernel, its " +
      "buffers; by a node, its inputs and outputs as if nothing was fused.";

  const facts = (...pairs) => html("dl", {}, pairs.filter(Boolean).map(
      ([name, value]) => [html("dt", {}, name), html("dd", {}, value)]));

  function link(text, onclick, title) {
    return html("button", {class: "link", type: "button", onclick, title}, text);
  }

  function nodeLink(model, actions, id, text) {
    return link(text || model.graph.nodes[id].name, () => actions.showNode(id));
  }

  // At most `most` items, and how many more there are.
  function list(items, make, most = 12) {
    const shown = items.slice(0, most).map((item) => html("li", {}, make(item)));
    if (items.length > most) {
      const rest = html("li", {}, html("button", {type: "button", onclick: () => {
        rest.replaceWith(...items.slice(most).map((i) => html("li", {}, make(i))));
      }}, `${items.length - most} more`));
      shown.push(rest);
    }
    return html("ul", {}, shown);
  }

  // ---- A node ----------------------------------------------------------------

  function nodePanel(model, actions, id) {
    const {graph} = model;
    const node = graph.nodes[id];
    const layer = graph.layers[node.layer];
    const result = graph.results.filter((r) => r.value[0] === id).map((r) => r.name);
    const readers = [];
    graph.nodes.forEach((other, reader) => {
      if (other.inputs.some(([n]) => n === id)) readers.push(reader);
    });
    const partners = model.gradientsOf[id];
    return [
      html("h2", {}, node.name),
      html("p", {class: "what"}, graph.ops[node.op] ?
          `${node.op}: ${graph.ops[node.op]}` : node.op),
      facts(
          ["type", html("span", {class: "mono"}, node.outputs.join(", "))],
          ["part of", [layer.name === "" ? "no layer" :
              link(layer.name, () => actions.showLayer(node.layer)),
              `, ${kPassNames[node.pass]}`]],
          result.length > 0 && ["result", result.join(", ")],
          node.location && ["made at", html("span", {class: "mono"}, node.location)],
          node.flops > 0 && ["FLOPs", count(node.flops)],
          node.bytes > 0 && ["bytes", bytes(node.bytes)],
          ...Object.entries(node.attributes || {}).map(
              ([name, value]) => [name, html("span", {class: "mono"}, value)])),
      node.gradient_of !== undefined &&
          [html("h3", {}, "Helps with the gradient of"),
           list([node.gradient_of], (n) => nodeLink(model, actions, n))],
      partners.length > 0 &&
          [html("h3", {}, "Its gradient"),
           list(partners, (n) => nodeLink(model, actions, n), 6)],
      node.initial && [html("h3", {}, "Starts with"),
                       list([node.initial[0]], (n) => nodeLink(model, actions, n))],
      model.updateOf.has(id) && [html("h3", {}, "After a step it is"),
          list([model.updateOf.get(id)], (n) => nodeLink(model, actions, n))],
      model.stateOf.has(id) && [html("h3", {}, "Becomes the new value of"),
          list([model.stateOf.get(id)], (n) => nodeLink(model, actions, n))],
      node.inputs.length > 0 && [html("h3", {}, "Reads"),
          list(node.inputs, ([n, output]) => [nodeLink(model, actions, n), " ",
              html("span", {class: "mono muted"}, graph.nodes[n].outputs[output])])],
      readers.length > 0 && [html("h3", {}, "Read by"),
          list(readers, (n) => nodeLink(model, actions, n))],
      node.kernel !== undefined && kernelPart(model, actions, node.kernel),
    ];
  }

  function kernelPart(model, actions, index) {
    const {plan} = model.graph;
    const kernel = plan.kernels[index];
    const buffer = (b) => [
      link(`b${b}`, () => actions.showBuffer(b)),
      ` ${plan.buffers[b].kind} `, html("span", {class: "mono muted"},
      plan.buffers[b].type), ` ${bytes(plan.buffers[b].bytes)}`];
    return [
      html("h3", {}, kernel.nodes.length > 1 ?
          `Kernel of ${kernel.nodes.length} fused nodes` : "Kernel"),
      facts(["runs as", html("span", {class: "mono"}, kernel.implementation)],
            ["stage", `${kernel.stage} of ${plan.stages}`],
            ["parts", String(kernel.parts)]),
      kernel.nodes.length > 1 &&
          list(kernel.nodes, (n) => nodeLink(model, actions, n), 30),
      html("h3", {}, "Buffers read"), list(kernel.reads, buffer),
      html("h3", {}, "Buffers written"), list(kernel.writes, buffer),
    ];
  }

  // ---- A layer ---------------------------------------------------------------

  function layerPanel(model, actions, id, step) {
    const layer = model.layerById.get(id);
    if (layer === undefined) return [html("h2", {}, model.graph.layers[id].name)];
    const cost = (key) => model.passes.map((pass) =>
        layer.cells[pass].reduce((sum, box) => sum + box[key], 0));
    const kinds = {input: "input", layer: "layer with parameters",
                   other: "nodes outside of layers", hook: "hook or guard",
                   update: "what all updates share"};
    const flops = cost("flops"), moved = cost("bytes");
    const parameters = layer.cells.forward.filter((b) => b.role === "parameter");
    return [
      html("h2", {}, layer.name),
      html("p", {class: "what"}, kinds[layer.kind]),
      facts(layer.output && ["output", html("span", {class: "mono"}, layer.output)],
            layer.parameters > 0 && ["parameters", count(layer.parameters)]),
      parameters.length > 0 && list(parameters, (b) => [
        nodeLink(model, actions, b.nodes[0], b.lines[0]), " ",
        html("span", {class: "mono muted"}, model.graph.nodes[b.nodes[0]].outputs[0])]),
      html("table", {}, html("thead", {}, html("tr", {}, html("th", {}, ""),
          html("th", {class: "number"}, model.graph.plan ? "kernels" : "nodes"),
          html("th", {class: "number"}, "FLOPs"),
          html("th", {class: "number"}, "bytes"))),
        html("tbody", {}, model.passes.map((pass, i) => html("tr", {},
            html("td", {}, kPassNames[pass]),
            html("td", {class: "number"}, layer.cells[pass].length),
            html("td", {class: "number"}, count(flops[i])),
            html("td", {class: "number"}, bytes(moved[i])))))),
      model.statistics && layerStatistics(model, id, step),
    ];
  }

  function layerStatistics(model, id, step) {
    const at = model.statistics.steps[step];
    const record = at.byLayer.get(id);
    if (record === undefined) return [];
    const findings = at.record.findings.filter((f) => f.layer === id);
    const row = (name, tensor) => tensor && html("tr", {}, html("td", {}, name),
        html("td", {class: "number"}, number(tensor.mean)),
        html("td", {class: "number"}, number(tensor.deviation)),
        html("td", {class: "number"}, number(tensor.norm)));
    const share = (value) => `${Math.round(100 * value)} %`;
    return [
      html("h3", {}, `Statistics at step ${number(at.record.step)}`),
      findings.map(finding),
      html("table", {}, html("thead", {}, html("tr", {}, html("th", {}, ""),
          ["mean", "deviation", "norm"].map((t) => html("th", {class: "number"}, t)))),
        html("tbody", {}, row("output", record.output),
            row("its gradient", record.output_gradient),
            record.parameters.map((p) => {
              const name = graphModel.nameIn(model.graph.layers[id].name, p.name);
              return [row(name, p.value), row(`${name} gradient`, p.gradient),
                      row(`${name} update`, p.update)];
            }))),
      facts(record.saturated_share !== undefined &&
                ["saturated", share(record.saturated_share)],
            record.dead_units !== undefined && ["dead units",
                `${record.dead_units}${record.units ? ` of ${record.units}` : ""}`]),
      model.statistics.steps.length > 1 && history(model, id, step),
    ];
  }

  const finding = (f) => html("div",
      {class: /vanish|explod|non_finite|zero/.test(f.kind) ? "finding strong" : "finding"},
      html("div", {}, f.text), f.cure && html("div", {class: "muted"}, `Try: ${f.cure}`));

  // The layer's gradient over the steps of the run, between the range of all.
  function history(model, id, step) {
    const {steps, range} = model.statistics;
    if (range.gradient === undefined) return [];
    const w = 330, h = 130, left = 44, right = 8, top = 8, bottom = 22;
    const {low, high} = range.gradient;
    const first = steps[0].record.step, last = steps[steps.length - 1].record.step;
    const x = (s) => left + (w - left - right) * (s - first) / Math.max(1, last - first);
    const y = (v) => top + (h - top - bottom) *
        (high - Math.log10(Math.min(Math.max(v, Math.pow(10, low)), Math.pow(10, high)))) /
        Math.max(1, high - low);
    let path = "", pen = "M";
    for (const s of steps) {
      const entry = s.lanes.gradient.get(id);
      if (!entry || !(entry.value >= 0)) { pen = "M"; continue; }
      path += `${pen}${x(s.record.step).toFixed(1)} ${y(entry.value).toFixed(1)}`;
      pen = "L";
    }
    const ticks = page.logTicks(Math.pow(10, low), Math.pow(10, high), 4);
    return [
      html("h3", {}, "RMS of its gradient over the run"),
      svg("svg", {width: "100%", viewBox: `0 0 ${w} ${h}`, role: "img",
                  "aria-label": "Gradient of the layer's output by step, logarithmic"},
        ticks.map((t) => [
          svg("line", {class: "grid", x1: left, x2: w - right, y1: y(t), y2: y(t)}),
          svg("text", {class: "tick", x: left - 6, y: y(t) + 4, "text-anchor": "end"},
              t.toExponential(0).replace("+", ""))]),
        svg("line", {class: "axis", x1: x(steps[step].record.step),
                     x2: x(steps[step].record.step), y1: top, y2: h - bottom}),
        svg("path", {class: "line", d: path, stroke: "var(--gradient)"}),
        svg("text", {class: "tick", x: left, y: h - 6}, `step ${number(first)}`),
        svg("text", {class: "tick", x: w - right, y: h - 6, "text-anchor": "end"},
            number(last))),
    ];
  }

  // ---- A buffer --------------------------------------------------------------

  function bufferPanel(model, actions, index) {
    const {plan} = model.graph;
    const buffer = plan.buffers[index];
    const kernels = (key) => plan.kernels.map((k, i) => i)
                                 .filter((i) => plan.kernels[i][key].includes(index));
    const kernel = (i) => [
      nodeLink(model, actions, plan.kernels[i].nodes[0]),
      html("span", {class: "muted"}, ` stage ${plan.kernels[i].stage}`)];
    const when = (stage) => stage < 0 ? "the start" :
        stage >= plan.stages ? "the end" : `stage ${stage}`;
    return [
      html("h2", {}, `Buffer b${index}`),
      html("p", {class: "what"}, buffer.name),
      facts(["kind", buffer.kind], ["type", html("span", {class: "mono"}, buffer.type)],
            ["bytes", bytes(buffer.bytes)],
            buffer.offset !== undefined && ["offset", `${number(buffer.offset)} of ${
                number(plan.arena_bytes)} bytes`],
            ["in use", `from ${when(buffer.first)} to ${when(buffer.last)}`]),
      html("h3", {}, "Written by"), list(kernels("writes"), kernel),
      html("h3", {}, "Read by"), list(kernels("reads"), kernel),
    ];
  }

  // ---- Nothing selected ------------------------------------------------------

  function overview(model, actions, state) {
    const {graph} = model;
    const totals = graphModel.passes.map((pass) => {
      const boxes = model.boxes.filter((b) => b.pass === pass);
      return [pass, boxes.reduce((s, b) => s + b.flops, 0), boxes.length];
    }).filter(([, , boxes]) => boxes > 0);
    const sizes = Object.entries(graph.sizes).map(([n, s]) => `${n}=${s}`).join(", ");
    const parameters = graph.layers.reduce((s, l) => s + l.parameters, 0);
    return [
      html("h2", {}, graph.title),
      facts(["layers", `${graph.layers.filter((l) => l.kind === "layer").length}`],
            ["parameters", count(parameters)],
            ["nodes", number(graph.nodes.length)],
            graph.plan && ["kernels", `${number(graph.plan.kernels.length)} in ${
                graph.plan.stages} stages`],
            graph.plan && ["arena", bytes(graph.plan.arena_bytes)],
            ...totals.map(([pass, flops]) => [`FLOPs, ${kPassNames[pass]}`, count(flops)]),
            sizes && ["costs for", html("span", {class: "mono"}, sizes)]),
      graph.costs_missing && html("p", {class: "warning"},
          `No costs: ${graph.costs_missing}`),
      model.statistics && statisticsPart(model, actions, state.step),
      html("h3", {}, "Colours"), legend(state.colour, model),
      html("h3", {}, "Keys"), html("div", {class: "keys"}, [
        [["↑", "↓"], "next, previous"], [["→", "←"], "unfold, fold"],
        [["Enter"], "select"], [["g"], "to the gradient and back"],
        [["/"], "search"], [["+", "−"], "zoom"],
        [["f"], "fit to the window"], [["Esc"], "select nothing"],
      ].map(([keys, text]) => [html("span", {}, keys.map((k) => [html("kbd", {}, k), " "])),
                               html("span", {}, text)])),
      html("p", {class: "muted"}, html("br"),
          "Drag or scroll to move, Ctrl and scroll to zoom. " + kBytesNote),
    ];
  }

  function statisticsPart(model, actions, step) {
    const {record} = model.statistics.steps[step];
    const inLayers = record.findings.filter((f) => f.layer >= 0);
    return [
      html("h3", {}, `Statistics, step ${number(record.step)}`),
      facts(["loss", number(record.loss)],
            ["norm of the gradient", number(record.gradient_norm)],
            ["after the hooks", number(record.clipped_norm)],
            ["from", html("span", {class: "mono"}, model.statistics.source)]),
      record.findings.filter((f) => f.layer < 0).map(finding),
      inLayers.length > 0 && [html("h3", {}, "Layers"),
        list(inLayers, (f) => link(f.text, () => actions.showLayer(f.layer)), 8)],
    ];
  }

  function legend(colour, model) {
    const swatch = (name, text) => [html("i", {style:
        `background: var(--${name}-soft); border-color: var(--${name})`}), html("span", {}, text)];
    if (colour === "kind") {
      return html("div", {class: "legend"}, swatch("input", "input"),
          swatch("forward", "forward pass"),
          swatch("state", "parameter or other state"),
          model.passes.includes("gradient") && swatch("gradient", "gradient"),
          model.passes.includes("update") &&
              [swatch("update", "update"), swatch("hook", "hook or guard")]);
    }
    const stops = [...Array(13).keys()].map((i) => i / 12);
    const scale = (f) => html("div", {class: "scale", style:
        `background: linear-gradient(to right, ${stops.map(f).join(", ")})`});
    if (colour === "statistics") {
      return [scale((s) => page.balance(2 * s - 1)),
              html("div", {class: "scale-ends"}, html("span", {}, "far too small"),
                  html("span", {}, "right"), html("span", {}, "far too large")),
              html("p", {class: "muted"}, "Gradients are compared with the last " +
                  "layer's, outputs with the first layer's, updates with a " +
                  "thousandth of the weights; the ends are 10,000 times off " +
                  "(updates: 1,000).")];
    }
    return [scale(page.heat), html("div", {class: "scale-ends"},
        html("span", {}, "little"), html("span", {}, "much"))];
  }

  // ---- The table of layers ---------------------------------------------------

  function layersTable(model, actions, state) {
    const {statistics} = model;
    const sum = (layer, pass, key) =>
        layer.cells[pass].reduce((s, box) => s + box[key], 0);
    const head = ["layer", "output", "parameters", "FLOPs", "FLOPs, gradient", "bytes"];
    const lanes = statistics === null ? [] :
        graphModel.passes.filter((p) => statistics.range[p] !== undefined);
    const cell = (layer, pass) => {
      const entry = statistics.steps[state.step].lanes[pass].get(layer.id);
      return html("td", {class: "number"}, entry ? number(entry.value) : "");
    };
    return html("table", {class: "layers-table"},
      html("caption", {class: "visually-hidden"}, "Layers"),
      html("thead", {}, html("tr", {}, head.map((t, i) =>
          html("th", {scope: "col", class: i > 1 && "number"}, t)),
          lanes.map((p) => html("th", {scope: "col", class: "number"},
                                statistics.lanes[p].title)))),
      html("tbody", {}, model.layers.map((layer) => html("tr", {},
          html("td", {}, link(layer.name, () => actions.showLayer(layer.id))),
          html("td", {class: "mono"}, layer.output),
          html("td", {class: "number"}, count(layer.parameters)),
          html("td", {class: "number"}, count(sum(layer, "forward", "flops"))),
          html("td", {class: "number"}, count(sum(layer, "gradient", "flops"))),
          html("td", {class: "number"}, bytes(layer.bytes)),
          lanes.map((pass) => cell(layer, pass))))));
  }

  // ---- The arena -------------------------------------------------------------

  // Who writes a buffer decides on its colour.
  function colourOfBuffer(model, index) {
    const writer = model.graph.plan.kernels.find((k) => k.writes.includes(index));
    if (writer === undefined) return "input";
    const node = model.graph.nodes[writer.nodes[0]];
    return model.graph.layers[node.layer].kind === "hook" ? "hook" : node.pass;
  }

  function arena(model, actions, selected) {
    const {plan} = model.graph;
    const w = 1000, h = 520, left = 70, right = 10, top = 24, bottom = 30;
    const total = Math.max(1, plan.arena_bytes);
    const x = (stage) => left + (w - left - right) * (stage + 1) / (plan.stages + 2);
    const y = (offset) => h - bottom - (h - top - bottom) * offset / total;
    const inArena = plan.buffers.map((b, i) => i)
                        .filter((i) => plan.buffers[i].kind === "arena");
    // Bytes in use by stage; a buffer that takes another's place counts once.
    const places = Array.from({length: plan.stages + 2}, () => new Map());
    for (const i of inArena) {
      const b = plan.buffers[i];
      for (let s = b.first; s <= b.last; ++s) {
        places[s + 1].set(b.offset, Math.max(places[s + 1].get(b.offset) || 0, b.bytes));
      }
    }
    const used = places.map((at) => [...at.values()].reduce((a, b) => a + b, 0));
    const skyline = used.map((u, s) => `${s === 0 ? "M" : "L"}${x(s - 1)} ${y(u)}H${x(s)}`);
    const unit = Math.pow(1024, Math.floor(Math.log(total) / Math.log(1024)));
    const yTicks = page.linearTicks(0, total / unit, 6).map((t) => t * unit);
    const xTicks = page.linearTicks(0, plan.stages, 11).filter(Number.isInteger);
    const rects = inArena.map((i) => {
      const b = plan.buffers[i];
      const colour = colourOfBuffer(model, i);
      const text = `b${i} ${b.name}, ${b.type}, ${bytes(b.bytes)}, stages ${b.first} to ${b.last}`;
      return svg("rect", {
        class: i === selected ? "buffer selected" : "buffer", x: x(b.first),
        width: Math.max(1, x(b.last + 1) - x(b.first)), y: y(b.offset + b.bytes),
        height: Math.max(.75, y(b.offset) - y(b.offset + b.bytes)),
        fill: `var(--${colour})`, "fill-opacity": .8, role: "button",
        "aria-label": text, tabindex: -1,
        onclick: () => actions.showBuffer(i)}, svg("title", {}, text));
    });
    const byKind = {};
    for (const b of plan.buffers) byKind[b.kind] = (byKind[b.kind] || 0) + b.bytes;
    return html("div", {},
      html("h2", {}, `The arena: ${bytes(plan.arena_bytes)} for ${inArena.length} buffers`),
      html("p", {class: "muted"}, "Each buffer stands at its offset, for as long as " +
          "it is in use: a later one takes the place of one that is read no more."),
      svg("svg", {class: "arena", viewBox: `0 0 ${w} ${h}`, width: "100%",
                  role: "group", "aria-label": "Buffers by stage and offset"},
        yTicks.map((t) => [
          svg("line", {class: "grid", x1: left, x2: w - right, y1: y(t), y2: y(t)}),
          svg("text", {class: "tick", x: left - 8, y: y(t) + 4, "text-anchor": "end"},
              bytes(t))]),
        xTicks.map((t) => svg("text", {class: "tick", x: (x(t) + x(t + 1)) / 2, y: h - 12,
                                       "text-anchor": "middle"}, String(t))),
        svg("text", {class: "tick", x: left - 8, y: h - 12, "text-anchor": "end"}, "stage"),
        svg("text", {class: "tick", x: left - 8, y: 12, "text-anchor": "end"}, "offset"),
        rects,
        svg("path", {class: "line", d: skyline.join(""), stroke: "var(--text)",
                     "stroke-width": 1.25})),
      html("div", {class: "legend", style: "max-width: 320px"},
        ["forward", "gradient", "update", "hook"].map((p) => [html("i", {style:
            `background: var(--${p}); border-color: var(--${p})`}),
            html("span", {}, `written by ${p === "hook" ? "a hook" : "the " + kPassNames[p]}`)]),
        html("i", {style: "height: 0; border-color: var(--text)"}),
        html("span", {}, "bytes in use")),
      html("h3", {}, html("br"), "The largest buffers"),
      list([...inArena].sort((a, b) => plan.buffers[b].bytes - plan.buffers[a].bytes), (i) => [
        link(`b${i}`, () => actions.showBuffer(i)), ` ${bytes(plan.buffers[i].bytes)} `,
        html("span", {class: "mono muted"}, plan.buffers[i].type), ` ${plan.buffers[i].name}, `,
        `stages ${plan.buffers[i].first} to ${plan.buffers[i].last}`], 10),
      html("h3", {}, html("br"), "Memory of a run"),
      html("table", {}, html("tbody", {}, [
        ["arena", plan.arena_bytes], ["states", byKind.state || 0],
        ["constants", byKind.constant || 0], ["feeds", byKind.feed || 0],
        ["results", byKind.result || 0], ["scratch of a worker", plan.scratch_bytes],
      ].map(([name, size]) => html("tr", {}, html("th", {scope: "row"}, name),
                                   html("td", {class: "number"}, bytes(size)))))));
  }

  function side(model, actions, state) {
    const picked = state.selected;
    if (picked === null) return overview(model, actions, state);
    const back = html("p", {}, link("Overview", () => actions.select(null)));
    switch (picked.kind) {
      case "node": return [back, nodePanel(model, actions, picked.id)];
      case "layer": return [back, layerPanel(model, actions, picked.id, state.step)];
      default: return [back, bufferPanel(model, actions, picked.id)];
    }
  }

  return {side, layersTable, arena};
})();
