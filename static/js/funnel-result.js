// The manners of a result that changes by itself.

// A new result keeps the table open, and nobody's table in the background asks for one.

// On a phone the tab that is shown may lie beside the screen.
const showTab = () => {
  const tab = document.querySelector("#funnel-result .tab-links [aria-current]");
  const row = tab?.parentElement;
  if (row) row.scrollLeft = tab.offsetLeft - row.offsetLeft - (row.clientWidth - tab.offsetWidth) / 2;
};
showTab();
window.addEventListener("resize", showTab);

let open = false;
document.addEventListener("htmx:beforeSwap", () => {
  open = document.querySelector(".result-table")?.open ?? open;
});
document.addEventListener("htmx:afterSwap", () => {
  const table = document.querySelector(".result-table");
  if (table) table.open = open;
  showTab();
});
document.addEventListener("htmx:beforeRequest", (event) => {
  if (document.hidden && event.detail.elt.matches("[data-live]")) event.preventDefault();
});
