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

// A view says: path(), parameters(), prepare(), summarise(reply), titleOf(image) of its group, noteOf(image) of its tile.
export class BrowseView {
  #pace = new Pace();
  #panel = new ClassPanel(() => {
    const ids = this.tiles.chosen();
    return (name) => this.#answer(ids, [name]);
  });
  #more = button(S.showMore, () => this.#loadMore(), { class: "more", hidden: true });
  #next = null;
  #request = 0;
  #stops = [];
  filters = element("div", { class: "filters bar" });
  summary = element("p", { class: "summary", role: "status" });
  openButton = button([S.large, keyHint("Ctrl+Enter")], () => this.#open(this.tiles.cursor));
  similarButton = button([S.likeThis, keyHint("=")], () => this.findSimilar(this.tiles.cursor));

  // origin: what the answers given here are recorded as.
  constructor(origin) {
    this.origin = origin;
    this.tiles = new TileSet({ groupsOf: (images) => this.#groupsOf(images), onopen: (id) => this.#open(id), noteOf: (image) => this.noteOf(image), onchange: () => this.#drawButtons() });
    const body = element("div", { class: "view-body scrolling" }, this.tiles.node, this.#more);
    this.node = element("div", { class: "view" }, element("div", { class: "work" }, this.filters, this.summary, body), this.#panel.node);
    this.#panel.onleave = () => this.tiles.focus();
    this.filters.addEventListener("keydown", (event) => event.key === "Escape" && this.tiles.focus());
    new IntersectionObserver(([entry]) => entry.isIntersecting && this.#loadMore(), { root: body, rootMargin: "300px" }).observe(this.#more);
  }

  async start() {
    this.#stops.push(answers.on("reversed", ({ images }) => images.forEach((image) => this.#merge(image, true))));
    await this.prepare();
    await this.reload();
  }

  stop() {
    this.#stops.forEach((stop) => stop());
    this.#panel.destroy();
  }

  focus() {
    this.tiles.focus();
  }

  findSimilar(id) {
    if (id !== null) location.hash = `#pool/${id}`;
  }

  async reload() {
    await this.#load(null);
  }

  async #loadMore() {
    if (this.#next === null) return;
    const after = this.#next;
    this.#next = null; // once
    await this.#load(after);
  }

  async #load(after) {
    const request = ++this.#request;
    try {
      const reply = await get(this.path(), { ...this.parameters(), limit: PAGE, after });
      if (request !== this.#request) return; // the filters have changed since
      const images = reply.images.map((image) => this.completed(image));
      if (after) this.tiles.append(images);
      else this.tiles.show(images);
      this.#next = reply.next;
      this.summary.textContent = this.summarise(reply);
    } catch (error) {
      if (request !== this.#request) return;
      if (after) this.#next = after;
      else this.tiles.show([]);
      this.summary.textContent = error.message;
    }
    this.#more.hidden = this.#next === null;
    this.#pace.restart();
  }

  #groupsOf(images) {
    const groups = [];
    for (const image of images) {
      const title = this.titleOf(image);
      if (groups.at(-1)?.title !== title) groups.push({ title, images: [], heading: this.hasHeadings() });
      groups.at(-1).images.push(image);
    }
    return groups;
  }

  hasHeadings() {
    return true;
  }

  // What the server left open about an image of the list.
  completed(image) {
    return image;
  }

  #merge(image, reversed = false) {
    const before = this.tiles.images.get(image.image);
    if (before) this.tiles.update(this.completed({ ...before, ...image }, reversed));
  }

  #answer(ids, classes) {
    if (!ids.length) return;
    const seconds = this.#pace.lap(ids.length);
    const before = ids.map((id) => this.tiles.images.get(id)).filter(Boolean);
    before.forEach((image) => this.tiles.update({ ...image, answer: classes.length ? { classes, name: store.me.name } : null }));
    this.tiles.unmarkAll();
    announce(S.answered(ids.length, classes));
    answers.give(this.origin, before.map((image) => ({ image: image.image, file: image.name, classes, seconds })))
      .then((reply) => reply.problems?.forEach((problem) => {
        before.filter((image) => image.image === problem.image).forEach((image) => this.tiles.update(image));
        notify(problem.message, { error: true });
      }))
      .catch((error) => {
        before.forEach((image) => this.tiles.update(image));
        notify(error.message, { error: true });
      });
    this.tiles.move("right");
  }

  #open(id) {
    if (id === null) return;
    openSingle({
      images: [...this.tiles.images.values()], at: id, origin: this.origin, onanswer: (image) => this.#merge(image),
      onclose: (last) => {
        this.#pace.restart();
        this.tiles.moveTo(last);
      },
    });
  }

  #drawButtons() {
    this.openButton.disabled = this.similarButton.disabled = this.tiles.cursor === null;
  }

  handleKey(event, name) {
    if (name === "Ctrl+Enter") this.#open(this.tiles.cursor);
    else if (name === "=") this.findSimilar(this.tiles.cursor);
    else if (name === "Delete") this.#answer(this.tiles.chosen().filter((id) => this.tiles.images.get(id).answer), []);
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
