// Give answers and take them back. Each action goes through the outbox; undo and redo are actions too, so nothing is
// ever removed from the history.
import { get, newId } from "./api.js";
import { Hub } from "./events.js";
import { Outbox } from "./outbox.js";
import { store } from "./store.js";

const LISTED = 200; // actions that are fetched at once

export const outbox = new Outbox();

class Answers extends Hub {
  #undoable = []; // ids of actions that stand, oldest first
  #redoable = []; // ids of the undoings that stand, oldest first
  #older = null; // cursor of the actions before those

  // answers: [{image, file, classes, seconds, comment?, burst?}]. Returns the server's reply.
  async give(origin, answers) {
    const action = newId();
    this.#undoable.push(action);
    this.#redoable = [];
    this.emit("change");
    try {
      return await outbox.send("/api/answers", { action, origin, answers, name: store.me.name });
    } catch (error) {
      this.#undoable = this.#undoable.filter((each) => each !== action); // refused: there is nothing to undo
      this.emit("change");
      throw error;
    }
  }

  get canUndo() {
    return this.#undoable.length > 0 || this.#older !== null;
  }

  get canRedo() {
    return this.#redoable.length > 0;
  }

  // Both return null if there is nothing to reverse.
  async undo() {
    if (!this.#undoable.length && this.#older !== null) await this.#loadOlder();
    return this.#reverse(this.#undoable, this.#redoable);
  }

  async redo() {
    return this.#reverse(this.#redoable, this.#undoable);
  }

  // Redo is the undo of an undo: the id of the reversing action is what the other stack needs.
  async #reverse(from, to) {
    const undoes = from.pop();
    if (!undoes) return null;
    const action = newId();
    to.push(action);
    this.emit("change");
    try {
      const reply = await outbox.send("/api/undo", { action, undoes, name: store.me.name });
      this.emit("reversed", reply);
      return reply;
    } catch (error) {
      to.splice(to.indexOf(action), 1);
      this.emit("change");
      throw error;
    }
  }

  // Fill the stacks after a reload with one's own earlier actions.
  async restore() {
    const { actions, next } = await get("/api/actions", { limit: LISTED });
    this.#undoable = standing(actions);
    this.#redoable = undoings(actions);
    this.#older = next;
    this.emit("change");
  }

  async #loadOlder() {
    const { actions, next } = await get("/api/actions", { limit: LISTED, before: this.#older });
    this.#older = next;
    this.#undoable = [...standing(actions), ...this.#undoable];
  }
}

const standing = (actions) => actions.filter((entry) => !entry.undoes && !entry.undone).map((entry) => entry.action).reverse();

// The undoings since the last answer, oldest first. `actions` are the newest first; an undoing of an undoing is a redo.
function undoings(actions) {
  const byId = new Map(actions.map((entry) => [entry.action, entry]));
  const isRedo = (entry) => {
    const undone = byId.get(entry.undoes);
    return Boolean(undone?.undoes) && !isRedo(undone);
  };
  const found = [];
  for (const entry of actions) {
    if (!entry.undoes && !entry.undone) break;
    if (entry.undoes && !entry.undone && !isRedo(entry)) found.unshift(entry.action);
  }
  return found;
}

export const answers = new Answers();
