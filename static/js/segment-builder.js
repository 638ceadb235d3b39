// The segment builder: rows move by dragging (formset.js) and by Alt with an arrow, the server keeps the order; properties
// and values that were seen with a row's events are offered; and the focus goes where the work goes on.

const fields = () => document.getElementById("builder-fields");

document.addEventListener("formset:move", (event) => {
  const row = event.target.querySelectorAll(":scope > [data-formset-rows] > [data-row]")[event.detail.to];
  const button = document.querySelector("[data-move]");
  if (!row || !button) return;
  event.preventDefault();
  const path = row.dataset.row.replaceAll("-", ".");
  button.value = `move:${path}:${event.detail.to}`;
  button.click();
});

const DIRECTIONS = { ArrowUp: "up", ArrowDown: "down" };
let kept = ""; // the name of the field of the moved row that the focus stays in

document.addEventListener("keydown", (event) => {
  const row = event.target.closest?.("[data-row]");
  const direction = DIRECTIONS[event.key];
  if (!row || !direction || !event.altKey || event.target.matches("select")) return;
  event.preventDefault();
  const button = document.getElementById(`${direction}-${row.dataset.row}`);
  if (!button || button.disabled) return;
  kept = (event.target.name ?? "").replace(/-[\d.]+$/, "");
  button.click();
});

// What was seen with the events that a row is about.

const seen = JSON.parse(document.getElementById("seen-properties")?.textContent ?? "{}");
const splitNames = (text) => text.split(",").map((name) => name.trim()).filter(Boolean);

function eventsOf(element) {
  for (let row = element.closest("[data-row]"); row; row = row.parentElement.closest("[data-row]")) {
    const input = row.querySelector(":scope > .segment-fields [data-events]");
    if (input) return splitNames(input.value);
  }
  return [];
}

function propertiesOf(element) {
  const chosen = eventsOf(element);
  const names = chosen.some((name) => name.endsWith("*")) || !chosen.length ? Object.keys(seen) : chosen.filter((name) => Object.hasOwn(seen, name));
  const merged = new Map();
  for (const name of names) {
    for (const [property, samples] of Object.entries(seen[name])) {
      merged.set(property, new Set([...(merged.get(property) ?? []), ...samples]));
    }
  }
  return merged;
}

function fill(id, values) {
  document.getElementById(id)?.replaceChildren(...values.map((value) => Object.assign(document.createElement("option"), { value })));
}

document.addEventListener("focusin", ({ target }) => {
  if (!fields()?.contains(target) || !target.matches("input")) return;
  const properties = propertiesOf(target);
  if (target.matches("[data-property]")) fill("event-properties", [...properties.keys()]);
  if (target.getAttribute("list") === "event-values") {
    const property = target.closest(".segment-fields").querySelector("[data-property]")?.value.trim();
    fill("event-values", [...(properties.get(property) ?? [])]);
  }
});

// After a button changed the rows there is something to save.

function focusOn(id) {
  const row = document.querySelector(`[data-row="${CSS.escape(id)}"]`);
  const inside = [...(row?.querySelectorAll(":scope > .segment-fields :is(input:not([type=hidden]), select, textarea)") ?? [])];
  const visible = inside.filter((field) => field.offsetParent);
  const goal = (kept && visible.find((field) => field.name.startsWith(`${kept}-`))) || visible[0] || document.getElementById(`add-${id}`);
  kept = "";
  goal?.focus();
}

document.addEventListener("htmx:afterSettle", ({ detail: { target } }) => {
  if (target.id !== "builder-fields") return;
  const id = fields().dataset.focus;
  fields().closest("form").dispatchEvent(new Event("input", { bubbles: true }));
  if (id) focusOn(id);
});
if (fields()?.dataset.focus) focusOn(fields().dataset.focus);
