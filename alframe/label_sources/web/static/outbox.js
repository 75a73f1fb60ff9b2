// Keep every answer until the server has it on its disk. Actions are sent in order, one at a time, and again after a
// lost connection or a reload; their ids let the server recognise what it already has.
import { ApiError, request } from "./api.js";
import { Hub } from "./events.js";
import { S } from "./strings.js";

const PREFIX = "alframe-outbox";
const RETRY_MS = [500, 1000, 2000, 5000];

// Events: "change"; "recovered" (reply) and "refused" (error, names of images), of an action that an earlier page has
// left; "adopted" (count), of answers that were kept for a journal which is lost; "signed-out" and "other-project",
// once, when the server does not take answers from this page any more.
export class Outbox extends Hub {
  #project;
  #folder;
  #waiting = [];
  #replies = new Map();
  sent = 0; // requests that were queued since the page was opened
  #sending = false;
  #failures = 0;
  #obstacle = null; // code of the error that keeps the first action back
  #isStored = true;

  // Take up what an earlier page of this project could not send. Another project's answers stay where they are.
  open({ project_id: project, folder_id: folder }) {
    const isFirst = this.#project === undefined;
    this.#project = project;
    this.#folder = folder;
    if (isFirst) this.#waiting = stored(`${PREFIX}:${project}:`);
    this.#adopt();
    if (isFirst) window.addEventListener("beforeunload", (event) => {
      if (this.unsaved && !this.#isStored) event.preventDefault(); // nothing but this page has them
    });
    this.flush();
  }

  // Answers that were kept for an earlier journal of the same folder belong to the one that took its place. The classes
  // that they name may not be known there, and what an undoing speaks of is only there if it was kept too.
  #adopt() {
    const lost = [...this.#waiting, ...stored(`${PREFIX}:`)].filter(({ body, folder }) => body.project !== this.#project && folder === this.#folder);
    const items = [...new Map(lost.map((item) => [item.body.action, item])).values()];
    const kept = new Set(items.map(({ body }) => body.action));
    this.#waiting = this.#waiting.filter(({ body }) => !kept.has(body.action));
    for (const item of items) {
      const adopted = { ...item, body: { ...item.body, project: this.#project }, adopted: true };
      if (!item.body.undoes || kept.has(item.body.undoes)) {
        this.#waiting.push(adopted);
        this.#keep(adopted);
      } else this.#replies.get(item.body.action)?.reject(new ApiError("not_found", S.nothingToUndo));
      localStorage.removeItem(this.#key(item.body));
    }
    if (items.length) this.emit("adopted", items.length);
  }

  get unsaved() {
    return this.#waiting.length;
  }

  get offline() {
    return this.#failures > 0;
  }

  // Queue a request. The promise settles when the server has answered it, however long that takes.
  send(path, body) {
    this.sent += 1;
    return new Promise((resolve, reject) => {
      const item = { path, folder: this.#folder, body: { ...body, project: this.#project }, at: performance.timeOrigin + performance.now() };
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
    const { path, body, adopted = false } = this.#waiting[0];
    const waiter = this.#replies.get(body.action);
    try {
      if (adopted) await addClasses(body);
      const reply = await request("POST", path, body);
      this.#done(body);
      waiter?.resolve(reply);
      if (!waiter) this.emit("recovered", reply);
    } catch (error) {
      if (isTemporary(error)) {
        this.#wait(error);
        return false;
      }
      this.#done(body);
      waiter?.reject(error);
      if (!waiter) this.emit("refused", { error, names: (body.answers ?? []).map(({ file }) => file) });
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

  #done(body) {
    this.#failures = 0;
    this.#obstacle = null;
    this.#waiting = this.#waiting.filter((item) => item.body.action !== body.action);
    this.#replies.delete(body.action);
    localStorage.removeItem(this.#key(body));
    this.emit("change");
  }

  // One entry an action, so that two tabs never overwrite each other's.
  #keep(item) {
    try {
      localStorage.setItem(this.#key(item.body), JSON.stringify(item));
    } catch {
      if (this.#isStored) this.emit("refused", { error: new ApiError("no_storage", S.noStorage), names: [] }); // still in memory, still sent
      this.#isStored = false;
    }
    this.emit("change");
  }

  #key({ project, action }) {
    return `${PREFIX}:${project}:${action}`;
  }
}

// A session that has ended, a server that is starting and another project at this address are waited for: the answers
// stay here until they can be sent.
function isTemporary(error) {
  return error.offline || ["no_session", "starting", "other_project"].includes(error.code);
}

// A class that a kept answer names was a class when it was given.
async function addClasses({ answers = [] }) {
  const { classes } = await request("GET", "/api/classes");
  const known = new Set(classes.map(({ name }) => name));
  for (const name of new Set(answers.flatMap((answer) => answer.classes))) {
    if (known.has(name)) continue;
    await request("POST", "/api/classes", { name, sure: true }).catch((error) => {
      if (isTemporary(error)) throw error; // else the reply to the answer says what is wrong
    });
  }
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
