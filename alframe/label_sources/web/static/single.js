// One image, large: for the hard ones. It opens over a grid and answers the same images.
import { answers } from "./answers.js";
import { get } from "./api.js";
import { ClassPanel } from "./class_panel.js";
import { announce, breakable, button, element, keyHint, notify } from "./dom.js";
import { FrameStrip } from "./frame_strip.js";
import { pushKeys } from "./keys.js";
import { Pace } from "./pace.js";
import { Picture } from "./picture.js";
import { store } from "./store.js";
import { S } from "./strings.js";

// images: those to step through; `at`: the id to begin with; origin: "single", "review" or "find".
// onanswer(image) after each answer; onclose(id) with the image that was shown last.
export function openSingle({ images, at, origin = "single", onanswer, onclose }) {
  new SingleView(images, images.findIndex((image) => image.image === at), origin, onanswer, onclose).open();
}

class SingleView {
  #picture = new Picture();
  #panel = new ClassPanel(({ all }) => this.#prepareAnswer(all));
  #strip = new FrameStrip((frame) => this.#picture.show(frame));
  #pace = new Pace();
  #boxes;
  #title = element("h2", {});
  #facts = element("ul", { class: "facts" });
  #history = element("ol", { class: "history" });
  #comment = element("input", { type: "text", class: "comment", maxLength: 1000, placeholder: S.comment, "aria-label": S.comment });
  #several = null; // class names while several animals are being named
  #severalNode = element("p", { class: "several", role: "status" });
  #loading = 0;

