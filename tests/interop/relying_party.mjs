// A relying party of openid-client, driven from outside: a JSON command a line on standard input, a JSON answer a line
// on standard output. It plays the client's server; the person's browser is the test's own.
import { request } from 'node:https'
import { createInterface } from 'node:readline'
import * as jose from 'jose' // the library's own; what it lacks is encrypting a request
import * as oidc from 'openid-client'

const parties = new Map() // by name: { config, flow, dpop }

const PARAMETERS = {
  RS256: { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' },
  PS256: { name: 'RSA-PSS', hash: 'SHA-256' },
  ES256: { name: 'ECDSA', namedCurve: 'P-256' },
  EdDSA: { name: 'Ed25519' },
  'RSA-OAEP': { name: 'RSA-OAEP', hash: 'SHA-1' },
  'RSA-OAEP-256': { name: 'RSA-OAEP', hash: 'SHA-256' },
  'ECDH-ES': { name: 'ECDH', namedCurve: 'P-256' },
  'ECDH-ES+A128KW': { name: 'ECDH', namedCurve: 'P-256' },
  'ECDH-ES+A256KW': { name: 'ECDH', namedCurve: 'P-256' },
}
const USAGES = { 'RSA-OAEP': ['decrypt', 'unwrapKey'], ECDH: ['deriveBits'] }

async function imported(jwk) {
  const { alg, ...rest } = jwk
  delete rest.use
  const key = await crypto.subtle.importKey('jwk', rest, PARAMETERS[alg], false, USAGES[PARAMETERS[alg].name] ?? ['sign'])
  return { key, kid: jwk.kid, alg }
}

async function authentication({ method, secret, jwk }) {
  switch (method) {
    case 'client_secret_basic':
      return oidc.ClientSecretBasic(secret ?? undefined)
    case 'client_secret_post':
      return oidc.ClientSecretPost(secret)
    case 'client_secret_jwt':
      return oidc.ClientSecretJwt(secret)
    case 'private_key_jwt':
      return oidc.PrivateKeyJwt(await imported(jwk))
    case 'tls_client_auth':
    case 'self_signed_tls_client_auth':
      return oidc.TlsClientAuth()
    case 'none':
      return oidc.None()
    default:
      throw new Error(`no such method: ${method}`)
  }
}

async function dressed(config, { wishes = [], decrypt, dpop }) {
  const switches = {
    jwt_response_mode: oidc.useJwtResponseMode,
    code_id_token: oidc.useCodeIdTokenResponseType,
    id_token: oidc.useIdTokenResponseType,
    non_repudiation: oidc.enableNonRepudiationChecks,
    detached_signature: oidc.enableDetachedSignatureResponseChecks,
  }
  for (const wish of wishes) switches[wish](config)
  if (decrypt) oidc.enableDecryptingResponses(config, undefined, await imported(decrypt))
  const keys = dpop ? await oidc.randomDPoPKeyPair(dpop, { extractable: true }) : undefined
  return { config, flow: {}, keys, dpop: keys ? { DPoP: oidc.getDPoPHandle(config, keys) } : {} }
}

const insecure = { execute: [oidc.allowInsecureRequests] } // http on this machine

// A fetch by TLS, with a certificate if there is one; it finds every host on this machine, as a resolver would say.
function fetching(tls) {
  const here = { address: '127.0.0.1', family: 4 }
  const lookup = (_name, { all }, found) => (all ? found(null, [here]) : found(null, here.address, here.family))
  return (url, { method, headers, body, signal }) =>
    new Promise((resolve, reject) => {
      const sent = request(url, { ...tls, method, headers, signal, lookup, agent: false }, async (answer) => {
        const parts = await answer.toArray()
        const { statusCode: status } = answer
        resolve(new Response(parts.length ? Buffer.concat(parts) : null, { status, headers: answer.headers }))
      })
      sent.on('error', reject)
      sent.end(body?.toString())
    })
}

// A signed request object, encrypted to the provider's published key for an algorithm (RFC 9101 §6.1).
async function encrypted(party, object, { alg, enc }) {
  const { keys } = await (await fetch(party.config.serverMetadata().jwks_uri)).json()
  const jwk = keys.find((key) => key.alg === alg)
  return new jose.CompactEncrypt(new TextEncoder().encode(object))
    .setProtectedHeader({ alg, enc, kid: jwk.kid, cty: 'oauth-authz-req+jwt' })
    .encrypt(await jose.importJWK(jwk, alg))
}

const commands = {
  async discover({ name, issuer, client_id, metadata, auth, tls, ...wishes }) {
    const options = tls ? { [oidc.customFetch]: fetching(tls) } : insecure
    const config = await oidc.discovery(new URL(issuer), client_id, metadata, await authentication(auth), options)
    parties.set(name, await dressed(config, wishes))
    return { server: config.serverMetadata(), client: config.clientMetadata() }
  },

  async register({ name, issuer, metadata, token, auth, ...wishes }) {
    const method = auth ? await authentication(auth) : undefined
    const options = { ...insecure, initialAccessToken: token }
    const config = await oidc.dynamicClientRegistration(new URL(issuer), metadata, method, options)
    parties.set(name, await dressed(config, wishes))
    return { client: config.clientMetadata() }
  },

  async begin({ name, parameters, way = 'plain', sign, encrypt, reference, pkce = true }) {
    const party = parties.get(name)
    const verifier = oidc.randomPKCECodeVerifier()
    const [state, nonce] = [oidc.randomState(), oidc.randomNonce()]
    const proof = pkce
      ? { code_challenge: await oidc.calculatePKCECodeChallenge(verifier), code_challenge_method: 'S256' }
      : {}
    let asked = spread({ state, nonce, ...proof, ...parameters })
    let object
    if (way.includes('jar')) {
      const url = await oidc.buildAuthorizationUrlWithJAR(party.config, asked, await imported(sign))
      object = url.searchParams.get('request')
      if (encrypt) object = await encrypted(party, object, encrypt)
      asked = new URLSearchParams(reference ? { request_uri: reference } : { request: object })
    }
    const url = way.includes('par')
      ? await oidc.buildAuthorizationUrlWithPAR(party.config, asked, party.dpop)
      : oidc.buildAuthorizationUrl(party.config, asked)
    return { ...remember(party, url, { verifier, state, nonce, pkce }), object }
  },

  async finish({ name, url, form, parameters = {}, checks: further = {} }) {
    const { config, flow, dpop } = parties.get(name)
    const answer = form === undefined ? new URL(url) : new Request(url, formRequest(form))
    const checks = { expectedState: flow.state, expectedNonce: flow.nonce, ...further }
    if (flow.pkce) checks.pkceCodeVerifier = flow.verifier
    return shown(await oidc.authorizationCodeGrant(config, answer, checks, spread(parameters), dpop))
  },

  async finish_implicit({ name, url, form }) {
    const { config, flow } = parties.get(name)
    const answer = form === undefined ? new URL(url) : new Request(url, formRequest(form))
    return { claims: await oidc.implicitAuthentication(config, answer, flow.nonce, { expectedState: flow.state }) }
  },

  async refresh({ name, token, parameters }) {
    const { config, dpop } = parties.get(name)
    return shown(await oidc.refreshTokenGrant(config, token, parameters, dpop))
  },

  async client_credentials({ name, parameters }) {
    const { config, dpop } = parties.get(name)
    return shown(await oidc.clientCredentialsGrant(config, parameters, dpop))
  },

  async userinfo({ name, token, subject }) {
    const { config, dpop } = parties.get(name)
    return oidc.fetchUserInfo(config, token, subject ?? oidc.skipSubjectCheck, dpop)
  },

  async introspect({ name, token }) {
    return oidc.tokenIntrospection(parties.get(name).config, token)
  },

  async revoke({ name, token }) {
    await oidc.tokenRevocation(parties.get(name).config, token)
    return {}
  },

  async end_session({ name, parameters }) {
    return { url: oidc.buildEndSessionUrl(parties.get(name).config, parameters).href }
  },
}

function remember(party, url, flow) {
  party.flow = flow
  return { url: url.href, ...flow }
}

// What has several values is said several times.
function spread(parameters) {
  const pairs = Object.entries(parameters).flatMap(([name, value]) => [value].flat().map((one) => [name, one]))
  return new URLSearchParams(pairs)
}

function formRequest(form) {
  return { method: 'POST', body: new URLSearchParams(form) }
}

function shown(tokens) {
  return { ...tokens, claims: tokens.claims?.() }
}

function told(error) {
  const cause = error.cause instanceof Error ? error.cause.message : error.cause
  return { name: error.name, message: error.message, code: error.code, error: error.error, status: error.status, cause }
}

for await (const line of createInterface({ input: process.stdin })) {
  const { command, ...wishes } = JSON.parse(line)
  let answer
  try {
    answer = { result: await commands[command](wishes) }
  } catch (error) {
    answer = { failure: told(error) }
  }
  process.stdout.write(`${JSON.stringify(answer)}\n`)
}
