// A real OpenID Connect issuer on one address: `node issuer.mjs URL`. Tokens come from /token (client credentials) with
// whatever is in the form field `claims`; PUT /keys/RS256 replaces the keys by one new one of that algorithm, POST adds it.
import { generateKeyPairSync, randomUUID } from 'node:crypto';
import { createServer } from 'node:http';

const installed = new URL('../../target/oidc/node_modules/oidc-provider/lib/index.js', import.meta.url);
const { default: Provider } = await import(installed);

const audience = 'https://sourcegate.test';
const issuer = process.argv[2];
const { hostname, port } = new URL(issuer);

const kinds = {
  RS256: ['rsa', { modulusLength: 2048 }],
  ES256: ['ec', { namedCurve: 'P-256' }],
  EdDSA: ['ed25519', {}],
};

function key(alg) {
  const { privateKey } = generateKeyPairSync(...kinds[alg]);
  return { ...privateKey.export({ format: 'jwk' }), alg, use: 'sig', kid: randomUUID() };
}

function provide(keys) {
  const provider = new Provider(issuer, {
    jwks: { keys },
    clients: [{
      client_id: 'robot',
      client_secret: 'robot-secret',
      grant_types: ['client_credentials'],
      redirect_uris: [],
      response_types: [],
      id_token_signed_response_alg: keys[0].alg,
    }],
    ttl: { ClientCredentials: 300 },
    features: {
      devInteractions: { enabled: false },
      clientCredentials: { enabled: true },
      resourceIndicators: {
        enabled: true,
        defaultResource: () => audience,
        getResourceServerInfo: () => ({
          audience,
          scope: 'use',
          accessTokenFormat: 'jwt',
          jwt: { sign: { alg: keys[0].alg } },
        }),
      },
    },
    extraTokenClaims: (context) => JSON.parse(context.oidc.body.claims ?? '{}'),
  });
  return provider.callback();
}

let keys = [key('RS256')];
let answer = provide(keys);

createServer((request, response) => {
  const [, alg] = request.url.match(/^\/keys\/(\w+)$/) ?? [];
  if (alg === undefined) {
    answer(request, response);
    return;
  }
  keys = request.method === 'POST' ? [key(alg), ...keys] : [key(alg)];
  answer = provide(keys);
  response.end();
}).listen(Number(port), hostname);
