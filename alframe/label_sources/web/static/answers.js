// Give answers and take them back. Each action goes through the outbox; undo and redo are actions too, so nothing is
// ever removed from the history.
import { get, newId } from "./api.js";
import { Hub } from "./events.js";
import { Outbox } from "./outbox.js";

export const outbox = new Outbox();

class Answers extends Hub {
  #undoable = []; // own action ids, oldest first
  #redoable = [];

  // answers: [{image, classes, seconds, comment?, burst?}]. Returns the server's reply.
  async give(origin, answers) {
    const action = newId();
    this.#undoable.push(action);
    this.#redoable = [];
    this.emit("change");
    const reply = await outbox.send("/api/answers", { action, origin, answers });
    this.emit("saved", reply);
    return reply;
  }

  get canUndo() {
    return this.#undoable.length > 0;
  }

  get canRedo() {
    return this.#redoable.length > 0;
  }

  undo() {
    return this.#reverse(this.#undoable, this.#redoable);
  }

  redo() {
    return this.#reverse(this.#redoable, this.#undoable);
  }

  // Redo is the undo of an undo: the id of the reversing action is what the other stack needs.
  async #reverse(from, to) {
    const undoes = from.pop();
    if (!undoes) return null;
    const action = newId();
    to.push(action);
    this.emit("change");
    const reply = await outbox.send("/api/undo", { action, undoes });
    this.emit("reversed", reply);
    return reply;
  }

  // Fill the stack after a reload with one's own earlier actions.
  async restore() {
    const { actions } = await get("/api/actions", { limit: 200 });
    const own = actions.filter((entry) => !entry.undoes && !entry.undone).map((entry) => entry.action);
    this.#undoable = own.reverse();
    this.emit("change");
  }
}

export const answers = new Answers();
