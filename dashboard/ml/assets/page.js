// Names pictures with model.onnx, all inside this browser. Whatever a name says is shown as text and nothing else.

const SHOWN = 3; // classes on a card; the others unfold
const NOT_SURE = 0.5; // below this probability of the top class a card says so
const LISTED = 12; // classes named above
const THUMBNAIL = 480; // pixels of the longer side
const MOST_PIXELS = 40e6;
const runtime = document.getElementById("runtime");
const said = document.getElementById("said");
const progress = document.getElementById("progress");
const items = document.getElementById("items");
const viewer = document.getElementById("viewer");
const video = document.getElementById("video");

let ort, session, classNames;
let waiting = Promise.resolve(); // pictures are named one after the other
let total = 0;
let done = 0;

function element(name, text, className) {
  const made = document.createElement(name);
  made.textContent = text;
  if (className) made.className = className;
  return made;
}

function plural(count, one, many) {
  return `${count.toLocaleString("en")} ${count === 1 ? one : many}`;
}

/** The bytes at an address, telling how far it is; `digest` is what they must have. */
async function bytes(address, what, digest) {
  const answer = await fetch(address, digest ? { integrity: digest } : {});
  if (!answer.ok) throw new Error(`${address} could not be loaded (${answer.status})`);
  const size = Number(answer.headers.get("Content-Length"));
  const encoded = answer.headers.get("Content-Encoding"); // the length would be that of something else
  const reader = answer.body.getReader();
  const parts = [];
  let count = 0;
  for (;;) {
    const { done: ended, value } = await reader.read();
    if (ended) break;
    parts.push(value);
    count += value.length;
    said.textContent = `Loading ${what}: ${(count / 1e6).toFixed(1)} MB`;
    if (size && !encoded) progress.value = count / size;
  }
  return new Uint8Array(await new Blob(parts).arrayBuffer());
}

async function open() {
  said.textContent = "Loading what computes the model…";
  progress.hidden = false;
  ort = await import(runtime.src); // the very module of the script element, whose digest has been checked
  ort.env.wasm.numThreads = 1; // more of them need a server with special headers
  ort.env.wasm.wasmBinary = await bytes(runtime.dataset.wasm, "what computes the model", runtime.dataset.wasmDigest);
  const labels = await fetch("labels.json");
  if (!labels.ok) throw new Error(`labels.json could not be loaded (${labels.status})`);
  classNames = (await labels.json()).class_names;
  const model = await bytes("model.onnx", "the model");
  progress.removeAttribute("value");
  said.textContent = "Opening the model…";
  session = await ort.InferenceSession.create(model, { executionProviders: ["wasm"] });
  await probabilities({ pixels: new Float32Array(32 * 32 * 3), width: 32, height: 32 }); // the first one takes longer
}

/** A picture upright, its colours as the file has them, transparency on white. */
async function decoded(source) {
  const options = { imageOrientation: "from-image", colorSpaceConversion: "none", premultiplyAlpha: "none" };
  const bitmap = await createImageBitmap(source, options);
  if (bitmap.width * bitmap.height > MOST_PIXELS) {
    throw new Error(`It has more than ${MOST_PIXELS / 1e6} million pixels. Scale it down first.`);
  }
  const canvas = document.createElement("canvas");
  canvas.width = bitmap.width;
  canvas.height = bitmap.height;
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.fillStyle = "white";
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.drawImage(bitmap, 0, 0);
  bitmap.close();
  return canvas;
}

/** RGB 0..255, row by row: what the model takes. It resizes by itself. */
function rgb(canvas) {
  const { width, height } = canvas;
  const { data } = canvas.getContext("2d").getImageData(0, 0, width, height);
  const pixels = new Float32Array(width * height * 3);
  for (let from = 0, to = 0; from < data.length; from += 4) {
    pixels[to++] = data[from];
    pixels[to++] = data[from + 1];
    pixels[to++] = data[from + 2];
  }
  return { pixels, width, height };
}

async function probabilities({ pixels, width, height }) {
  const images = new ort.Tensor("float32", pixels, [1, height, width, 3]);
  const found = await session.run({ images });
  return [...found.probabilities.data];
}

function thumbnail(canvas) {
  const scale = Math.min(1, THUMBNAIL / Math.max(canvas.width, canvas.height));
  const small = document.createElement("canvas");
  small.width = Math.max(1, Math.round(canvas.width * scale));
  small.height = Math.max(1, Math.round(canvas.height * scale));
  small.getContext("2d").drawImage(canvas, 0, 0, small.width, small.height);
  small.setAttribute("aria-hidden", "true");
  return small;
}

