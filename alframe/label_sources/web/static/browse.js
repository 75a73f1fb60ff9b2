// Lists of images with filters, loaded page by page: what the review and the pool have in common.
import { answers } from "./answers.js";
import { get } from "./api.js";
import { ClassPanel } from "./class_panel.js";
import { announce, button, element, keyHint, notify } from "./dom.js";
import { Pace } from "./pace.js";
import { openSingle } from "./single.js";
import { store } from "./store.js";
import { S } from "./strings.js";
import { TileSet } from "./tileset.js";

const PAGE = 60;

export class BrowseView {
  #pace = new Pace();
  #panel = new ClassPanel((name) => this.#answer(this.tiles.chosen(), [name]));
  #more = button(S.showMore, () => this.#loadMore(), { class: "more" });
  #body = element("div", { class: "view-body" });
  #next = null;
  #request = 0;
  #stops = [];
  filters = element("div", { class: "filters bar" });
  summary = element("p", { class: "summary", role: "status" });

  // origin: what the answers given here are recorded as.
  constructor(origin) {
    this.origin = origin;
    this.tiles = new TileSet({ groupsOf: (images) => this.groupsOf(images), onopen: (id) => this.#open(id), onchange: () => this.drawActions?.() });
    this.#body.append(this.tiles.node, this.#more);
    this.node = element("div", { class: "view" }, element("div", { class: "work" }, this.filters, this.summary, this.#body), this.#panel.node);
    this.#panel.onleave = () => this.tiles.moveTo(this.tiles.cursor);
  }

  groupsOf(images) {
    return images.length ? [{ title: this.title?.() ?? "", suggested: null, images }] : [];
  }

  async start() {
    this.#stops.push(answers.on("reversed", ({ images }) => images.filter((image) => this.tiles.images.has(image.image)).forEach((image) => this.#merge(image))));
    await this.prepare?.();
    await this.reload();
  }

  stop() {
    this.#stops.forEach((stop) => stop());
    this.#panel.destroy();
  }

  async reload() {
    await this.#load(null);
  }

  async #loadMore() {
    await this.#load(this.#next);
  }

  async #load(after) {
    const request = ++this.#request;
    try {
      const reply = await get(this.path(), { ...this.parameters(), limit: PAGE, after });
      if (request !== this.#request) return; // the filters have changed since
      if (after) this.tiles.append(reply.images);
      else this.tiles.show(reply.images);
      this.#next = reply.next;
      this.summary.textContent = this.summarise(reply);
    } catch (error) {
      if (request !== this.#request) return;
      this.tiles.show([]);
      this.#next = null;
      this.summary.textContent = error.message;
    }
    this.#more.hidden = this.#next === null;
    this.#pace.restart();
  }

  #merge(image) {
    this.tiles.update({ ...this.tiles.images.get(image.image), ...image });
  }

  #answer(ids, classes) {
    if (!ids.length) return;
    const seconds = this.#pace.lap(ids.length);
    const before = ids.map((id) => this.tiles.images.get(id));
    before.forEach((image) => this.tiles.update({ ...image, answer: classes.length ? { classes, name: store.me.name } : null }));
    this.tiles.unmarkAll();
    announce(S.answered(ids.length, classes));
    const restore = (id) => this.tiles.update(before.find((image) => image.image === id));
    answers.give(this.origin, ids.map((image) => ({ image, classes, seconds })))
      .then((reply) => reply.problems?.forEach((problem) => {
        restore(problem.image);
        notify(problem.message, { error: true });
      }))
      .catch((error) => {
        ids.forEach(restore);
        notify(error.message, { error: true });
      });
    this.tiles.move("right");
  }

  #open(id) {
    openSingle({ images: [...this.tiles.images.values()], at: id, origin: this.origin, onanswer: (image) => this.#merge(image), onclose: (last) => this.tiles.moveTo(last) });
  }

  openButton() {
    return button([S.large, keyHint("Ctrl+Enter")], () => this.tiles.cursor !== null && this.#open(this.tiles.cursor));
  }

  handleKey(event, name) {
    if (name === "Ctrl+Enter" && this.tiles.cursor !== null) this.#open(this.tiles.cursor);
    else if (name === "Delete") this.#answer(this.tiles.chosen(), []);
    else return this.tiles.handleKey(name) || this.#panel.handleKey(event, name);
    return true;
  }
}

export function choice(label, options, value, onchange) {
  const select = element("select", {}, options.map(([text, optionValue]) => {
    const option = element("option", { value: `${optionValue}` }, text);
    option.selected = `${optionValue}` === `${value}`;
    return option;
  }));
  select.addEventListener("change", () => onchange(select.value));
  return element("label", { class: "choice" }, element("span", {}, label), select);
}
