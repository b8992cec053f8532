// The search for nodes and layers: a box with a list of what was found.
"use strict";
const graphSearch = (() => {
  const {html} = page;

  function find(model, actions, text) {
    const wanted = text.trim().toLowerCase();
    if (wanted === "") return [];
    const results = [];
    const kMost = 60;
    for (const layer of model.layers) {
      if (layer.name.toLowerCase().includes(wanted)) {
        results.push({text: layer.name, note: "layer", go: () => actions.showLayer(layer.id),
                      exact: layer.name.toLowerCase() === wanted});
      }
    }
    model.graph.nodes.forEach((node, id) => {
      if (node.name.toLowerCase().includes(wanted) || node.op.includes(wanted)) {
        results.push({text: node.name, note: node.op, go: () => actions.showNode(id),
                      exact: node.name.toLowerCase() === wanted});
      }
    });
    results.sort((a, b) => b.exact - a.exact);
    const shown = results.slice(0, kMost);
    shown.total = results.length;
    return shown;
  }

  function box(model, actions) {
    let results = [], at = -1;
    const list = html("ul", {role: "listbox", id: "results", hidden: true,
                             "aria-label": "Search results"});
    const input = html("input", {type: "search", id: "search", role: "combobox",
        placeholder: "Search nodes and layers", "aria-label": "Search nodes and layers",
        "aria-expanded": "false", "aria-controls": "results", autocomplete: "off"});
    const mark = () => {
      [...list.children].forEach((item, i) =>
          item.setAttribute("aria-selected", String(i === at)));
      if (at >= 0) {
        input.setAttribute("aria-activedescendant", `result${at}`);
        list.children[at].scrollIntoView({block: "nearest"});
      } else {
        input.removeAttribute("aria-activedescendant");
      }
    };
    const close = () => {
      list.hidden = true;
      input.setAttribute("aria-expanded", "false");
    };
    const go = (index) => {
      close();
      if (results[index]) results[index].go();
    };
    const show = () => {
      results = find(model, actions, input.value);
      at = results.length > 0 ? 0 : -1;
      const open = input.value.trim() !== "";
      list.hidden = !open;
      input.setAttribute("aria-expanded", String(open));
      list.replaceChildren(...results.map((result, i) => html("li",
          {role: "option", id: `result${i}`, "aria-selected": "false",
           onpointerdown: (event) => { event.preventDefault(); go(i); }},
          result.text.length > 300 ? result.text.slice(0, 300) + "…" : result.text,
          html("small", {}, result.note))));
      if (open && results.length === 0) list.append(html("li", {}, "Nothing found"));
      if (results.total > results.length) {
        list.append(html("li", {class: "muted"}, `and ${results.total - results.length} more`));
      }
      mark();
    };
    input.addEventListener("input", show);
    input.addEventListener("focus", () => input.value && show());
    input.addEventListener("blur", close);
    input.addEventListener("keydown", (event) => {
      const keys = {ArrowDown: () => { at = Math.min(at + 1, results.length - 1); mark(); },
                    ArrowUp: () => { at = Math.max(at - 1, 0); mark(); },
                    Enter: () => go(at),
                    Escape: () => { input.value = ""; close(); input.blur(); }};
      if (keys[event.key] === undefined) return;
      event.preventDefault();
      keys[event.key]();
    });
    return html("div", {class: "search"}, input, list);
  }

  return {box};
})();
