// The classes with their keys: one button each, a search box for long lists, and new classes.
import { ApiError } from "./api.js";
import { ask } from "./dialog.js";
import { breakable, button, element, keyHint, notify } from "./dom.js";
import { letterOf } from "./keys.js";
import { store } from "./store.js";
import { S } from "./strings.js";

const RETRY_MS = 1000;
const TYPING_MS = 600; // between two letters of a name, at most

// prepare({all}) returns the function that gives a class to the images that are chosen at that moment, so that a name
// the server must be asked about still goes to them. `all` is true with Shift: the rest of the group, or the burst.
export class ClassPanel {
  #search = element("input", { type: "search", class: "class-search", placeholder: S.findClass, "aria-label": S.findClass, autocomplete: "off", spellcheck: "false", maxLength: 100, role: "combobox", "aria-expanded": "true", "aria-controls": "class-list" });
  #list = element("div", { class: "class-list", id: "class-list" });
  #offers = []; // of the search: {name, add, node}, the best first
  #offered = 0;
  #last = { at: -Infinity }; // class key that was pressed
  #stop;

  constructor(prepare) {
    this.prepare = prepare;
    this.node = element("aside", { class: "classes", "aria-label": S.classes },
      element("div", { class: "search-row" }, this.#search, keyHint("/")), this.#list);
    this.#search.addEventListener("input", () => this.#draw());
    this.#search.addEventListener("keydown", (event) => this.#searchKey(event));
    // A click on a class must not take the keyboard away from the images.
    this.#list.addEventListener("mousedown", (event) => event.preventDefault());
    const stops = [store.on("classes", () => this.#draw()), store.on("round", () => this.#draw())];
    this.#stop = () => stops.forEach((stop) => stop());
    this.#draw();
  }

  destroy() {
    this.#stop();
  }

  get #typed() {
    return this.#search.value.trim();
  }

  // What is typed may be the beginning of a name, then of one of its words, then anything within it.
  #matches() {
    const wanted = this.#typed.toLocaleLowerCase();
    const rank = ({ name }) => {
      const folded = name.toLocaleLowerCase();
      if (folded === wanted) return 0;
      if (folded.startsWith(wanted)) return 1;
      if (folded.split(/[\s_-]+/).some((word) => word.startsWith(wanted))) return 2;
      return folded.includes(wanted) ? 3 : 4;
    };
    return store.classes.map((entry) => ({ entry, rank: rank(entry) })).filter((each) => each.rank < 4).sort((a, b) => a.rank - b.rank);
  }

  #draw() {
    this.#offered = 0;
    this.#offers = [];
    const typed = this.#typed;
    if (!typed) {
      const rows = store.classes.map((entry) => this.#row(entry));
      const isEmpty = !store.classes.some((entry) => entry.kind === "class");
      const hint = store.state?.round ? S.noClasses : S.noClassesYet;
      this.#list.replaceChildren(...(isEmpty ? [element("p", { class: "hint" }, hint)] : []), ...rows);
      return;
    }
    const matches = this.#matches();
    this.#offers = matches.map(({ entry }) => ({ name: entry.name, node: this.#row(entry) }));
    if (!matches.some(({ rank }) => rank === 0)) {
      const add = button([element("span", { class: "class-name" }, S.addClass(typed))], () => this.#add(typed), { class: "class-button add" });
      const atWords = matches.filter(({ rank }) => rank < 3).length; // "emu" must not become "lemur" by Enter
      this.#offers.splice(atWords, 0, { name: typed, add: true, node: element("div", { class: "class-row add" }, add) });
    }
    this.#list.replaceChildren(...this.#offers.map(({ node }) => node));
    this.#offer(0);
  }

  #offer(index) {
    this.#offered = Math.min(Math.max(index, 0), this.#offers.length - 1);
    this.#offers.forEach(({ node }, at) => node.classList.toggle("offered", at === this.#offered));
    this.#offers[this.#offered]?.node.scrollIntoView({ block: "nearest" });
  }

  #row(entry) {
    const label = entry.kind === "class" ? S.changeKey(entry.name, entry.key) : S.fixedKey(entry.name, entry.key);
    const key = button(entry.key || "+", () => this.#changeKey(entry), { class: "class-key", "aria-label": label, title: label });
    const choose = button([element("span", { class: "class-name" }, breakable(entry.name)), element("span", { class: "count" }, entry.kind === "unsure" ? "" : entry.count.toLocaleString())],
      (event) => this.#choose(entry.name, event.shiftKey), { class: "class-button", title: S.meaning[entry.kind] ?? null, "aria-keyshortcuts": entry.key || null });
    if (entry.kind !== "class") key.disabled = true;
    const remove = entry.removable ? button("×", () => this.#remove(entry), { class: "quiet", "aria-label": S.removeClass(entry.name), title: S.removeClass(entry.name) }) : null;
    return element("div", { class: `class-row ${entry.kind}${remove ? " removable" : ""}` }, key, choose, remove);
  }

  #clear() {
    this.#search.value = "";
    this.#draw();
  }

  #choose(name, all, give = this.prepare({ all })) {
    this.#clear();
    give(name);
  }

  #searchKey(event) {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) this.#offer(this.#offered + step);
    else if (event.key === "Escape") {
      this.#clear();
      this.onleave?.();
    } else if (event.key === "Enter" && !event.isComposing) {
      const offer = this.#offers[this.#offered];
      if (offer?.add) this.#add(offer.name, event.shiftKey);
      else if (offer) this.#choose(offer.name, event.shiftKey);
      this.onleave?.();
    } else return;
    event.preventDefault();
    event.stopPropagation();
  }

  async #add(name, all = false) {
    const give = this.prepare({ all });
    this.#clear();
    try {
      give(await addWhenPossible(name, false, this.onwait));
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      if (error.code !== "did_you_mean") return notify(error.message, { error: true });
      const similar = error.details.suggestions ?? [];
      const picked = await ask(S.didYouMean(name), [...similar.map((each) => ({ text: S.use(each), value: each })), { text: S.addClass(name), value: null }]);
      if (picked === undefined) return;
      try {
        give(picked ?? (await addWhenPossible(name, true)));
      } catch (refusal) {
        notify(refusal.message, { error: true });
      }
    }
  }

