"use strict";

const SHOWN = 3; // classes a card
const NOT_SURE = 0.5; // below this probability of the top class a card says so
const form = document.getElementById("form");
const pictures = document.getElementById("pictures");
const token = document.getElementById("token");
const said = document.getElementById("said");
const items = document.getElementById("items");

function headers() {
  return token ? { Authorization: `Bearer ${token.value}` } : {};
}

function element(name, text) {
  const made = document.createElement(name);
  made.textContent = text;
  return made;
}

function percent(value) {
  return `${(100 * value).toFixed(1)} %`;
}

function card(item, file) {
  const made = document.createElement("li");
  const image = document.createElement("img");
  image.alt = "";
  image.src = URL.createObjectURL(file);
  image.onload = () => URL.revokeObjectURL(image.src);
  image.onerror = () => image.remove();
  made.append(image, element("div", item.name));
  if (item.error) {
    made.append(element("p", item.error.message));
    return made;
  }
  if (item.top[0].probability < NOT_SURE) {
    made.append(element("strong", "Not sure."));
  }
  const list = document.createElement("dl");
  for (const each of item.top) {
    const meter = document.createElement("meter");
    meter.value = each.probability;
    meter.setAttribute("aria-label", each.class_name);
    const bar = document.createElement("dd");
    bar.append(meter);
    list.append(element("dt", each.class_name), element("dd", percent(each.probability)), bar);
  }
  made.append(list);
  return made;
}

async function classify(event) {
  event.preventDefault();
  const files = [...pictures.files];
  items.replaceChildren();
  said.textContent = "Classifying…";
  try {
    const answer = await fetch(`/predict?top=${SHOWN}`, { method: "POST", headers: headers(), body: new FormData(form) });
    const told = await answer.json();
    said.textContent = answer.ok ? "" : told.message;
    if (answer.ok) {
      items.append(...told.pictures.map((item, number) => card(item, files[number])));
    }
  } catch {
    said.textContent = "The service did not answer. See whether it still runs.";
  }
}

async function tellClasses() {
  const answer = await fetch("/labels", { headers: headers() });
  if (answer.ok) {
    document.getElementById("classes").textContent = `Among: ${(await answer.json()).class_names.join(", ")}`;
  }
}

form.addEventListener("submit", classify);
if (!token) {
  tellClasses();
}
