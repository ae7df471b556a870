// The PBXs: how far their calls are read, what they have recorded, when it
// goes, and whether they can be reached.

import { element, get, problem, when } from "/dom.js";

const panel = document.getElementById("pbxs");
const base = "/api/v1/integrations/freepbx";

// How far history is read, where there is something to say of it.
function progress(sync) {
  const [from, at, to] = [sync.began_at, sync.reached_at, sync.until_at].map((t) => Date.parse(t));
  const done = to > from ? Math.floor(Math.min(1, Math.max(0, (at - from) / (to - from))) * 100) : null;
  const parts = [sync.pbx];
  if (sync.paused) parts.push("reading is paused");
  else if (sync.catching_up) parts.push("reading history");
  if (sync.catching_up && sync.reached_at) parts.push(`until ${sync.reached_at.slice(0, 10)}`);
  if (sync.catching_up && done !== null) parts.push(`${done} %`);
  parts.push(`${sync.rows_registered} of ${sync.rows_sent} rows made into calls`);
  if (sync.problem) parts.push(sync.problem);
  return parts.join(", ");
}

function pauseButton(sync) {
  const button = element("button", "", sync.paused ? "Go on reading" : "Pause reading");
  button.type = "button";
  button.addEventListener("click", async () => {
    button.disabled = true;
    try {
      await get(`${base}/${encodeURIComponent(sync.pbx)}/sync`, {
        method: "PUT", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ paused: !sync.paused }),
      });
      problem(null);
    } catch (error) {
      problem(`The reading could not be changed: ${error.message}`);
    }
    await showSyncs();
    if (panel.open) await showPanel();
  });
  return button;
}

async function showSyncs() {
  try {
    const syncs = await get(`${base}/sync`);
    const busy = syncs.filter((s) => s.paused || s.problem || s.catching_up || s.rows_registered < s.rows_sent);
    document.getElementById("syncs").replaceChildren(...busy.map((sync) => {
      const line = element("p", sync.problem ? "sync bad" : "sync", progress(sync));
      line.append(pauseButton(sync));
      return line;
    }));
  } catch {
    // The list says already that the server is away.
  }
}

const day = (iso) => new Date(`${iso}T12:00:00`).toLocaleDateString("en-US", { month: "2-digit", day: "2-digit", year: "2-digit" });

function folder(stats) {
  if (stats.error) return `${stats.base_path}: ${stats.error}`;
  if (stats.file_count === undefined) return `${stats.base_path}: being counted`;
  const days = stats.oldest_day ? `, ${day(stats.oldest_day)} – ${day(stats.newest_day)}. ${stats.days} days` : "";
  return `${stats.base_path}: ${stats.file_count} files, ${(stats.size_bytes / 1e6).toFixed(1)} MB${days}`;
}

function schedule(retention) {
  if (!retention.enabled) return "Recordings are kept";
  const last = retention.last_run;
  const ran = last ? `Last run: ${when(last.started_at)} (${last.files_deleted} files deleted) • ` : "";
  return `The last ${retention.days} days are kept. ${ran}Next: ${retention.next_run_at ? when(retention.next_run_at) : "never"}`;
}

function testButton(pbx, what, label, said) {
  const button = element("button", "", label);
  button.type = "button";
  button.addEventListener("click", async () => {
    button.disabled = true;
    said.className = "soft";
    said.textContent = "Connecting…";
    try {
      const tested = await get(`${base}/${encodeURIComponent(pbx)}/${what}`, { method: "POST" });
      said.className = tested.ok ? "ok" : "bad";
      said.textContent = tested.message;
    } catch (error) {
      said.className = "bad";
      said.textContent = error.message;
    }
    button.disabled = false;
  });
  return button;
}

function pbx(stats, retention, sync) {
  const box = element("div", "pbx");
  const said = element("p", "soft");
  said.setAttribute("role", "status");
  const buttons = element("p", "buttons");
  buttons.append(testButton(stats.pbx, "test-mysql", "Test MySQL", said), testButton(stats.pbx, "test-ssh", "Test SSH", said));
  if (sync) buttons.append(pauseButton(sync));
  box.append(element("h3", "", stats.pbx), element("p", "", folder(stats)), element("p", "", schedule(retention)));
  if (sync) box.append(element("p", "", progress(sync)));
  box.append(buttons, said);
  return box;
}

async function showPanel() {
  try {
    const [stats, retentions, syncs] = await Promise.all(["recordings-stats", "retention", "sync"].map((p) => get(`${base}/${p}`)));
    const of = (all, name) => all.find((one) => one.pbx === name);
    const boxes = stats.map((s) => pbx(s, of(retentions, s.pbx) ?? {}, of(syncs, s.pbx)));
    panel.replaceChildren(panel.querySelector("summary"), ...boxes);
    if (stats.some((s) => s.counting)) setTimeout(() => { if (panel.open) showPanel(); }, 2000);
  } catch (error) {
    problem(`The PBXs could not be shown: ${error.message}`);
  }
}

panel.addEventListener("toggle", () => { if (panel.open) showPanel(); });
showSyncs();
setInterval(showSyncs, 3000);
