// Sends one large archive to `dashboard/ui/receiving.py`: part by part, each with its SHA-256, for as long as it takes.
// What counts is what the server says it has; this side only ever asks and goes on from there.

const KEPT = "thaw-upload:"; // in localStorage: which upload a file of this name, size and date belongs to
const SMALLEST = 256 * 1024; // bytes of a part
const FIRST = 1024 * 1024;
const PART_SECONDS = 2; // parts grow and shrink towards this, so that little is lost with a broken one
const LONGEST_PAUSE = 15; // seconds between two attempts to reach the server
const SPEED_OVER = 10; // seconds
const DAY = 24 * 3600 * 1000; // milliseconds after which the server forgets what nobody came back to

class Refusal extends Error {
  constructor(status, answer) {
    super(answer?.message ?? `The server answered ${status}.`);
    this.code = answer?.code ?? "";
    this.passes = status === 0 || status === 408 || (status >= 500 && status !== 507) || this.code === "upload-token";
  }
}

class Sender {
  phase = "idle"; // idle, sending, away, paused, finishing, finished, refused
  file = null;
  id = null;
  confirmed = 0; // bytes the server has
  inFlight = 0; // bytes of the part under way that have left
  words = "";
  settings = {};
  view = null;
  #turn = 0; // a loop ends when a later one has begun
  #request = null;
  #wake = () => {};
  #samples = [];

  choose(file) {
    this.file = file;
    this.id = remembered(file)?.id ?? null;
    this.confirmed = 0;
    this.goOn();
  }

  goOn() {
    this.#run(++this.#turn);
  }

  pause() {
    this.#halt();
    this.#become("paused");
  }

  cancel() {
    this.#halt();
    if (this.id) this.#discard(this.id);
    this.#forget();
  }

  forgetKept({ key, id }) {
    localStorage.removeItem(key);
    this.#discard(id);
    this.#become(this.phase);
  }

  // A page was drawn: perhaps with a newer token, perhaps after the server was away.
  drawn() {
    if (this.phase === "finished") this.#handOver(++this.#turn);
    this.#wake();
  }

  // The page went: most likely because it took the upload.
  left() {
    if (this.phase === "finished") this.#forgetIfGone(this.#turn);
  }

  get sent() {
    return Math.min(this.file?.size ?? 0, this.confirmed + this.inFlight);
  }

