// The list of sources: ticks, removing with a question before, and files that are added by a button
// or by dropping them. All that came from elsewhere is put on the page as text.
(() => {
  const library = () => document.getElementById("library");
  const ticks = {};
  let every = "";
  let busy = false;
  let last = ""; // what had the focus in the list, to give it back when the list is drawn again

  function make(tag, parent, attributes = {}, words = "") {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    element.textContent = words;
    parent?.append(element);
    return element;
  }

  // To the server, through a text box that nobody sees. A time makes each message another one.
  function send(box, message) {
    const field = document.querySelector(`#${box} :is(textarea, input)`);
    field.value = JSON.stringify({ ...message, at: Date.now() });
    field.dispatchEvent(new Event("input", { bubbles: true }));
  }

  // Ticks are sent all together: one message that is overtaken by the next loses nothing.
  function tick(event) {
    if (!event.target.matches?.("#files input.answers")) return;
    ticks[decodeURIComponent(event.target.value)] = event.target.checked;
    send("ticks", { every, ticks });
  }

  function tickEvery(which) {
    every = which;
    for (const name of Object.keys(ticks)) delete ticks[name];
    for (const box of document.querySelectorAll("#files input.answers:enabled")) {
      box.checked = which === "all";
    }
    send("ticks", { every, ticks });
  }

  // Whether a person is sure. Escape is no; the focus goes back by itself.
  function sure(question, remark, verb) {
    const dialog = make("dialog", document.body, { class: "sure", "aria-labelledby": "sure-question" });
    make("p", dialog, { id: "sure-question", dir: "auto" }, question);
    make("p", dialog, { class: "remark" }, remark);
    const form = make("form", dialog, { method: "dialog" });
    make("button", form, { value: "", class: "no" }, "Cancel");
    make("button", form, { value: "yes", class: "yes" }, verb);
    dialog.showModal();
    return new Promise((resolve) => {
      dialog.addEventListener("close", () => {
        resolve(dialog.returnValue === "yes");
        dialog.remove();
      });
    });
  }

  async function remove(button) {
    const source = decodeURIComponent(button.value);
    const name = button.querySelector(".unseen").textContent.trim();
    const remark = "It no longer answers. It is kept, and can be restored.";
    if (await sure(`Remove “${name}”?`, remark, "Remove")) send("command", { do: "remove", source });
  }

  async function rebuild() {
    const remark = "Every document is read again. Until that is done the old index answers.";
    if (await sure("Rebuild the index?", remark, "Rebuild")) send("command", { do: "rebuild" });
  }

  function results() {
    document.getElementById("added")?.remove();
    const box = make("section", null, { id: "added", "aria-label": "Files that are added" });
    document.getElementById("adding").after(box);
    const message = make("p", box, { role: "status" });
    return { message, list: make("ul", box) };
  }

  async function add(files) {
    const [most, bytes] = library().querySelector("button.add").value.split(" ").map(Number);
    if (!files.length || busy) return;
    busy = true;
    const { message, list } = results();
    let stored = 0;
    if (files.length > most) {
      message.textContent = `These are ${files.length} files, and none was added: add at most ${most} at a time.`;
    } else {
      for (const [number, file] of files.entries()) {
        message.textContent = `Adding file ${number + 1} of ${files.length}…`;
        if (await addOne(file, bytes, make("li", list))) stored += 1;
      }
      message.textContent = `${stored} of ${files.length} in the folder.`;
      if (stored) send("command", { do: "sync" });
    }
    busy = false;
  }

  // Whether the file is now in the folder; the row tells how far it is, and what came of it.
  async function addOne(file, bytes, row) {
    const words = make("span", row, { dir: "auto" }, file.name);
    const bar = make("progress", row, { max: "1", value: "0", "aria-label": file.name });
    let outcome = { message: `“${file.name}” was not added: over the ${bytes / 2 ** 20} MB limit.` };
    if (file.size <= bytes) outcome = await post(file, bar);
    bar.remove();
    words.textContent = outcome.message;
    row.className = outcome.stored ? "good" : "bad";
    return outcome.stored;
  }

  function post(file, bar) {
    const url = new URL("gradio_api/upload", document.baseURI);
    url.searchParams.set("name", file.name);
    const request = new XMLHttpRequest();
    request.open("POST", url);
    request.setRequestHeader("Content-Type", "application/octet-stream");
    request.upload.onprogress = ({ loaded, total }) => {
      bar.value = loaded / total;
      if (loaded === total) bar.removeAttribute("value"); // it is being judged
    };
    return new Promise((resolve) => {
      const failed = () =>
        resolve({ message: `“${file.name}” was not added. ${request.responseText || "It could not be sent."}` });
      request.onload = () => (request.status === 200 ? resolve(JSON.parse(request.responseText)) : failed());
      request.onerror = failed;
      request.send(file);
    });
  }

  function choose(button) {
    const kinds = button.value.split(" ")[2];
    const input = make("input", null, { type: "file", multiple: "", accept: kinds });
    input.addEventListener("change", () => add([...input.files]));
    input.click();
  }

  // A sync that would remove most of the documents asks first, in the status and under the tab.
  function confirmRemoval(button) {
    send("command", button.value ? { do: button.value, confirmed: true } : { do: "leave" });
  }

  function click(event) {
    const answer = event.target.closest?.(".removal button");
    if (answer) return confirmRemoval(answer);
    const button = event.target.closest?.("#library button");
    if (!button) return;
    if (button.matches(".add")) choose(button);
    else if (button.matches(".remove")) remove(button);
    else if (button.matches(".restore")) {
      send("command", { do: "restore", source: decodeURIComponent(button.value) });
    } else if (button.matches(".rebuild")) rebuild();
    else if (button.matches(".sync")) send("command", { do: "sync" });
    else if (button.matches(".every")) tickEvery(button.value);
  }

  // A file dropped beside its place would open instead of the page.
  function drag(event) {
    if (!event.dataTransfer?.types.includes("Files")) return;
    event.preventDefault();
    const place = event.target.closest?.("#library");
    const may = Boolean(place?.querySelector("button.add"));
    event.dataTransfer.dropEffect = may ? "copy" : "none";
    library()?.classList.toggle("dropping", may && event.type === "dragover");
    if (may && event.type === "drop") add([...event.dataTransfer.files]);
  }

  const key = (element) => `${element.tagName}.${element.className}[value="${CSS.escape(element.value ?? "")}"]`;

  function keepFocus() {
    const list = document.getElementById("files");
    if (!last || document.activeElement !== document.body || !list) return;
    (list.querySelector(last) ?? list.querySelector("input, a, button"))?.focus({ preventScroll: true });
  }

  document.addEventListener("change", tick);
  document.addEventListener("click", click);
  document.addEventListener("focusin", (event) => {
    last = event.target.closest?.("#files") ? key(event.target) : "";
  });
  document.addEventListener("pointerdown", (event) => {
    if (!event.target.closest?.("#files")) last = "";
  });
  for (const kind of ["dragover", "dragleave", "drop"]) document.addEventListener(kind, drag, true);
  new MutationObserver(keepFocus).observe(document, { childList: true, subtree: true });
})();
