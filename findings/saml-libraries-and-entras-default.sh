#!/usr/bin/env bash
# Two of four SAML libraries reject the response that Microsoft Entra ID sends by default. One of the two reads no
# attribute even if it is configured to accept the response.
#
# version:  python3-saml 1.16.0, pysaml2 7.5.5 (PyPI); samlify 2.13.1, @node-saml/node-saml 5.1.0 (npm)
# expected: Entra is a very common identity provider. By default, Entra signs only the assertion and sends attributes
#           without a name format, so a library that has Entra's metadata accepts such a response.
# seen:     python3-saml and samlify accept the response. node-saml requires a signature of the whole response unless
#           `wantAuthnResponseSigned` is false, and pysaml2 unless `want_response_signed` is False. pysaml2 then signs
#           the user in without any attribute, unless `allow_unknown_attributes` is True.
# matters:  a service that reads roles from attributes rejects every user, and its error does not mention the
#           attributes. The service must change these settings, and with pysaml2 also set `want_assertions_signed`.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check python3-saml==1.16.0 pysaml2==7.5.5 xmlsec==1.3.17 lxml==6.1.3
npm install --silent --no-audit --no-fund --prefix "$work" samlify@2.13.1 @node-saml/node-saml@5.1.0
openssl req -x509 -newkey rsa:2048 -nodes -days 1 -subj /CN=example -keyout "$work/key.pem" -out "$work/certificate.pem" 2>"$work/log"
cat >"$work/libraries.py" <<'PYTHON'
"""Writes metadata and a response in Entra's format, signed with the key in this folder. Both Python libraries then read them."""
import base64
import contextlib
import datetime
import io
import json
import logging
import re
import sys
import warnings
from pathlib import Path

import saml2.sigver
import xmlsec
from lxml import etree
from onelogin.saml2.idp_metadata_parser import OneLogin_Saml2_IdPMetadataParser as IdPMetadataParser
from onelogin.saml2.response import OneLogin_Saml2_Response as Response
from onelogin.saml2.settings import OneLogin_Saml2_Settings as Settings
from saml2 import BINDING_HTTP_POST
from saml2.client import Saml2Client
from saml2.config import SPConfig

work = Path(sys.argv[1])
SERVICE, PLACE, ISSUER = "https://service.example/saml", "https://service.example/acs", "https://sts.windows.net/t/"
ASSERTION, PROTOCOL = "urn:oasis:names:tc:SAML:2.0:assertion", "urn:oasis:names:tc:SAML:2.0:protocol"
now = datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0)
at, before, after = ((now + datetime.timedelta(minutes=by)).strftime("%Y-%m-%dT%H:%M:%SZ") for by in (0, -5, 60))
certificate = "".join((work / "certificate.pem").read_text().split("-----")[2].split())
metadata = f"""<EntityDescriptor xmlns="urn:oasis:names:tc:SAML:2.0:metadata" entityID="{ISSUER}"><IDPSSODescriptor
 protocolSupportEnumeration="{PROTOCOL}"><KeyDescriptor use="signing"><KeyInfo xmlns="http://www.w3.org/2000/09/xmldsig#"><X509Data>
<X509Certificate>{certificate}</X509Certificate></X509Data></KeyInfo></KeyDescriptor><SingleSignOnService
 Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect" Location="https://login.example/saml2"/></IDPSSODescriptor></EntityDescriptor>"""
response = etree.fromstring(f"""<p:Response xmlns:p="{PROTOCOL}" ID="_r" Version="2.0" IssueInstant="{at}" Destination="{PLACE}">
<Issuer xmlns="{ASSERTION}">{ISSUER}</Issuer><p:Status><p:StatusCode Value="urn:oasis:names:tc:SAML:2.0:status:Success"/></p:Status>
<Assertion xmlns="{ASSERTION}" ID="_a" IssueInstant="{at}" Version="2.0"><Issuer>{ISSUER}</Issuer><Subject>
<NameID>mio@service.example</NameID><SubjectConfirmation Method="urn:oasis:names:tc:SAML:2.0:cm:bearer"><SubjectConfirmationData
 NotOnOrAfter="{after}" Recipient="{PLACE}"/></SubjectConfirmation></Subject><Conditions NotBefore="{before}" NotOnOrAfter="{after}">
<AudienceRestriction><Audience>{SERVICE}</Audience></AudienceRestriction></Conditions><AttributeStatement>
<Attribute Name="https://service.example/role"><AttributeValue>agent</AttributeValue></Attribute></AttributeStatement>
<AuthnStatement AuthnInstant="{at}" SessionIndex="_a"><AuthnContext><AuthnContextClassRef>urn:oasis:names:tc:SAML:2.0:ac:classes:Password
</AuthnContextClassRef></AuthnContext></AuthnStatement></Assertion></p:Response>""".replace("\n", ""))
assertion = response.find(f"{{{ASSERTION}}}Assertion")
signature = xmlsec.template.create(assertion, xmlsec.Transform.EXCL_C14N, xmlsec.Transform.RSA_SHA256)
assertion.insert(1, signature)
reference = xmlsec.template.add_reference(signature, xmlsec.Transform.SHA256, uri="#_a")
xmlsec.template.add_transform(reference, xmlsec.Transform.ENVELOPED)
xmlsec.template.add_transform(reference, xmlsec.Transform.EXCL_C14N)
xmlsec.tree.add_ids(response, ["ID"])
context = xmlsec.SignatureContext()
context.key = xmlsec.Key.from_file(work / "key.pem", xmlsec.constants.KeyDataFormatPem)
context.sign(signature)
encoded = base64.b64encode(etree.tostring(response)).decode()
(work / "given.json").write_text(json.dumps({"metadata": metadata, "response": encoded, "service": SERVICE, "place": PLACE}))