function list(ranked) {
  const made = document.createElement("dl");
  for (const { name, value } of ranked) {
    const bar = element("dd", "", "bar");
    Object.assign(bar.dataset, { name, probability: value });
    bar.setAttribute("aria-hidden", "true"); // the number beside it says the same
    bar.append(document.createElement("div"));
    bar.firstChild.style.width = `${100 * value}%`;
    made.append(element("dt", name), element("dd", `${(100 * value).toFixed(1)} %`), bar);
  }
  return made;
}

function answered(card, values, milliseconds) {
  const ranked = classNames.map((name, index) => ({ name, value: values[index] })).sort((a, b) => b.value - a.value);
  card.append(element("span", ranked[0].value < NOT_SURE ? `Not sure: ${ranked[0].name}?` : ranked[0].name, "top"));
  card.append(list(ranked.slice(0, SHOWN)));
  if (ranked.length > SHOWN) {
    const others = document.createElement("details");
    others.append(element("summary", plural(ranked.length - SHOWN, "other class", "other classes")));
    others.addEventListener("toggle", () => others.append(list(ranked.slice(SHOWN))), { once: true });
    card.append(others);
  }
  card.append(element("div", `${Math.round(milliseconds)} ms`, "small"));
}

async function name(card, source) {
  try {
    const canvas = await decoded(source).catch((error) => {
      const cannot = "This browser cannot read it as a picture. Save it as JPEG or PNG.";
      throw error instanceof DOMException ? new Error(cannot) : error;
    });
    card.prepend(thumbnail(canvas));
    const picture = rgb(canvas);
    const began = performance.now();
    const values = await probabilities(picture);
    answered(card, values, performance.now() - began);
  } catch (error) {
    card.append(element("p", error.message, "problem"));
  }
  card.dataset.done = "";
}

function take(sources) {
  if (!session || !sources.length) return;
  total += sources.length;
  tell();
  const before = items.firstChild; // what comes last stands above what was there
  for (const { source, title } of sources) {
    waiting = waiting.then(async () => {
      const card = document.createElement("li");
      card.append(element("div", title, "small"));
      items.insertBefore(card, before);
      await name(card, source);
      done += 1;
      tell();
      await new Promise((resolve) => setTimeout(resolve)); // the page is drawn in between
    });
  }
}

function tell() {
  progress.hidden = done === total;
  progress.max = 1;
  progress.value = done / total;
  const pictures = plural(total, "picture", "pictures");
  said.textContent = done === total ? `${pictures} looked at.` : `${done} of ${pictures} looked at…`;
}

function given(files) {
  take([...files].map((file) => ({ source: file, title: file.name })));
}

function watchDrops() {
  document.addEventListener("dragover", (event) => {
    event.preventDefault();
    document.body.classList.add("over");
  });
  document.addEventListener("dragleave", (event) => {
    if (!event.relatedTarget) document.body.classList.remove("over");
  });
  document.addEventListener("drop", (event) => {
    event.preventDefault();
    document.body.classList.remove("over");
    given(event.dataTransfer.files);
  });
  document.getElementById("pictures").addEventListener("change", (event) => {
    given(event.target.files);
    event.target.value = ""; // the same file may be chosen again
  });
}

async function openCamera() {
  try {
    video.srcObject = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" } });
    viewer.hidden = false;
  } catch {
    said.textContent = "The camera cannot be used. Allow this page to use it, or choose a picture.";
  }
}

function closeCamera() {
  for (const track of video.srcObject?.getTracks() ?? []) track.stop();
  video.srcObject = null;
  viewer.hidden = true;
}

function watchCamera() {
  const camera = document.getElementById("camera");
  camera.hidden = !navigator.mediaDevices?.getUserMedia;
  camera.addEventListener("click", openCamera);
  document.getElementById("close").addEventListener("click", closeCamera);
  document.getElementById("snap").addEventListener("click", async () => {
    if (video.videoWidth) take([{ source: await createImageBitmap(video), title: "From the camera" }]);
  });
}

try {
  await open();
  document.getElementById("classes").textContent =
    `One of ${classNames.length}: ${classNames.slice(0, LISTED).join(", ")}${classNames.length > LISTED ? "…" : ""}. ` +
    "Pictures stay in this browser; none is sent anywhere.";
  document.getElementById("ways").hidden = false;
  said.textContent = "";
  watchDrops();
  watchCamera();
} catch (error) {
  said.textContent = `The model could not be opened: ${error.message}. README.txt says how this folder is served.`;
}
progress.hidden = true;
