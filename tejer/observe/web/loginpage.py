"""The login page: a form that works without JavaScript."""

from __future__ import annotations

from html import escape

from aiohttp import hdrs, web

from tejer.observe.web import shell
from tejer.observe.web.assets import Assets
from tejer.observe.web.messages import messages
from tejer.observe.web.preferences import preferences

_assets = Assets()


def login_page(
    request: web.Request, service: str, onward: str, *, status: int = 200, problem: str = "", why: str = ""
) -> web.Response:
    """`problem` is a key of the `login` messages; `why` is shown below it as it is."""
    wanted = preferences(request.cookies, request.headers.get(hdrs.ACCEPT_LANGUAGE, ""))
    words = messages(wanted.language, "login")
    title = words["title"].replace("{service}", service.capitalize())
    alert = (
        f'<p class="notice notice-error" role="alert"><strong>{escape(words[problem])}</strong> {escape(why)}</p>'
        if problem
        else ""
    )
    body = f"""<main class="login">
<h1>{escape(title)}</h1>
{alert}
<p>{escape(words["easiest"])}</p>
<pre class="command">tejer dashboard {escape(service)}</pre>
<form method="post" action="/login">
<input type="hidden" name="next" value="{escape(onward)}">
<label for="token">{escape(words["token"])}</label>
<textarea id="token" name="token" rows="5" required autocomplete="off" spellcheck="false"
 aria-describedby="hint"></textarea>
<p class="hint" id="hint">{escape(words["hint"])} <code>kubectl create token NAME -n istio-system</code></p>
<button class="button button-primary" type="submit">{escape(words["submit"])}</button>
</form>
</main>"""
    styles = _assets.styles("css/base.css", "css/login.css")
    html = shell.document(title, wanted, styles, body)
    return web.Response(text=html, content_type="text/html", status=status, headers=shell.HEADERS)
