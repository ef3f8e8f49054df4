// The document viewer: the whole document around a place, its words marked. Beside the chat where
// there is room, else over it. What it shows is put on the page as text, never as HTML.
const viewer = (() => {
  const beside = matchMedia("(min-width: 1100px)");
  const parts = {};
  let wanted = null; // what was asked for
  let shown = null; // the last answer: which stretch of which file is there
  let from = null; // the link that led here
  let asked = 0;
  let goingBack = false;

  function make(tag, parent, attributes = {}, words = "") {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    element.textContent = words;
    parent?.append(element);
    return element;
  }

  function build() {
    const dialog = make("dialog", document.body, { id: "viewer", "aria-labelledby": "viewer-title" });
    const top = make("header", dialog);
    const names = make("div", top, { class: "names" });
    parts.title = make("h2", names, { id: "viewer-title", dir: "auto" });
    parts.place = make("p", names, { id: "viewer-place", dir: "auto" });
    parts.close = make("button", top, { type: "button", class: "close" }, "Close");
    parts.message = make("p", dialog, { class: "told", role: "status" });
    const region = { class: "text", tabindex: "0", role: "region", "aria-label": "Text of the document" };
    parts.text = make("div", dialog, region);
    parts.dialog = dialog;
    parts.close.addEventListener("click", close);
    dialog.addEventListener("cancel", (event) => (event.preventDefault(), close()));
    dialog.addEventListener("close", () => from && !dialog.open && closed());
    addEventListener("resize", lay);
    parts.ends = new IntersectionObserver(
      (seen) => seen.forEach((end) => end.isIntersecting && end.target.click()),
      { root: parts.text, rootMargin: "400px" },
    );
  }

  // Over the panel, where the viewer stands beside the chat.
  function lay() {
    const panel = document.getElementById("panel");
    const side = parts.dialog.classList.contains("beside");
    const box = side && panel ? panel.getBoundingClientRect() : null;
    for (const edge of ["left", "top", "width", "height"]) {
      parts.dialog.style[edge] = box ? `${box[edge]}px` : "";
    }
  }

  function show() {
    const side = beside.matches;
    if (parts.dialog.open && parts.dialog.classList.contains("beside") === side) return;
    if (parts.dialog.open) parts.dialog.close();
    parts.dialog.classList.toggle("beside", side);
    lay();
    if (side) parts.dialog.show();
    else parts.dialog.showModal();
    const panel = document.getElementById("panel");
    if (panel) panel.inert = side; // what is covered is not to be reached
  }

  // `link` is `#read?source=…`; `card` holds the words as they were cited.
  async function open(link, card, origin) {
    if (!parts.dialog) build();
    const asks = new URLSearchParams(link.getAttribute("href").split("?")[1]);
    const cited = card?.querySelector("mark") ?? card?.querySelector(".passage");
    wanted = {
      source: asks.get("source") ?? "",
      sha256: asks.get("sha256") ?? "",
      start: Number(asks.get("start")),
      end: Number(asks.get("end")),
      words: cited?.textContent ?? "",
    };
    from = { element: origin, href: origin.getAttribute("href") };
    parts.title.textContent = wanted.source;
    parts.place.textContent = card ? link.textContent : "";
    parts.close.textContent = card ? "Back to the answer" : "Close";
    parts.text.classList.toggle("near", Boolean(card) && !card.querySelector("mark"));
    say("");
    parts.text.replaceChildren(make("p", null, { class: "opening" }, "Opening…"));
    show();
    parts.close.focus();
    const answer = await ask({});
    if (!answer) return;
    if (answer.blocks) begin(answer);
    else asCited(answer.message, card);
  }

  function say(words) {
    parts.message.textContent = words;
    parts.message.hidden = !words;
  }

  // The server's answer; nothing if another place was asked for meanwhile.
  async function ask(more) {
    const number = ++asked;
    let answer;
    try {
      const body = JSON.stringify({ ...wanted, ...more });
      const headers = { "Content-Type": "application/json" };
      const got = await fetch(new URL("document", document.baseURI), { method: "POST", headers, body });
      answer = await got.json();
    } catch {
      answer = { message: "The assistant does not answer. Is it still running?" };
    }
    return number === asked && parts.dialog.open ? answer : null;
  }

  function begin(answer) {
    shown = answer;
    parts.title.textContent = answer.title || wanted.source;
    const named = answer.title ? "" : `${wanted.source}, `; // not twice
    if (answer.place) parts.place.textContent = answer.place.replace(named, () => "");
    say(answer.message);
    parts.text.replaceChildren(...answer.blocks.map(block));
    const mark = parts.text.querySelector("mark");
    mark?.scrollIntoView({ block: "center" });
    (mark ?? parts.text).focus({ preventScroll: true });
    end("before");
    end("after");
  }

  // The file cannot be read: what is known of it are the words of the card.
  function asCited(message, card) {
    say(card ? `${message} These are the words as they were cited:` : message);
    const passage = card?.querySelector(".passage");
    parts.text.replaceChildren(
      ...(passage ? [block({ kind: "line", label: "", ...cut(passage) })] : []),
    );
    (parts.text.querySelector("mark") ?? parts.close).focus();
  }

  // The text before the mark, in it, and after it.
  function cut(passage) {
    const words = { text: "", marked: "", rest: "" };
    let part = "text";
    for (const node of passage.childNodes) {
      if (node.nodeName === "MARK") {
        words.marked = node.textContent;
        part = "rest";
      } else words[part] += node.textContent;
    }
    return words;
  }

  function block({ kind, text, marked, rest, label }) {
    if (kind === "number") return make("p", null, { class: "page" }, text);
    const heading = kind === "heading";
    const whole = heading ? null : make("div", null, { class: `line of-${kind}` });
    if (label) make("span", whole, { class: "number", title: `${kind} ${label}` }, label);
    const words = make(heading ? "h3" : "p", whole, { dir: "auto" }, text);
    if (marked) make("mark", words, { tabindex: "-1" }, marked);
    words.append(rest);
    return whole ?? words;
  }

  // A button at an end that is not the document's own; to come near it presses it.
  function end(side) {
    const all = side === "before" ? shown.from <= 0 : shown.to >= shown.length;
    if (all) return;
    const words = side === "before" ? "Show what stands before" : "Show more";
    const button = make("button", null, { type: "button", class: "more" }, words);
    button.addEventListener("click", () => more(side, button), { once: true });
    if (side === "before") parts.text.prepend(button);
    else parts.text.append(button);
    parts.ends.observe(button);
  }

  async function more(side, button) {
    parts.ends.unobserve(button);
    const answer = await ask({ [side]: side === "before" ? shown.from : shown.to });
    if (!answer) return end(side), button.remove();
    if (answer.sha256 !== shown.sha256) return say("The file has just changed: open it again.");
    const bottom = parts.text.scrollHeight - parts.text.scrollTop;
    button.replaceWith(...answer.blocks.map(block));
    shown[side === "before" ? "from" : "to"] = answer[side === "before" ? "from" : "to"];
    end(side);
    if (side === "before") parts.text.scrollTop = parts.text.scrollHeight - bottom;
  }

  function close() {
    goingBack = true; // no look at the words that were just read
    parts.dialog.close();
    closed();
  }

  function closed() {
    asked += 1;
    const panel = document.getElementById("panel");
    if (panel) panel.inert = false;
    const links = [...document.querySelectorAll("a")];
    const link = from?.element.isConnected
      ? from.element
      : links.find((each) => each.getAttribute("href") === from?.href);
    link?.focus({ preventScroll: true, focusVisible: true });
    goingBack = false;
    from = null;
    link?.scrollIntoView({ block: "nearest" });
  }

  return { open, close, isOpen: () => Boolean(parts.dialog?.open), returning: () => goingBack, make };
})();
