// Citations: a look at the words on hover and focus, the document on click. Chat and panel are
// redrawn while an answer comes, so the page listens once for all of them.
(() => {
  // What Gradio's sanitizer takes from our HTML, or says wrongly to a screen reader.
  const names = {
    '[data-testid="user"]': ["aria-label", "Question"],
    '[data-testid="bot"]:has(.said)': ["aria-label", "Answer"],
    '[data-testid="bot"]:has(.earlier)': ["aria-label", "Earlier questions"],
    "#chat .examples": ["role", "group"],
    "#chat .examples ": ["aria-label", "Questions to begin with"],
    "#status": ["role", "status"],
    "#panel": ["role", "complementary"],
    "#panel ": ["aria-label", "Sources"],
    "#conversations": ["role", "navigation"],
    "#conversations ": ["aria-label", "Conversations"],
    "#talk": ["role", "main"],
    "#show-conversations": ["aria-controls", "conversations"],
    "a.back": ["aria-label", "Back to the answer"],
  };
  const one = (selector) => document.querySelector(selector);
  const cardOf = (link) => document.getElementById(link.getAttribute("href").slice(1));
  let asked = false;

  function dress() {
    asked = false;
    if (peeking.link && !peeking.link.isConnected) peekAgain();
    for (const [selector, [name, value]] of Object.entries(names)) {
      for (const element of document.querySelectorAll(selector)) set(element, name, value);
    }
    for (const chip of document.querySelectorAll("#chat a.cite:has(.edge)")) {
      const card = cardOf(chip);
      const number = chip.textContent.replace(/\D/g, "");
      if (card) set(chip, "aria-label", `Source ${number}: ${placeOf(card)}`);
    }
    chooseTurn();
    const status = one("#status");
    const scrolls = status && status.scrollHeight > status.clientHeight;
    if (scrolls) set(status, "tabindex", "0"); // so that the keyboard can scroll it
    else status?.removeAttribute("tabindex");
    if (one("#columns:not([data-begun])")) {
      one("#columns").dataset.begun = "";
      showConversations(wide.matches && Boolean(localStorage.getItem(remembered)));
    }
  }

  function set(element, name, value) {
    if (element.getAttribute(name) !== value) element.setAttribute(name, value);
  }

  const placeOf = (card) => card.querySelector("a.open")?.textContent ?? "";

  // The panel shows the cards of one turn: the newest, or the one whose citation was followed.
  let newest = "";
  let chosen = "";

  function chooseTurn() {
    const first = one("#cited .turn")?.id ?? "";
    if (first !== newest) chosen = "";
    newest = first;
    one("#panel")?.classList.toggle("choosing", Boolean(chosen));
    for (const turn of document.querySelectorAll("#cited .turn")) {
      turn.classList.toggle("shown", turn.id === chosen);
    }
  }

  function follow(event) {
    const link = event.target.closest?.('a[href^="#src-"], a[href^="#read?"]');
    if (!link) return;
    event.preventDefault();
    event.stopPropagation();
    unpeek();
    if (link.getAttribute("href").startsWith("#read?")) {
      return viewer.open(link, link.closest(".src"), link);
    }
    const card = cardOf(link);
    if (!card) return;
    if (link.classList.contains("back")) {
      const chip = one(`a.cite[href="#${CSS.escape(card.id)}"]`);
      chip?.scrollIntoView({ block: "center" });
      return chip?.focus({ preventScroll: true });
    }
    const turn = card.closest(".turn").id;
    chosen = turn === newest ? "" : turn;
    chooseTurn();
    document.querySelectorAll(".src.on").forEach((other) => other.classList.remove("on"));
    card.classList.add("on");
    const panel = one("#panel");
    panel.scrollTop += card.getBoundingClientRect().top - panel.getBoundingClientRect().top - 60;
    viewer.open(card.querySelector("a.open"), card, link);
  }

  // A look at the cited words. The card has them already.
  const peeking = { box: null, link: null, timer: 0 };

  function peek(link) {
    const card = cardOf(link);
    if (!card) return;
    unpeek();
    if (!peeking.box) {
      const box = viewer.make("div", document.body, { id: "preview", role: "tooltip" });
      box.addEventListener("mouseenter", () => clearTimeout(peeking.timer));
      box.addEventListener("mouseleave", unpeek);
      peeking.box = box;
    }
    const words = card.querySelector("mark") ?? card.querySelector(".passage");
    peeking.box.replaceChildren(
      viewer.make("p", null, { class: "where", dir: "auto" }, placeOf(card)),
      viewer.make("p", null, { class: "words", dir: "auto" }, words.textContent),
    );
    peeking.box.hidden = false;
    peeking.link = link;
    link.setAttribute("aria-describedby", "preview");
    lay(peeking.box, link);
  }

  // The link was redrawn, or has moved: if it is still pointed at, the look stays.
  function peekAgain() {
    const href = CSS.escape(peeking.link.getAttribute("href"));
    const link = one(`#chat a.cite[href="${href}"]:is(:hover, :focus-visible)`);
    if (link) peek(link);
    else unpeek();
  }

  // Under the link, or above it where there is more room.
  function lay(box, link) {
    const at = [...link.getClientRects()].at(-1);
    if (!at) return unpeek();
    const left = Math.max(8, Math.min(at.left, innerWidth - box.offsetWidth - 8));
    const under = at.bottom + 6;
    const fits = under + box.offsetHeight <= innerHeight - 8;
    box.style.left = `${left}px`;
    box.style.top = `${fits ? under : Math.max(8, at.top - box.offsetHeight - 6)}px`;
  }

  function unpeek() {
    clearTimeout(peeking.timer);
    peeking.link?.removeAttribute("aria-describedby");
    peeking.link = null;
    if (peeking.box) peeking.box.hidden = true;
  }

  function later(act, wait) {
    clearTimeout(peeking.timer);
    peeking.timer = setTimeout(act, wait);
  }

  const chipOf = (event) => event.target.closest?.("#chat a.cite");

  document.addEventListener("mouseover", (event) => {
    const link = chipOf(event);
    if (link && link !== peeking.link) later(() => peek(link), 120);
  });
  document.addEventListener("mouseout", (event) => chipOf(event) && later(unpeek, 200));
  document.addEventListener("focusin", (event) => {
    const link = chipOf(event);
    if (link?.matches(":focus-visible") && !viewer.returning()) peek(link);
  });
  document.addEventListener("focusout", (event) => chipOf(event) && unpeek());
  document.addEventListener("scroll", () => peeking.link && peekAgain(), true);

  // Escape closes what was opened last.
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    if (peeking.link) unpeek();
    else if (one("#columns.with-conversations") && !wide.matches) showConversations(false);
    else if (viewer.isOpen()) viewer.close();
    else return;
    event.preventDefault();
  });

  // The left column is there or not; wide windows remember it.
  const wide = matchMedia("(min-width: 1100px)");
  const remembered = "assistant conversations";

  function showConversations(open) {
    one("#columns")?.classList.toggle("with-conversations", open);
    one("#show-conversations")?.setAttribute("aria-expanded", String(open));
  }

  function toggle(event) {
    if (!event.target.closest?.("#show-conversations")) return;
    const open = !one("#columns").classList.contains("with-conversations");
    localStorage.setItem(remembered, open ? "open" : "");
    showConversations(open);
  }

  document.addEventListener("click", follow, true);
  document.addEventListener("click", toggle);
  new MutationObserver(() => {
    if (!asked) requestAnimationFrame(dress);
    asked = true;
  }).observe(document, { childList: true, subtree: true, attributeFilter: ["aria-label"] });
  // Logging out: a form of ours would be sanitized away, and an event's own script needs eval.
  document.addEventListener("click", (event) => {
    if (!event.target.closest?.("#leave")) return;
    fetch("logout", { method: "POST" }).then(() => location.reload());
  });
})();
