"""The page one logs in at: no script, nothing to load."""

from html import escape

_STYLE = """
:root { color-scheme: light dark; --paper: #fff; --ink: #1b1b1f; --line: #8a8a93; --act: #1d4ed8 }
@media (prefers-color-scheme: dark) {
  :root { --paper: #16161a; --ink: #f2f2f5; --line: #8f8f9a; --act: #93b4ff }
}
body { background: var(--paper); color: var(--ink); font: 1rem/1.5 system-ui, sans-serif; margin: 0;
  display: grid; place-content: safe center; min-height: 100dvh }
main { width: min(22rem, 100vw); box-sizing: border-box; padding: 1.5rem }
h1 { font-size: 1.25rem; margin: 0 0 1rem }
label { display: block; margin-top: .75rem }
input { font: inherit; width: 100%; box-sizing: border-box; padding: .5rem; color: inherit;
  background: transparent; border: 1px solid var(--line); border-radius: .375rem }
button { font: inherit; margin-top: 1.25rem; padding: .5rem 1.25rem; color: var(--paper);
  background: var(--act); border: 0; border-radius: .375rem; cursor: pointer }
:focus-visible { outline: 3px solid var(--act); outline-offset: 2px }
"""


def page(title: str, told: str = "", name: str = "") -> str:
    """The form; `told` is why it is shown once more, `name` what was typed.

    A browser says where a form comes from only where it may say so to this site at least.
    """
    told = f'<p role="alert">{escape(told)}</p>' if told else ""
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
 autocapitalize="none" spellcheck="false" maxlength="100" required autofocus>
<label for="password">Password</label>
<input id="password" name="password" type="password" autocomplete="current-password" required>
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
