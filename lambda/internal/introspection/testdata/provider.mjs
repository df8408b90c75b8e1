// An authorization server for the tests of this package: the certified oidc-provider package with opaque access tokens,
// introspection in JSON and as RFC 9701 has it, and revocation. It reads {"port", "secret"} as a line of JSON on
// stdin, writes a line to stdout when it listens, and ends when stdin does.
for (const method of ['log', 'info', 'warn', 'error']) console[method] = () => {}; // stdout is for the one line
import * as crypto from 'node:crypto';
import * as readline from 'node:readline';
const { Provider } = await import('oidc-provider');

const input = readline.createInterface({ input: process.stdin });
const [line] = await new Promise((resolve) => { input.once('line', (...args) => resolve(args)); });
process.stdin.on('end', () => process.exit(0));
const { port, secret } = JSON.parse(line);

const key = crypto.generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ format: 'jwk' });
const machine = { id_token_signed_response_alg: 'ES256', introspection_signed_response_alg: 'ES256', redirect_uris: [], response_types: [], grant_types: ['client_credentials'] };
const provider = new Provider(`http://127.0.0.1:${port}`, {
  jwks: { keys: [{ ...key, alg: 'ES256', use: 'sig', kid: 'one' }] },
  clients: [
    { ...machine, client_id: 'app', client_secret: secret, scope: 'orders.read orders.write' },
    { ...machine, client_id: 'gate:way', client_secret: secret, grant_types: [] },
  ],
  enabledJWA: { introspectionSigningAlgValues: ['ES256'] },
  scopes: ['orders.read', 'orders.write'],
  ttl: { ClientCredentials: (ctx) => (ctx.oidc.params.scope === 'orders.write' ? 2 : 600) },
  features: {
    devInteractions: { enabled: false },
    clientCredentials: { enabled: true },
    introspection: { enabled: true, allowedPolicy: () => true },
    jwtIntrospection: { enabled: true },
    revocation: { enabled: true },
  },
});
provider.listen(port, '127.0.0.1', () => process.stdout.write('ready\n'));
