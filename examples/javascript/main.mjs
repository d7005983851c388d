// From an identity pool to AWS credentials in JavaScript: for a guest, or for a person who has signed in somewhere.
//
// usage: node main.mjs ENDPOINT POOL [PROVIDER TOKEN]
//   ENDPOINT  URL of idpool, such as http://127.0.0.1:7400
//   POOL      id of an identity pool: REGION:UUID
//   PROVIDER  the login's provider, as in the pool's settings: its issuer without https://
//   TOKEN     the ID token from there
import { GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts';
import { fromCognitoIdentity, fromCognitoIdentityPool } from '@aws-sdk/credential-providers';

const [endpoint, identityPoolId, provider, token] = process.argv.slice(2);
if (!identityPoolId || Boolean(provider) !== Boolean(token)) {
  console.error('usage: node main.mjs ENDPOINT POOL [PROVIDER TOKEN]');
  process.exit(2);
}
const clientConfig = { endpoint, region: identityPoolId.split(':')[0] };
const logins = provider && { [provider]: token };

// What idpool refuses has a name and a message, as with the original; so has a node that is not there.
process.on('uncaughtException', (error) => {
  console.error(`${error.name}: ${error.message || error.code}`);
  process.exit(1);
});

// The first time an app knows no more than the pool. A guest has a new identity, a person the one from last time.
const first = await fromCognitoIdentityPool({ clientConfig, identityPoolId, logins })();
console.log('identity', first.identityId);

// An app that has kept the identity's id, as it should of a guest, asks for credentials alone. Such a provider can be handed
// to any client of the SDK, which calls it again when the hour is over.
const credentials = fromCognitoIdentity({ clientConfig, identityId: first.identityId, logins });
const caller = await new STSClient({ ...clientConfig, credentials }).send(new GetCallerIdentityCommand({}));
console.log('caller', caller.Arn);
