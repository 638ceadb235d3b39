// Loaded in <head> before any stylesheet, so that the first paint already has the right colours.
(() => {
  const root = document.documentElement;
  const system = matchMedia("(prefers-color-scheme: dark)");

  const stored = () => {
    try { return localStorage.getItem("stratum.theme"); } catch { return null; }
  };
  const choice = () => (["light", "dark"].includes(stored()) ? stored() : "auto");

  const apply = () => {
    const picked = choice();
    const theme = picked === "auto" ? (system.matches ? "dark" : "light") : picked;
    const changed = root.dataset.bsTheme !== theme;
    root.dataset.bsTheme = theme;
    for (const button of document.querySelectorAll("[data-theme-choice]")) {
      button.setAttribute("aria-pressed", String(button.dataset.themeChoice === picked));
    }
    if (changed) root.dispatchEvent(new CustomEvent("stratum:theme", { detail: theme }));
  };

  root.classList.add("js");
  apply();
  system.addEventListener("change", apply);
  addEventListener("storage", apply);
  document.addEventListener("DOMContentLoaded", apply);
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-theme-choice]");
    if (!button) return;
    try { localStorage.setItem("stratum.theme", button.dataset.themeChoice); } catch { /* private mode: this page only */ }
    root.dataset.bsTheme = "";
    apply();
  });
})();
