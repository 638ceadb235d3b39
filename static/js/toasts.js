// Toasts: from HX-Trigger {"toast": {level, text, undo_url?}}, from Django messages, and for requests that failed.
const area = document.getElementById("toasts");
const pattern = document.getElementById("toast-template");
const STAY_MS = { success: 6000, info: 6000, warning: 12000 };
const WITH_UNDO_MS = 15000;

const SENTENCES = {
  401: "Please log in again.",
  403: "You may not do this.",
  404: "That is no longer there. Reload the page.",
  413: "That is more than the server accepts at once.",
  429: "Too many requests. Wait a moment and try again.",
};

function dismissLater(note, milliseconds) {
  if (!milliseconds) return;
  let timer = 0;
  const start = () => { timer = setTimeout(() => note.remove(), milliseconds); };
  const hold = () => clearTimeout(timer);
  for (const name of ["mouseenter", "focusin"]) note.addEventListener(name, hold);
  for (const name of ["mouseleave", "focusout"]) note.addEventListener(name, start);
  start();
}

function show({ level = "info", text, undo_url: undo }) {
  const note = pattern.content.firstElementChild.cloneNode(true);
  note.classList.add(`toast-${level}`);
  if (level === "error") note.setAttribute("role", "alert");
  for (const icon of note.querySelectorAll("[data-toast-icon]")) {
    if (icon.dataset.toastIcon !== level) icon.remove();
  }
  note.querySelector(".toast-text").textContent = text;
  const form = note.querySelector("form");
  if (undo) {
    form.action = undo;
    form.hidden = false;
  } else {
    form.remove();
  }
  area.append(note);
  dismissLater(note, undo ? WITH_UNDO_MS : STAY_MS[level]);
}

document.addEventListener("toast", (event) => {
  for (const toast of [event.detail.value ?? event.detail].flat()) show(toast);
});

document.addEventListener("click", (event) => {
  event.target.closest("[data-toast-close]")?.closest("[data-toast]").remove();
});

for (const note of area.children) {
  if (!note.classList.contains("toast-error")) dismissLater(note, note.querySelector("form") ? WITH_UNDO_MS : 8000);
}

function sentence(response) {
  if (response.getResponseHeader("Content-Type")?.includes("json")) {
    try { return JSON.parse(response.responseText).detail; } catch { /* fall through to the status */ }
  }
  return SENTENCES[response.status]
    ?? (response.status >= 500 ? "Something broke on our side. Try again in a moment." : "That did not work.");
}

document.addEventListener("htmx:responseError", ({ detail: { xhr } }) => {
  if (!xhr.getResponseHeader("HX-Trigger")?.includes("toast")) show({ level: "error", text: sentence(xhr) });
});
for (const name of ["htmx:sendError", "htmx:timeout"]) {
  document.addEventListener(name, () => show({ level: "error", text: "The server did not answer. Check your connection." }));
}
