"use strict";
// Draws each figure when it comes near the window, in the page's theme; recomputes the campaign on input.
const themes = JSON.parse(document.getElementById("themes").textContent);
const root = document.documentElement;
let mode = matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";

// plotly.js travels packed; it is unpacked once, in the page.
async function unpack(element) {
  const packed = atob(element.textContent), bytes = new Uint8Array(packed.length);
  for (let i = 0; i < packed.length; i += 1) bytes[i] = packed.charCodeAt(i);
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  const script = document.createElement("script");
  script.textContent = await new Response(stream).text();
  document.head.append(script);
  element.remove();
}
const ready = unpack(document.getElementById("plotly"));

function parts(plot) {
  const figure = plot.closest("figure");
  return JSON.parse(figure.querySelector("script").textContent);
}

const config = { displaylogo: false, responsive: true, displayModeBar: matchMedia("(hover: none)").matches ? false : "hover" };

function draw(plot) {
  if (plot.drawn) return plot.drawn;
  const { data, layout } = parts(plot);
  if (plot.clientWidth < 600) {
    narrow(layout, data);
    layBars(data);
    widen(plot, data);
  }
  plot.drawn = ready.then(() => Plotly.newPlot(plot, data, { ...layout, template: themes[mode] }, config)).then(() => fit(plot));
  return plot.drawn;
}

// A name no longer than so many letters; those of Chinese, Japanese and Korean are as wide as two.
function cut(name, longest) {
  const letters = [...name], size = (letter) => (/[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60]/.test(letter) ? 2 : 1);
  const ends = letters.reduce((all, letter) => [...all, (all[all.length - 1] ?? 0) + size(letter)], []);
  return ends[ends.length - 1] > longest ? `${letters.filter((_, i) => ends[i] < longest).join("")}…` : name;
}

// On a phone: smaller letters, short names on the axes, few days below, and room for a legend that has a line for each name.
function narrow(layout, data) {
  layout.font = { size: 11 };
  const longest = layout.xaxis?.type === "category" && data.some((trace) => trace.type === "heatmap") ? 14 : 24, short = (name) => cut(String(name), longest);
  const named = data.filter((trace) => trace.showlegend !== false && layout.showlegend !== false).length;
  if (named > 4) layout.height = (layout.height ?? 440) + 18 * (named - 4);
  for (const [key, axis] of Object.entries(layout).filter(([name]) => /^[xy]axis\d*$/.test(name))) {
    const places = data.flatMap((trace) => (Array.isArray(trace[key[0]]) ? trace[key[0]] : []));
    if (axis.ticktext) axis.ticktext = axis.ticktext.map(short);
    else if (axis.type !== "category") { if (key[0] === "x" && /^\d{4}-\d\d-\d\d/.test(places[0])) axis.nticks ??= 5; }
    else if (key[0] === "x" && axis.dtick && longest > 14) delete axis.dtick;
    else if (places.some((name) => short(name) !== String(name))) {
      axis.tickvals = [...new Set(places)];
      axis.ticktext = axis.tickvals.map(short);
      if (longest < 24 && key[0] === "x") axis.tickangle = -90;
    }
  }
}

// On a phone a map whose cells have no room for their numbers is as wide as these need, and scrolls sideways as a table does.
function widen(plot, data) {
  const map = data.find((trace) => trace.type === "heatmap" && trace.text && trace.textfont?.size > 0);
  const longest = Math.max(1, ...(map?.text ?? []).flat().map((text) => text.length));
  const wanted = map ? Math.ceil(map.text[0].length * (longest * 0.6 * map.textfont.size + 4)) + 120 : 0;
  if (wanted <= plot.clientWidth) return;
  const box = Object.assign(document.createElement("div"), { className: "scroll", tabIndex: 0, role: "region", ariaLabel: plot.ariaLabel });
  plot.before(box);
  box.append(plot);
  plot.wide = plot.style.width = `${wanted}px`;
}

