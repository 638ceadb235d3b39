// The manners of a result that changes by itself.

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
