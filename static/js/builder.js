// The builders' pickers and focus, and the manners of a result that changes by itself. Every page works without it.

// Properties and values that were seen with a step's events, offered once somebody is in that step.

const dataOf = (id) => JSON.parse(document.getElementById(id)?.textContent ?? "{}");
const seen = dataOf("seen-properties");
const counts = dataOf("seen-counts");

function propertiesOf(step) {
  const chosen = [...step.querySelectorAll("[data-event]")].map((input) => input.value.trim());
  const events = chosen.includes("*") ? Object.keys(seen) : chosen.filter((name) => Object.hasOwn(seen, name));
  const merged = new Map();
  for (const event of events) {
    for (const [name, samples] of Object.entries(seen[event])) {
      merged.set(name, new Set([...(merged.get(name) ?? []), ...samples]));
    }
  }
  return merged;
}

function fill(list, values) {
  list?.replaceChildren(...values.map(([value, label]) => {
    const option = document.createElement("option");
    option.value = value;
    if (label) option.label = label;
    return option;
  }));
}

const SAMPLES = 3;
const such = (samples) => (samples.size ? `such as ${[...samples].slice(0, SAMPLES).join(", ")}` : "");

function offer(step) {
  const properties = propertiesOf(step);
  const offered = [...properties].map(([name, samples]) => [name, such(samples)]);
  for (const list of step.querySelectorAll("[data-properties]")) {
    fill(list, "timed" in list.dataset ? [["timestamp", "the event's own time"], ...offered] : offered);
  }
  for (const line of step.querySelectorAll("[data-filter]")) {
    const samples = properties.get(line.querySelector("[data-property]").value.trim()) ?? [];
    fill(line.querySelector("[data-values]"), [...samples].map((sample) => [sample]));
  }
}

for (const name of ["focusin", "change"]) {
  document.addEventListener(name, ({ target }) => {
    const step = target.closest?.("[data-step]");
    if (step) offer(step);
  });
}

// How often a chosen event was seen, and a step's title wherever it is named.

function countOf(input) {
  const name = input.value.trim();
  if (!name) return "";
  if (name === "*") return "Counts every event.";
  return Object.hasOwn(counts, name) ? `${counts[name].toLocaleString("en")} in 30 days` : "Not seen in the last 30 days.";
}

function tell(input) {
  document.getElementById(input.getAttribute("aria-describedby").split(" ")[0]).textContent = countOf(input);
}

function titleOf(step) {
  const names = [...step.querySelectorAll("[data-event]")].map((input) => input.value.trim()).filter(Boolean);
  const events = names.includes("*") ? "Any event" : names.join(" or ");
  return step.querySelector("[data-label]").value.trim() || events || "No event yet";
}

function name(step) {
  const title = titleOf(step);
  const place = Number(step.dataset.place);
  step.querySelector("[data-title]").textContent = title;
  for (const choice of document.querySelectorAll("[data-step-choice]")) choice.options[place].text = `${place + 1}. ${title}`;
}

const tellAll = () => document.querySelectorAll("[data-event]").forEach(tell);
tellAll();
document.addEventListener("input", ({ target }) => {
  if (target.matches("[data-event]")) tell(target);
  const step = target.closest("[data-place]");
  if (step && target.matches("[data-event], [data-label]")) name(step);
});

// Steps move by dragging (formset.js) and by Alt with an arrow; the server keeps the order either way.

let kept = ""; // the field of the moved step that the focus stays in

document.addEventListener("formset:move", (event) => {
  const button = document.querySelector("[data-move]");
  if (!button) return;
  event.preventDefault();
  button.value = `move:${event.detail.from}:${event.detail.to}`;
  button.click();
});

const DIRECTIONS = { ArrowUp: "up", ArrowDown: "down" };
document.addEventListener("keydown", (event) => {
  const step = event.target.closest?.("[data-place]");
  const direction = DIRECTIONS[event.key];
  if (!step || !direction || !event.altKey || event.target.matches("select")) return;
  event.preventDefault();
  const button = document.getElementById(`steps-${step.dataset.place}-${direction}`);
  if (button.disabled) return;
  kept = event.target.id.replace(/^steps-\d+-/, "");
  button.click();
});

// After a button changed the rows, there is something to save, and the focus goes where the work goes on.

const placeOf = () => {
  const fields = document.getElementById("builder-fields");
  const place = fields?.dataset.focus;
  if (fields) fields.dataset.focus = "";
  return place;
};
placeOf(); // the page itself comes with its focus set

document.addEventListener("htmx:afterSettle", () => {
  const place = placeOf();
  if (!place) return;
  tellAll();
  document.getElementById("builder-fields").closest("form").dispatchEvent(new Event("input", { bubbles: true }));
  const step = place.match(/^steps-\d+/)?.[0];
  const goal = kept && step ? `${step}-${kept}` : place;
  kept = "";
  (document.getElementById(goal) ?? document.getElementById(place) ?? document.getElementById(`${place}-0`))?.focus();
});

// Errors that came with the live result mark their fields.

document.addEventListener("htmx:oobAfterSwap", ({ detail: { target } }) => {
  const error = document.getElementById(target.id);
  if (!error?.matches(".field-error")) return;
  for (const field of document.querySelectorAll(`[aria-describedby~="${error.id}"]`)) {
    if (error.hidden) field.removeAttribute("aria-invalid");
    else field.setAttribute("aria-invalid", "true");
  }
});

// While fields are wrong the last good result stays, dimmed; also when a new one cannot be had.

const trouble = document.getElementById("preview-trouble");

document.addEventListener("htmx:beforeSwap", ({ detail: { target, xhr } }) => {
  if (!target.matches("[data-preview]") || xhr.status >= 400) return;
  target.classList.toggle("result-old", xhr.getResponseHeader("HX-Reswap") === "none");
  trouble.hidden = true;
});
for (const failed of ["htmx:responseError", "htmx:sendError", "htmx:timeout"]) {
  document.addEventListener(failed, ({ detail: { target } }) => {
    if (!target?.matches("[data-preview]")) return;
    target.classList.add("result-old");
    trouble.hidden = false;
  });
}
document.addEventListener("click", ({ target }) => {
  if (target.closest("[data-preview-again]")) document.body.dispatchEvent(new Event("builder-changed"));
});
