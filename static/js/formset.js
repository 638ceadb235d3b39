// A list of rows the user adds to, removes from and orders. Names and ids are renumbered to match the order, so the
// server reads prefix-0-…, prefix-1-… in sequence. Markup in docs/pages.md.
const ATTRIBUTES = [
  "name", "id", "for", "list", "aria-describedby", "aria-labelledby", "aria-controls", "data-formset",
  "hx-target", "hx-include", "hx-vals", "data-copy",
];

const EDGE_PX = 60; // this near to the edge of the window, dragging scrolls

const rowsOf = (formset) => [...formset.querySelector("[data-formset-rows]").children].filter((row) => row.matches("[data-formset-row]"));
const ownFormset = (element) => element.closest("[data-formset]");
const escaped = (text) => text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");

function replaceIn(node, pattern, replacement) {
  for (const element of [node, ...node.querySelectorAll("*")]) {
    for (const attribute of ATTRIBUTES) {
      const value = element.getAttribute?.(attribute);
      if (value) element.setAttribute(attribute, value.replace(pattern, replacement));
    }
    if (element.content instanceof DocumentFragment) {
      for (const child of element.content.children) replaceIn(child, pattern, replacement);
    }
  }
}

function renumber(formset) {
  const prefix = formset.dataset.formset;
  const rows = rowsOf(formset);
  const pattern = new RegExp(`(^|_|#|")${escaped(prefix)}-\\d+(?=-|$)`, "g");
  rows.forEach((row, index) => {
    replaceIn(row, pattern, `$1${prefix}-${index}`);
    const number = row.querySelector("[data-formset-number]");
    if (number) number.textContent = index + 1;
    press(row, "[data-formset-up]", index === 0);
    press(row, "[data-formset-down]", index === rows.length - 1);
    press(row, "[data-formset-remove]", rows.length <= Number(formset.dataset.formsetMin ?? 0));
  });
  const add = [...formset.querySelectorAll("[data-formset-add]")].find((button) => ownFormset(button) === formset);
  if (add) add.disabled = rows.length >= Number(formset.dataset.formsetMax ?? Infinity);
  const total = formset.querySelector(`input[name="${prefix}-TOTAL_FORMS"]`);
  if (total) total.value = rows.length;
}

function press(row, selector, disabled) {
  for (const button of row.querySelectorAll(selector)) {
    if (button.closest("[data-formset-row]") === row) button.disabled = disabled;
  }
}

function changed(formset, sentence) {
  renumber(formset);
  const status = [...formset.querySelectorAll("[data-formset-status]")].find((place) => ownFormset(place) === formset);
  if (status) status.textContent = sentence;
  formset.dispatchEvent(new Event("change", { bubbles: true }));
}

const wordFor = (formset) => formset.dataset.formsetWord ?? "Row";

function add(formset) {
  const template = [...formset.querySelectorAll("[data-formset-template]")].find((each) => ownFormset(each) === formset);
  const row = template.content.firstElementChild.cloneNode(true);
  const count = rowsOf(formset).length;
  replaceIn(row, new RegExp(escaped(template.dataset.placeholder ?? "__prefix__"), "g"), String(count));
  formset.querySelector("[data-formset-rows]").append(row);
  row.querySelectorAll("[data-formset]").forEach(renumber);
  window.htmx?.process(row);
  changed(formset, `${wordFor(formset)} ${count + 1} added.`);
  row.querySelector("input:not([type=hidden]), select, textarea")?.focus();
}

function remove(formset, row) {
  const rows = rowsOf(formset);
  const index = rows.indexOf(row);
  const next = rows[index + 1] ?? rows[index - 1];
  row.remove();
  changed(formset, `${wordFor(formset)} ${index + 1} removed.`);
  const focus = next?.querySelector("input:not([type=hidden]), select, textarea") ?? formset.querySelector("[data-formset-add]");
  focus?.focus();
}

function move(formset, row, offset, button) {
  const rows = rowsOf(formset);
  const from = rows.indexOf(row);
  const neighbour = rows[from + offset];
  if (!neighbour) return;
  if (offset < 0) neighbour.before(row);
  else neighbour.after(row);
  changed(formset, `${wordFor(formset)} ${from + 1} is now number ${from + offset + 1}.`);
  const other = row.querySelector(offset < 0 ? "[data-formset-down]" : "[data-formset-up]");
  (button.disabled ? other : button)?.focus();
}

document.addEventListener("click", ({ target }) => {
  const button = target.closest("[data-formset-add], [data-formset-remove], [data-formset-up], [data-formset-down]");
  if (!button) return;
  const formset = ownFormset(button);
  const row = button.closest("[data-formset-row]");
  if (button.matches("[data-formset-add]")) add(formset);
  else if (button.matches("[data-formset-remove]")) remove(formset, row);
  else move(formset, row, button.matches("[data-formset-up]") ? -1 : 1, button);
});

// Pointer events rather than drag and drop, so that fingers can do it too. A page whose server keeps the order listens
// to "formset:move" and prevents it.
document.addEventListener("pointerdown", (event) => {
  const handle = event.target.closest("[data-formset-handle]");
  if (!handle || event.button !== 0) return;
  event.preventDefault();
  const row = handle.closest("[data-formset-row]");
  const formset = ownFormset(handle);
  const before = rowsOf(formset).indexOf(row);
  const top = handle.getBoundingClientRect().top;
  row.classList.add("row-dragged");
  row.parentElement.classList.add("rows-sorting");
  scrollBy(0, handle.getBoundingClientRect().top - top); // rows may shrink meanwhile; the handle stays in the hand
  handle.setPointerCapture(event.pointerId);

  // The neighbours move around the row: a row that leaves the document would lose the pointer.
  const middle = (each) => each.getBoundingClientRect().top + each.offsetHeight / 2;
  const follow = ({ clientY }) => {
    if (clientY < EDGE_PX) scrollBy(0, -EDGE_PX / 4);
    if (clientY > innerHeight - EDGE_PX) scrollBy(0, EDGE_PX / 4);
    while (row.nextElementSibling && clientY > middle(row.nextElementSibling)) row.before(row.nextElementSibling);
    while (row.previousElementSibling && clientY < middle(row.previousElementSibling)) row.after(row.previousElementSibling);
  };
  const drop = () => {
    handle.removeEventListener("pointermove", follow);
    row.classList.remove("row-dragged");
    row.parentElement.classList.remove("rows-sorting");
    const after = rowsOf(formset).indexOf(row);
    const moved = new CustomEvent("formset:move", { bubbles: true, cancelable: true, detail: { from: before, to: after } });
    if (after !== before && formset.dispatchEvent(moved)) {
      changed(formset, `${wordFor(formset)} ${before + 1} is now number ${after + 1}.`);
    }
  };
  handle.addEventListener("pointermove", follow);
  for (const name of ["pointerup", "pointercancel"]) handle.addEventListener(name, drop, { once: true });
});

const prepare = (root) => root.querySelectorAll?.("[data-formset]").forEach(renumber);
prepare(document);
document.addEventListener("htmx:load", ({ detail: { elt } }) => prepare(elt));
