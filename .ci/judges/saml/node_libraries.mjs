// Reads the test cases that `run` writes from standard input, and checks them with node-saml and samlify. Writes the
// results of both libraries as JSON.
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { mock } from 'node:test'
import { SAML } from '@node-saml/node-saml'
import * as samlify from 'samlify'

const ASSERTION = 'urn:oasis:names:tc:SAML:2.0:assertion'
const POST = 'urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST'

// samlify requires a schema validator. This validator accepts every document, because python3-saml already validates
// the same documents against SAML's schema.
samlify.setSchemaValidator({ validate: async () => 'left to python3-saml' })

const encoded = (one) => Buffer.from(one.response).toString('base64')
const lists = (attributes) =>
  Object.fromEntries(Object.entries(attributes).map(([name, value]) => [name, [].concat(value)]))
const thumbprint = (certificate) =>
  createHash('sha1').update(Buffer.from(certificate, 'base64')).digest('hex').toUpperCase()
const certificates = (provider) => [].concat(provider.entityMeta.getX509Certificate('signing'))

async function nodeSaml(one, told) {
  // node-saml cannot read metadata, so it gets the values that samlify has read from the metadata.
  const provider = samlify.IdentityProvider({ metadata: one.metadata })
  const saml = new SAML({
    callbackUrl: one.recipient,
    issuer: one.audience,
    audience: one.audience,
    idpIssuer: provider.entityMeta.getEntityID(),
    idpCert: certificates(provider),
    ...(told ? { wantAuthnResponseSigned: false } : {}),
  })
  const { profile } = await saml.validatePostResponseAsync({ SAMLResponse: encoded(one) })
  const { Assertion } = await profile.getAssertion()
  const [conditions] = Assertion.Conditions
  return {
    attributes: lists(profile.attributes),
    audience: conditions.AudienceRestriction[0].Audience[0]._,
    subject: profile.nameID,
    notBefore: conditions.$.NotBefore,
    notOnOrAfter: conditions.$.NotOnOrAfter,
    certificates: certificates(provider).map(thumbprint).sort(),
  }
}

async function ofSamlify(one, told) {
  const provider = samlify.IdentityProvider({ metadata: one.metadata })
  const service = samlify.ServiceProvider({
    entityID: one.audience,
    assertionConsumerService: [{ Binding: POST, Location: one.recipient }],
    ...(told ? { wantAssertionsSigned: true } : {}),
  })
  const { extract } = await service.parseLoginResponse(provider, 'post', { body: { SAMLResponse: encoded(one) } })
  return {
    attributes: lists(extract.attributes),
    audience: extract.audience,
    subject: extract.nameID,
    notBefore: extract.conditions.notBefore,
    notOnOrAfter: extract.conditions.notOnOrAfter,
    certificates: certificates(provider).map(thumbprint).sort(),
  }
}

async function verdict(name, library, one, told) {
  if (one.except?.includes(name)) return null
  mock.timers.enable({ apis: ['Date'], now: new Date(one.now) })
  try {
    return { accepted: true, seen: await library(one, told) }
  } catch (error) {
    return { accepted: false, error: String(error?.message ?? error) }
  } finally {
    mock.timers.reset()
  }
}

const cases = JSON.parse(readFileSync(0, 'utf8'))
const verdicts = {}
for (const [name, library] of Object.entries({ 'node-saml': nodeSaml, samlify: ofSamlify })) {
  verdicts[name] = { told: [], 'as it comes': [] }
  for (const one of cases) {
    verdicts[name].told.push(await verdict(name, library, one, true))
    verdicts[name]['as it comes'].push(await verdict(name, library, one, false))
  }
}
process.stdout.write(JSON.stringify(verdicts))
