// The graph of the page as the view wants it: boxes (kernels, or nodes that have
// none) in cells (a layer's forward pass, gradient or update), layers that repeat,
// and statistics by layer.
"use strict";
const graphModel = (() => {
  const kPasses = ["forward", "gradient", "update"];

  // The number that a scalar constant holds; "" for anything else.
  function constantText(node) {
    if (node.role !== "constant" || !node.attributes) return "";
    const value = node.attributes.value || "";
    if (!/^\{[^,{}]*\}$/.test(value)) return "";
    const number = Number(value.slice(1, -1));
    return Number.isFinite(number) ? page.number(number) : value.slice(1, -1);
  }

  // "weights" of "hidden1/weights".
  function nameIn(layer, name) {
    const inside = layer !== "" && name.startsWith(layer + "/");
    return inside ? name.slice(layer.length + 1) : name;
  }

  // Boxes, and boxOf[node]: -1 for what is not drawn (constants that stand in
  // the boxes which read them, and initial values).
  function makeBoxes(graph, model) {
    const boxOf = graph.nodes.map(() => -1);
    const kernelBoxes = new Map();
    const constants = graph.nodes.map(constantText);
    graph.nodes.forEach((node, id) => {
      if (node.pass === "initial" || constants[id] !== "") return;
      if (node.kernel !== undefined && kernelBoxes.has(node.kernel)) {
        boxOf[id] = kernelBoxes.get(node.kernel);
        model.boxes[boxOf[id]].nodes.push(id);
        return;
      }
      boxOf[id] = model.boxes.length;
      if (node.kernel !== undefined) kernelBoxes.set(node.kernel, boxOf[id]);
      model.boxes.push({id: boxOf[id], nodes: [id], layer: node.layer,
                        pass: node.pass, role: node.role, kernel: node.kernel,
                        inputs: [], outputs: [], lines: [], flops: 0, bytes: 0});
    });
    model.boxOf = boxOf;
    for (const box of model.boxes) {
      if (box.kernel === undefined) continue;
      const home = graph.nodes[graph.plan.kernels[box.kernel].home];
      Object.assign(box, {layer: home.layer, pass: home.pass});
    }
    for (const box of model.boxes) fillBox(graph, constants, box);
  }

  function fillBox(graph, constants, box) {
    for (const id of box.nodes) {
      const node = graph.nodes[id];
      box.flops += node.flops || 0;
      box.bytes += node.bytes || 0;
      if (box.role === "compute") {
        const numbers = node.inputs.map(([n]) => constants[n]).filter(Boolean);
        box.lines.push([node.op, ...numbers].join(" "));
      } else {
        box.lines.push(nameIn(graph.layers[node.layer].name, node.name));
      }
    }
    if (box.kernel === undefined) return;
    const plan = graph.plan;
    const kernel = plan.kernels[box.kernel];
    box.bytes = [...kernel.reads, ...kernel.writes].reduce(
        (sum, b) => sum + plan.buffers[b].bytes, 0);
  }

  // Edges between boxes, one a value.
  function makeEdges(graph, model) {
    graph.nodes.forEach((node, id) => {
      const to = model.boxOf[id];
      if (to < 0) return;
      for (const [from_node, output] of node.inputs) {
        const from = model.boxOf[from_node];
        if (from < 0 || from === to) continue;
        const known = model.boxes[to].inputs.some(
            (e) => e.node === from_node && e.output === output);
        if (known) continue;
        const edge = {from, to, node: from_node, output,
                      type: graph.nodes[from_node].outputs[output]};
        model.boxes[from].outputs.push(edge);
        model.boxes[to].inputs.push(edge);
      }
    });
  }

  function makeLayers(graph, model) {
    model.layers = graph.layers.map((layer, id) => ({
      id, name: layer.name, kind: layer.kind, parameters: layer.parameters,
      cells: {forward: [], gradient: [], update: []}, flops: 0, bytes: 0,
    }));
    for (const box of model.boxes) {
      const layer = model.layers[box.layer];
      layer.cells[box.pass].push(box);
      layer.flops += box.flops;
      layer.bytes += box.bytes;
    }
    nameResults(graph, model);
    for (const layer of model.layers) {
      layer.signature = signatureOf(graph, model, layer);
      layer.output = outputOf(graph, layer);
    }
    model.layers = model.layers.filter(
        (layer) => kPasses.some((pass) => layer.cells[pass].length > 0));
    model.layerById = new Map(model.layers.map((layer) => [layer.id, layer]));
    model.passes = kPasses.filter((pass) => pass === "forward" ||
        model.layers.some((layer) => layer.cells[pass].length > 0));
  }

  // Nodes outside of layers are named after the last one; where that is a
  // result, its name says more.
  function nameResults(graph, model) {
    for (const {name, value: [node]} of graph.results) {
      const layer = model.layers[graph.nodes[node].layer];
      if (layer.kind === "other" && layer.name === graph.nodes[node].name &&
          layer.name !== name) {
        layer.name = `${layer.name} = ${name}`;
      }
    }
  }

  // Equal for layers whose forward passes are built alike.
  function signatureOf(graph, model, layer) {
    const place = new Map();
    const cell = layer.cells.forward.length > 0 ? layer.cells.forward :
        layer.cells.update;
    cell.forEach((box, i) => box.nodes.forEach((n) => place.set(n, i)));
    const parts = cell.map((box) => box.nodes.map((id) => {
      const node = graph.nodes[id];
      const attributes = Object.entries(node.attributes || {})
                             .filter(([name]) => name !== "stream");
      const inputs = node.inputs.map(([n]) => place.has(n) ? place.get(n) : "o");
      return [node.op, node.outputs, attributes, inputs];
    }));
    return JSON.stringify([layer.kind, parts]);
  }

  // The type that leaves the layer's forward pass.
  function outputOf(graph, layer) {
    for (const box of [...layer.cells.forward].reverse()) {
      if (box.role === "compute" || layer.kind === "input") {
        return graph.nodes[box.nodes[box.nodes.length - 1]].outputs[0];
      }
    }
    return "";
  }

  // Runs of layers with equal signatures, whose period may be longer than one
  // layer (a block). A run stands for at least three layers.
  function findRepeats(layers) {
    const kMostPeriod = 64;
    const groups = [];
    const ids = new Map();
    const sign = layers.map(({signature}) => {
      if (!ids.has(signature)) ids.set(signature, ids.size);
      return ids.get(signature);
    });
    for (let i = 0; i < layers.length;) {
      let best = {covered: 0, period: 1};
      for (let p = 1; p <= kMostPeriod && i + 2 * p <= layers.length; ++p) {
        let end = i + p;
        while (end < layers.length && sign[end] === sign[end - p]) ++end;
        const covered = Math.floor((end - i) / p) * p;
        if (covered >= 2 * p && covered > best.covered) best = {covered, period: p};
      }
      if (best.covered < 3) {
        groups.push({layers: [layers[i]], period: 1, count: 1});
        ++i;
        continue;
      }
      groups.push({layers: layers.slice(i, i + best.covered),
                   period: best.period, count: best.covered / best.period});
      i += best.covered;
    }
    return groups;
  }

  // What the lanes of the three passes show: a number of a layer's record, how
  // it compares with what is right, and how it is called.
  const kLanes = {
    forward: {title: "output, standard deviation",
              value: (r) => r.output && r.output.deviation},
    gradient: {title: "gradient of the output, RMS",
               value: (r) => r.output_gradient && rms(r.output_gradient)},
    update: {title: "update / weights",
             value: (r) => largest(weightsOf(r).map((p) => p.update_ratio))},
  };
  // A bias starts at 0: its first steps are large without harm.
  function weightsOf(record) {
    const matrices = record.parameters.filter((p) => p.is_matrix);
    return matrices.length > 0 ? matrices : record.parameters;
  }
  const rms = (tensor) => typeof tensor.norm === "number" ?
      tensor.norm / Math.sqrt(tensor.elements) : NaN;
  function largest(values) {
    const known = values.filter((v) => v !== undefined);
    return known.length === 0 ? undefined :
        known.reduce((a, b) => typeof a !== "number" || a > b ? a : b);
  }
  const isBroken = (tensor) =>
      tensor !== undefined && (tensor.nans > 0 || tensor.infinities > 0);

  // statistics.steps[k].lanes[pass]: by layer id, {value, balance}. Balance is
  // log10 of how far a value is from what is right, cut to -1 … 1: gradients are
  // compared with the last layer's, outputs with the first layer's, updates with
  // a thousandth of the weights.
  function makeStatistics(graph) {
    if (!graph.statistics) return null;
    const steps = graph.statistics.records.map((record) => {
      const lanes = {};
      for (const [pass, lane] of Object.entries(kLanes)) {
        const values = new Map();
        for (const layer of record.layers) {
          const value = lane.value(layer);
          if (value !== undefined) values.set(layer.layer, {value});
        }
        const numbers = [...values.values()].map((v) => v.value)
                            .filter((v) => v > 0);
        const right = pass === "update" ? 1e-3 :
            pass === "gradient" ? numbers[numbers.length - 1] : numbers[0];
        for (const entry of values.values()) {
          entry.balance = balance(entry.value, right, pass === "update" ? 3 : 4);
        }
        lanes[pass] = values;
      }
      const broken = new Set(record.layers.filter(
          (r) => isBroken(r.output) || isBroken(r.output_gradient) ||
              r.parameters.some((p) => isBroken(p.value) || isBroken(p.gradient)))
          .map((r) => r.layer));
      return {record, lanes, broken,
              byLayer: new Map(record.layers.map((r) => [r.layer, r]))};
    });
    return {source: graph.statistics.source, steps, lanes: kLanes,
            range: ranges(steps)};
  }

  function balance(value, right, decades) {
    if (typeof value !== "number" || !(right > 0)) return 0;
    if (value === 0) return -1;
    return Math.min(1, Math.max(-1, Math.log10(value / right) / decades));
  }

  // By pass: the powers of ten between which all values of the run lie.
  function ranges(steps) {
    const result = {};
    for (const pass of kPasses) {
      let low = Infinity, high = -Infinity;
      for (const step of steps) {
        for (const {value} of step.lanes[pass].values()) {
          if (!(value > 0) || !Number.isFinite(value)) continue;
          low = Math.min(low, value);
          high = Math.max(high, value);
        }
      }
      if (low > high) continue;
      low = Math.max(low, high * 1e-12);  // below: nothing, or nearly
      result[pass] = {low: Math.floor(Math.log10(low) - .05),
                      high: Math.ceil(Math.log10(high) + .05)};
    }
    return result;
  }

  function make(graph) {
    const model = {graph, boxes: []};
    makeBoxes(graph, model);
    makeEdges(graph, model);
    makeLayers(graph, model);
    model.groups = findRepeats(model.layers);
    model.gradientsOf = graph.nodes.map(() => []);
    graph.nodes.forEach((node, id) => {
      if (node.gradient_of !== undefined) model.gradientsOf[node.gradient_of].push(id);
    });
    model.updateOf = new Map(graph.updates.map((u) => [u.state, u.value[0]]));
    model.stateOf = new Map(graph.updates.map((u) => [u.value[0], u.state]));
    model.statistics = makeStatistics(graph);
    return model;
  }

  return {make, nameIn, passes: kPasses, constantText};
})();
