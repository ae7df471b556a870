// The list of calls, kept up to date by server-sent events, and one call in
// detail. Text from outside is only ever set as text.

import { element, get, problem, when } from "/dom.js";
import "/pbxs.js";

const list = document.getElementById("calls");
const detail = document.getElementById("detail");
const calls = new Map();
let next = null;
let selected = null;

const clock = (s) => `${Math.floor(s / 60)}:${String(Math.floor(s % 60)).padStart(2, "0")}`;
const sources = { freepbx: "FreePBX", twilio: "Twilio", csv: "Asterisk" };
const label = (reason) => reason.replaceAll("_", " ");
const outcome = (call) =>
  call.redaction_status === "dry_run" ? "dry run" :
  call.redaction_status === "restored" ? "original put back" :
  call.status === "unanswered" ? call.disposition.replace("_", " ").toUpperCase() : call.status;

function countReasons(segments) {
  const counts = new Map();
  for (const s of segments) counts.set(s.reason, (counts.get(s.reason) ?? 0) + 1);
  return counts;
}

function row(call) {
  const tr = element("tr");
  tr.id = `call-${call.id}`;
  tr.tabIndex = 0;
  tr.dataset.status = call.status;
  tr.setAttribute("aria-selected", String(call.id === selected));
  const began = element("td", "", when(call.started_at));
  began.append(element("span", "badge", sources[call.source] ?? call.source));
  tr.append(began, element("td", "", call.direction),
    element("td", "", call.from_number), element("td", "", call.to_number),
    element("td", "num", clock(call.duration_s)));
  const status = element("td", `status ${call.status}`, outcome(call));
  if (call.detail) status.title = call.detail;
  const silenced = element("td");
  for (const [reason, n] of countReasons(call.redacted_segments)) {
    silenced.append(element("span", "chip", n > 1 ? `${label(reason)} ${n}` : label(reason)));
  }
  tr.append(status, silenced);
  tr.addEventListener("click", () => open(call.id));
  tr.addEventListener("keydown", (e) => { if (e.key === "Enter") open(call.id); });
  return tr;
}

function render() {
  const sorted = [...calls.values()].sort((a, b) =>
    b.started_at.localeCompare(a.started_at) || b.id.localeCompare(a.id));
  list.replaceChildren(...sorted.map(row));
  const ended = sorted.filter((c) => !["pending", "processing"].includes(c.status)).length;
  const redacted = sorted.filter((c) => c.redacted).length;
  document.getElementById("totals").textContent =
    `${sorted.length} calls, ${ended} ended, ${redacted} redacted`;
  document.getElementById("empty").hidden = sorted.length > 0;
  document.getElementById("more").hidden = next === null;
}

// The calls themselves come as events, once the PBX has been read.
async function refresh(button) {
  button.disabled = true;
  try {
    await get("/api/v1/integrations/freepbx/refresh", { method: "POST" });
    problem(null);
  } catch (error) {
    problem(`The PBX could not be asked: ${error.message}`);
  }
  setTimeout(() => { button.disabled = false; }, 3000);
}

document.getElementById("refresh").addEventListener("click", (e) => refresh(e.target));

let scheduled = false;
function renderSoon() {
  if (scheduled) return;
  scheduled = true;
  requestAnimationFrame(() => { scheduled = false; render(); });
}

async function load(cursor) {
  try {
    const page = await get(`/api/v1/calls?limit=100${cursor ? `&cursor=${encodeURIComponent(cursor)}` : ""}`);
    for (const call of page.calls) calls.set(call.id, call);
    next = page.next;
    problem(null);
    render();
  } catch (error) {
    problem(`The calls could not be loaded: ${error.message}`);
  }
}

function listen() {
  const live = document.getElementById("live");
  const events = new EventSource("/api/v1/events");
  const show = (on) => { live.textContent = on ? "live" : "offline"; live.className = `live ${on ? "on" : "off"}`; };
  events.onopen = () => { show(true); load(null); };
  events.onerror = () => show(false);
  events.addEventListener("reload", () => load(null));
  events.addEventListener("call", (event) => {
    const call = JSON.parse(event.data);
    calls.set(call.id, call);
    renderSoon();
    if (call.id === selected) open(call.id);
  });
}

