// Light, dark, or as the computer is set. The choice is kept in this browser.
const STORE = "alframe-theme";
const THEMES = ["system", "light", "dark"];

export function themeName() {
  const stored = localStorage.getItem(STORE);
  return THEMES.includes(stored) ? stored : "system";
}

export function applyTheme() {
  const theme = themeName();
  document.documentElement.dataset.theme = theme;
  document.querySelector("meta[name=color-scheme]").content = theme === "system" ? "light dark" : theme;
}

export function nextTheme() {
  localStorage.setItem(STORE, THEMES[(THEMES.indexOf(themeName()) + 1) % THEMES.length]);
  applyTheme();
}