  constructor(images, position, origin, onanswer, onclose) {
    Object.assign(this, { images, position: Math.max(position, 0), origin, onanswer, onclose });
    this.#panel.onleave = () => this.node.focus();
    this.node = element("div", { class: "single", role: "dialog", "aria-modal": "true", "aria-label": S.large, tabindex: -1 },
      element("div", { class: "single-main" },
        element("header", { class: "bar" }, element("div", { class: "about" }, this.#title), element("div", { class: "actions" }, this.#buttons())),
        this.#picture.node, this.#strip.node),
      element("div", { class: "single-side" }, this.#facts, this.#severalNode, this.#panel.node, this.#comment, this.#history));
    this.#comment.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && !event.isComposing) this.#saveComment();
      if (event.key === "Escape" || event.key === "Enter") this.node.focus();
    });
  }

  #buttons() {
    const small = (text, key, onclick, properties = {}) => {
      const node = button([text, ...(key ? [keyHint(key)] : [])], onclick, properties);
      node.addEventListener("mousedown", (event) => event.preventDefault()); // the image keeps the keyboard
      return node;
    };
    return [
      small("←", null, () => this.#step(-1), { "aria-label": S.previous, title: S.previous, class: "step" }),
      small("→", null, () => this.#step(1), { "aria-label": S.next, title: S.next, class: "step" }),
      small(S.brighter, "PgUp", () => this.#picture.adjust({ brightness: 1.25 })),
      small(S.darker, "PgDn", () => this.#picture.adjust({ brightness: 0.8 })),
      small(S.moreContrast, "⇧PgUp", () => this.#picture.adjust({ contrast: 1.2 })),
      this.#boxes = small(S.boxes, "\\", () => this.#picture.toggleBoxes()),
      small(S.several, "+", () => this.#toggleSeveral()),
      small(S.back, "Esc", () => this.close()),
    ];
  }

  open() {
    document.getElementById("top").inert = document.getElementById("view").inert = true;
    document.body.append(this.node);
    this.stops = [pushKeys((event, name) => this.#key(event, name))];
    const release = (event) => {
      if (event.key === " ") this.#picture.release();
    };
    document.addEventListener("keyup", release);
    this.stops.push(() => document.removeEventListener("keyup", release), () => this.#picture.stop(), answers.on("reversed", ({ images }) => images.forEach((image) => this.#take(image))));
    this.node.focus();
    this.#show();
  }

  close() {
    this.stops.forEach((stop) => stop());
    this.#panel.destroy();
    this.#strip.stop();
    this.node.remove();
    document.getElementById("top").inert = document.getElementById("view").inert = false;
    this.onclose?.(this.#image().image);
  }

  #image() {
    return this.images[this.position];
  }

  async #show() {
    const image = this.#image();
    const loading = ++this.#loading;
    this.#title.replaceChildren(...breakable(image.name.slice(image.name.lastIndexOf("/") + 1)));
    this.#title.title = image.name;
    this.#boxes.hidden = !image.boxes?.length;
    this.#comment.value = image.answer?.comment ?? "";
    this.#several = null;
    this.#describe();
    this.#picture.show(image);
    this.#strip.show([], image.image);
    this.#history.replaceChildren();
    this.#pace.restart();
    try {
      const whole = await get(`/api/images/${image.image}`);
      if (loading !== this.#loading) return; // another image is shown by now
      this.#strip.show(whole.frames, image.image);
      this.#history.replaceChildren(...whole.history.map((entry) => element("li", { class: entry.undone ? "undone" : "" }, S.history(entry))));
    } catch (error) {
      notify(error.message, { error: true });
    }
    const next = this.images[this.position + 1];
    if (next) new Image().src = next.large;
  }

  #describe() {
    const image = this.#image();
    this.#facts.replaceChildren(...[S.place(this.position + 1, this.images.length), ...S.facts(image)].map((fact) => element("li", {}, fact)), ...(image.suggestion ? [this.#suggestion(image.suggestion)] : []));
    this.#severalNode.textContent = this.#several === null ? "" : `${S.severalSoFar(this.#several)} ${this.#severalRule()}`;
  }

  #severalRule(classes = this.#several) {
    return S.severalCount(store.state?.settings?.conflicts, classes);
  }

  #suggestion(suggestion) {
    const accept = button([S.acceptSuggestion(suggestion), keyHint("Enter")], () => this.#enter(), { class: "confirm" });
    accept.addEventListener("mousedown", (event) => event.preventDefault());
    return element("li", {}, accept);
  }

  #step(by) {
    const position = this.position + by;
    if (position < 0 || position >= this.images.length) return announce(S.noMore);
    this.position = position;
    this.#show();
  }

  #toggleSeveral() {
    this.#several = this.#several === null ? [] : null;
    this.#describe();
  }

  #prepareAnswer(all) {
    const image = this.#image();
    return (name) => {
      if (image.image !== this.#image().image) return this.#give(image, [name], all); // another is shown by now
      if (this.#several === null) return this.#answer([name], all);
      const chosen = this.#several;
      this.#several = chosen.includes(name) ? chosen.filter((each) => each !== name) : [...chosen, name];
      this.#describe();
    };
  }

  #answer(classes, burst) {
    this.#give(this.#image(), classes, burst);
    const next = this.#nextToDo();
    if (next < 0) return this.close();
    this.position = next;
    this.#show();
  }

  // In a batch the next image without an answer, else the next one.
  #nextToDo() {
    const after = this.position + 1;
    if (this.origin !== "single") return after < this.images.length ? after : -1;
    const isOpen = (image, index) => !image.answer && index !== this.position;
    const next = this.images.findIndex((image, index) => index >= after && isOpen(image, index));
    return next >= 0 ? next : this.images.findIndex(isOpen);
  }

  // A comment alone is kept with the answer that stands, or goes with the next one.
  #saveComment() {
    const image = this.#image();
    if (image.answer) this.#give(image, image.answer.classes, false);
    announce(image.answer ? S.commentSaved : S.commentKept);
  }

  #give(image, classes, burst) {
    const comment = this.#comment.value.trim();
    const given = { image: image.image, file: image.name, classes, seconds: this.#pace.lap(1), comment, burst };
    this.#take({ ...image, answer: classes.length ? { classes, comment, name: store.me.name } : null });
    announce(S.answered(1, classes));
    answers.give(this.origin, [given])
      .then((reply) => {
        reply.problems?.forEach((problem) => notify(problem.message, { error: true }));
        if (reply.problems?.length) this.#take(image);
        if (classes.length > 1 && !reply.problems?.length) notify(this.#severalRule(classes));
        if (reply.also?.length) notify(S.burstAnswered(reply.also.length));
        reply.also?.forEach((frame) => this.#take(frame));
      })
      .catch((error) => {
        this.#take(image);
        notify(error.message, { error: true });
      });
  }

  #take(image) {
    const index = this.images.findIndex((each) => each.image === image.image);
    if (index >= 0) this.images[index] = image;
    this.onanswer?.(image);
    if (index === this.position) this.#describe();
  }

  #key(event, name) {
    const picture = this.#picture;
    const commands = {
      Escape: () => this.close(),
      ArrowRight: () => picture.pan(0.1, 0) || this.#step(1), ArrowLeft: () => picture.pan(-0.1, 0) || this.#step(-1),
      ArrowUp: () => picture.pan(0, -0.1) || picture.zoomBy(1.25), ArrowDown: () => picture.pan(0, 0.1) || picture.zoomBy(0.8),
      Space: () => picture.hold(),
      PageUp: () => picture.adjust({ brightness: 1.25 }), PageDown: () => picture.adjust({ brightness: 0.8 }),
      "Shift+PageUp": () => picture.adjust({ contrast: 1.2 }), "Shift+PageDown": () => picture.adjust({ contrast: 1 / 1.2 }),
      Home: () => picture.reset(), "\\": () => picture.toggleBoxes(),
      ".": () => this.#strip.step(1), ",": () => this.#strip.step(-1), ";": () => this.#strip.play(),
      "+": () => this.#toggleSeveral(), F2: () => this.#comment.focus(),
      Enter: () => this.#enter(), Delete: () => this.#image().answer && this.#give(this.#image(), [], false),
    };
    if (commands[name]) {
      commands[name]();
      return true;
    }
    if (name.startsWith("Ctrl+z") || name.startsWith("Ctrl+Shift+z") || name === "Ctrl+y" || name === "?") return false;
    if (this.#panel.handleKey(event, name)) return true;
    return !["Tab", "Shift+Tab"].includes(name) && !event.ctrlKey && !event.metaKey; // nothing reaches the grid behind
  }

  // Enter accepts the several classes named so far, or else the suggestion.
  #enter() {
    const suggested = this.#image().suggestion?.class;
    if (this.#several?.length) this.#answer(this.#several, false);
    else if (suggested) this.#answer([suggested], false);
    else announce(S.noSuggestionHere);
  }
}
