// What the scripts of all pages share: `page`. No dependency, no global but it.
"use strict";
const page = (() => {
  const kSvg = "http://www.w3.org/2000/svg";

  // Text reaches a page as text nodes and attributes alone, never as markup.
  function fill(element, attributes, children) {
    for (const [name, value] of Object.entries(attributes || {})) {
      if (value === null || value === undefined || value === false) continue;
      if (name.startsWith("on")) {
        element.addEventListener(name.slice(2), value);
      } else {
        element.setAttribute(name, value === true ? "" : String(value));
      }
    }
    for (const child of [children].flat(9)) {
      if (child === null || child === undefined || child === false) continue;
      element.append(child);
    }
    return element;
  }
  // html("button", {class: "chip", onclick: f}, "text", element …)
  const html = (tag, attributes, ...children) =>
      fill(document.createElement(tag), attributes, children);
  const svg = (tag, attributes, ...children) =>
      fill(document.createElementNS(kSvg, tag), attributes, children);

  // The JSON that the page holds under that id; null where there is none.
  function data(id) {
    const element = document.getElementById(id);
    return element === null ? null : JSON.parse(element.textContent);
  }

  // "1,234", "0.0123", "1.5e-7".
  function number(value) {
    if (value === null || value === undefined) return "–";
    if (typeof value === "string") return value;  // "nan", "inf", "-inf"
    if (Number.isNaN(value)) return "nan";
    if (!Number.isFinite(value)) return value > 0 ? "inf" : "-inf";
    const size = Math.abs(value);
    if (size === 0) return "0";
    if (Number.isInteger(value) && size < 1e6) return value.toLocaleString("en");
    if (size < 1e-3 || size >= 1e6) {
      return value.toExponential(2).replace(/\.?0+e/, "e").replace("e+", "e");
    }
    return value.toLocaleString("en", {maximumSignificantDigits: 4});
  }
  function scaled(value, base, units) {
    let unit = 0;
    while (Math.abs(value) >= base && unit + 1 < units.length) {
      value /= base;
      ++unit;
    }
    const digits = value >= 100 || unit === 0 ? 0 : value >= 10 ? 1 : 2;
    return value.toFixed(digits).replace(/\.0+$/, "") + units[unit];
  }
  // "12.5 KiB"
  const bytes = (value) => scaled(
      value, 1024, [" B", " KiB", " MiB", " GiB", " TiB", " PiB", " EiB"]);
  // "2.51 M"
  const count = (value) => value < 1e4 ?
      value.toLocaleString("en") :
      scaled(value, 1000, ["", " k", " M", " G", " T", " P", " E"]);

  // At most `most` powers of ten from low to high, both positive.
  function logTicks(low, high, most) {
    const first = Math.ceil(Math.log10(low) - 1e-9);
    const last = Math.floor(Math.log10(high) + 1e-9);
    const step = Math.max(1, Math.ceil((last - first) / Math.max(1, most - 1)));
    const ticks = [];
    for (let p = first; p <= last; p += step) ticks.push(Math.pow(10, p));
    return ticks;
  }
  // At most `most` round numbers from low to high.
  function linearTicks(low, high, most) {
    if (!(low < high)) return [];
    const least = (high - low) / Math.max(1, most - 1);
    const power = Math.pow(10, Math.floor(Math.log10(least)));
    const step = [1, 2, 5, 10].map((f) => f * power)
                     .find((s) => s >= least * (1 - 1e-9));
    const ticks = [];
    for (let i = Math.ceil(low / step - 1e-9); i * step <= high + step * 1e-9; ++i) {
      ticks.push(i * step);
    }
    return ticks;
  }

  // Colours of page.css. heat(0 … 1): little to much. balance(-1 … 1): far too
  // small, right, far too large.
  const mix = (names, place) => {
    const at = Math.min(Math.max(place, 0), 1) * (names.length - 1);
    const low = Math.min(Math.floor(at), names.length - 2);
    const share = Math.round((at - low) * 100);
    return share === 0 ? `var(--${names[low]})` :
        `color-mix(in srgb, var(--${names[low + 1]}) ${share}%, var(--${names[low]}))`;
  };
  const kHeat = ["heat-0", "heat-1", "heat-2", "heat-3", "heat-4", "heat-5"];
  const kBalance =
      ["cold-3", "cold-2", "cold-1", "even", "hot-1", "hot-2", "hot-3"];
  const heat = (share) => mix(kHeat, share);
  const balance = (share) => mix(kBalance, (share + 1) / 2);

  // A button that changes between light and dark.
  function themeButton() {
    const root = document.documentElement;
    const isDark = () => root.dataset.theme ? root.dataset.theme === "dark" :
        matchMedia("(prefers-color-scheme: dark)").matches;
    const button = html("button", {type: "button", title: "Light or dark"});
    const show = () => {
      button.textContent = isDark() ? "Light" : "Dark";
    };
    button.addEventListener("click", () => {
      root.dataset.theme = isDark() ? "light" : "dark";
      show();
    });
    show();
    return button;
  }

  return {html, svg, data, number, bytes, count, logTicks, linearTicks, heat,
          balance, themeButton};
})();
