// What every part of the page uses. Text from outside is only ever set as text.

export function element(tag, className, text) {
  const e = document.createElement(tag);
  if (className) e.className = className;
  if (text !== undefined && text !== null) e.textContent = text;
  return e;
}

export const when = (iso) => new Date(iso).toLocaleString([], { dateStyle: "short", timeStyle: "short" });

export async function get(path, options) {
  const response = await fetch(path, options);
  const body = await response.json().catch(() => null);
  if (!response.ok) throw new Error(body?.error?.message ?? `The server answered ${response.status}.`);
  return body;
}

export function problem(text) {
  const p = document.getElementById("problem");
  p.textContent = text ?? "";
  p.hidden = !text;
}
