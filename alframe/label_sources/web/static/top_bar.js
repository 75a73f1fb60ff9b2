// The line at the top: views, what is saved, who is labelling.
import { answers, outbox } from "./answers.js";
import { announce, button, element, keyHint, notify } from "./dom.js";
import { openHelp } from "./help.js";
import { openPeople } from "./people.js";
import { store } from "./store.js";
import { S } from "./strings.js";
import { nextTheme, themeName } from "./theme.js";

export class TopBar {
  #saved = element("p", { class: "saved", role: "status" });
  #people = button("", openPeople, { class: "people" });
  #undo = button([S.undo, keyHint("Ctrl+Z")], () => undo(), { class: "quiet" });
  #redo = button([S.redo, keyHint("Ctrl+Y")], () => redo(), { class: "quiet" });
  #theme = button("", () => {
    nextTheme();
    this.#draw();
  }, { class: "quiet theme" });

  constructor(node, views) {
    this.links = views.map(({ name, title }) => element("a", { href: `#${name}`, dataset: { view: name } }, title));
    node.replaceChildren(
      element("strong", { class: "project", title: store.me.project }, store.me.project),
      element("nav", { "aria-label": S.views }, this.links),
      this.#saved,
      element("div", { class: "actions" }, this.#undo, this.#redo, this.#people, this.#theme,
        button([S.help, keyHint("?")], openHelp, { class: "quiet" })));
    node.addEventListener("mousedown", (event) => {
      if (event.target.closest("button")) event.preventDefault(); // the images keep the keyboard
    });
    for (const hub of [outbox, answers]) hub.on("change", () => this.#draw());
    for (const name of ["state", "connection"]) store.on(name, () => this.#draw());
    this.#draw();
  }

  showView(name) {
    for (const link of this.links) link.setAttribute("aria-current", link.dataset.view === name ? "page" : "false");
  }

  #draw() {
    const lost = outbox.offline || !store.connected;
    setText(this.#saved, lost ? S.notConnected(outbox.unsaved) : outbox.unsaved ? S.saving(outbox.unsaved) : S.allSaved);
    this.#saved.className = `saved ${lost ? "lost" : outbox.unsaved ? "saving" : "done"}`;
    this.#undo.disabled = !answers.canUndo;
    this.#redo.disabled = !answers.canRedo;
    const online = (store.state?.people ?? []).filter((person) => person.online).length;
    setText(this.#people, S.personButton(store.me.name, online));
    this.#people.title = store.me.name;
    setText(this.#theme, S.themeSign[themeName()]);
    this.#theme.title = S.theme[themeName()];
    this.#theme.setAttribute("aria-label", S.theme[themeName()]);
  }
}

function setText(node, text) {
  if (node.textContent !== text) node.textContent = text; // a screen reader reads each change
}

export const undo = () => reverse(() => answers.undo(), S.nothingToUndo, S.undone);
export const redo = () => reverse(() => answers.redo(), S.nothingToRedo, S.redone);

async function reverse(action, nothing, done) {
  try {
    const reply = await action();
    const text = reply === null ? nothing : done(reply.images.length);
    announce(text);
    notify(text);
    reply?.problems?.forEach((problem) => notify(problem.message, { error: true }));
  } catch (error) {
    notify(error.message, { error: true });
  }
}
