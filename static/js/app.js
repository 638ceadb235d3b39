// Behaviour behind data-* attributes; every page works without it. See docs/pages.md.
const byHtmx = (form) => form.matches("[hx-get], [hx-post], [hx-put], [hx-patch], [hx-delete]");
const submitters = (form) => [...form.elements].filter((element) => element.type === "submit");
const remembered = (key) => { try { return localStorage.getItem(`stratum.${key}`); } catch { return null; } };
const remember = (key, value) => { try { localStorage.setItem(`stratum.${key}`, value); } catch { /* private mode */ } };

// data-confirm="sentence" data-confirm-label="Archive" data-confirm-tone="primary" on a form, a submit button or an htmx element.

const dialog = document.getElementById("confirm-dialog");
const confirmed = new WeakSet();

function ask(element, proceed) {
  dialog.querySelector("#confirm-sentence").textContent = element.dataset.confirm;
  const yes = dialog.querySelector("[data-confirm-yes]");
  yes.textContent = element.dataset.confirmLabel ?? "Continue";
  yes.className = `btn btn-${element.dataset.confirmTone ?? "danger"}`;
  dialog.returnValue = "";
  dialog.addEventListener("close", () => { if (dialog.returnValue === "confirm") proceed(); }, { once: true });
  dialog.showModal();
}

document.addEventListener("submit", (event) => {
  const { target: form, submitter } = event;
  const asking = [submitter, form].find((element) => element?.dataset.confirm);
  if (!asking || !dialog || byHtmx(form) || confirmed.delete(form)) return;
  event.preventDefault();
  event.stopImmediatePropagation();
  ask(asking, () => {
    confirmed.add(form);
    form.requestSubmit(submitter);
  });
}, true);

document.addEventListener("htmx:confirm", (event) => {
  const { elt, triggeringEvent, issueRequest } = event.detail;
  const asking = [triggeringEvent?.submitter, elt].find((element) => element?.dataset.confirm);
  if (!asking || !dialog) return;
  event.preventDefault();
  ask(asking, () => issueRequest(true));
});

// data-disable-on-submit on a form: a second click sends nothing twice.

function disable(form) {
  for (const button of submitters(form).filter((button) => !button.disabled)) {
    button.disabled = true;
    button.dataset.sending = "";
  }
}

function enable(form) {
  for (const button of submitters(form).filter((button) => "sending" in button.dataset)) {
    button.disabled = false;
    delete button.dataset.sending;
  }
}

document.addEventListener("submit", ({ target: form, defaultPrevented }) => {
  if (!form.matches("[data-disable-on-submit]") || (defaultPrevented && !byHtmx(form))) return;
  // Only after the browser has collected the pressed button's own value.
  setTimeout(() => disable(form));
});
document.addEventListener("htmx:afterRequest", ({ detail: { elt } }) => {
  if (elt.matches("form[data-disable-on-submit]")) setTimeout(() => enable(elt));
});
addEventListener("pageshow", ({ persisted }) => {
  if (persisted) document.querySelectorAll("form[data-disable-on-submit]").forEach(enable);
});

// What is sent says from which workspace's page, in case another tab has switched since.

document.addEventListener("formdata", ({ target: form, formData }) => {
  const { workspace } = document.body.dataset;
  if (workspace && form.getAttribute("method") === "post") formData.set("sent_from", workspace);
});

// data-unsaved-guard on a form; ="dirty" when the server shows refused input again.

const unsaved = new Set();
const guarded = (element) => element.closest?.("form[data-unsaved-guard]");

for (const name of ["input", "change"]) {
  document.addEventListener(name, ({ target }) => { if (guarded(target)) unsaved.add(guarded(target)); });
}
document.querySelectorAll('form[data-unsaved-guard="dirty"]').forEach((form) => unsaved.add(form));
document.addEventListener("submit", ({ target }) => { if (!byHtmx(target)) unsaved.delete(target); });
document.addEventListener("htmx:beforeRequest", ({ detail: { elt, requestConfig } }) => {
  if (requestConfig.verb !== "get") unsaved.delete(elt);
});
document.addEventListener("htmx:responseError", ({ detail: { elt, requestConfig } }) => {
  if (requestConfig.verb !== "get" && guarded(elt)) unsaved.add(elt);
});
addEventListener("beforeunload", (event) => {
  if ([...unsaved].some((form) => form.isConnected)) event.preventDefault();
});

