"use strict";
document.documentElement.classList.add("scripted");

const viewer = document.getElementById("viewer");
const stage = viewer.querySelector(".stage");
const facts = viewer.querySelector(".facts");
const pictures = () => [...document.querySelectorAll("main .picture[data-facts]")].filter((p) => p.offsetParent);
let current = null;

function show(picture) {
  current = picture;
  const copy = document.createElement("div");
  copy.className = "picture";
  copy.append(...[...picture.children].map((child) => child.cloneNode(true)));
  stage.replaceChildren(copy);
  facts.textContent = picture.dataset.facts;
  if (!viewer.open) viewer.showModal();
}

function step(by) {
  const all = pictures();
  show(all[(all.indexOf(current) + by + all.length) % all.length]);
}

document.querySelector("main").addEventListener("click", (event) => {
  const picture = event.target.closest(".picture[data-facts]");
  if (picture) show(picture);
});
viewer.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (button?.dataset.step) step(Number(button.dataset.step));
  else if (button || event.target === viewer) viewer.close();
});
viewer.addEventListener("keydown", (event) => {
  if (event.key === "ArrowRight") step(1);
  if (event.key === "ArrowLeft") step(-1);
});
viewer.addEventListener("close", () => current?.focus());

const filter = document.querySelector(".filter");
filter.addEventListener("click", (event) => {
  const chosen = event.target.closest("button");
  if (!chosen) return;
  for (const button of filter.querySelectorAll("button")) button.setAttribute("aria-pressed", String(button === chosen));
  for (const part of document.querySelectorAll("[data-status]")) {
    part.hidden = chosen.value !== "" && !part.dataset.status.split(" ").includes(chosen.value);
  }
});