// On a phone a colour bar lies above the figure, where it takes no width from it, and amounts above many bars stand upright.
const LYING = { orientation: "h", x: 0.5, xanchor: "center", y: 1.02, yanchor: "bottom", thickness: 8, len: 1 };
function layBars(data) {
  for (const trace of data) {
    if (trace.type === "heatmap") Object.assign(trace.colorbar ??= {}, LYING);
    if (trace.marker?.colorbar) Object.assign(trace.marker.colorbar, LYING);
    if (trace.type === "waterfall" && trace.x.length > 4) Object.assign(trace, { textangle: -90, constraintext: "none", textfont: { size: 10 } });
  }
}

// A line that is longer than its axis is broken between words, and a value that is wider than its cell is left to hovering.
function fit(plot) {
  const full = plot._fullLayout, changed = {}, cells = { texttemplate: [] }, maps = [];
  for (const name of Object.keys(full).filter((key) => /^[xy]axis\d*$/.test(key))) {
    const { title, _length: length } = full[name], text = plot.layout[name]?.title?.text;
    if (text) changed[`${name}.title.text`] = broken(text.replaceAll("<br>", " "), length / (0.56 * title.font.size));
    const upright = plot.layout[name]?.tickangle === -90 && full[name].tickvals?.length, room = Math.floor(length / upright) - 1;
    if (room < full[name].tickfont.size) changed[`${name}.tickfont.size`] = Math.max(room, 6);
  }
  plot._fullData.forEach((trace, i) => {
    if (trace.type !== "heatmap" || !plot.data[i].text || !(trace.textfont?.size > 0)) return; // auto fits by itself, a map without values has none
    const longest = Math.max(...plot.data[i].text.flat().map((text) => text.length), 1);
    const [wide, high] = [full.xaxis, full.yaxis].map(({ _length: length, range }) => length / Math.abs(range[1] - range[0]));
    maps.push(i);
    cells.texttemplate.push(longest * 0.6 * trace.textfont.size + 3 < wide && trace.textfont.size < high ? "%{text}" : "");
  });
  const now = (path) => path.split(".").reduce((part, name) => part?.[name], plot.layout);
  const wanted = Object.fromEntries(Object.entries(changed).filter(([path, value]) => value !== now(path)));
  const dull = maps.some((i, n) => plot.data[i].texttemplate !== cells.texttemplate[n]);
  if (!dull && !Object.keys(wanted).length) return plot;
  return Plotly.update(plot, dull ? cells : {}, wanted, dull ? maps : undefined);
}

// A text with a line break wherever the next word would pass the length.
function broken(text, longest) {
  const lines = [""];
  for (const word of text.split(" ")) {
    const last = lines[lines.length - 1];
    if (last && last.length + 1 + word.length > longest) lines.push(word);
    else lines[lines.length - 1] = last ? `${last} ${word}` : word;
  }
  return lines.join("<br>");
}

const plots = [...document.querySelectorAll(".plot")];
const near = new IntersectionObserver((entries) => {
  for (const entry of entries) if (entry.isIntersecting) { near.unobserve(entry.target); draw(entry.target); }
}, { rootMargin: "800px" });

// The rest is drawn while the reader looks at the first screen, so that a full-page picture or a print is whole.
function drawRest() {
  const next = plots.find((plot) => !plot.drawn && plot.clientWidth > 0);
  if (!next) return;
  near.unobserve(next);
  draw(next).then(() => setTimeout(drawRest, 0));
}
addEventListener("load", () => setTimeout(drawRest, 300));

function setTheme(wanted) {
  mode = wanted;
  root.dataset.theme = mode;
  document.getElementById("theme").textContent = mode === "dark" ? "Light" : "Dark";
  for (const plot of plots) if (plot.drawn) plot.drawn.then(() => Plotly.relayout(plot, { template: themes[mode] }));
}

// What a trace shows along an axis: what it was told to show (`meta`, a list or a column of its customdata), else where it is drawn.
function told(trace, axis) {
  const own = trace.meta?.[axis];
  return Array.isArray(own) ? own : own >= 0 ? [...trace.customdata].map((row) => row[own]) : trace[axis];
}