// data-lazy on what loads itself after the page: a failure shows the way to it instead.

for (const failed of ["htmx:responseError", "htmx:sendError", "htmx:timeout"]) {
  document.addEventListener(failed, ({ detail: { elt } }) => {
    if (!elt.matches("[data-lazy]")) return;
    elt.dataset.lazy = "failed";
    elt.removeAttribute("aria-busy");
  });
}

// data-copy="#id" copies that element's value or text.

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  const source = document.querySelector(button.dataset.copy);
  const toast = (level, text) => document.dispatchEvent(new CustomEvent("toast", { detail: { level, text } }));
  try {
    await navigator.clipboard.writeText(source.value ?? source.textContent);
    toast("success", "Copied.");
  } catch {
    getSelection().selectAllChildren(source);
    toast("warning", "The browser does not allow copying here. The text is selected: press Ctrl+C.");
  }
});

// <time datetime data-relative>

const UNITS = [["day", 86400], ["hour", 3600], ["minute", 60]];
const RELATIVE_UNTIL_S = 30 * 86400;
const words = new Intl.RelativeTimeFormat("en", { numeric: "auto" });

function relative(time) {
  const seconds = (new Date(time.dateTime) - Date.now()) / 1000;
  if (Number.isNaN(seconds) || Math.abs(seconds) > RELATIVE_UNTIL_S) return;
  const unit = UNITS.find(([, length]) => Math.abs(seconds) >= length);
  time.textContent = unit ? words.format(Math.trunc(seconds / unit[1]), unit[0]) : "just now";
}
const refreshTimes = (root = document) => root.querySelectorAll("time[data-relative]").forEach(relative);
setInterval(refreshTimes, 30000);

// Menus on <details data-menu>, <details data-remember="key">, dialogs, definitions.

document.addEventListener("click", ({ target }) => {
  for (const menu of document.querySelectorAll("details[data-menu][open]")) {
    if (!menu.contains(target) || target.closest("[data-theme-choice]")) menu.open = false;
  }
  const opener = target.closest("[data-open-dialog]");
  if (opener) document.getElementById(opener.dataset.openDialog).showModal();
});
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  const menu = event.target.closest("details[data-menu][open]");
  if (menu) {
    menu.open = false;
    menu.querySelector("summary").focus();
  }
  document.querySelector(".definition:is(:hover, :focus-within)")?.classList.add("definition-shut");
});
for (const details of document.querySelectorAll("details[data-remember]")) {
  const kept = remembered(details.dataset.remember);
  if (kept && !details.querySelector("[aria-current]")) details.open = kept === "open";
  details.addEventListener("toggle", () => remember(details.dataset.remember, details.open ? "open" : "shut"));
}

function placeDefinition(definition) {
  const text = definition.querySelector(".definition-text");
  const term = definition.getBoundingClientRect();
  text.style.left = text.style.top = "0px";
  // A container may be the frame of reference instead of the window.
  const origin = text.getBoundingClientRect();
  const below = term.bottom + 4;
  const top = below + origin.height > innerHeight ? term.top - 4 - origin.height : below;
  const left = Math.max(8, Math.min(term.left, document.documentElement.clientWidth - origin.width - 8));
  text.style.left = `${left - origin.left}px`;
  text.style.top = `${top - origin.top}px`;
}
for (const name of ["mouseover", "focusin"]) {
  document.addEventListener(name, ({ target }) => {
    const definition = target.closest(".definition");
    if (definition) placeDefinition(definition);
  });
}
for (const name of ["mouseout", "focusout"]) {
  document.addEventListener(name, ({ target, relatedTarget }) => {
    const definition = target.closest(".definition");
    if (definition && !definition.contains(relatedTarget)) definition.classList.remove("definition-shut");
  });
}

// The first wrong field takes the focus.

const focusWrong = (root) => root.querySelector?.('[aria-invalid="true"]:not([type="hidden"])')?.focus();
document.addEventListener("htmx:afterSettle", ({ detail: { elt, xhr } }) => {
  refreshTimes(elt);
  if (xhr?.status === 422) focusWrong(elt);
});
// Before the fragment is painted: a date that turns into "just now" would move what stands beside it.
document.addEventListener("htmx:afterSwap", () => refreshTimes());
refreshTimes();
focusWrong(document);
document.querySelector(".sidebar [aria-current]")?.scrollIntoView({ block: "nearest" });
