// The line at the top: views, what is saved, who is labelling.
import { answers, outbox } from "./answers.js";
import { put, post } from "./api.js";
import { askText, openDialog } from "./dialog.js";
import { button, element, keyHint, notify } from "./dom.js";
import { openHelp } from "./help.js";
import { store } from "./store.js";
import { S } from "./strings.js";
import { nextTheme, themeName } from "./theme.js";

export class TopBar {
  #saved = element("p", { class: "saved", role: "status" });
  #people = button("", () => this.#showPeople(), { class: "people" });
  #undo = button([S.undo, keyHint("Ctrl+Z")], () => undo(), { class: "quiet" });
  #redo = button([S.redo, keyHint("Ctrl+Y")], () => redo(), { class: "quiet" });
  #theme = button("", () => {
    nextTheme();
    this.#draw();
  }, { class: "quiet" });

  constructor(node, views, onview) {
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
    this.onview = onview;
    this.#draw();
  }

  showView(name) {
    for (const link of this.links) link.setAttribute("aria-current", link.dataset.view === name ? "page" : "false");
  }

  #draw() {
    const lost = outbox.offline || !store.connected;
    this.#saved.textContent = lost ? S.notConnected(outbox.unsaved) : outbox.unsaved ? S.saving(outbox.unsaved) : S.allSaved;
    this.#saved.className = `saved ${lost ? "lost" : outbox.unsaved ? "saving" : "done"}`;
    this.#undo.disabled = !answers.canUndo;
    this.#redo.disabled = !answers.canRedo;
    const online = (store.state?.people ?? []).filter((person) => person.online).length;
    this.#people.textContent = S.personButton(store.me.name, online);
    this.#theme.textContent = S.theme[themeName()];
  }

  async #showPeople() {
    const rename = button(S.changeName, async () => {
      opened.dialog.close();
      await askName();
      this.#draw();
    });
    const invite = button(S.invite, async () => {
      try {
        const { urls } = await post("/api/invitations");
        links.replaceChildren(element("p", {}, S.inviteHint), ...urls.map((url) => element("input", { type: "text", readOnly: true, value: url, "aria-label": S.invite, onfocus: (event) => event.target.select() })));
      } catch (error) {
        notify(error.message, { error: true });
      }
    });
    const links = element("div", { class: "links" });
    const list = element("ul", {}, (store.state?.people ?? []).map((person) => element("li", {}, S.personLine(person))));
    const opened = openDialog(S.people, element("div", { class: "people-dialog" }, list, element("div", { class: "choices" }, rename, invite), links));
  }
}

export async function askName() {
  const name = await askText(S.yourName, { value: store.me.name, hint: S.nameHint });
  if (name !== undefined) store.me = await put("/api/session", { name });
}

export async function undo() {
  await reverse(() => answers.undo(), S.nothingToUndo);
}

export async function redo() {
  await reverse(() => answers.redo(), S.nothingToRedo);
}

async function reverse(action, nothing) {
  try {
    const reply = await action();
    if (reply === null) notify(nothing);
    else reply.problems?.forEach((problem) => notify(problem.message, { error: true }));
  } catch (error) {
    notify(error.message, { error: true });
  }
}
