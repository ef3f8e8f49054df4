"""The page one logs in at: no script, nothing to load."""

from html import escape

_STYLE = """
:root { color-scheme: light dark;
  --paper: #f5f4f0; --ink: #1f2428; --line: #767c82; --accent: #0f5f59; --on-accent: #fff }
@media (prefers-color-scheme: dark) { :root {
  --paper: #141617; --ink: #e9e7e2; --line: #8b9197; --accent: #7fd0c6; --on-accent: #0d2b28 } }
body { margin: 0; min-height: 100dvh; display: grid; place-content: safe center;
  background: var(--paper); color: var(--ink); font: 1rem/1.5 system-ui, sans-serif }
main { width: min(22rem, 100vw); box-sizing: border-box; padding: 1.5rem }
h1 { font-size: 1.25rem; margin: 0 0 1rem }
label { display: block; margin-top: 0.75rem }
input { font: inherit; color: inherit; background: transparent; width: 100%; padding: 0.5rem;
  box-sizing: border-box; border: 1px solid var(--line); border-radius: 0.4rem }
button { font: inherit; color: var(--on-accent); background: var(--accent); margin-top: 1.25rem;
  padding: 0.5rem 1.25rem; border: 0; border-radius: 0.4rem; cursor: pointer }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px }
"""
"""The colours of `page.css`."""


def page(title: str, told: str = "", name: str = "") -> str:
    """The form; `told` is why it is shown once more, `name` what was typed.

    A browser says where a form comes from only where it may say so to this site at least.
    """
    told = f'<p role="alert">{escape(told)}</p>' if told else ""
    here, next_field = ("", " autofocus") if name else (" autofocus", "")
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="referrer" content="same-origin">
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="data:,">
<title>Log in: {escape(title)}</title>
<style>{_STYLE}</style>
</head>
<body>
<main>
<h1>{escape(title)}</h1>
{told}
<form method="post" action="/login">
<label for="username">Name</label>
<input id="username" name="username" value="{escape(name)}" autocomplete="username"
 autocapitalize="none" spellcheck="false" maxlength="100" required{here}>
<label for="password">Password</label>
<input id="password" name="password" type="password" autocomplete="current-password"
 required{next_field}>
<button>Log in</button>
</form>
</main>
</body>
</html>
"""


def onward() -> str:
    """Goes on to the page, as if its address had been typed.

    Cookies that are for this site only do not come along with a link on another one.
    """
    return '<!doctype html><meta http-equiv="refresh" content="0"><title>…</title>'
