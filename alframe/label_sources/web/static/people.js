// Who is labelling: one's name, the others, links for more people, and the way back in after a session has ended.
import { answers, outbox } from "./answers.js";
import { get, post, request } from "./api.js";
import { askText, openDialog } from "./dialog.js";
import { button, element, notify } from "./dom.js";
import { store } from "./store.js";
import { S } from "./strings.js";

const LOOK_MS = 3000;

export function openPeople() {
  const list = element("ul", {});
  const draw = () => list.replaceChildren(...(store.state?.people ?? []).map((person) => element("li", {}, S.personLine(person))));
  const stop = store.on("state", draw);
  const links = element("div", { class: "links" });
  const rename = button(S.changeName, () => {
    dialog.close();
    askName();
  });
  const invite = button(S.invite, async () => {
    const made = await attempt(() => post("/api/invitations"));
    if (made) links.replaceChildren(element("p", {}, S.inviteHint), ...made.urls.flatMap((url) => [element("p", {}, new URL(url).hostname === "127.0.0.1" ? S.inviteHere : S.inviteElsewhere), linkToCopy(url)]));
  });
  const leave = button(S.leave, async () => {
    await attempt(() => request("DELETE", "/api/session"));
    location.reload();
  });
  draw();
  const { dialog } = openDialog(S.people, element("div", { class: "people-dialog" }, list, element("div", { class: "choices" }, rename, invite, leave), links), { onclose: stop });
}

function linkToCopy(url) {
  const input = element("input", { type: "text", readOnly: true, "aria-label": S.invite, onfocus: () => input.select() });
  input.value = url;
  const copy = button(S.copy, async () => {
    input.select();
    await navigator.clipboard?.writeText(url).catch(() => {}); // it is selected: Ctrl+C copies it where this is refused
  });
  return element("div", { class: "link" }, input, copy);
}

async function attempt(action) {
  try {
    return await action();
  } catch (error) {
    notify(error.message, { error: true });
    return null;
  }
}

// On a first visit, explain the page in three sentences as well.
export async function askName({ firstVisit = false } = {}) {
  const name = firstVisit
    ? await askText(S.welcome, { value: store.me.name, words: S.welcomeSentences, label: S.yourNameWithHint, button: S.start })
    : await askText(S.yourName, { value: store.me.name, words: [S.nameHint], label: S.yourName });
  if (name === undefined && store.me.named) return;
  await attempt(() => store.setName((name ?? "").slice(0, 100)));
  outbox.empty().then(() => answers.restore()).catch(() => {}); // what can be undone is a person's own
}

// The token of a pasted link, or of the text itself.
export const tokenOf = (text) => /token=([^&\s]+)/.exec(text)?.[1] ?? text.trim();

// Ask for a new link until somebody, here or in another tab, is let in; then go on under the same name.
export async function signInAgain() {
  const { name } = store.me;
  let asked = null;
  const looking = setInterval(async () => {
    const me = await get("/api/session").catch(() => null);
    if (me) asked?.close();
  }, LOOK_MS);
  for (;;) {
    const text = await askText(S.signedOut, { words: [S.signedOutHint, S.openLink], label: S.pasteLink, onopen: (dialog) => (asked = dialog) });
    if (text) await attempt(() => post("/api/session", { token: tokenOf(text) }));
    store.me = await get("/api/session").catch(() => store.me);
    if (await get("/api/session").then(() => true, () => false)) break;
  }
  clearInterval(looking);
  if (!store.me.named) await attempt(() => store.setName(name));
  store.connect();
  outbox.open(store.me); // which may have another journal now
}
