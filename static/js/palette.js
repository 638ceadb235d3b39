// Ctrl+K opens the palette; arrows walk through what it found, Enter follows the first or the focused line.
const palette = document.getElementById("palette");
const words = document.getElementById("palette-words");
const lines = () => [...palette.querySelectorAll(".palette-line")];

const open = () => {
  palette.showModal();
  words.select();
  words.dispatchEvent(new Event("palette:open"));
};

const step = (by) => {
  const found = lines();
  if (!found.length) return;
  const at = found.indexOf(document.activeElement) + by;
  if (at < 0) words.focus();
  else found[Math.min(at, found.length - 1)].focus();
};

const keys = {
  ArrowDown: () => step(1),
  ArrowUp: () => step(-1),
  Escape: () => palette.close(), // else the field only empties itself
  Enter: () => (lines().includes(document.activeElement) ? document.activeElement : lines()[0])?.click(),
};

if (palette) {
  document.addEventListener("keydown", (event) => {
    if (event.key.toLowerCase() !== "k" || !(event.ctrlKey || event.metaKey) || document.querySelector("dialog[open]")) return;
    event.preventDefault();
    open();
  });
  document.querySelectorAll("[data-open-palette]").forEach((button) => button.addEventListener("click", open));
  palette.addEventListener("keydown", (event) => {
    if (!keys[event.key]) return;
    event.preventDefault();
    keys[event.key]();
  });
}
