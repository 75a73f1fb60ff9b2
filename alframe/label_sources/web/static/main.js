// Lets this browser in by the token of the link, and shows how the campaign stands.
const token = new URLSearchParams(location.hash.slice(1)).get("token");
if (token) {
  await fetch("/api/session", {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ token }),
  });
  history.replaceState(null, "", "/");
}
const events = new EventSource("/api/events");
events.addEventListener("state", (event) => {
  document.getElementById("app").textContent = JSON.parse(event.data).message;
});