  async #remove(entry) {
    try {
      await store.removeClass(entry.name);
    } catch (error) {
      notify(error.message, { error: true });
    }
  }

  async #changeKey(entry) {
    const key = await ask(S.pressKey(entry.name), [{ text: S.noKey, value: "" }], { keys: /^[a-z1-9]$/ });
    if (key === undefined) return;
    try {
      await store.setKey(entry.name, key);
    } catch (error) {
      notify(error.message, { error: true });
    }
  }

  // Take a class key. Shift means all. A letter that no class has begins a search.
  handleKey(event, name) {
    if (name === "/") return this.#find("");
    if (event.ctrlKey || event.metaKey || event.altKey) return false;
    const entry = store.classOfKey(letterOf(event));
    if (entry) {
      this.prepare({ all: event.shiftKey })(entry.name);
      this.#last = { key: event.key, name: entry.name, at: event.timeStamp };
    } else if (/^\p{L}$/u.test(event.key)) {
      if (event.timeStamp - this.#last.at < TYPING_MS) notify(S.keyBefore(this.#last.key, this.#last.name)); // "crow" where c is the cougar's
      return this.#find(event.key);
    }
    return entry !== null;
  }

  #find(text) {
    this.#search.focus();
    this.#search.value = text;
    this.#draw();
    return true;
  }
}

// Only the server knows whether a name can be a class: without one the name waits for it, as answers do.
async function addWhenPossible(name, sure = false, onwait = null) {
  for (let isFirst = true; ; isFirst = false) {
    try {
      return await store.addClass(name, sure);
    } catch (error) {
      if (!error.offline) throw error;
      if (isFirst) {
        notify(S.classWaits(name));
        onwait?.();
      }
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
    }
  }
}
