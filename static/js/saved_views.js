// The form that saves a page's state follows its address, which fragments change without loading the page again.
document.addEventListener("submit", (event) => {
  const address = event.target.querySelector?.("[data-address]");
  if (address) address.value = location.pathname + location.search;
}, true);
