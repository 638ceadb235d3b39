// The builder's pickers and focus, and the manners of a result that changes by itself. Every page works without it.

// Properties and values that were seen with a step's events, offered once somebody is in that step.

const seen = JSON.parse(document.getElementById("seen-properties")?.textContent ?? "{}");

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
  list?.replaceChildren(...values.map((value) => {
    const option = document.createElement("option");
    option.value = value;
    return option;
  }));
}

function offer(step) {
  const properties = propertiesOf(step);
  fill(step.querySelector("[data-properties]"), [...properties.keys()]);
  for (const line of step.querySelectorAll("[data-filter]")) {
    const samples = properties.get(line.querySelector("[data-property]").value.trim()) ?? [];
    fill(line.querySelector("[data-values]"), [...samples]);
  }
}

for (const name of ["focusin", "change"]) {
  document.addEventListener(name, ({ target }) => {
    const step = target.closest?.("[data-step]");
    if (step) offer(step);
  });
}

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
  document.getElementById("funnel-form").dispatchEvent(new Event("input", { bubbles: true }));
  (document.getElementById(place) ?? document.getElementById(`${place}-0`))?.focus();
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

// While fields are wrong the last good result stays, dimmed.

document.addEventListener("htmx:beforeSwap", ({ detail: { target, xhr } }) => {
  if (target.id === "funnel-preview") target.classList.toggle("result-old", xhr.getResponseHeader("HX-Reswap") === "none");
});

// A new result keeps the table open, and nobody's table in the background asks for one.

let open = false;
document.addEventListener("htmx:beforeSwap", () => {
  open = document.querySelector(".result-table")?.open ?? open;
});
document.addEventListener("htmx:afterSwap", () => {
  const table = document.querySelector(".result-table");
  if (table) table.open = open;
});
document.addEventListener("htmx:beforeRequest", (event) => {
  if (document.hidden && event.detail.elt.matches("[data-live]")) event.preventDefault();
});
