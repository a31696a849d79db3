"""A Microsoft Entra ID tenant on loopback, over TLS: the login service for service principals, and the part of
Microsoft Graph that app registrations need. This program shares no code with `.ci/documents/az`.

The tenant follows the rules that Microsoft documents for these calls. Display names are not unique, and filters ignore
case. An application has one service principal, and an assignment exists only once. The name of a federated credential
is unique and immutable. The credential's combination of issuer and subject is unique too. After an object is created,
the next `lag` requests for it reach replicas that do not have the object yet.
"""
import json
import re
import secrets
import ssl
import threading
import urllib.parse
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

TENANT = "7e7a0000-0000-4000-8000-000000000001"
GRAPH = "00000003-0000-0000-c000-000000000000"
GUID = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
ROUTES = []


class Refusal(Exception):
    def __init__(self, status, code, message):
        self.status, self.body = status, {"error": {"code": code, "message": message}}


def route(method, pattern):
    def register(function):
        ROUTES.append((method, re.compile(pattern), function))
        return function

    return register


def bad(message):
    return Refusal(400, "Request_BadRequest", message)


def missing(name):
    return Refusal(404, "Request_ResourceNotFound", f"Resource '{name}' does not exist or one of its queried reference-property objects are not present.")


class Tenant:
    def __init__(self, certificate, key):
        self.applications, self.assignments, self.writes, self.lag = [], [], [], 0
        self.principals = [{"id": str(uuid.uuid4()), "appId": GRAPH, "displayName": "Microsoft Graph"}]
        self.client, self.secret, self.token = str(uuid.uuid4()), secrets.token_urlsafe(30), secrets.token_urlsafe(40)
        self.lock = threading.Lock()
        tenant = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def answer(self):
                with tenant.lock:
                    tenant.serve(self)

            do_GET = do_POST = do_PATCH = do_DELETE = answer

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.url = f"https://localhost:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def serve(self, request):
        body = request.rfile.read(int(request.headers.get("Content-Length") or 0)).decode()
        url = urllib.parse.urlsplit(request.path)
        path, query = urllib.parse.unquote(url.path), dict(urllib.parse.parse_qsl(url.query))
        try:
            status, answer = self.answer(request, path, query, body)
        except Refusal as refusal:
            status, answer = refusal.status, refusal.body
        data = b"" if answer is None else json.dumps(answer).encode()
        request.send_response(status)
        request.send_header("Content-Type", "application/json")
        request.send_header("Content-Length", str(len(data)))
        request.end_headers()
        request.wfile.write(data)

    def answer(self, request, path, query, body):
        if path.startswith("/v1.0/"):
            if request.headers.get("Authorization") != f"Bearer {self.token}":
                raise Refusal(401, "InvalidAuthenticationToken", "Access token is empty or belongs to another client.")
            if body and not request.headers.get("Content-Type", "").startswith("application/json"):
                raise bad("Write requests (excluding DELETE) must contain the Content-Type header declaration.")
            path = path.removeprefix("/v1.0")
        for method, pattern, function in ROUTES:
            match = pattern.fullmatch(path)
            if match and method == request.command:
                given = json.loads(body) if body.startswith("{") else dict(urllib.parse.parse_qsl(body))
                status, answer = function(self, *match.groups(), query=query, given=given)
                if method != "GET" and "oauth2" not in path:
                    self.writes.append(f"{method} {path}")
                return status, answer
        raise Refusal(404, "BadRequest", f"Resource not found for the segment '{path}'.")

    # ---- the login service, and the list of Azure subscriptions, which is empty

    @route("GET", f"/{GUID}/v2.0/.well-known/openid-configuration")
    def discovery(self, query, given):
        place = f"{self.url}/{TENANT}"
        return 200, {
            "issuer": f"{place}/v2.0",
            "authorization_endpoint": f"{place}/oauth2/v2.0/authorize",
            "token_endpoint": f"{place}/oauth2/v2.0/token",
        }

    @route("POST", f"/{GUID}/oauth2/v2.0/token")
    def sign_in(self, query, given):
        if (given.get("client_id"), given.get("client_secret")) != (self.client, self.secret):
            raise Refusal(401, "invalid_client", "AADSTS7000215: Invalid client secret provided.")
        return 200, {"token_type": "Bearer", "expires_in": 3599, "access_token": self.token}

    @route("GET", "/subscriptions")
    def subscriptions(self, query, given):
        return 200, {"value": []}

    # ---- applications

    def application(self, key):
        for one in self.applications:
            if key == one["id"]:
                return one
        raise missing(key)

    def visible(self, found):
        """The objects that the replica that serves this request already knows."""
        for one in found:
            one["hidden"] = one.get("hidden", 0) - 1
        return [public(one) for one in found if one["hidden"] < 0]

    @route("GET", "/applications")
    def list_applications(self, query, given):
        return 200, {"value": self.visible(filtered(self.applications, query.get("$filter")))}

    @route("POST", "/applications")
    def create_application(self, query, given):
        if not given.get("displayName"):
            raise bad("Property displayName is required.")
        defaults = {"requiredResourceAccess": [], "identifierUris": [], "passwordCredentials": [], "keyCredentials": []}
        application = {**defaults, **given, "id": str(uuid.uuid4()), "appId": str(uuid.uuid4()), "hidden": self.lag, "federated": []}
        self.applications.append(application)
        return 201, public(application)

    @route("GET", f"/applications/({GUID})")
    def get_application(self, key, query, given):
        return 200, public(self.application(key))

    @route("PATCH", f"/applications/({GUID})")
    def change_application(self, key, query, given):
        self.application(key).update(given)
        return 204, None

    @route("DELETE", f"/applications/({GUID})")
    def delete_application(self, key, query, given):
        application = self.application(key)
        self.applications.remove(application)
        self.principals = [one for one in self.principals if one["appId"] != application["appId"]]
        return 204, None

    @route("POST", f"/applications/({GUID})/addPassword")
    def add_password(self, key, query, given):
        credential = {**given["passwordCredential"], "keyId": str(uuid.uuid4())}
        self.application(key)["passwordCredentials"].append(credential)
        return 200, {**credential, "secretText": secrets.token_urlsafe(30)}

    # ---- federated credentials, by ID or name

    @route("GET", f"/applications/({GUID})/federatedIdentityCredentials")
    def list_federated(self, key, query, given):
        return 200, {"value": self.application(key)["federated"]}

    @route("POST", f"/applications/({GUID})/federatedIdentityCredentials")
    def create_federated(self, key, query, given):
        known = self.application(key)["federated"]
        if any(one["name"] == given["name"] for one in known):
            raise Refusal(409, "Request_MultipleObjectsWithSameKeyValue", f"FederatedIdentityCredential with name {given['name']} already exists.")
        self.unlike(known, given)
        known.append({**given, "id": str(uuid.uuid4())})
        return 201, known[-1]

    @route("PATCH", f"/applications/({GUID})/federatedIdentityCredentials/([^/]+)")
    def change_federated(self, key, which, query, given):
        known = self.application(key)["federated"]
        found = next((one for one in known if which in (one["id"], one["name"])), None)
        if not found:
            raise missing(which)
        if given.get("name", found["name"]) != found["name"]:
            raise bad("Property 'name' is read-only and cannot be set.")
        self.unlike([one for one in known if one is not found], {**found, **given})
        found.update(given)
        return 204, None

    @staticmethod
    def unlike(others, given):
        if any(one["issuer"] == given["issuer"] and one["subject"] == given["subject"] for one in others):
            raise bad("Issuer and subject combination already exists for this application.")

    # ---- service principals and their app role assignments

    def principal(self, key):
        for one in self.principals:
            if key == one["id"]:
                return one
        raise missing(key)

    @route("GET", "/servicePrincipals")
    def list_principals(self, query, given):
        return 200, {"value": self.visible(filtered(self.principals, query.get("$filter")))}

    @route("POST", "/servicePrincipals")
    def create_principal(self, query, given):
        application = next((one for one in self.applications if one["appId"] == given["appId"]), None)
        if application is None or application.get("late", 0) < self.lag:
            if application:
                application["late"] = application.get("late", 0) + 1
            raise bad(f"The appId '{given['appId']}' of the service principal does not reference a valid application object.")
        if any(one["appId"] == given["appId"] for one in self.principals):
            raise Refusal(409, "Request_MultipleObjectsWithSameKeyValue", f"The service principal cannot be created because the service principal name {given['appId']} is already in use.")
        self.principals.append({**given, "id": str(uuid.uuid4()), "displayName": application["displayName"], "hidden": self.lag})
        return 201, public(self.principals[-1])

    @route("GET", f"/servicePrincipals/({GUID})")
    def get_principal(self, key, query, given):
        return 200, public(self.principal(key))

    @route("GET", f"/servicePrincipals/({GUID})/appRoleAssignments")
    def list_assignments(self, key, query, given):
        self.principal(key)
        return 200, {"value": [one for one in self.assignments if one["principalId"] == key]}

    @route("POST", f"/servicePrincipals/({GUID})/appRoleAssignments")
    def assign(self, key, query, given):
        self.principal(given["resourceId"])
        if given["principalId"] != self.principal(key)["id"]:
            raise bad("Cannot assign to another principal than that of the path.")
        if any(all(one[name] == given[name] for name in ("principalId", "resourceId", "appRoleId")) for one in self.assignments):
            raise bad("Permission being assigned already exists on the object")
        self.assignments.append({**given, "id": str(uuid.uuid4())})
        return 201, self.assignments[-1]


def public(one):
    return {name: value for name, value in one.items() if name not in ("hidden", "late", "federated")}


def filtered(items, condition):
    """Evaluates the filters that the Azure CLI uses."""
    if not condition:
        return items
    if match := re.fullmatch(r"(\w+) eq '(.*)'", condition):
        name, wanted = match[1], match[2].replace("''", "'")
        return [one for one in items if str(one.get(name, "")).lower() == wanted.lower()]
    if match := re.fullmatch(r"servicePrincipalNames/any\(c:c eq '(.*)'\)", condition):
        return [one for one in items if match[1] in (one["appId"], *one.get("servicePrincipalNames", []))]
    if match := re.fullmatch(r"identifierUris/any\(s:s eq '(.*)'\)", condition):
        return [one for one in items if match[1] in one["identifierUris"]]
    if match := re.fullmatch(r"startswith\((\w+),\s*'(.*)'\)", condition):
        return [one for one in items if str(one.get(match[1], "")).lower().startswith(match[2].lower())]
    raise bad(f"Invalid filter clause: {condition}")
