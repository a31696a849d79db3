"""Reads the test cases that `run` writes from standard input, and checks them with python3-saml and pysaml2. Writes the
results of both libraries as JSON."""
import base64
import contextlib
import hashlib
import json
import logging
import os
import sys
import tempfile
import warnings
from urllib.parse import urlsplit

import saml2.sigver
import xmlsec
from freezegun import freeze_time
from lxml import etree
from onelogin.saml2.idp_metadata_parser import OneLogin_Saml2_IdPMetadataParser as IdPMetadataParser
from onelogin.saml2.response import OneLogin_Saml2_Response as Response
from onelogin.saml2.settings import OneLogin_Saml2_Settings as Settings
from onelogin.saml2.xml_utils import OneLogin_Saml2_XML as Schema
from saml2 import BINDING_HTTP_POST
from saml2.client import Saml2Client
from saml2.config import SPConfig

DSIG = "{http://www.w3.org/2000/09/xmldsig#}"
ASSERTION = "{urn:oasis:names:tc:SAML:2.0:assertion}"
# The settings with which pysaml2 accepts Entra's responses and rejects unsigned responses.
TOLD = {"want_response_signed": False, "want_assertions_signed": True}

logging.disable(logging.CRITICAL)
warnings.simplefilter("ignore")


def thumbprints(certificates):
    return sorted(hashlib.sha1(base64.b64decode("".join(one.split()))).hexdigest().upper() for one in certificates)


def encoded(case):
    return base64.b64encode(case["response"].encode()).decode()


class Library(saml2.sigver.CryptoBackend):
    """Verifies XML signatures for pysaml2 with the library on which the program `xmlsec1` is based. pysaml2 itself starts
    that program for each signature, but no package registry contains the program."""

    version = "1.3.0"

    def validate_signature(self, text, cert_file, cert_type, node_name, node_id):
        document = etree.fromstring(text if isinstance(text, bytes) else text.encode())
        xmlsec.tree.add_ids(document, ["ID"])
        [signed] = [node for node in document.iter() if node.get("ID") == node_id]
        kind = xmlsec.constants.KeyDataFormatCertPem if cert_type == "pem" else xmlsec.constants.KeyDataFormatCertDer
        context = xmlsec.SignatureContext()
        context.key = xmlsec.Key.from_file(cert_file, kind)
        try:
            context.verify(signed.find(f"{DSIG}Signature"))
        except xmlsec.Error as error:
            raise saml2.sigver.SignatureError(str(error)) from error
        return True


saml2.sigver._get_xmlsec_cryptobackend = lambda *_, **__: Library()


def python3_saml(case, told):
    identity_provider = IdPMetadataParser.parse(case["metadata"])["idp"]
    service = {"entityId": case["audience"], "assertionConsumerService": {"url": case["recipient"]}}
    security = {"wantAssertionsSigned": True} if told else {}
    certificates = identity_provider.get("x509certMulti", {}).get("signing") or [identity_provider["x509cert"]]
    seen = thumbprints(certificates)
    settings = Settings({"strict": True, "sp": service, "idp": identity_provider, "security": security})
    response = Response(settings, encoded(case))
    at = urlsplit(case["recipient"])
    request = {"https": "on", "http_host": at.hostname, "script_name": at.path, "server_port": 443}
    if not response.is_valid(request):
        raise ValueError(response.get_error())
    conditions = response.get_xml_document().find(f".//{ASSERTION}Conditions")
    [audience] = response.get_audiences()
    return {
        "attributes": response.get_attributes(),
        "audience": audience,
        "subject": response.get_nameid(),
        "notBefore": conditions.get("NotBefore"),
        "notOnOrAfter": conditions.get("NotOnOrAfter"),
        "certificates": seen,
    }


def pysaml2(case, told):
    endpoints = {"assertion_consumer_service": [(case["recipient"], BINDING_HTTP_POST)]}
    service = {"allow_unsolicited": True, "endpoints": endpoints, **(TOLD if told else {})}
    settings = {"entityid": case["audience"], "metadata": {"inline": [case["metadata"]]}, "service": {"sp": service}}
    # pysaml2 requires the path of a program, but the program is never started (see `Library`).
    settings |= {"xmlsec_binary": sys.executable, "allow_unknown_attributes": told}
    client = Saml2Client(SPConfig().load(settings))
    response = client.parse_authn_request_response(encoded(case), BINDING_HTTP_POST)
    if response is None or response.assertion is None:
        raise ValueError("no assertion was accepted")
    conditions = response.assertion.conditions
    [audience] = [one.text for restriction in conditions.audience_restriction for one in restriction.audience]
    certificates = client.metadata.certs(response.issuer(), "idpsso", "signing")
    return {
        "attributes": response.ava,
        "audience": audience,
        "subject": response.name_id.text,
        "notBefore": conditions.not_before,
        "notOnOrAfter": conditions.not_on_or_after,
        "certificates": thumbprints(text for _, text in certificates),
    }


def verdict(name, library, case, told):
    if name in case.get("except", ()):
        return None
    try:
        with freeze_time(case["now"].removesuffix("+00:00")):
            return {"accepted": True, "seen": library(case, told)}
    except Exception as error:  # noqa: BLE001 - each library raises its own types of errors, and each error means a rejection
        return {"accepted": False, "error": f"{type(error).__name__}: {error}"}


def main():
    cases = json.load(sys.stdin)
    verdicts = {}
    # The libraries print to standard output.
    with contextlib.redirect_stdout(sys.stderr):
        for name, library in {"python3-saml": python3_saml, "pysaml2": pysaml2}.items():
            ways = {"told": True, "as it comes": False}
            verdicts[name] = {way: [verdict(name, library, case, told) for case in cases] for way, told in ways.items()}
        # Entra's metadata also contains WS-Federation roles, which SAML's schema does not define. Only the metadata
        # that the product itself composes is therefore validated against the schema.
        composed = sorted({case["metadata"] for case in cases if "<RoleDescriptor" not in case["metadata"]})
        errors = [Schema.validate_xml(text.encode(), "saml-schema-metadata-2.0.xsd") for text in composed]
        verdicts["python3-saml"]["valid"] = [not isinstance(error, str) for error in errors]
    json.dump(verdicts, sys.stdout)


main()