// The axis along which a trace has error bars; none where it has not.
function barred(trace) {
  return ["x", "y"].find((axis) => trace[`error_${axis}`]?.visible);
}

// The ends of the error bars of a trace's point; empty cells where it has none.
function barEnds(trace, i) {
  const axis = barred(trace), bars = trace[`error_${axis}`];
  return axis ? [trace[axis][i] - (bars.arrayminus ?? bars.array)[i], trace[axis][i] + bars.array[i]] : ["", ""];
}

// The names of the columns of a figure's table: its series, then its axes, then the ends of error bars.
function columnNames(plot) {
  const titled = (letter) => [...new Set(Object.entries(plot.layout).filter(([key]) => RegExp(`^${letter}axis\\d*$`).test(key))
    .map(([, axis]) => axis.title?.text?.replaceAll("<br>", " ")).filter(Boolean))].join(" / ");
  const [trace] = plot._fullData, bar = plot.data[0]?.colorbar?.title; // a title that nobody gave is not empty in what plotly fills in
  if (trace?.link) return ["", "From", "To", trace.name];
  return trace?.z ? ["", titled("y"), titled("x"), (bar?.text ?? bar) || trace.name]
    : ["", titled("x"), titled("y"), ...(plot._fullData.some(barred) ? ["Lower end", "Upper end"] : [])];
}

function cellText(cell) {
  if (typeof cell !== "number") return String(cell ?? "").replace(/T00:00:00(\.0+)?$/, "");
  if (!Number.isFinite(cell)) return "";
  return String(Number.isInteger(cell) ? cell : Math.abs(cell) >= 1000 ? +cell.toFixed(2) : +cell.toPrecision(6));
}

// The numbers of a figure as a table, for screen readers and for copying.
const MOST_ROWS = 1000;
function tabulate(plot, place) {
  const rows = [], whiskers = (plot._fullData ?? []).some(barred);
  for (const trace of plot._fullData ?? []) {
    const [x, y, z] = [told(trace, "x") ?? trace.labels ?? [], told(trace, "y") ?? trace.values ?? [], told(trace, "z")];
    if (z) y.forEach((name, i) => x.forEach((at, j) => rows.push([trace.name, name, at, z[i][j]])));
    else if (trace.link) trace.link.source.forEach((from, i) =>
      rows.push([trace.name, trace.node.label[from], trace.node.label[trace.link.target[i]], trace.link.value[i]]));
    else for (let i = 0; i < Math.max(x.length, y.length); i += 1) rows.push([trace.name, x[i], y[i], ...(whiskers ? barEnds(trace, i) : [])]);
  }
  const table = document.createElement("table"), head = table.createTHead().insertRow(), body = table.createTBody();
  for (const name of columnNames(plot)) head.append(Object.assign(document.createElement(name ? "th" : "td"), { textContent: name }));
  for (const row of rows.slice(0, MOST_ROWS)) {
    const line = body.insertRow();
    for (const cell of row) line.insertCell().textContent = cellText(cell);
  }
  const more = rows.length > MOST_ROWS ? [`The first ${MOST_ROWS.toLocaleString("en")} of ${rows.length.toLocaleString("en")} rows.`] : [];
  place.replaceChildren(table, ...more);
}

for (const details of document.querySelectorAll("details.data")) {
  details.addEventListener("toggle", () => {
    const plot = details.closest("figure").querySelector(".plot");
    draw(plot).then(() => tabulate(plot, details.querySelector("div")));
  });
}

// A campaign of n customers, the highest value at risk first: saved = uplift x at risk x margin, discounted.
function present(rate, days) {
  const years = days / 365.25;
  return rate > 0 ? (1 - (1 + rate) ** -years) / (years * Math.log1p(rate)) : 1;
}