function draw(canvas, recording, audio) {
  const css = getComputedStyle(document.documentElement);
  const ratio = devicePixelRatio || 1;
  const width = (canvas.width = canvas.clientWidth * ratio);
  const height = (canvas.height = canvas.clientHeight * ratio);
  const c = canvas.getContext("2d");
  const x = (s) => (s / recording.duration_s) * width;
  c.clearRect(0, 0, width, height);
  c.globalAlpha = 0.25;
  c.fillStyle = css.getPropertyValue("--muted");
  for (const s of recording.redacted_segments) c.fillRect(x(s.start), 0, Math.max(2, x(s.end) - x(s.start)), height);
  c.globalAlpha = 1;
  c.fillStyle = css.getPropertyValue("--accent");
  const peaks = recording.peaks ?? [];
  const loudest = Math.max(1, ...peaks);
  peaks.forEach((p, i) => {
    const h = Math.max(ratio, (p / loudest) * height * 0.92);
    c.fillRect((i / peaks.length) * width, (height - h) / 2, Math.max(1, width / peaks.length - ratio * 0.4), h);
  });
  c.fillStyle = css.getPropertyValue("--ink");
  c.fillRect(x(audio.currentTime), 0, ratio, height);
}

function recordingView(recording) {
  const box = element("div", "recording");
  box.append(element("h3", "", recording.recordingfile));
  const facts = [recording.format, recording.duration_s && clock(recording.duration_s), label(recording.redaction_status)];
  if (recording.muted_s > 0) facts.push(`${recording.muted_s.toFixed(1)} s ${recording.redacted ? "silenced" : "would be silenced"}`);
  box.append(element("p", "soft", facts.filter(Boolean).join(" · ")));
  if (recording.detail) box.append(element("p", `status ${recording.redaction_status}`, recording.detail));
  if (recording.deleted_at) {
    box.append(element("p", "soft", `Deleted by retention, ${when(recording.deleted_at)}.`));
  }
  // A dry run left the secrets in the file: its spans are shown, its audio is not played.
  const dry = recording.redaction_status === "dry_run";
  if (!recording.deleted_at && (dry || ["completed", "not_needed"].includes(recording.redaction_status)) && recording.duration_s > 0) {
    const audio = element("audio");
    audio.controls = true;
    audio.preload = "metadata";
    const native = (recording.format ?? "").startsWith("wav/pcm_");
    if (!dry) audio.src = `/api/v1/recordings/${recording.id}/audio${native ? "" : "?as=wav"}`;
    const canvas = element("canvas", "waveform");
    canvas.setAttribute("role", "img");
    canvas.setAttribute("aria-label",
      `Waveform with ${recording.redacted_segments.length} ${dry ? "spans to silence" : "silenced spans"}`);
    canvas.dataset.spans = recording.redacted_segments.length;
    if (!dry) canvas.addEventListener("click", (e) => {
      audio.currentTime = (e.offsetX / canvas.clientWidth) * recording.duration_s;
    });
    audio.addEventListener("timeupdate", () => draw(canvas, recording, audio));
    box.append(canvas);
    if (!dry) box.append(audio);
    requestAnimationFrame(() => draw(canvas, recording, audio));
    addEventListener("resize", () => draw(canvas, recording, audio));
  }
  if (recording.redacted_segments.length > 0) {
    const spans = element("ul", "spans");
    for (const s of recording.redacted_segments) {
      spans.append(element("li", "", `${s.start.toFixed(2)} s to ${s.end.toFixed(2)} s: ${label(s.reason)}`));
    }
    box.append(spans);
  }
  if (recording.transcript?.words?.length) {
    const text = element("p", "transcript");
    for (const w of recording.transcript.words) {
      text.append(element("span", w.word === "[REDACTED]" ? "redacted" : "", w.word), " ");
    }
    box.append(text);
  }
  return box;
}

async function open(id) {
  selected = id;
  for (const tr of list.children) tr.setAttribute("aria-selected", String(tr.id === `call-${id}`));
  try {
    const call = await get(`/api/v1/calls/${id}`);
    if (selected !== id) return;
    const close = element("button", "close", "Close");
    close.type = "button";
    close.addEventListener("click", () => { selected = null; detail.hidden = true; renderSoon(); });
    const parts = [close, element("h2", "", `${call.from_number} → ${call.to_number}`),
      element("p", "soft", `${when(call.started_at)} · ${call.direction} · ${clock(call.duration_s)}`),
      element("p", `status ${call.status}`, outcome(call))];
    if (call.summary) parts.push(element("p", "", call.summary));
    if (call.sentiment) parts.push(element("p", "soft", `Sentiment ${call.sentiment}, booking ${call.booking}`));
    parts.push(...call.recordings.map(recordingView));
    if (call.recordings.length === 0) parts.push(element("p", "soft", "This call has no recording."));
    detail.hidden = false;
    detail.replaceChildren(...parts);
  } catch (error) {
    problem(`The call could not be loaded: ${error.message}`);
  }
}

document.getElementById("more").addEventListener("click", () => load(next));
load(null);
listen();
