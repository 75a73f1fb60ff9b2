// The classes with their keys: one button each, a search box for long lists, and new classes.
import { ApiError } from "./api.js";
import { ask } from "./dialog.js";
import { button, element, keyHint, notify } from "./dom.js";
import { store } from "./store.js";
import { S } from "./strings.js";

// onchoose(className, {all}): all is true with Shift, for the rest of the group or the burst.
export class ClassPanel {
  #search = element("input", { type: "search", class: "class-search", placeholder: S.findClass, "aria-label": S.findClass, autocomplete: "off", spellcheck: false });
  #list = element("div", { class: "class-list" });
  #stop;

  constructor(onchoose) {
    this.onchoose = onchoose;
    this.node = element("aside", { class: "classes", "aria-label": S.classes },
      element("div", { class: "search-row" }, this.#search, keyHint("/")), this.#list);
    this.#search.addEventListener("input", () => this.#draw());
    this.#search.addEventListener("keydown", (event) => this.#searchKey(event));
    // A click on a class must not take the keyboard away from the images.
    this.#list.addEventListener("mousedown", (event) => event.preventDefault());
    this.#stop = store.on("classes", () => this.#draw());
    this.#draw();
  }

  destroy() {
    this.#stop();
  }

  #matches() {
    const wanted = this.#search.value.trim().toLocaleLowerCase();
    if (!wanted) return store.classes;
    const found = store.classes.filter((entry) => entry.name.toLocaleLowerCase().includes(wanted));
    const startsWith = (entry) => (entry.name.toLocaleLowerCase().startsWith(wanted) ? 0 : 1);
    return found.sort((a, b) => startsWith(a) - startsWith(b));
  }

  #draw() {
    const matches = this.#matches();
    const typed = this.#search.value.trim();
    const exact = store.classes.some((entry) => entry.name === typed);
    const rows = matches.map((entry, index) => this.#row(entry, typed !== "" && index === 0));
    if (typed && !exact) rows.push(button([element("span", { class: "class-name" }, S.addClass(typed))], () => this.#add(typed), { class: "class-button add" }));
    if (!rows.length) rows.push(element("p", { class: "hint" }, S.noClasses));
    this.#list.replaceChildren(...rows);
  }

  #row(entry, first) {
    const key = button(entry.key || "+", () => this.#changeKey(entry), { class: "class-key", "aria-label": S.changeKey(entry.name, entry.key) });
    const choose = button([element("span", { class: "class-name" }, entry.name), element("span", { class: "count" }, `${entry.count}`)],
      (event) => this.#choose(entry.name, event.shiftKey), { class: first ? "class-button first" : "class-button", "aria-keyshortcuts": entry.key || null });
    if (entry.kind !== "class") key.disabled = true;
    return element("div", { class: `class-row ${entry.kind}` }, key, choose);
  }

  #choose(name, all) {
    this.#search.value = "";
    this.#draw();
    this.onchoose(name, { all });
  }

  #searchKey(event) {
    if (event.key === "Escape") {
      this.#search.value = "";
      this.#draw();
      this.onleave?.();
    } else if (event.key === "Enter") {
      const typed = this.#search.value.trim();
      const [best] = this.#matches();
      if (best && typed) this.#choose(best.name, event.shiftKey);
      else if (typed) this.#add(typed);
      this.onleave?.();
    } else return;
    event.preventDefault();
    event.stopPropagation();
  }

  async #add(name, sure = false) {
    try {
      this.#choose(await store.addClass(name, sure), false);
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      if (error.code !== "did_you_mean") return notify(error.message, { error: true });
      const similar = error.details.suggestions ?? [];
      const picked = await ask(S.didYouMean(name), [...similar.map((each) => ({ text: S.use(each), value: each })), { text: S.addClass(name), value: null }]);
      if (picked === undefined) return;
      if (picked === null) await this.#add(name, true);
      else this.#choose(picked, false);
    }
  }

  async #changeKey(entry) {
    const key = await ask(S.pressKey(entry.name), [{ text: S.noKey, value: "" }], { anyKey: /^[a-z1-9]$/ });
    if (key === undefined) return;
    try {
      await store.setKey(entry.name, key);
    } catch (error) {
      notify(error.message, { error: true });
    }
  }

  // Take a class key. Shift means all; digits are read by their place, since Shift turns "1" into another character.
  handleKey(event, name) {
    if (name === "/") {
      this.#search.focus();
      this.#search.select();
      return true;
    }
    if (event.ctrlKey || event.metaKey || event.altKey) return false;
    const place = /^(Digit|Numpad)([0-9])$/.exec(event.code);
    const key = event.shiftKey && place ? place[2] : event.key.toLowerCase();
    const entry = event.key === "_" ? store.classOfKey("-") : store.classOfKey(key);
    if (!entry) return false;
    this.onchoose(entry.name, { all: event.shiftKey });
    return true;
  }
}
