// What the page knows of the campaign: who is labelling, the state, the classes. Views listen to its events:
// "state", "classes", "answered" (by others), "taken" (given to others), "round", "connection".
import { get, post, put } from "./api.js";
import { Hub } from "./events.js";

const REOPEN_MS = 2000;

class Store extends Hub {
  me = null;
  state = null;
  classes = [];
  connected = true;
  #version = null;
  #source = null;

  connect() {
    this.#source?.close();
    const source = new EventSource("/api/events");
    this.#source = source;
    source.addEventListener("state", (event) => this.#takeState(JSON.parse(event.data)));
    source.addEventListener("answered", (event) => this.emit("answered", JSON.parse(event.data)));
    source.addEventListener("taken", (event) => this.emit("taken", JSON.parse(event.data)));
    source.addEventListener("round", (event) => {
      const data = JSON.parse(event.data);
      this.state = { ...this.state, ...data }; // its own state comes after it
      this.emit("round", data);
    });
    source.addEventListener("open", () => this.#setConnected(true));
    source.addEventListener("error", () => {
      this.#setConnected(false);
      // The browser comes back by itself from a lost connection, but not from a refusal.
      if (source.readyState === EventSource.CLOSED && source === this.#source) setTimeout(() => this.connect(), REOPEN_MS);
    });
  }

  async loadState() {
    this.#takeState(await get("/api/state"));
  }

  #setConnected(connected) {
    if (connected === this.connected) return;
    this.connected = connected;
    this.emit("connection", connected);
  }

  #takeState(state) {
    this.state = state;
    if (state.classes_version !== this.#version) this.loadClasses().catch(() => {}); // the next state event tries again
    this.emit("state", state);
  }

  async loadClasses() {
    this.#takeClasses(await get("/api/classes"));
  }

  #takeClasses({ version, classes }) {
    const isSame = JSON.stringify(classes) === JSON.stringify(this.classes);
    this.#version = version;
    this.classes = classes;
    if (!isSame) this.emit("classes", classes);
  }

  async addClass(name, sure = false) {
    const added = await post("/api/classes", { name, sure });
    await this.loadClasses();
    return added.name;
  }

  async removeClass(name) {
    this.#takeClasses(await post("/api/classes/remove", { name }));
  }

  async setKey(name, key) {
    this.#takeClasses(await put("/api/classes/keys", { name, key }));
  }

  async setName(name) {
    this.me = { ...this.me, name }; // of the answers that are given before the server knows it
    this.me = await put("/api/session", { name });
    this.emit("state", this.state);
    await this.loadClasses(); // keys are a person's own
  }

  classOfKey(key) {
    return this.classes.find((entry) => entry.key !== "" && entry.key === key) ?? null;
  }
}

export const store = new Store();