function interpolate(xs, ys, x) {
  const right = xs.findIndex((value) => value >= x);
  if (right < 0) return ys[ys.length - 1];
  if (right === 0) return ys[0];
  return ys[right - 1] + (ys[right] - ys[right - 1]) * (x - xs[right - 1]) / (xs[right] - xs[right - 1]);
}

function campaign(inputs, wanted) {
  const factor = wanted.uplift / 100 * wanted.margin / 100 * present(wanted.discount / 100, inputs.horizon);
  const profit = inputs.customers.map((n, i) => factor * inputs.at_risk[i] - wanted.cost * n);
  const best = profit.indexOf(Math.max(...profit));
  const gaining = inputs.customers.filter((_, i) => profit[i] >= 0);
  const list = Math.min(Math.max(wanted.list || 0, 0), inputs.customers[inputs.customers.length - 1]);
  return {
    profit, reach: Math.max(10, 1.5 * gaining[gaining.length - 1], 1.2 * list), best: inputs.customers[best], bestProfit: profit[best], list,
    listProfit: interpolate(inputs.customers, profit, list), listCost: wanted.cost * list,
    value: inputs.value * wanted.margin / 100 * present(wanted.discount / 100, inputs.horizon),
  };
}

const places = (amount, { digits }) => Math.abs(amount) >= 1000 ? 0 : digits ?? 2;
const rounded = (amount, inputs) => Number(amount.toFixed(places(amount, inputs))) + 0;

function money(amount, inputs) {
  const digits = places(amount, inputs);
  const text = rounded(amount, inputs).toLocaleString("en", { minimumFractionDigits: digits, maximumFractionDigits: digits });
  return `${text} ${inputs.currency}`.trim();
}

// The difference of two amounts as they are shown, with its sign; empty where they are shown alike.
function change(now, before, inputs) {
  const more = rounded(now, inputs) - rounded(before, inputs);
  return Math.abs(more) < 0.005 ? "" : `${more > 0 ? "+" : "-"}${money(Math.abs(more), inputs)}`;
}

function whatIf(box) {
  const inputs = JSON.parse(box.querySelector("script.inputs").textContent);
  const fields = [...box.querySelectorAll("input")];
  const plot = box.querySelector(".plot");
  const update = () => {
    const wanted = Object.fromEntries(fields.map((field) => [field.name, Number(field.value)]));
    const found = campaign(inputs, wanted);
    box.campaign = found;
    const size = (number) => number.toLocaleString("en");
    const outcome = `costs ${money(found.listCost, inputs)} and is expected ` +
      `to ${found.listProfit < 0 ? "lose" : "earn"} ${money(Math.abs(found.listProfit), inputs)}.`;
    box.querySelector(".answers").textContent =
      `All customers together are worth ${money(found.value, inputs)} in margin over the horizon. ` +
      (found.best > 0 && found.best === found.list ? `The best list has ${size(found.best)} customers, ${outcome}`
        : (found.best > 0 ? `The best list has ${size(found.best)} customers and earns ${money(found.bestProfit, inputs)}. `
          : "No list earns its cost. ") + `A list of ${size(found.list)} ${outcome}`);
    const shown = inputs.customers.filter((n) => n <= found.reach);
    if (plot.drawn) plot.drawn.then(() => Plotly.update(plot,
      { x: [shown, [found.best], [found.list]], y: [found.profit.slice(0, shown.length), [found.bestProfit], [found.listProfit]] }, {}, [0, 1, 2]));
  };
  for (const field of fields) field.addEventListener("input", update);
  draw(plot).then(update);
  update();
}

// The best lists: each ends before the first customer whose gain is below the cost, or where the budget ends; the treated are counted.
function bestLists({ lists }, wanted) {
  const factor = wanted.margin / 100 * wanted.effect / 100;
  return lists.map(({ name, customers, gain, treated = 1, treated_gain: gained = 1 }) => {
    const whole = customers[customers.length - 1], paid = Math.floor((wanted.budget + 1e-9) / wanted.cost);
    const room = paid < whole ? Math.max(paid, 0) : whole;
    let best = 0, most = 0;
    for (const n of [...customers.filter((one) => one < room), room]) {
      const profit = factor * interpolate(customers, gain, n) - wanted.cost * n;
      if (profit > most) [best, most] = [n, profit];
    }
    const reached = Math.floor(best * treated + 0.5), cost = wanted.cost * reached;
    return { name, customers: reached, cost, profit: factor * interpolate(customers, gain, best) * gained - cost };
  });
}

