// Keep every answer until the server has it on its disk. Actions are sent in order, one at a time, and again after a
// lost connection or a reload; their ids let the server recognise what it already has.
import { ApiError, request } from "./api.js";
import { Hub } from "./events.js";
import { S } from "./strings.js";

const PREFIX = "alframe-outbox";
const RETRY_MS = [500, 1000, 2000, 5000];

// Events: "change"; "recovered" and "refused", of an action that an earlier page has left; "signed-out" and
// "other-project", once, when the server does not take answers from this page any more.
export class Outbox extends Hub {
  #project;
  #waiting = [];
  #replies = new Map();
  #sending = false;
  #failures = 0;
  #obstacle = null; // code of the error that keeps the first action back
  #isStored = true;

  // Take up what an earlier page of this project could not send. Another project's answers stay where they are.
  open(project) {
    this.#project = project;
    this.#waiting = stored(`${PREFIX}:${project}:`);
    window.addEventListener("beforeunload", (event) => {
      if (this.unsaved && !this.#isStored) event.preventDefault(); // nothing but this page has them
    });
    this.flush();
  }

  get unsaved() {
    return this.#waiting.length;
  }

  get offline() {
    return this.#failures > 0;
  }

  // Queue a request. The promise settles when the server has answered it, however long that takes.
  send(path, body) {
    return new Promise((resolve, reject) => {
      const item = { path, body: { ...body, project: this.#project }, at: performance.timeOrigin + performance.now() };
      this.#waiting.push(item);
      this.#replies.set(body.action, { resolve, reject });
      this.#keep(item);
      this.flush();
    });
  }

  // Wait until all that was queued so far is answered: what the server is asked next must contain it.
  async empty() {
    while (this.#waiting.length) await new Promise((resolve) => {
      const stop = this.on("change", () => {
        stop();
        resolve();
      });
    });
  }

  async flush() {
    if (this.#sending) return;
    this.#sending = true;
    try {
      while (this.#waiting.length) if (!(await this.#sendFirst())) return;
    } finally {
      this.#sending = false;
    }
  }

  async #sendFirst() {
    const { path, body } = this.#waiting[0];
    const waiter = this.#replies.get(body.action);
    try {
      const reply = await request("POST", path, body);
      this.#done(body.action);
      waiter?.resolve(reply);
      if (!waiter) this.emit("recovered", reply);
    } catch (error) {
      if (isTemporary(error)) {
        this.#wait(error);
        return false;
      }
      this.#done(body.action);
      waiter?.reject(error);
      if (!waiter) this.emit("refused", error);
    }
    return true;
  }

  #wait(error) {
    this.#failures += 1;
    const isNew = this.#obstacle !== error.code;
    this.#obstacle = error.code;
    if (isNew && error.code === "no_session") this.emit("signed-out");
    if (isNew && error.code === "other_project") this.emit("other-project", error);
    this.emit("change");
    if (error.code === "no_session") return; // whoever signs in again calls flush
    setTimeout(() => this.flush(), RETRY_MS[Math.min(this.#failures, RETRY_MS.length) - 1]);
  }

  #done(action) {
    this.#failures = 0;
    this.#obstacle = null;
    this.#waiting.shift();
    this.#replies.delete(action);
    localStorage.removeItem(this.#key(action));
    this.emit("change");
  }

  // One entry an action, so that two tabs never overwrite each other's.
  #keep(item) {
    try {
      localStorage.setItem(this.#key(item.body.action), JSON.stringify(item));
    } catch {
      if (this.#isStored) this.emit("refused", new ApiError("no_storage", S.noStorage)); // still in memory, still sent
      this.#isStored = false;
    }
    this.emit("change");
  }

  #key(action) {
    return `${PREFIX}:${this.#project}:${action}`;
  }
}

// A session that has ended, a server that is starting and another project at this address are waited for: the answers
// stay here until they can be sent.
function isTemporary(error) {
  return error.offline || ["no_session", "starting", "other_project"].includes(error.code);
}

function stored(prefix) {
  const items = [];
  for (const key of Object.keys(localStorage).filter((name) => name.startsWith(prefix))) {
    try {
      const item = JSON.parse(localStorage.getItem(key));
      if (item?.path && item?.body?.action) items.push(item);
    } catch {
      // Not written by this page: left alone.
    }
  }
  return items.sort((a, b) => a.at - b.at);
}
