#!/usr/bin/env bash
# PageIterator of Microsoft's Graph SDK for Python stops at an empty page, although further pages follow, and never has
# a delta link.
#
# version:  msgraph-sdk 1.65.0, msgraph-core 1.5.2 (PyPI)
# expected: the iterator follows @odata.nextLink until a page has no such link, because Graph can send an empty page
#           before the last page. `delta_link` is the @odata.deltaLink of the last page.
# seen:     an empty page ends the iteration without an error. `delta_link` is "" even if the page's model has the link:
#           the iterator reads an attribute named "@odata.deltaLink", but the model's attribute is named
#           odata_delta_link.
# matters:  a delta query loses members, and the next query starts from the beginning. A program must follow the links
#           itself.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check msgraph-sdk==1.65.0 msgraph-core==1.5.2
"$work/venv/bin/python" - >"$work/seen" <<'PYTHON'
import asyncio
import http.server
import json
import threading

from kiota_abstractions.authentication import AnonymousAuthenticationProvider
from msgraph import GraphRequestAdapter, GraphServiceClient
from msgraph_core.tasks import PageIterator

PAGES = {"1": (["agents"], "2"), "2": ([], "3"), "3": (["supervisors"], None)}


class Graph(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        groups, following = PAGES[self.path.partition("page=")[2] or "1"]
        body = {"value": [{"@odata.type": "#microsoft.graph.group", "displayName": name} for name in groups]}
        if following:
            body["@odata.nextLink"] = link(following)
        else:
            body["@odata.deltaLink"] = link("1")
        text = json.dumps(body).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Graph)
threading.Thread(target=server.serve_forever, daemon=True).start()
base = f"http://127.0.0.1:{server.server_port}/v1.0"


def link(page):
    return f"{base}/groups/delta?page={page}"


async def main():
    adapter = GraphRequestAdapter(AnonymousAuthenticationProvider())
    adapter.base_url = base
    delta = GraphServiceClient(request_adapter=adapter).groups.delta
    names = []
    await PageIterator(await delta.get(), adapter).iterate(lambda group: names.append(group.display_name) or True)
    print("by the iterator:", names)
    names, page = [], await delta.get()
    names += [group.display_name for group in page.value]
    while page.odata_next_link:
        page = await delta.with_url(page.odata_next_link).get()
        names += [group.display_name for group in page.value]
    print("by the links:", names)
    print("the last page's delta link:", bool(page.odata_delta_link))
    print("the iterator's delta link:", bool(PageIterator(page, adapter).delta_link))


asyncio.run(main())
PYTHON
diff - "$work/seen" <<'SEEN'
by the iterator: ['agents']
by the links: ['agents', 'supervisors']
the last page's delta link: True
the iterator's delta link: False
SEEN
cat "$work/seen"
