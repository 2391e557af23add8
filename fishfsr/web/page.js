// The part of a comparison that shows bicubic follows its slider.
document.addEventListener("input", (event) => {
  const slider = event.target;
  if (slider.matches?.(".compare input")) slider.parentElement.style.setProperty("--at", slider.value + "%");
});
// A picture that is pasted anywhere goes to the field of the tab that is open.
document.addEventListener("paste", (event) => {
  const files = [...(event.clipboardData?.files ?? [])].filter((file) => file.type.startsWith("image/"));
  const field = [...document.querySelectorAll(".drop input[type=file]")].find((each) => each.closest(".drop").offsetParent);
  if (!files.length || !field || event.target.closest?.(".drop")) return;
  const given = new DataTransfer();
  files.forEach((file) => given.items.add(file));
  field.files = given.files;
  field.dispatchEvent(new Event("change", { bubbles: true }));
});
// A file that is too large is named before it is sent: later Gradio says only that an error occurred.
document.addEventListener("change", (event) => {
  const field = event.target;
  if (!field.matches?.(".drop input[type=file]")) return;
  document.querySelector(".too-large")?.remove();
  const large = [...field.files].filter((file) => file.size > MOST_BYTES).map((file) => file.name);
  if (!large.length) return;
  event.stopImmediatePropagation();
  field.value = "";
  const said = document.createElement("p");
  said.className = "problem too-large";
  said.setAttribute("role", "alert");
  said.textContent = `${large.join(", ")}: more than the limit of ${(MOST_BYTES / 2 ** 20).toFixed(0)} MB a file`;
  document.querySelector(".fish.top").append(said);
}, true);
// Gradio puts a button into the button that adds pictures: keys and readers get the outer one alone, which opens the same field.
new MutationObserver(() => {
  document.querySelectorAll(".drop .icon-button button:not([inert])").forEach((inner) => {
    const outer = inner.closest(".icon-button");
    inner.inert = true;
    outer.addEventListener("click", (event) => {
      if (!event.target.matches("input")) outer.querySelector("input[type=file]")?.click();
    });
  });
}).observe(document.documentElement, { childList: true, subtree: true });
