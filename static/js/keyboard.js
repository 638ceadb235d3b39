// "/" focuses the page's search field, "?" opens the help, Ctrl+Enter submits the form being edited.
const SWITCH = "stratum.keyboard";
const isOn = () => { try { return localStorage.getItem(SWITCH) !== "off"; } catch { return true; } };
const isTyping = (element) => element.matches("input:not([type=checkbox], [type=radio]), textarea, select, [contenteditable]");

const help = document.getElementById("keyboard-help");
const actions = {
  "/": () => document.querySelector("[data-search]"),
  "?": () => help,
};

document.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
    const form = event.target.closest("form") ?? document.querySelector("form[data-primary-form]");
    if (form) {
      event.preventDefault();
      form.requestSubmit();
    }
    return;
  }
  if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target) || !isOn()) return;
  if (document.querySelector("dialog[open]")) return;
  const goal = actions[event.key]?.();
  if (!goal) return;
  event.preventDefault();
  if (goal === help) help.showModal();
  else goal.focus();
});

const toggle = document.querySelector("[data-keyboard-switch]");
if (toggle) {
  toggle.checked = isOn();
  toggle.addEventListener("change", () => {
    try { localStorage.setItem(SWITCH, toggle.checked ? "on" : "off"); } catch { /* private mode */ }
  });
}
