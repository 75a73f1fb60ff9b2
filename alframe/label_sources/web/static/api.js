// Talk to the server. Every error is an ApiError with a message for people; `offline` tells a lost server from a refusal.
import { S } from "./strings.js";

export class ApiError extends Error {
  constructor(code, message, { offline = false, details = {} } = {}) {
    super(message);
    Object.assign(this, { code, offline, details });
  }
}

export async function request(method, path, body, { timeout = 30000 } = {}) {
  let response;
  try {
    response = await fetch(path, {
      method,
      headers: body === undefined ? {} : { "Content-Type": "application/json" },
      body: body === undefined ? undefined : JSON.stringify(body),
      signal: AbortSignal.timeout(timeout),
      cache: "no-store",
    });
  } catch {
    throw new ApiError("offline", S.offline, { offline: true });
  }
  if (response.status === 204) return null;
  const text = await response.text();
  let reply;
  try {
    reply = JSON.parse(text);
  } catch {
    throw new ApiError("bad_reply", S.badReply, { offline: response.status >= 500 });
  }
  if (!response.ok) {
    const { code = "error", message = S.badReply, ...details } = reply.error ?? {};
    throw new ApiError(code, message, { offline: response.status >= 500, details });
  }
  return reply;
}

export const get = (path, parameters = {}) => {
  const query = new URLSearchParams(Object.entries(parameters).filter(([, value]) => value !== null && value !== undefined && value !== ""));
  return request("GET", query.size ? `${path}?${query}` : path);
};
export const post = (path, body = {}) => request("POST", path, body);
export const put = (path, body = {}) => request("PUT", path, body);

// Send while the page is closing; nobody waits for the reply.
export function beacon(path, body = {}) {
  navigator.sendBeacon(path, new Blob([JSON.stringify(body)], { type: "application/json" }));
}

export function newId() {
  if (crypto.randomUUID) return crypto.randomUUID();
  const bytes = crypto.getRandomValues(new Uint8Array(16)); // plain http on a LAN has no randomUUID
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}