// A slider next to a field: each follows the other; a field that may be empty is so at the slider's end.
function joinSlider(field) {
  const slider = field.closest(".control").querySelector("input[type=range]");
  const follow = () => { slider.value = field.value === "" ? slider.max : field.value; };
  slider.addEventListener("input", () => {
    field.value = field.dataset.open && slider.value === slider.max ? "" : slider.value;
    field.dispatchEvent(new Event("input"));
  });
  field.addEventListener("input", () => { if (document.activeElement !== slider) follow(); });
  follow();
}

function listTotals(box) {
  const inputs = JSON.parse(box.querySelector("script.inputs").textContent);
  const fields = [...box.querySelectorAll("input[name]")];
  const names = [...box.querySelectorAll("th")].map((cell) => cell.textContent);
  const totals = (found) => found.reduce((all, one) => ({ name: "All lists", customers: all.customers + one.customers,
    cost: all.cost + one.cost, profit: all.profit + one.profit }), { customers: 0, cost: 0, profit: 0 });
  let before;
  const update = () => {
    const wanted = fields.map((field) => [field.name, field.value === "" && field.dataset.open ? Infinity : Number(field.value)]);
    const found = bestLists(inputs, Object.fromEntries(wanted));
    box.lists = found;
    const rows = [...found, totals(found)];
    before ??= rows;
    box.querySelector("tbody").replaceChildren(...rows.map((one, n) => {
      const line = document.createElement("tr"), more = change(one.profit, before[n].profit, inputs);
      [one.name, one.customers.toLocaleString("en"), money(one.cost, inputs), money(one.profit, inputs), more].forEach((text, i) =>
        Object.assign(line.insertCell(), { textContent: text }).dataset.name = names[i]);
      return line;
    }));
  };
  for (const field of fields) { joinSlider(field); field.addEventListener("input", update); }
  update();
}

// The shop's plan for changed arrivals, retention, revenue per order and cost of winning: decisions.shop_plan in the page.
function plan(inputs, wanted) {
  const arrivals = 1 + (wanted.arrivals ?? 0) / 100, basket = 1 + (wanted.basket ?? 0) / 100;
  const kept = inputs.repeat_share ? (inputs.repeat_share + (wanted.retention ?? 0) / 100) / inputs.repeat_share : 1;
  const cost = inputs.acquisition_cost * (1 + (wanted.cost ?? 0) / 100);
  const revenue = inputs.known.map((known, i) => basket * (known * kept + arrivals * (inputs.first[i] + inputs.repeat[i] * kept)));
  const sum = (values) => values.reduce((all, one) => all + one, 0);
  if (inputs.margin_rate === null) return { revenue, total: sum(revenue), equity: null };
  const contribution = revenue.map((money, i) => money * (inputs.margin_rate - inputs.share_of_amount)
    - inputs.per_order * (inputs.known_orders[i] * kept + arrivals * (inputs.first_orders[i] + inputs.repeat_orders[i] * kept))
    - arrivals * inputs.won[i] * cost);
  return { revenue, total: sum(revenue), equity: sum(contribution.map((money, i) => money * inputs.factors[i])) };
}