  get speed() {
    const [first, last] = [this.#samples[0], this.#samples.at(-1)];
    return first && last.at > first.at ? (1000 * (last.sent - first.sent)) / (last.at - first.at) : 0;
  }

  async #run(turn) {
    let failures = 0;
    this.words = "";
    this.#become("sending");
    while (turn === this.#turn) {
      const before = this.confirmed;
      try {
        await this.#ask(turn);
        if (turn !== this.#turn) return;
        this.words = "";
        this.#become("sending");
        await this.#sendAll(turn);
        if (turn !== this.#turn) return;
        this.#become("finishing");
        await this.#call("POST", `/upload/${this.id}/finish`);
        if (turn !== this.#turn) return;
        this.#become("finished");
        return this.#handOver(turn);
      } catch (error) {
        if (turn !== this.#turn) return;
        failures = this.confirmed > before ? 1 : failures + 1;
        if (!(await this.#survives(error, failures))) return;
      }
    }
  }

  // Learn how much is there, or begin.
  async #ask(turn) {
    this.inFlight = 0;
    this.#samples = [];
    const there = this.id ? await this.#call("GET", `/upload/${this.id}`) : { known: false };
    if (turn !== this.#turn) return;
    this.confirmed = there.received ?? 0;
    if (!there.known) {
      const begun = await this.#call("POST", "/upload", JSON.stringify({ name: this.file.name, size: this.file.size }));
      if (turn !== this.#turn) return;
      this.id = begun.id;
    }
    remember(this.file, this.id);
  }

  async #sendAll(turn) {
    let size = Math.min(FIRST, this.settings.chunkBytes);
    while (turn === this.#turn && this.confirmed < this.file.size) {
      const began = performance.now();
      const part = await this.file.slice(this.confirmed, this.confirmed + size).arrayBuffer();
      const headers = { "Upload-Offset": this.confirmed, "Upload-Digest": hex(await crypto.subtle.digest("SHA-256", part)) };
      if (turn !== this.#turn) return;
      const answer = await this.#call("PUT", `/upload/${this.id}`, part, headers);
      if (turn !== this.#turn) return;
      this.confirmed = answer.received;
      remember(this.file, this.id);
      this.inFlight = 0;
      this.#moved();
      const seconds = (performance.now() - began) / 1000;
      if (seconds < PART_SECONDS / 2) size = Math.min(2 * size, this.settings.chunkBytes);
      if (seconds > PART_SECONDS * 2) size = Math.max(size / 2, SMALLEST);
    }
  }

  // Whether to try again after an error, and the wait before that.
  async #survives(error, failures) {
    this.inFlight = 0;
    if (!(error instanceof Refusal)) {
      return this.#refuse("The file can no longer be read: it was moved or changed. Cancel, then choose it again.");
    }
    if (["upload-offset", "upload-unknown", "upload-finished"].includes(error.code) && failures < 5) return true; // ask
    if (error.code === "upload-digest" && failures < 5) return true;
    if (!error.passes) return this.#refuse(error.message);
    if (error.code === "upload-token") this.view?.trigger("token", `${Date.now()}`);
    this.words = error.code === "upload-token" && failures > 5 ? error.message : "";
    this.#become("away");
    await this.#wait(Math.min(LONGEST_PAUSE, 0.5 * 2 ** failures));
    return true;
  }

  #refuse(words) {
    this.words = words;
    this.#become("refused");
    return false;
  }

  // Tell the page until it has heard: then the upload is gone from where it was.
  async #handOver(turn) {
    for (let seconds = 15; turn === this.#turn && this.view; seconds *= 2) {
      if ((await this.#forgetIfGone(turn)) || turn !== this.#turn) return;
      this.view?.trigger("finished", this.id);
      await this.#wait(seconds);
    }
  }

  async #forgetIfGone(turn) {
    const gone = await this.#call("GET", `/upload/${this.id}`).then(
      (there) => !there.known,
      () => false,
    );
    if (gone && turn === this.#turn) this.#forget();
    return gone;
  }

  // What is handed over or cancelled is no longer ours.
  #forget() {
    this.#turn++;
    if (this.file) localStorage.removeItem(keyOf(this.file));
    Object.assign(this, { file: null, id: null, confirmed: 0, inFlight: 0, words: "" });
    this.#become("idle");
  }

  #discard(id) {
    this.#call("DELETE", `/upload/${id}`).catch(() => {}); // else the server forgets it in a day
  }

  #halt() {
    this.#turn++;
    this.#request?.abort();
    this.#wake();
    this.inFlight = 0;
  }

  #wait(seconds) {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, 1000 * seconds);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  #become(phase) {
    this.phase = phase;
    this.view?.draw();
  }

  #moved() {
    const now = performance.now();
    this.#samples.push({ at: now, sent: this.sent });
    while (now - this.#samples[0].at > 1000 * SPEED_OVER) this.#samples.shift();
    this.view?.draw();
  }

  // XMLHttpRequest, because fetch does not tell how much of a body has left.
  #call(method, path, body = null, headers = {}) {
    return new Promise((resolve, reject) => {
      const request = new XMLHttpRequest();
      request.open(method, path);
      request.responseType = "json";
      request.timeout = 300_000;
      request.setRequestHeader("Upload-Token", this.settings.token);
      for (const [name, value] of Object.entries(headers)) request.setRequestHeader(name, value);
      request.onload = () => {
        if (request.status >= 200 && request.status < 300 && request.response) resolve(request.response);
        else reject(new Refusal(request.status, request.response));
      };
      request.onerror = request.ontimeout = request.onabort = () => reject(new Refusal(0));
      if (method === "PUT") {
        request.upload.onprogress = (event) => {
          if (request !== this.#request) return;
          this.inFlight = event.loaded;
          this.#moved();
        };
        this.#request = request;
      }
      request.send(body);
    });
  }
}

const keyOf = (file) => `${KEPT}${file.name}:${file.size}:${file.lastModified}`;

const hex = (digest) => [...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, "0")).join("");

function remember(file, id) {
  const { name, size } = file;
  localStorage.setItem(keyOf(file), JSON.stringify({ id, name, size, at: Date.now() }));
}

function remembered(file) {
  return kept().find((each) => each.key === keyOf(file));
}

// Uploads that were begun in this browser within a day, latest first.
function kept() {
  const found = [];
  for (const key of Object.keys(localStorage).filter((key) => key.startsWith(KEPT))) {
    try {
      const each = { ...JSON.parse(localStorage.getItem(key)), key };
      if (Date.now() - each.at < DAY) found.push(each);
      else localStorage.removeItem(key);
    } catch {
      localStorage.removeItem(key);
    }
  }
  return found.sort((one, other) => other.at - one.at);
}

function bytes(count) {
  if (count >= 1024 ** 3) return `${(count / 1024 ** 3).toFixed(2)} GB`;
  return `${(count / 1024 ** 2).toFixed(1)} MB`;
}

function duration(seconds) {
  const whole = Math.max(1, Math.round(seconds));
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`;
}

const STATES = {
  idle: "",
  sending: "Sending",
  away: "The server does not answer. Trying again; nothing that has arrived is lost.",
  paused: "Paused",
  finishing: "All has been sent; the server is writing it down",
  finished: "Arrived whole",
  refused: "",
};

function draw(find, sender) {
  const { phase, file, words } = sender;
  const idle = phase === "idle";
  const part = (name, text) => {
    const element = find(name);
    if (element.textContent !== text) element.textContent = text;
  };
  find(".zone").hidden = !idle;
  find(".under-way").hidden = idle;
  if (idle) find(".sure").hidden = true;
  drawLeft(find, part, idle);
  if (idle) return;
  part(".name", file.name);
  part(".size", bytes(file.size));
  find("progress").value = file.size ? sender.sent / file.size : 0;
  const { speed } = sender;
  let figures = `${bytes(sender.sent)} of ${bytes(file.size)}`;
  if (phase === "sending" && speed > 0) {
    figures += ` · ${bytes(speed)}/s · about ${duration((file.size - sender.sent) / speed)} left`;
  }
  part(".figures", figures);
  part(".state", words || STATES[phase]);
  find(".pause").hidden = !["sending", "away"].includes(phase);
  find(".go-on").hidden = !["paused", "refused"].includes(phase);
  find(".cancel").hidden = ["finishing", "finished"].includes(phase) || !find(".sure").hidden;
  part(".question", `${bytes(sender.confirmed)} have arrived and would be lost.`);
}

function drawLeft(find, part, idle) {
  const [latest] = idle ? kept() : [];
  find(".left").hidden = !latest;
  if (latest) part(".words", `${latest.name} (${bytes(latest.size)}) did not come whole. Choose the same file to go on.`);
}

// One sender for the window: it goes on while other pages of the app are looked at.
const theSender = () => (window.thawSender ??= new Sender());

export default function ({ data, parentElement, setTriggerValue }) {
  const sender = theSender();
  const find = (selector) => parentElement.querySelector(selector);
  const [input, zone] = [find("input"), find(".zone")];
  const view = { draw: () => draw(find, sender), trigger: setTriggerValue };
  sender.settings = data;
  sender.view = view;

  const safe = Boolean(globalThis.crypto?.subtle);
  find(".label").textContent = data.label;
  find(".hint").textContent = safe ? data.hint : data.unsafe;
  input.disabled = !safe;
  zone.classList.toggle("closed", !safe);

  const choose = (files) => {
    if (safe && sender.phase === "idle" && files.length) sender.choose(files[0]);
  };
  input.onchange = () => {
    choose([...input.files]);
    input.value = ""; // the same file may be chosen again
  };
  zone.ondragover = (event) => {
    event.preventDefault();
    zone.classList.add("over");
  };
  zone.ondragleave = () => zone.classList.remove("over");
  zone.ondrop = (event) => {
    event.preventDefault();
    zone.classList.remove("over");
    choose([...event.dataTransfer.files]);
  };
  const ask = (sure) => {
    find(".sure").hidden = !sure;
    view.draw();
    find(sure ? ".keep" : ".cancel").focus();
  };
  find(".pause").onclick = () => {
    sender.pause();
    find(".go-on").focus();
  };
  find(".go-on").onclick = () => {
    sender.goOn();
    find(".pause").focus();
  };
  find(".cancel").onclick = () => (sender.confirmed ? ask(true) : sender.cancel());
  find(".keep").onclick = () => ask(false);
  find(".discard").onclick = () => {
    find(".sure").hidden = true;
    sender.cancel();
    input.focus();
  };
  find(".forget").onclick = () => {
    const [latest] = kept();
    if (latest) sender.forgetKept(latest);
    input.focus();
  };
  view.draw();
  sender.drawn();
  return () => {
    if (sender.view !== view) return;
    sender.view = null;
    sender.left();
  };
}
