// The buttons at each turn and in the list of conversations. Their commands are put into hidden
// text boxes, which the server reads and believes nothing of. All text is set as text.
(() => {
  const one = (selector, within = document) => within.querySelector(selector);
  const pause = (milliseconds) => new Promise((done) => setTimeout(done, milliseconds));
  let commands = 0;
  let now = "";
  let restored = false;
  let editing = false;
  let due = false;

  function make(tag, text, properties = {}) {
    return Object.assign(document.createElement(tag), { textContent: text }, properties);
  }

  // One after the other: Gradio reads a box a moment after the event.
  let before = Promise.resolve();
  function send(kind, what) {
    commands += 1;
    const text = JSON.stringify({ ...what, nonce: commands });
    before = before.then(() => {
      const box = one(`#command-${kind} input`);
      box.value = text;
      box.dispatchEvent(new Event("input", { bubbles: true }));
      box.dispatchEvent(new KeyboardEvent("keypress", { key: "Enter", bubbles: true }));
      return pause(30);
    });
    return commands;
  }

  // What the server answers to one command; nothing if that takes half a minute. One at a time:
  // the answers come in one box, where the next would take the place of one not yet seen.
  let answered = Promise.resolve();
  function fetchFor(what) {
    answered = answered.catch(() => {}).then(() => fetchOne(what));
    return answered;
  }

  async function fetchOne(what) {
    const box = one("#command-fetched input");
    let last = box.value;
    const mine = send("fetch", what);
    for (let tries = 0; tries < 600; tries += 1) {
      await pause(50);
      if (box.value === last) continue;
      last = box.value;
      const reply = JSON.parse(last);
      if (reply.for === mine) return reply;
    }
    return {};
  }

  // Where the page has no secure address, browsers offer only the old way.
  async function copied(text) {
    try {
      await navigator.clipboard.writeText(text);
      return true;
    } catch {
      const box = make("textarea", text, { readOnly: true, className: "unseen" });
      document.body.append(box);
      box.select();
      const done = document.execCommand("copy");
      box.remove();
      return done;
    }
  }

  async function copy(turn, button) {
    const reply = await fetchFor({ do: "copy", turn });
    if (reply.text === undefined) return;
    const name = button.textContent;
    button.textContent = (await copied(reply.text)) ? "Copied" : "Not copied";
    button.focus();
    await pause(2000);
    button.textContent = name;
  }

  async function download(key, kind) {
    const reply = await fetchFor({ do: "export", key, kind });
    if (!reply.save) return;
    const address = URL.createObjectURL(new Blob([reply.text], { type: "text/plain" }));
    make("a", "", { href: address, download: reply.save }).click();
    setTimeout(() => URL.revokeObjectURL(address), 60000);
  }

  // One question in a box above the page: a text, or whether to go on. Null where it was left.
  function inquire(question, yes, text) {
    const dialog = make("dialog", "", { className: "inquiry" });
    const form = make("form", "", { method: "dialog" });
    const label = make("label", question);
    const box = make("input", "", { type: "text", value: text ?? "", maxLength: 100 });
    const leave = make("button", "Cancel", { type: "button" });
    leave.addEventListener("click", () => dialog.close());
    if (text !== undefined) label.append(box);
    form.append(label, leave, make("button", yes, { value: "yes" }));
    dialog.append(form);
    (one(".gradio-container") ?? document.body).append(dialog);
    dialog.showModal();
    box.select();
    return new Promise((done) => {
      dialog.addEventListener("close", () => {
        dialog.remove();
        done(dialog.returnValue === "yes" ? box.value : null);
      });
    });
  }

  async function rename(key, title) {
    const text = await inquire("Title of this conversation", "Rename", title);
    if (text !== null) send("change", { do: "rename", key, title: text });
  }

  async function erase(key, title) {
    const sure = await inquire(`Delete “${title}”? It cannot be brought back.`, "Delete");
    if (sure !== null) send("change", { do: "delete", key });
  }

  function askThat(event) {
    const link = event.target.closest?.("a.ask");
    if (!link) return;
    event.preventDefault();
    const box = one("#question textarea");
    box.value = link.textContent;
    box.focus();
    box.dispatchEvent(new Event("input", { bubbles: true }));
    box.dispatchEvent(new KeyboardEvent("keypress", { key: "Enter", bubbles: true }));
  }

  function edit(turn) {
    editing = true;
    send("change", { do: "edit", turn });
    one("#question textarea").focus();
  }

  // What is thought of an answer stands on it as a class, as the server put it there.
  const saidIn = (bar) => one(".said", bar.closest(".bot-row"));

  function press(bar) {
    for (const button of bar.querySelectorAll("[data-way]")) {
      const pressed = saidIn(bar).classList.contains(button.dataset.way);
      button.setAttribute("aria-pressed", String(pressed));
    }
  }

  // Pressed once more, a thumb is taken back.
  function thumb(turn, way, bar, button) {
    const said = saidIn(bar);
    const back = said.classList.contains(way);
    said.classList.remove("up", "down");
    if (!back) said.classList.add(way);
    press(bar);
    fetchFor({ do: back ? "none" : way, turn });
    one("form", bar)?.remove();
    if (!back) invite(turn, way, bar, button);
  }

  function invite(turn, way, bar, button) {
    const form = make("form", "", { className: "comment" });
    const box = make("input", "", { type: "text", maxLength: 2000, placeholder: "Why? (optional)" });
    box.setAttribute("aria-label", "Comment on this answer, optional");
    form.append(box, make("button", "Send", { className: "act" }));
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      fetchFor({ do: way, turn, comment: box.value });
      form.remove();
      button.focus();
    });
    bar.append(form);
  }

  function act(name, label, does) {
    const button = make("button", name, { type: "button", className: "act", title: label });
    button.setAttribute("aria-label", label);
    button.addEventListener("click", () => does(button));
    return button;
  }

  // A row of buttons that stands as long as what it is for does.
  function bar(place, what, buttons) {
    const there = one(":scope > .acts", place);
    if (there?.dataset.for === what) return;
    there?.remove();
    if (!what) return;
    const made = make("div", "", { className: "acts" });
    made.dataset.for = what;
    made.setAttribute("aria-live", "off");
    made.append(...buttons(made));
    place.append(made);
  }

  function answerButtons(turn, isAnswered, isLast) {
    const number = turn + 1;
    return (made) => {
      const way = (name, does) => {
        const label = `${name}: answer ${number}`;
        const button = act(name, label, () => thumb(turn, does, made, button));
        button.dataset.way = does;
        return button;
      };
      const again = act("Retry", `Retry question ${number}; what followed it goes`, () =>
        send("retry", { turn }),
      );
      const undo = act("Undo", "Undo: take the last question back", () => {
        send("change", { do: "undo" });
        one("#question textarea").focus();
      });
      const copying = act("Copy", `Copy answer ${number} with footnotes`, (button) =>
        copy(turn, button),
      );
      return [
        ...(isAnswered ? [copying] : []),
        again,
        ...(isLast ? [undo] : []),
        ...(isAnswered ? [way("Helpful", "up"), way("Not helpful", "down")] : []),
      ];
    };
  }

  // The turn, from 0, that a row is of. The earlier ones may not be drawn.
  const turnOf = (row, of) => Number(one(`.${of}`, row).id.slice(of.length + 1)) - 1;

  function dressTurns() {
    const answers = [...document.querySelectorAll("#chat .bot-row:has(.said)")];
    answers.forEach((row, place) => {
      const isLast = place === answers.length - 1;
      const isAnswered = one(".statement, .abstention", row) !== null;
      const turn = turnOf(row, "said");
      const asked = one(".asked", row.previousElementSibling ?? row)?.textContent ?? "";
      const what = one(".reading", row) ? "" : `${now} ${turn} ${isLast} ${isAnswered} ${asked}`;
      const message = one(".message", row)?.parentElement;
      if (message) bar(message, what, answerButtons(turn, isAnswered, isLast));
      const made = one(".acts", row);
      if (made) press(made);
    });
    const isReading = one("#chat .reading") !== null;
    for (const row of document.querySelectorAll("#chat .user-row:has(.asked)")) {
      const turn = turnOf(row, "asked");
      const message = one(".message", row)?.parentElement;
      const button = () => [act("Edit", `Edit question ${turn + 1}`, () => edit(turn))];
      if (message) bar(message, isReading ? "" : `question ${turn}`, button);
    }
  }

  function showEarlier(event) {
    if (!event.target.closest?.(".earlier a")) return;
    event.preventDefault();
    send("change", { do: "earlier" });
  }

  const wanted = () => /^#c-([0-9a-f]{32})$/.exec(location.hash)?.[1] ?? "";
  const open = () => send("change", { do: "open", key: wanted() });

  function dressList() {
    if (!one(".talks")) return;
    const link = one(".talks .now");
    const current = link ? link.hash.slice(3) : "";
    if (current !== now) {
      now = current;
      const address = location.pathname + location.search + (now ? `#c-${now}` : "");
      history.replaceState(null, "", address);
    } else if (!restored && wanted() && wanted() !== now) {
      open();
    }
    restored = true;
    if (!link) return;
    link.setAttribute("aria-current", "page");
    const title = link.textContent;
    bar(link.parentElement, `${now} ${title}`, () => [
      act("Rename", "Rename this conversation", () => rename(current, title)),
      act("Delete", "Delete this conversation", () => erase(current, title)),
      act(".md", "Save this conversation as Markdown, .md", () => download(current, "md")),
      act(".json", "Save this conversation's answers as .json", () => download(current, "json")),
    ]);
  }

  function dress() {
    due = false;
    dressList();
    dressTurns();
    if (one("#chat .reading")) editing = false;
  }

  // The list is drawn anew when a conversation is opened: the keyboard stays where it was.
  let focused = "";
  document.addEventListener("focusin", (event) => {
    focused = event.target.closest?.(".talks a")?.hash ?? "";
  });
  function refocus() {
    if (focused && document.activeElement === document.body) {
      one(`.talks a[href="${CSS.escape(focused).replace("\\#", "#")}"]`)?.focus();
    }
  }

  document.addEventListener("click", askThat, true);
  document.addEventListener("click", showEarlier, true);
  addEventListener("hashchange", () => {
    if (wanted() && wanted() !== now) open();
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !editing || !event.target.closest?.("#question")) return;
    editing = false;
    send("change", { do: "leave" });
  });
  new MutationObserver(() => {
    if (!due) requestAnimationFrame(() => (dress(), refocus()));
    due = true;
  }).observe(document, { childList: true, subtree: true });
})();