function scenarios(box) {
  const inputs = JSON.parse(box.querySelector("script.inputs").textContent);
  const fields = [...box.querySelectorAll("input")];
  const plot = box.querySelector(".plot");
  const start = plan(inputs, {});
  const more = (now, before) => change(now, before, inputs) && ` (${change(now, before, inputs)})`;
  const update = () => {
    const found = plan(inputs, Object.fromEntries(fields.map((field) => [field.name, Number(field.value)])));
    box.plan = found;
    for (const field of fields) field.closest("label").querySelector("output").textContent = field.value;
    box.querySelector(".answers").textContent =
      `Revenue over the whole horizon: ${money(found.total, inputs)}${more(found.total, start.total)}.` +
      (found.equity === null ? "" : ` Customer equity within the horizon: ${money(found.equity, inputs)}${more(found.equity, start.equity)}.`);
    if (plot.drawn) plot.drawn.then(() => Plotly.restyle(plot, { y: [found.revenue] }, [inputs.trace]));
  };
  for (const field of fields) field.addEventListener("input", update);
  draw(plot).then(update);
  update();
}

function lookUp(box) {
  const { head, rows } = JSON.parse(box.querySelector("script").textContent);
  const found = new Map(rows.map((row) => [row[0], row])), answers = box.querySelector(".answers");
  const best = head.includes("Value at risk") ? "value at risk" : "expected value";
  const who = rows.length ? `Customers with the highest ${best}: ${rows.length.toLocaleString("en")}, such as ${rows[0][0]}.` : "";
  answers.textContent = who;
  box.querySelector("input").addEventListener("input", (event) => {
    const asked = event.target.value.trim();
    const row = found.get(asked);
    const answer = row ? head.slice(1).map((name, i) => `${name}: ${row[i + 1]}`).join(" · ")
      : `Not among the ${rows.length.toLocaleString("en")} customers in this report.`;
    answers.textContent = asked ? answer : who;
  });
}

setTheme(mode);
document.getElementById("theme").addEventListener("click", () => setTheme(mode === "dark" ? "light" : "dark"));
for (const plot of plots) near.observe(plot);
for (const box of document.querySelectorAll(".what-if")) whatIf(box);
for (const box of document.querySelectorAll(".list-totals")) listTotals(box);
for (const box of document.querySelectorAll(".scenarios")) scenarios(box);
for (const box of document.querySelectorAll(".lookup")) lookUp(box);
// Two figures stand side by side on paper, those with many names or controls alone; a window's width would be cut at its edge, and drawing
// from the start moves nothing. Models that a reader of the page may bring in by the legend stay away.
function printed(plot) {
  const figure = plot.closest("figure"), { layout } = parts(plot);
  plot.screen = plot.data.map((trace) => trace.showlegend);
  for (const trace of plot.data) if (trace.visible === "legendonly") trace.showlegend = false;
  const named = plot.data.filter((trace) => trace.showlegend !== false).length;
  const rows = Math.max(0, ...plot.data.filter((trace) => trace.type === "heatmap").map((trace) => new Set(trace.y).size));
  const half = named <= 4 && rows <= 12 && !figure.closest(".what-if, .scenarios");
  plot.style.width = "";
  figure.classList.toggle("half", half);
  narrow(layout, plot.data);
  const height = (plot._fullLayout?.yaxis?.type === "category" ? 225 : 190) + (named > 4 ? 5 * named : 12 * Math.max(named - 2, 0)) + 9 * Math.max(rows - 8, 0);
  const own = { template: themes.light, width: half ? 340 : 690, height, font: { size: half ? 9 : 10 } };
  return Plotly.newPlot(plot, plot.data, { ...layout, ...own }, config).then(() => fit(plot));
}
function shown(plot) {
  plot.data.forEach((trace, i) => { trace.showlegend = plot.screen?.[i]; });
  plot.closest("figure").classList.remove("half");
  plot.style.width = plot.wide ?? "";
  const { layout } = parts(plot);
  if (plot.clientWidth < 600) narrow(layout, plot.data);
  return Plotly.newPlot(plot, plot.data, { ...layout, template: themes[mode] }, config).then(() => fit(plot));
}
window.addEventListener("beforeprint", () => {
  root.dataset.theme = "light";
  for (const plot of plots) if (!plot.closest("details.more")) draw(plot).then(() => printed(plot));
});
window.addEventListener("afterprint", () => {
  root.dataset.theme = mode;
  for (const plot of plots) if (plot.screen) shown(plot);
});
