// The form that saves a page's state follows its address, which fragments change without loading the page again.
document.addEventListener("submit", (event) => {
  const address = event.target.querySelector?.("[data-address]");
  if (address) address.value = location.pathname + location.search;
}, true);

// Another state is not the saved view any more.
document.addEventListener("htmx:pushedIntoHistory", () => {
  const current = document.querySelector(".saved-view > [aria-current]");
  if (!current || current.href === location.href) return;
  current.removeAttribute("aria-current");
  document.querySelector("[data-view-name]").textContent = "Saved views";
});
