// Citations lead to their card, and a card back to its citation. Chat and panel are redrawn while
// an answer comes, so the page listens once for all of them.
(() => {
  const calm = matchMedia("(prefers-reduced-motion: reduce)");
  // What Gradio's sanitizer takes from our HTML, or says wrongly to a screen reader.
  const names = {
    '[data-testid="user"]': ["aria-label", "Question"],
    '[data-testid="bot"]': ["aria-label", "Answer"],
    "#status": ["role", "status"],
    "#panel": ["role", "complementary"],
    "#panel ": ["aria-label", "Sources"],
    "#conversations": ["role", "navigation"],
    "#conversations ": ["aria-label", "Conversations"],
    "a.back": ["aria-label", "Back to the answer"],
  };
  let groups = 0;
  let asked = false;

  function dress() {
    asked = false;
    for (const [selector, [name, value]] of Object.entries(names)) {
      for (const element of document.querySelectorAll(selector)) {
        if (element.getAttribute(name) !== value) element.setAttribute(name, value);
      }
    }
    const now = document.querySelectorAll("#cited h3").length;
    if (now > groups) document.getElementById("panel").scrollTop = 0;
    groups = now;
  }

  function goTo(target) {
    target.scrollIntoView({ block: "center", behavior: calm.matches ? "auto" : "smooth" });
    target.focus({ preventScroll: true });
  }

  function follow(event) {
    const link = event.target.closest?.('a[href^="#src-"]');
    if (!link) return;
    event.preventDefault();
    event.stopPropagation();
    const name = link.getAttribute("href").slice(1);
    const card = document.getElementById(name);
    if (link.classList.contains("back")) {
      const citation = document.querySelector(`a.cite[href="#${CSS.escape(name)}"]`);
      if (citation) goTo(citation);
    } else if (card) {
      document.querySelectorAll(".src.on").forEach((other) => other.classList.remove("on"));
      card.classList.add("on");
      goTo(card);
    }
  }

  // The left column is there or not; wide windows remember it.
  const columns = () => document.getElementById("columns");
  const remembered = "assistant conversations";

  function show(open) {
    columns()?.classList.toggle("with-conversations", open);
    document.getElementById("show-conversations")?.setAttribute("aria-expanded", String(open));
  }

  function toggle(event) {
    if (!event.target.closest?.("#show-conversations")) return;
    const open = !columns().classList.contains("with-conversations");
    localStorage.setItem(remembered, open ? "open" : "");
    show(open);
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
