// The batch: a page of images in groups of one suggestion, answered together.
import { answers, outbox } from "./answers.js";
import { post } from "./api.js";
import { ClassPanel } from "./class_panel.js";
import { announce, button, element, keyHint, notify } from "./dom.js";
import { groupsOfSuggestions } from "./groups.js";
import { KeptMarks } from "./kept_marks.js";
import { LeasedPages } from "./leases.js";
import { Pace } from "./pace.js";
import { openSingle } from "./single.js";
import { store } from "./store.js";
import { S } from "./strings.js";
import { TileSet } from "./tileset.js";
import { waitingPanel } from "./waiting.js";

const LOOK_MS = 10000;

export class GridView {
  #pace = new Pace();
  #panel = new ClassPanel(({ all }) => this.#prepareAnswer(all));
  #tiles = new TileSet({
    groupsOf: groupsOfSuggestions,
    onopen: (id) => this.#open(id),
    onconfirm: (group) => this.#confirm(group),
    onchange: () => {
      this.#kept?.save(this.#tiles.marks);
      this.#drawBar();
    },
  });
  #pages = new LeasedPages({
    prepare: (images) => this.#tiles.prepare(images),
    shown: () => this.#tiles.unanswered().map((image) => image.image),
    onlost: (ids) => this.#giveUp(ids),
  });
  #kept = null; // marks, over a reload
  #count = element("p", { class: "batch-count" });
  #bar = element("progress", { "aria-label": S.batchProgress });
  #marked = element("p", { class: "marked-count" });
  #others = element("p", { class: "hint" });
  #large = button([S.large, keyHint("Ctrl+Enter")], () => this.#open(this.#tiles.cursor));
  #later = button([S.skip, keyHint("PgDn")], () => this.#skip());
  #message = element("p", { class: "summary", role: "status" }); // how good the model is
  #body = element("div", { class: "view-body" });
  #stops = [];
  #loading = null;
  #finishing = false;

  constructor() {
    const bar = element("div", { class: "bar" }, this.#count, this.#bar, this.#others, this.#marked, element("div", { class: "actions" }, this.#large, this.#later));
    bar.addEventListener("mousedown", (event) => event.preventDefault()); // the images keep the keyboard
    this.node = element("div", { class: "view grid-view" }, element("div", { class: "work" }, bar, this.#message, this.#body), this.#panel.node);
    this.#panel.onleave = () => this.#tiles.focus();
    this.#panel.onwait = () => this.#moveOn();
  }

  async start() {
    this.#stops = [
      store.on("answered", ({ images }) => this.#giveUp(images)),
      store.on("taken", ({ images }) => this.#giveUp(images.filter((id) => !this.#tiles.marks.has(id)))),
      store.on("round", () => this.#load()),
      store.on("state", () => this.#stateChanged()),
      store.on("connection", () => this.#stateChanged()),
      answers.on("reversed", (reply) => this.#reversed(reply)),
      this.#pages.start(),
    ];
    const looking = setInterval(() => this.#lookForWork(), LOOK_MS);
    this.#stops.push(() => clearInterval(looking));
    this.#drawBar();
    await this.#load();
  }

  stop() {
    this.#stops.forEach((stop) => stop());
    this.#panel.destroy();
  }

  focus() {
    this.#tiles.focus();
  }

  // Load the page anew. What is asked for while it loads is loaded after it.
  async #load() {
    const before = this.#loading;
    const loading = (async () => {
      await before;
      if (this.#loading !== loading) return; // a later call loads
      try {
        this.#show(await this.#loadPage());
      } catch (error) {
        if (!error.offline) notify(error.message, { error: true });
        if (!this.#tiles.unanswered().length) this.#show({ images: [] });
      }
    })();
    this.#loading = loading;
    await loading;
    if (this.#loading === loading) this.#loading = null;
  }

  // The server hands out again what it does not know to be answered. So a page counts only if nothing was answered or
  // taken back since it was asked for.
  async #loadPage() {
    for (;;) {
      await outbox.empty();
      const { sent } = outbox;
      const page = await this.#pages.load();
      if (outbox.sent === sent) return page;
    }
  }

  #show({ images, tiles }) {
    this.#kept ??= new KeptMarks(store.me.project_id, store.state?.round);
    this.#kept.forRound(store.state?.round);
    const { marked } = this.#kept;
    const shown = images.map((image) => this.#kept.withoutRejected(image));
    this.#tiles.show(shown, tiles);
    shown.filter((image) => image.rejected).forEach((image) => this.#tiles.update(image)); // its tile was made before
    this.#tiles.mark(this.#tiles.unanswered().map((image) => image.image).filter((id) => marked.has(id)), "add");
    if (images.length) {
      if (!this.#tiles.node.isConnected) this.#body.replaceChildren(this.#tiles.node);
      this.#tiles.moveTo(this.#tiles.cursor);
      this.#pages.prefetch();
    } else this.#showWaiting();
    this.#pace.restart();
    this.#drawBar();
  }

  async #finishPage() {
    if (this.#finishing) return;
    this.#finishing = true;
    const page = await this.#pages.next();
    this.#finishing = false;
    if (this.#tiles.unanswered().length) return; // an answer was taken back meanwhile
    if (page?.images.length) this.#show(page);
    else await this.#load();
  }

  #showWaiting() {
    const panel = waitingPanel(this.#pages.takenByOthers);
    if (this.#body.textContent !== panel.textContent) this.#body.replaceChildren(panel); // else nothing moves
  }

  #prepareAnswer(all) {
    const ids = all ? this.#takeRestOfGroup() : this.#tiles.chosen();
    const answerOf = (id) => JSON.stringify(this.#tiles.images.get(id)?.answer);
    const before = new Map(ids.map((id) => [id, answerOf(id)]));
    // A new class can wait long for the server: what was answered meanwhile stays, and so does what left the page.
    return (className) => this.#answer(ids.filter((id) => answerOf(id) === before.get(id)), () => [className]);
  }

  // The chosen images wait for a class that the server must add: the next key is for others.
  #moveOn() {
    this.#tiles.unmarkAll();
    this.#tiles.moveToNextUnanswered();
  }

  #confirm(group = this.#tiles.groupOf(this.#tiles.cursor)) {
    if (!group) return;
    if (!group.confirmable) return say(S.noSuggestionHere);
    const rest = this.#tiles.restOfGroup(group);
    const ids = rest.filter((id) => !this.#tiles.images.get(id).rejected);
    if (ids.length) {
      this.#rejectMarked();
      this.#answer(ids, (image) => [image.suggestion.class]);
    } else if (rest.length || this.#tiles.marks.size) say(S.allMarked);
    else this.#tiles.moveToNextUnanswered();
  }

  // What was marked as wrong loses its suggestion: another Enter must not confirm it.
  #rejectMarked() {
    for (const id of [...this.#tiles.marks]) {
      const image = this.#tiles.images.get(id);
      if (!image.suggestion || image.answer) continue;
      this.#kept.rejected.add(id);
      this.#tiles.update(this.#kept.withoutRejected(image));
    }
    this.#tiles.unmarkAll();
  }

  // The images of a group that are not marked. The marked ones stay on the page, to be answered one by one.
  #takeRestOfGroup(group) {
    const ids = this.#tiles.restOfGroup(group);
    if (ids.length) this.#tiles.unmarkAll();
    return ids;
  }

  // classesOf(image): the classes that each of these images is given.
  async #answer(ids, classesOf) {
    if (!ids.length) return;
    const seconds = this.#pace.lap(ids.length);
    const given = ids.map((id) => this.#tiles.images.get(id)).map((image) => ({ image, classes: classesOf(image) }));
    for (const { image, classes } of given) {
      this.#tiles.marks.delete(image.image);
      this.#tiles.update({ ...image, answer: classes.length ? { classes, name: store.me.name } : null });
    }
    announce(S.answered(ids.length, [...new Set(given.flatMap(({ classes }) => classes))]));
    const saving = answers.give("grid", given.map(({ image, classes }) => ({ image: image.image, file: image.name, classes, seconds })));
    saving.then((reply) => this.#saved(reply)).catch((error) => this.#refused(ids, error));
    this.#drawBar();
    if (!this.#tiles.unanswered().length) await this.#finishPage();
    else if (this.#tiles.images.get(this.#tiles.cursor)?.answer) this.#tiles.moveToNextUnanswered();
  }

  #removeAnswers() {
    this.#answer(this.#tiles.chosen().filter((id) => this.#tiles.images.get(id).answer), () => []);
  }

  #saved(reply) {
    for (const problem of reply.problems ?? []) {
      this.#takeBack(problem.image);
      notify(problem.message, { error: true });
    }
  }

  #refused(ids, error) {
    ids.forEach((id) => this.#takeBack(id));
    notify(error.message, { error: true });
  }

  #takeBack(id) {
    const image = this.#tiles.images.get(id);
    if (image) this.#tiles.update({ ...image, answer: null });
  }

  // Images of earlier pages whose answer was taken back come to the front of this page.
  #reversed({ images }) {
    images = images.map((image) => this.#kept.withoutRejected(image));
    const back = images.filter((image) => !image.answer && !this.#tiles.images.has(image.image));
    images.forEach((image) => this.#tiles.update(image));
    if (back.length) this.#show({ images: [...back, ...this.#tiles.images.values()] });
    else if (images.length) this.#tiles.moveTo(images[0].image);
    this.#drawBar();
    if (this.#tiles.images.size && !this.#tiles.unanswered().length) this.#finishPage();
  }

  async #skip() {
    const ids = this.#tiles.chosen();
    if (!ids.length) return;
    this.#tiles.remove(ids);
    announce(S.skipped(ids.length));
    await post("/api/skip", { images: ids }).catch((error) => notify(error.message, { error: true }));
    this.#pace.restart();
    if (!this.#tiles.unanswered().length) await this.#finishPage();
  }

  // Take images off the page that others have answered or that were leased to others meanwhile.
  #giveUp(ids) {
    this.#pages.forget(ids);
    const open = ids.filter((id) => this.#tiles.images.has(id) && !this.#tiles.images.get(id).answer);
    if (!open.length) return;
    this.#tiles.remove(open);
    if (!this.#tiles.unanswered().length) this.#finishPage();
  }

  #stateChanged() {
    this.#drawBar();
    if (this.#tiles.unanswered().length) return;
    const { asked = 0, answered = 0, leased = 0 } = store.state?.batch ?? {};
    if (!store.connected) this.#showWaiting();
    else if (!this.#loading && store.state?.phase === "waiting" && asked > answered + leased) this.#load();
    else if (!this.#tiles.images.size) this.#showWaiting();
  }

  // Leases of others run out, and second opinions come up, without a word from the server.
  #lookForWork() {
    if (store.connected && store.state?.phase === "waiting" && !this.#tiles.unanswered().length && !this.#loading && !this.#finishing) this.#load();
  }

  #open(id) {
    if (id === null) return;
    openSingle({
      images: [...this.#tiles.images.values()], at: id,
      onanswer: (image) => this.#tiles.update(image),
      onclose: (last) => {
        this.#pace.restart();
        this.#tiles.moveTo(last);
        this.#drawBar();
        if (!this.#tiles.unanswered().length) this.#finishPage();
      },
    });
  }

  #drawBar() {
    const { batch = null, round = null, mine = null } = store.state ?? {};
    this.#count.textContent = batch && round !== null ? S.batch(batch.answered, batch.asked, round) : "";
    this.#bar.hidden = !batch || round === null;
    this.#bar.max = batch?.asked || 1;
    this.#bar.value = batch?.answered ?? 0;
    this.#others.textContent = S.pace(mine?.images_per_hour, (store.state?.people ?? []).filter((person) => person.online && person.name !== store.me.name));
    this.#marked.textContent = this.#tiles.marks.size ? S.marked(this.#tiles.marks.size) : "";
    const message = this.#tiles.images.size ? store.state?.message ?? "" : ""; // else the panel says it
    if (this.#message.textContent !== message) this.#message.textContent = message;
    this.#large.disabled = this.#later.disabled = this.#tiles.cursor === null;
  }

  handleKey(event, name) {
    if (name === "Ctrl+Enter") this.#open(this.#tiles.cursor);
    else if (name === "Enter") this.#confirm();
    else if (name === "PageDown") this.#skip();
    else if (name === "Delete") this.#removeAnswers();
    else return this.#tiles.handleKey(name) || this.#panel.handleKey(event, name);
    return true;
  }
}

function say(text) {
  announce(text);
  notify(text);
}
