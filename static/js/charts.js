// Draws every [data-chart="id"] from the JSON script with that id, in the colours of the theme.
const SERIES = ["--chart-1", "--chart-2", "--chart-3", "--chart-4", "--chart-5", "--chart-6"];

const probe = document.createElement("span");
probe.hidden = true;
document.body.append(probe);

// A custom property reads back as light-dark(…); a colour that uses it reads back resolved.
function colour(name) {
  probe.style.color = `var(${name})`;
  return getComputedStyle(probe).color;
}

function axis(own = {}) {
  const line = colour("--line");
  return { automargin: true, gridcolor: line, linecolor: line, zerolinecolor: line, tickcolor: line, fixedrange: true, ...own };
}

function themed(own = {}) {
  const layout = {
    margin: { l: 8, r: 8, t: 8, b: 8, pad: 4 },
    paper_bgcolor: "rgba(0,0,0,0)",
    plot_bgcolor: "rgba(0,0,0,0)",
    colorway: SERIES.map(colour),
    font: { family: getComputedStyle(document.body).fontFamily, size: 13, color: colour("--ink-soft") },
    hoverlabel: { bgcolor: colour("--raised"), bordercolor: colour("--line"), font: { color: colour("--ink") } },
    hovermode: "x unified",
    legend: { orientation: "h", x: 0, y: 1.02, yanchor: "bottom" },
    showlegend: false,
    ...own,
    template: undefined,
  };
  const axes = new Set(["xaxis", "yaxis", ...Object.keys(own).filter((key) => /^[xy]axis\d*$/.test(key))]);
  for (const name of axes) layout[name] = axis(own[name]);
  return layout;
}

// plotly lays out a hidden chart wrongly; it is drawn when it comes into view.
const seen = new IntersectionObserver((entries) => {
  for (const { target, isIntersecting } of entries) if (isIntersecting) draw(target);
});

function draw(place) {
  const spec = JSON.parse(document.getElementById(place.dataset.chart).textContent);
  seen.unobserve(place);
  place.dataset.drawn = "";
  window.Plotly.react(place, spec.data, themed(spec.layout), { displayModeBar: false, responsive: true, ...spec.config });
  lead(place);
}

const charts = (root) => (root.matches?.("[data-chart]") ? [root] : [...(root.querySelectorAll?.("[data-chart]") ?? [])]);
const watch = (root) => charts(root).forEach((place) => seen.observe(place));

// A point leads to the address in its customdata.
const points = new WeakSet();
function lead(place) {
  if (points.has(place)) return;
  points.add(place);
  place.on("plotly_click", ({ points: [point] }) => { if (point.customdata) location.assign(point.customdata); });
}

// data-picture="id" on a button: a PNG of the chart with that JSON script, as it looks in this theme.
document.addEventListener("click", async ({ target }) => {
  const button = target.closest("[data-picture]");
  if (!button) return;
  const spec = JSON.parse(document.getElementById(button.dataset.picture).textContent);
  const margin = { l: 24, r: 24, t: 24, b: 24, pad: 4 };
  const layout = { ...themed(spec.layout), margin, paper_bgcolor: colour("--surface"), width: 1200, height: 640 };
  const name = button.dataset.pictureName ?? "chart";
  await window.Plotly.downloadImage({ data: spec.data, layout }, { format: "png", width: 1200, height: 640, filename: name });
});

watch(document);
document.addEventListener("htmx:load", ({ detail: { elt } }) => watch(elt));
document.addEventListener("htmx:beforeCleanupElement", ({ detail: { elt } }) => {
  if (elt.dataset?.drawn !== undefined) window.Plotly.purge(elt);
});
document.documentElement.addEventListener("stratum:theme", () => {
  document.querySelectorAll("[data-drawn]").forEach(draw);
});
