/* Light, dark, or as the system has it. Chosen before anything is drawn, so that nothing flashes. */
const NAME = "shoal-theme";
const CHOICES = ["auto", "light", "dark"];
const system = matchMedia("(prefers-color-scheme: dark)");
const listeners = new Set();

let choice = "auto";
try {
    const kept = localStorage.getItem(NAME);
    choice = CHOICES.includes(kept) ? kept : "auto";
} catch {
    // no storage for this page: as the system has it
}

export const themeChosen = () => choice;

export function themeApply() {
    const isDark = choice === "dark" || (choice === "auto" && system.matches);
    document.documentElement.dataset.theme = isDark ? "dark" : "light";
    listeners.forEach((listener) => listener());
}

export function themeNext() {
    choice = CHOICES[(CHOICES.indexOf(choice) + 1) % CHOICES.length];
    try {
        localStorage.setItem(NAME, choice);
    } catch {
        // then it lasts as long as the page
    }
    themeApply();
}

/* For what can't be styled by CSS. Returns how to stop. */
export function onTheme(listener) {
    listeners.add(listener);
    return () => listeners.delete(listener);
}

system.addEventListener("change", themeApply);
