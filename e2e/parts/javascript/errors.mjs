// Calls operations of identity pools that fail, and prints what the SDK makes of the replies.
//
// usage: node errors.mjs ENDPOINT REGION <calls, with keys in the environment
//   calls   [{"operation":"GetId","input":{...}}, ...]
//   prints  {"classes":[all exceptions that the SDK knows],"arrived":[{"class","name","message","status"}, ...]}
import * as sdk from '@aws-sdk/client-cognito-identity';
import { text } from 'node:stream/consumers';

const base = sdk.CognitoIdentityServiceException;
const classes = Object.keys(sdk).filter((name) => sdk[name].prototype instanceof base);

const [endpoint, region] = process.argv.slice(2);
const client = new sdk.CognitoIdentityClient({ endpoint, region, maxAttempts: 1 });
const arrived = [];
for (const { operation, input } of JSON.parse(await text(process.stdin))) {
  try {
    await client.send(new sdk[`${operation}Command`](input));
    arrived.push({ class: 'none' });
  } catch (e) {
    // instanceof is what programs ask, though this SDK's goes by e.name, too; the constructor cannot be mistaken.
    const is = classes.filter((name) => e instanceof sdk[name] && e.constructor === sdk[name]);
    arrived.push({ class: is.join() || e.constructor.name, name: e.name, message: e.message, status: e.$metadata?.httpStatusCode });
  }
}
console.log(JSON.stringify({ classes, arrived }));