logging.disable(logging.CRITICAL)
warnings.simplefilter("ignore")


class Verifier(saml2.sigver.CryptoBackend):
    """Uses the library behind the program `xmlsec1`, which pysaml2 would start."""

    version = "1.3.0"

    def validate_signature(self, text, cert_file, cert_type, node_name, node_id):
        document = etree.fromstring(text if isinstance(text, bytes) else text.encode())
        xmlsec.tree.add_ids(document, ["ID"])
        context = xmlsec.SignatureContext()
        context.key = xmlsec.Key.from_file(cert_file, xmlsec.constants.KeyDataFormatCertPem)
        context.verify(document.find(".//{http://www.w3.org/2000/09/xmldsig#}Signature"))
        return True


saml2.sigver._get_xmlsec_cryptobackend = lambda *_, **__: Verifier()


def python3_saml(**security):
    identity_provider = IdPMetadataParser.parse(metadata)["idp"]
    service = {"entityId": SERVICE, "assertionConsumerService": {"url": PLACE}}
    read = Response(Settings({"strict": True, "sp": service, "idp": identity_provider, "security": security}), encoded)
    if not read.is_valid({"https": "on", "http_host": "service.example", "script_name": "/acs", "server_port": 443}):
        raise ValueError(read.get_error())
    return read.get_attributes()


def pysaml2(allow_unknown_attributes=False, **service):
    endpoints = {"assertion_consumer_service": [(PLACE, BINDING_HTTP_POST)]}
    service |= {"allow_unsolicited": True, "endpoints": endpoints}
    settings = {"entityid": SERVICE, "metadata": {"inline": [metadata]}, "service": {"sp": service}, "xmlsec_binary": sys.executable}
    client = Saml2Client(SPConfig().load(settings | {"allow_unknown_attributes": allow_unknown_attributes}))
    return client.parse_authn_request_response(encoded, BINDING_HTTP_POST).ava


signed = {"want_response_signed": False, "want_assertions_signed": True}
for library, name, settings in [
    (python3_saml, "as it comes", {}),
    (pysaml2, "as it comes", {}),
    (pysaml2, "told of the signature", signed),
    (pysaml2, "told of the signature and the attributes", {**signed, "allow_unknown_attributes": True}),
]:
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            seen = library(**settings)
    except Exception as error:
        seen = f"refused: {error}"
    print(f"{library.__name__}, {name}: {seen}")
PYTHON
cat >"$work/libraries.mjs" <<'NODE'
import { readFileSync } from 'node:fs'
import * as samlify from 'samlify'
import { SAML } from '@node-saml/node-saml'

const given = JSON.parse(readFileSync(process.argv[2], 'utf8'))
samlify.setSchemaValidator({ validate: async () => 'ok' })
const provider = samlify.IdentityProvider({ metadata: given.metadata })
const libraries = {
  samlify: async () => {
    const place = { Binding: 'urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST', Location: given.place }
    const service = samlify.ServiceProvider({ entityID: given.service, assertionConsumerService: [place] })
    const read = await service.parseLoginResponse(provider, 'post', { body: { SAMLResponse: given.response } })
    return read.extract.attributes
  },
  node_saml: async (settings) => {
    const idpCert = provider.entityMeta.getX509Certificate('signing')
    const saml = new SAML({ callbackUrl: given.place, issuer: given.service, audience: given.service, idpCert, ...settings })
    return (await saml.validatePostResponseAsync({ SAMLResponse: given.response })).profile.attributes
  },
}
for (const [library, name, settings] of [
  ['samlify', 'as it comes', {}],
  ['node_saml', 'as it comes', {}],
  ['node_saml', 'told of the signature', { wantAuthnResponseSigned: false }],
]) {
  const seen = await libraries[library](settings).catch((error) => `refused: ${error.message}`)
  console.log(`${library}, ${name}: ${JSON.stringify(seen)}`)
}
NODE
"$work/venv/bin/python" "$work/libraries.py" "$work" >"$work/seen" 2>"$work/log"
node "$work/libraries.mjs" "$work/given.json" >>"$work/seen"
diff - "$work/seen" <<'SEEN'
python3_saml, as it comes: {'https://service.example/role': ['agent']}
pysaml2, as it comes: refused: Signature missing for response
pysaml2, told of the signature: {}
pysaml2, told of the signature and the attributes: {'https://service.example/role': ['agent']}
samlify, as it comes: {"https://service.example/role":"agent"}
node_saml, as it comes: "refused: Invalid document signature"
node_saml, told of the signature: {"https://service.example/role":"agent"}
SEEN
cat "$work/seen"
