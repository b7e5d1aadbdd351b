// Makes the page's tables sortable and draws its charts with Observable Plot. The page has all its
// text and tables without it.
"use strict";
(() => {
  // -- numbers ---------------------------------------------------------------------------------
  const shown = (value) => {
    if (value === null || value === undefined) return "–";
    if (typeof value !== "number") return String(value);
    if (!Number.isFinite(value)) return value < 0 ? "−∞" : "∞";
    if (Number.isInteger(value) && Math.abs(value) < 1e15) return value.toLocaleString("en");
    const size = Math.abs(value);
    const text = size >= 1e6 || size < 1e-4 ? value.toExponential(4) : String(+value.toPrecision(6));
    return text.replace("-", "−");
  };

  // -- tables ----------------------------------------------------------------------------------
  const key = (cell) => {
    const text = cell.dataset.value;
    if (text === undefined) return cell.textContent.trim();
    return text === "" ? null : Number(text);
  };
  const order = (one, other) =>
    typeof one === "number" ? one - other : one.localeCompare(other, "en", { numeric: true });

  function sort(head, place) {
    const table = head.closest("table");
    const first = head.dataset.first;
    const now = head.getAttribute("aria-sort");
    const other = first === "descending" ? "ascending" : "descending";
    const next = now === first ? other : first;
    for (const each of table.tHead.rows[0].cells) each.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", next);
    const sign = next === "descending" ? -1 : 1;
    const rows = [...table.tBodies[0].rows].map((row) => [key(row.cells[place]), row]);
    rows.sort(([one], [two]) => {
      if (one === null || two === null) return (one === null) - (two === null); // missing: last
      return sign * order(one, two);
    });
    table.tBodies[0].append(...rows.map(([, row]) => row));
  }

  function sortable(table) {
    [...table.tHead.rows[0].cells].forEach((head, place) => {
      const button = document.createElement("button");
      button.type = "button";
      button.append(...head.childNodes);
      button.title = "sort by this column";
      head.append(button);
      button.addEventListener("click", () => sort(head, place));
    });
  }

  // -- commands --------------------------------------------------------------------------------
  function copyable(block) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = "Copy";
    button.addEventListener("click", async () => {
      const text = block.querySelector("pre").textContent;
      try {
        await navigator.clipboard.writeText(text);
        button.textContent = "Copied";
      } catch {
        getSelection().selectAllChildren(block.querySelector("pre"));
        button.textContent = "Selected";
      }
      setTimeout(() => (button.textContent = "Copy"), 2000);
    });
    block.append(button);
  }

  // -- charts ----------------------------------------------------------------------------------
  const DASHES = ["", "7 3", "2 2.5", "9 3 2 3", "12 4", "4 2", "1 3", "6 2 1 2 1 2"];
  const SYMBOLS = ["circle", "triangle", "square", "diamond", "cross", "star", "wye", "hexagon"];
  const colour = (layer) => (layer.look === null ? "var(--cloud)" : `var(--look-${layer.look % 8})`);
  const dash = (layer) => (layer.look === null ? "" : DASHES[layer.look % 8]);
  const symbol = (layer) => (layer.look === null ? "circle" : SYMBOLS[layer.look % 8]);

  const rows = (layer) => {
    const names = Object.keys(layer.data);
    const count = names.length ? layer.data[names[0]].length : 0;
    return Array.from({ length: count }, (_, at) =>
      Object.fromEntries(names.map((name) => [name, layer.data[name][at]]))
    );
  };

  const MARKS = {
    line: (data, layer) =>
      Plot.line(data, {
        x: layer.x, y: layer.y, curve: layer.steps ? "step-after" : "linear", stroke: colour(layer),
        strokeWidth: 2, strokeDasharray: dash(layer),
      }),
    band: (data, layer) =>
      Plot.areaY(data, {
        x: layer.x, y1: layer.y, y2: layer.y2, curve: layer.steps ? "step-after" : "linear",
        fill: colour(layer), fillOpacity: 0.14,
      }),
    dots: (data, layer) =>
      Plot.dot(data, {
        x: layer.x, y: layer.y, dy: layer.dy, r: layer.size, symbol: symbol(layer),
        fill: layer.hollow ? "none" : colour(layer), fillOpacity: layer.opacity,
        stroke: colour(layer), strokeOpacity: layer.opacity, strokeWidth: layer.hollow ? 2 : 0.5,
      }),
    columns: (data, layer) =>
      Plot.rectY(data, {
        x1: layer.x, x2: layer.x2, y: layer.y, fill: colour(layer), inset: 0.5,
      }),
    bars: (data, layer) => Plot.barX(data, { x: layer.x, y: layer.y, fill: colour(layer) }),
    across: (data, layer) =>
      Plot.ruleY(data, { x1: layer.x, x2: layer.x2, y: layer.y, dy: layer.dy, stroke: colour(layer), strokeWidth: 2 }),
    upright: (data, layer) =>
      Plot.ruleX(data, { x: layer.x, y1: layer.y, y2: layer.y2, stroke: colour(layer), strokeWidth: 2 }),
    at_x: (data, layer) =>
      Plot.ruleX(data, { x: layer.x, stroke: colour(layer), strokeDasharray: dash(layer) || "4 3" }),
    at_y: (data, layer) =>
      Plot.ruleY(data, { y: layer.y, stroke: colour(layer), strokeDasharray: dash(layer) || "4 3" }),
    cells: (data, layer) =>
      Plot.cell(data, { x: layer.x, y: layer.y, fill: "currentColor", fillOpacity: layer.shade, inset: 0.5 }),
    words: (data, layer) =>
      Plot.text(data, {
        x: layer.x, y: layer.y, text: layer.text, fill: "currentColor", dx: layer.dx, dy: layer.dy,
        textAnchor: layer.anchor, stroke: layer.halo ? "var(--ground)" : undefined, strokeWidth: 4,
      }),
  };

  function told(layer, row) {
    const lines = layer.name ? [layer.name] : [];
    for (const [name, value] of Object.entries(row))
      if (!name.startsWith("_")) lines.push(`${name}: ${shown(value)}`);
    return lines.join("\n");
  }

  function points(spec) {
    const found = [];
    for (const layer of spec.layers) {
      if (!layer.tip) continue;
      for (const row of rows(layer)) {
        let x = row[layer.x];
        if (layer.mark === "columns") x = (x + row[layer.x2]) / 2;
        const y = row[layer.y];
        if (x !== null && x !== undefined && y !== null && y !== undefined)
          found.push({ x, y, title: told(layer, row) });
      }
    }
    return found;
  }

  function scale(axis, upright) {
    const made = { label: axis.label, grid: axis.grid, nice: axis.low === null && axis.kind === "linear" };
    if (axis.kind === "names") {
      made.type = axis.bands ? "band" : "point";
      made.domain = axis.names;
      made.padding = axis.bands ? 0.15 : 0.6;
      if (!upright) made.tickRotate = axis.rotate;
      return made;
    }
    made.type = axis.kind;
    if (axis.low !== null) made.domain = [axis.low, axis.high];
    made.clamp = axis.low !== null;
    made.tickFormat = axis.kind === "log" ? (v) => (/^[125]/.test(v.toExponential()) ? brief(v) : "") : brief;
    if (axis.ticks.length) {
      made.ticks = axis.ticks.map(([place]) => place);
      made.tickFormat = (place) => new Map(axis.ticks).get(place);
    }
    return made;
  }
  function brief(value) {
    if (typeof value !== "number") return String(value);
    const size = Math.abs(value);
    if (size >= 1e12 || (size > 0 && size < 1e-4)) return value.toExponential().replace("-", "−");
    for (const [many, letter] of [[1e9, "G"], [1e6, "M"], [1e4, "k"]])
      if (size >= many) {
        const unit = letter === "k" ? 1e3 : many;
        return `${+(value / unit).toPrecision(4)}${letter}`.replace("-", "−");
      }
    return String(+value.toPrecision(6)).replace("-", "−");
  }

  function drawn(spec, width, left, bottom) {
    const all = points(spec);
    const marks = spec.layers.map((layer) => MARKS[layer.mark](rows(layer), layer));
    if (all.length)
      marks.push(
        Plot.tip(all, Plot.pointer({ x: "x", y: "y", title: "title", maxRadius: 40, lineWidth: 28,
          fill: "var(--ground)", stroke: "var(--quiet)" }))
      );
    return Plot.plot({
      width, height: spec.height, marginLeft: left, marginRight: spec.right, marginBottom: bottom, marginTop: 26,
      className: "drawn", style: { color: "var(--text)" }, x: scale(spec.x, false),
      y: scale(spec.y, true), ariaLabel: spec.text, marks, document,
    });
  }

  function render(holder, spec) {
    const width = Math.max(260, Math.floor(holder.clientWidth));
    if (holder.dataset.width === String(width)) return;
    holder.dataset.width = width;
    let [left, bottom] = [44, 38];
    let svg;
    for (let turn = 0; turn < 2; turn++) {
      svg = drawn(spec, width, left, bottom);
      holder.querySelector("svg")?.remove();
      holder.prepend(svg);
      if (turn) break;
      const size = (name, side) =>
        Math.max(0, ...[...svg.querySelectorAll(`[aria-label="${name}"] text`)].map((text) => text.getBoundingClientRect()[side]));
      left = Math.min(Math.ceil(size("y-axis tick label", "width")) + 16, width * 0.45);
      bottom = Math.ceil(size("x-axis tick label", "height")) + 26;
    }
    svg.querySelector("style").remove(); // the page's own says it
    svg.setAttribute("role", "img");
    svg.setAttribute("aria-label", spec.text);
    for (const each of svg.querySelectorAll("[aria-label]")) {
      each.dataset.part = each.getAttribute("aria-label"); // the picture has one text: its own
      each.removeAttribute("aria-label");
    }
    holder.chart = svg;
  }

  // the arrow keys go from point to point, along the x axis
  function walked(holder, spec, line) {
    const all = points(spec);
    if (!all.length) return;
    const value = (point) => (typeof point.x === "number" ? point.x : spec.x.names.indexOf(point.x));
    all.sort((one, two) => value(one) - value(two));
    let at = -1;
    holder.addEventListener("keydown", (event) => {
      const step = { ArrowRight: 1, ArrowLeft: -1, PageDown: 10, PageUp: -10, Home: -Infinity, End: Infinity }[event.key];
      if (step === undefined) return;
      event.preventDefault();
      at = Math.min(all.length - 1, Math.max(0, at + step));
      const point = all[at];
      line.textContent = `${at + 1} of ${all.length}: ${point.title.replaceAll("\n", ", ")}`;
      const box = holder.chart.getBoundingClientRect();
      const place = (name) => {
        const { apply, bandwidth } = holder.chart.scale(name);
        return apply(point[name]) + (bandwidth ?? 0) / 2;
      };
      const by = box.width / holder.chart.width.baseVal.value;
      holder.chart.dispatchEvent(
        new PointerEvent("pointermove", { bubbles: true, pointerType: "mouse",
          clientX: box.left + place("x") * by, clientY: box.top + place("y") * by })
      );
    });
    holder.addEventListener("blur", () => holder.chart.dispatchEvent(new PointerEvent("pointerleave", { pointerType: "mouse" })));
  }

  // the numbers of a chart as tables, made when they are opened
  function figures(details, spec) {
    details.addEventListener("toggle", () => {
      if (details.querySelector("table")) return;
      for (const layer of spec.layers.filter((each) => each.tip)) {
        const names = Object.keys(layer.data).filter((name) => !name.startsWith("_"));
        const scroll = document.createElement("div");
        scroll.className = "scroll";
        scroll.tabIndex = 0;
        scroll.setAttribute("role", "region");
        scroll.setAttribute("aria-label", `figures of the chart: ${layer.name || spec.title}`);
        const table = scroll.appendChild(document.createElement("table"));
        if (layer.name) table.createCaption().appendChild(document.createElement("span")).textContent = layer.name;
        const head = table.createTHead().insertRow();
        const body = table.createTBody();
        const found = rows(layer);
        for (const name of names) {
          const cell = head.appendChild(document.createElement("th"));
          cell.scope = "col";
          cell.textContent = name;
          const numeric = found.some((row) => typeof row[name] === "number");
          cell.className = numeric ? "number" : "";
          cell.dataset.first = numeric ? "descending" : "ascending";
        }
        for (const row of found) {
          const line = body.insertRow();
          for (const name of names) {
            const cell = line.insertCell();
            cell.textContent = shown(row[name]);
            if (typeof row[name] === "number") cell.className = "number";
            if (typeof row[name] !== "string") cell.dataset.value = row[name] ?? "";
          }
        }
        sortable(table);
        details.append(scroll);
      }
    });
  }

  function swatch(layer) {
    const lined = layer.mark === "line" || layer.mark === "band" || layer.mark.startsWith("at_");
    const made = Plot.plot({
      width: 30, height: 14, margin: 0, axis: null, x: { domain: [0, 1], type: "linear" }, y: { domain: [0, 1], type: "linear" },
      className: "drawn",
      marks: [
        lined
          ? Plot.line([[0, 0.5], [1, 0.5]], { stroke: colour(layer), strokeWidth: 2, strokeDasharray: dash(layer) })
          : Plot.dot([[0.5, 0.5]], { symbol: symbol(layer), r: 4.5, stroke: colour(layer),
              fill: layer.hollow ? "none" : colour(layer), strokeWidth: 2 }),
      ],
    });
    made.querySelector("style").remove();
    made.setAttribute("aria-hidden", "true");
    return made;
  }

  function chart(figure) {
    const spec = JSON.parse(figure.querySelector("script").textContent);
    const holder = figure.querySelector(".plot");
    for (const item of figure.querySelectorAll(".legend li")) item.prepend(swatch(spec.layers[item.dataset.layer]));
    const line = figure.querySelector(".point");
    new ResizeObserver(() => render(holder, spec)).observe(holder);
    render(holder, spec);
    walked(holder, spec, line);
    const details = figure.querySelector("details");
    details.hidden = !spec.layers.some((layer) => layer.tip);
    figures(details, spec);
  }

  document.querySelectorAll("table.sortable").forEach(sortable);
  document.querySelectorAll(".code").forEach(copyable);
  document.querySelectorAll("figure.chart").forEach(chart);
  document.documentElement.dataset.ready = "yes";
})();
