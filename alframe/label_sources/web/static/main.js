// Start the page: sign in with the token of the link, then show one view at a time.
import { answers, outbox } from "./answers.js";
import { ApiError, get, post } from "./api.js";
import { element, notify } from "./dom.js";
import { GridView } from "./grid.js";
import { openHelp, openWelcome } from "./help.js";
import { pushKeys } from "./keys.js";
import { PoolView } from "./pool.js";
import { ProgressView } from "./progress.js";
import { ReviewView } from "./review.js";
import { store } from "./store.js";
import { S } from "./strings.js";
import { applyTheme } from "./theme.js";
import { askName, redo, TopBar, undo } from "./top_bar.js";

const VIEWS = [
  { name: "label", title: S.label, create: () => new GridView() },
  { name: "review", title: S.review, create: () => new ReviewView() },
  { name: "pool", title: S.pool, create: () => new PoolView() },
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

async function showView() {
  const wanted = VIEWS.find(({ name }) => location.hash === `#${name}`) ?? VIEWS[0];
  view?.stop();
  view = wanted.create();
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

async function start() {
  applyTheme();
  try {
    store.me = await signIn();
  } catch (error) {
    const title = error.code === "bad_token" || error.code === "no_session" ? S.needLink : S.cannotStart;
    main.replaceChildren(element("div", { class: "waiting", role: "alert" }, element("h1", {}, title), element("p", {}, error.code === "no_session" ? S.openLink : error.message)));
    return;
  }
  outbox.on("refused", (error) => notify(error.message, { error: true }));
  outbox.on("recovered", () => notify(S.recovered));
  outbox.on("signed-out", () => notify(S.signedOut, { error: true }));
  outbox.open(store.me.project_id);
  await Promise.all([store.loadState(), store.loadClasses(), answers.restore()]).catch((error) => notify(error.message, { error: true }));
  topBar = new TopBar(document.getElementById("top"), VIEWS, showView);
  store.connect();
  if (store.me.first_visit) await openWelcome();
  if (!store.me.named) await askName();
  pushKeys(handleKey);
  window.addEventListener("hashchange", showView);
  await showView();
}

start();
