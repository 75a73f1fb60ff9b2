// The pages of the batch that are leased to this person: the one shown, and the next one, which is made ready ahead.
import { beacon, post } from "./api.js";
import { store } from "./store.js";

const RENEW_MS = 60000;
const PAGE = 40;

export class LeasedPages {
  takenByOthers = 0;
  #next = null; // promise of {images, tiles}
  #ahead = new Set(); // ids of that page

  // prepare(images) -> promise of their tiles; shown() -> ids on the page without an answer; onlost(ids).
  constructor({ prepare, shown, onlost }) {
    Object.assign(this, { prepare, shown, onlost });
  }

  // Keep the leases for as long as the page is looked at. Returns the function that ends this.
  start() {
    const renew = () => this.#renew();
    const timer = setInterval(renew, RENEW_MS);
    const give = () => beacon("/api/leases/return", { images: [...this.shown(), ...this.#ahead] });
    const back = (event) => event.persisted && renew();
    const stop = store.on("connection", (connected) => connected && renew()); // a server that was started again knows of none
    document.addEventListener("visibilitychange", renew);
    window.addEventListener("pagehide", give);
    window.addEventListener("pageshow", back);
    return () => {
      clearInterval(timer);
      stop();
      document.removeEventListener("visibilitychange", renew);
      window.removeEventListener("pagehide", give);
      window.removeEventListener("pageshow", back);
      give();
    };
  }

  load() {
    this.#next = null;
    this.#ahead.clear();
    return this.#lease({});
  }

  prefetch() {
    this.#ahead.clear();
    this.#next = this.#lease({ more: true }, this.#ahead).catch(() => null);
  }

  // The page that was made ready, without the images that others have answered since; null if there is none.
  async next() {
    const page = await this.#next;
    this.#next = null;
    return page && { ...page, images: page.images.filter((image) => this.#ahead.has(image.image)) };
  }

  forget(ids) {
    ids.forEach((id) => this.#ahead.delete(id));
  }

  async #lease(body, ids = null) {
    const { images, taken_by_others: taken } = await post("/api/leases", { size: store.state?.settings?.page ?? PAGE, ...body });
    this.takenByOthers = taken;
    images.forEach((image) => ids?.add(image.image));
    return { images, tiles: await this.prepare(images) };
  }

  async #renew() {
    const held = [...this.shown(), ...this.#ahead];
    if (!held.length || document.hidden) return;
    const reply = await post("/api/leases/renew", { images: held }).catch(() => null); // the connection is shown as lost
    if (reply?.lost.length) this.onlost(reply.lost);
  }
}
