// The batch: a page of images in groups of one suggestion, answered together.
import { answers } from "./answers.js";
import { beacon, post } from "./api.js";
import { ClassPanel } from "./class_panel.js";
import { announce, button, element, keyHint, notify } from "./dom.js";
import { Pace } from "./pace.js";
import { openSingle } from "./single.js";
import { store } from "./store.js";
import { S } from "./strings.js";
import { TileSet } from "./tileset.js";
import { decodeAhead } from "./tiles.js";
import { waitingPanel } from "./waiting.js";

const RENEW_MS = 60000;

export class GridView {
  #pace = new Pace();
  #panel = new ClassPanel((name, how) => this.#choose(name, how));
  #tiles = new TileSet({
    groupsOf: groupsOfSuggestions,
    onopen: (id) => this.#open(id),
    onconfirm: (group) => this.#confirm(group),
    onchange: () => this.#drawBar(),
  });
  #next = null; // promise of the next page's images, decoded
  #ahead = []; // the ids of that page: leased, so they are renewed too
  #bar = element("div", { class: "bar" });
  #body = element("div", { class: "view-body" });
  #stops = [];
  #loading = false;

  constructor() {
    this.node = element("div", { class: "view grid-view" }, element("div", { class: "work" }, this.#bar, this.#body), this.#panel.node);
    this.#panel.onleave = () => this.#tiles.moveTo(this.#tiles.cursor);
  }

  async start() {
    this.#stops = [
      store.on("answered", ({ images }) => this.#giveUp(images)),
      store.on("round", () => this.#load()),
      store.on("state", () => this.#stateChanged()),
      answers.on("reversed", (reply) => this.#reversed(reply)),
    ];
    const renewing = setInterval(() => this.#renew(), RENEW_MS);
    const leaving = () => beacon("/api/leases/return");
    window.addEventListener("pagehide", leaving);
    this.#stops.push(() => clearInterval(renewing), () => window.removeEventListener("pagehide", leaving));
    await this.#load();
  }

  stop() {
    this.#stops.forEach((stop) => stop());
    this.#panel.destroy();
  }

  #pageSize() {
    return store.state?.settings?.page ?? 40;
  }

  async #load() {
    if (this.#loading) return;
    this.#loading = true;
    this.#next = null;
    try {
      await this.#show(await this.#lease({ size: this.#pageSize() }));
    } catch (error) {
      notify(error.message, { error: true });
    } finally {
      this.#loading = false;
    }
  }

  async #lease(body) {
    const { images, taken_by_others: taken } = await post("/api/leases", body);
    await decodeAhead(images);
    this.takenByOthers = taken;
    return images;
  }

  async #show(images) {
    if (!images.length) {
      this.#tiles.show([]);
      this.#body.replaceChildren(waitingPanel(this.takenByOthers));
    } else {
      this.#tiles.show(images);
      this.#body.replaceChildren(this.#tiles.node);
      this.#tiles.moveTo(this.#tiles.cursor);
      this.#prefetch();
    }
    this.#pace.restart();
    this.#drawBar();
  }

  #prefetch() {
    this.#ahead = [];
    this.#next = this.#lease({ size: this.#pageSize(), more: true }).then((images) => {
      this.#ahead = images.map((image) => image.image);
      return images;
    }).catch(() => null);
  }

  async #finishPage() {
    const ahead = await this.#next;
    const images = (ahead ?? []).filter((image) => this.#ahead.includes(image.image));
    if (images.length) await this.#show(images);
    else await this.#load();
  }

  #choose(className, { all }) {
    this.#answer(all ? this.#takeRestOfGroup() : this.#tiles.chosen(), [className]);
  }

  #confirm(group = this.#tiles.groupOf(this.#tiles.cursor)) {
    if (!group?.suggested) return announceAndNotify(S.noSuggestionHere);
    this.#answer(this.#takeRestOfGroup(group), [group.suggested]);
  }

  // The images of a group that are not marked. The marked ones stay on the page, to be answered one by one.
  #takeRestOfGroup(group) {
    const ids = this.#tiles.restOfGroup(group);
    if (ids.length) this.#tiles.unmarkAll();
    return ids;
  }

  async #answer(ids, classes) {
    if (!ids.length) return;
    const seconds = this.#pace.lap(ids.length);
    for (const id of ids) {
      const image = this.#tiles.images.get(id);
      this.#tiles.marks.delete(id);
      this.#tiles.update({ ...image, answer: classes.length ? { classes, name: store.me.name } : null });
    }
    announce(S.answered(ids.length, classes));
    if (this.#tiles.unanswered().length) this.#tiles.moveToNextUnanswered();
    const saving = answers.give("grid", ids.map((image) => ({ image, classes, seconds })));
    saving.then((reply) => this.#saved(reply)).catch((error) => this.#refused(ids, error));
    this.#drawBar();
    if (!this.#tiles.unanswered().length) await this.#finishPage();
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

  #reversed({ images }) {
    const missing = images.filter((image) => !this.#tiles.images.has(image.image));
    images.filter((image) => this.#tiles.images.has(image.image)).forEach((image) => this.#tiles.update(image));
    if (missing.some((image) => !image.answer)) this.#show([...missing.filter((image) => !image.answer), ...this.#tiles.images.values()]);
    else if (images.length) this.#tiles.moveTo(images[0].image);
    this.#drawBar();
  }

  async #skip() {
    const ids = this.#tiles.chosen();
    this.#tiles.remove(ids);
    await post("/api/skip", { images: ids }).catch((error) => notify(error.message, { error: true }));
    if (!this.#tiles.unanswered().length) await this.#finishPage();
  }

  // Take images off the page that others have answered or that were leased to others meanwhile.
  #giveUp(images) {
    const open = images.filter((id) => this.#tiles.images.has(id) && !this.#tiles.images.get(id).answer);
    if (open.length) this.#tiles.remove(open);
    this.#ahead = this.#ahead.filter((id) => !images.includes(id));
  }

  #stateChanged() {
    if (!this.#tiles.images.size && !this.#loading && store.state.phase === "waiting" && store.state.batch?.answered < store.state.batch?.asked) this.#load();
    else if (!this.#tiles.images.size) this.#body.replaceChildren(waitingPanel(this.takenByOthers));
    this.#drawBar();
  }

  async #renew() {
    const held = [...this.#tiles.unanswered().map((image) => image.image), ...this.#ahead];
    if (!held.length || document.hidden) return;
    const reply = await post("/api/leases/renew", { images: held }).catch(() => null);
    if (reply?.lost.length) this.#giveUp(reply.lost);
  }

  #open(id) {
    openSingle({
      images: [...this.#tiles.images.values()], at: id,
      onanswer: (image) => this.#tiles.update(image),
      onclose: (last) => {
        this.#tiles.moveTo(last);
        if (!this.#tiles.unanswered().length) this.#finishPage();
      },
    });
  }

  #drawBar() {
    const batch = store.state?.batch;
    const marked = this.#tiles.marks.size;
    this.#bar.replaceChildren(
      element("p", { class: "batch-count" }, batch ? S.batch(batch.answered, batch.asked, store.state.round) : ""),
      element("progress", { max: batch?.asked ?? 1, value: batch?.answered ?? 0, "aria-label": S.batchProgress }),
      element("p", { class: "marked-count" }, marked ? S.marked(marked) : ""),
      element("div", { class: "actions" },
        button([S.large, keyHint("Ctrl+Enter")], () => this.#open(this.#tiles.cursor), { disabled: this.#tiles.cursor === null }),
        button([S.skip, keyHint("PageDown")], () => this.#skip(), { disabled: this.#tiles.cursor === null })));
  }

  handleKey(event, name) {
    if (name === "Ctrl+Enter" && this.#tiles.cursor !== null) this.#open(this.#tiles.cursor);
    else if (name === "Enter") this.#confirm();
    else if (name === "PageDown") this.#skip();
    else if (name === "Delete") this.#answer(this.#tiles.chosen(), []);
    else return this.#tiles.handleKey(name) || this.#panel.handleKey(event, name);
    return true;
  }
}

function announceAndNotify(text) {
  announce(text);
  notify(text);
}

// One group for each run of images with the same suggestion; the server has sorted them.
function groupsOfSuggestions(images) {
  const groups = [];
  for (const image of images) {
    const suggested = image.suggestion?.class ?? null;
    if (!groups.length || groups.at(-1).suggested !== suggested) groups.push({ suggested, title: suggested ?? S.noSuggestion, images: [] });
    groups.at(-1).images.push(image);
  }
  return groups;
}
