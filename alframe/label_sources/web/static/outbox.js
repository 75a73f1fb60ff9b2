// Keep every answer until the server has it on its disk. Actions are sent in order, one at a time, and again after a
// lost connection or a reload; their ids let the server recognise what it already has.
import { ApiError, request } from "./api.js";
import { Hub } from "./events.js";
import { S } from "./strings.js";

const PREFIX = "alframe-outbox";
const RETRY_MS = [500, 1000, 2000, 5000];

export class Outbox extends Hub {
  #project;
  #waiting = [];
  #replies = new Map();
  #sending = false;
  #failures = 0;

  // Take up what an earlier page of this project could not send. Another project's answers stay where they are.
  open(project) {
    this.#project = project;
    this.#waiting = stored(`${PREFIX}:${project}:`);
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
        this.#failures += 1;
        this.emit("change");
        if (error.code === "no_session") this.emit("signed-out");
        setTimeout(() => this.flush(), RETRY_MS[Math.min(this.#failures, RETRY_MS.length) - 1]);
        return false;
      }
      this.#done(body.action);
      waiter?.reject(error);
      if (!waiter) this.emit("refused", error);
    }
    return true;
  }

  #done(action) {
    this.#failures = 0;
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
      this.emit("refused", new ApiError("no_storage", S.noStorage)); // the answer is still in memory and still sent
    }
    this.emit("change");
  }

  #key(action) {
    return `${PREFIX}:${this.#project}:${action}`;
  }
}

// A session that has ended and a server that is starting are waited for: the answers stay here until they can be sent.
function isTemporary(error) {
  return error.offline || error.code === "no_session" || error.code === "starting";
}

function stored(prefix) {
  const items = [];
  for (const key of Object.keys(localStorage).filter((name) => name.startsWith(prefix))) {
    try {
      const item = JSON.parse(localStorage.getItem(key));
      if (item?.path && item?.body?.action) items.push(item);
    } catch {
      localStorage.removeItem(key);
    }
  }
  return items.sort((a, b) => a.at - b.at);
}
