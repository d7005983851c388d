// A real OpenID provider, oidc-provider, with its own login page, which takes any name and any password.
//
// usage: node op.mjs [--issuer URL] [--behind SECONDS]
//   --issuer  the https URL of a proxy in front of it; without it the provider is its own address
//   --behind  lets its clock stand behind, so that its tokens are over before anybody sees them
//
// It listens on a free loopback port and prints where, and as whom: {"address":"http://127.0.0.1:PORT","issuer":"..."}
import { generateKeyPairSync, randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import { parseArgs } from 'node:util';
import Provider from 'oidc-provider';

const { values } = parseArgs({ options: { issuer: { type: 'string' }, behind: { type: 'string', default: '0' } } });

const clock = Date.now;
Date.now = () => clock() - Number(values.behind) * 1000;

const client = (id) => ({
  client_id: id,
  client_secret: 'secret',
  redirect_uris: ['https://app.example/callback'],
  grant_types: ['authorization_code'],
  response_types: ['code'],
});

const key = {
  ...generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({ format: 'jwk' }),
  kid: randomUUID(), use: 'sig', alg: 'RS256',
};

const server = createServer();
server.listen(0, '127.0.0.1', () => {
  const address = `http://127.0.0.1:${server.address().port}`;
  const issuer = values.issuer ?? address;
  const op = new Provider(issuer, {
    clients: [client('app'), client('other-app')],
    jwks: { keys: [key] },
    findAccount: (ctx, id) => ({ accountId: id, claims: () => ({ sub: id, email: `${id}@example.com` }) }),
    claims: { openid: ['sub'], email: ['email'] },
    conformIdTokenClaims: false, // so that the e-mail address is in the ID token too
    features: { devInteractions: { enabled: true } },
    cookies: { keys: [randomUUID()] },
    ttl: { IdToken: 600, Interaction: 86400, Session: 86400, Grant: 86400 }, // cookies must outlive --behind
  });
  op.proxy = values.issuer !== undefined; // believe X-Forwarded-Proto and -Host
  server.on('request', op.callback());
  console.log(JSON.stringify({ address, issuer }));
});
