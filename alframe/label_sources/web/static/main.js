// Start the page: sign in with the token of the link, then show one view at a time.
import { answers, outbox } from "./answers.js";
import { ApiError, get, post } from "./api.js";
import { button, element, notify } from "./dom.js";
import { GridView } from "./grid.js";
import { openHelp } from "./help.js";
import { pushKeys } from "./keys.js";
import { askName, signInAgain, tokenOf } from "./people.js";
import { PoolView } from "./pool.js";
import { ProgressView } from "./progress.js";
import { ReviewView } from "./review.js";
import { store } from "./store.js";
import { S } from "./strings.js";
import { applyTheme } from "./theme.js";
import { redo, TopBar, undo } from "./top_bar.js";

const RETRY_MS = 1000;
const VIEWS = [
  { name: "label", title: S.label, create: () => new GridView() },
  { name: "review", title: S.review, create: () => new ReviewView() },
  { name: "pool", title: S.pool, create: (image) => new PoolView(image) },
  { name: "progress", title: S.progress, create: () => new ProgressView() },
];

const main = document.getElementById("view");
let view = null;
let topBar = null;

async function signIn() {
  const token = new URLSearchParams(location.hash.slice(1)).get("token");
  if (token) history.replaceState(null, "", location.pathname);
  try {
    return await get("/api/session");
  } catch (error) {
    if (!(error instanceof ApiError) || error.code !== "no_session" || !token) throw error;
    return post("/api/session", { token });
  }
}

// The address is "#pool", or "#pool/17" to begin with an image.
async function showView() {
  const [name, argument] = location.hash.slice(1).split("/");
  const wanted = VIEWS.find((each) => each.name === name) ?? VIEWS[0];
  view?.stop();
  view = wanted.create(argument);
  main.replaceChildren(view.node);
  topBar.showView(wanted.name);
  document.title = S.title(wanted.title, store.me.project);
  try {
    await view.start();
  } catch (error) {
    notify(error.message, { error: true });
  }
}

function handleKey(event, name) {
  const place = /^(?:Digit|Numpad)([1-4])$/.exec(event.code);
  if (name === "?") openHelp();
  else if (name === "Ctrl+z") undo();
  else if (name === "Ctrl+Shift+z" || name === "Ctrl+y") redo();
  else if (event.altKey && event.shiftKey && place) location.hash = VIEWS[place[1] - 1].name;
  else return view?.handleKey?.(event, name) ?? false;
  return true;
}

// Without a session the page can take a link; without a server it waits for one.
function showEntrance(error) {
  const needsLink = error.code === "bad_token" || error.code === "no_session";
  const input = element("input", { type: "text", autocomplete: "off", "aria-label": S.pasteLink, placeholder: S.pasteLink });
  const form = element("form", { class: "link" }, input, element("button", { type: "submit", class: "confirm" }, S.ok));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (!input.value.trim()) return input.focus();
    post("/api/session", { token: tokenOf(input.value) }).then(start, showEntrance); // the reply says who this is
  });
  main.replaceChildren(element("div", { class: "waiting", role: "alert" },
    element("h1", {}, needsLink ? S.needLink : S.cannotStart),
    element("p", {}, error.code === "no_session" ? S.openLink : error.message),
    needsLink ? form : button(S.tryAgain, () => start())));
  if (error.offline || error.code === "starting") setTimeout(() => start(), RETRY_MS);
}

let isStarted = false;

async function start(me = null) {
  try {
    store.me = me ?? (await signIn());
    await Promise.all([store.loadState(), store.loadClasses(), answers.restore()]);
  } catch (error) {
    return showEntrance(error);
  }
  if (isStarted) return;
  isStarted = true;
  const { named, first_visit: firstVisit } = store.me;
  outbox.on("refused", ({ error, names }) => notify(names.length ? S.notTaken(names, error.message) : error.message, { error: true }));
  outbox.on("recovered", ({ problems = [] }) => {
    if (!problems.length) notify(S.recovered);
    problems.forEach(({ message }) => notify(S.notTaken([], message), { error: true }));
  });
  outbox.on("adopted", (count) => notify(S.adopted(count), { error: true }));
  outbox.on("signed-out", signInAgain);
  outbox.on("other-project", (error) => notify(error.message, { error: true }));
  outbox.open(store.me);
  topBar = new TopBar(document.getElementById("top"), VIEWS);
  store.connect();
  pushKeys(handleKey);
  window.addEventListener("hashchange", showView);
  const shown = showView();
  if (!named) await askName({ firstVisit });
  await shown;
  if (document.activeElement === document.body) view.focus(); // else somebody has begun already
}

applyTheme();
window.addEventListener("hashchange", () => isStarted || start()); // a new link in the tab that asked for one
start();
