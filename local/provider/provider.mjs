// A real OpenID Provider for the local run: the certified oidc-provider package with pages of our own.
//
// Its configuration is one line of JSON on stdin, so that no secret is in an argument, a variable or a file; the
// fields are those of package provider (local/internal/provider/config.go). It writes {"ready":true,"port":…} to stdout
// when it listens, errors to stderr, and ends when stdin closes: with the program that started it.
// It keeps everything in memory. It is for one developer on one machine: loopback only, http, demo users.
import './quiet.mjs';
import * as crypto from 'node:crypto';
import * as http from 'node:http';
import { Provider } from 'oidc-provider';
import { configuration } from './configuration.mjs';
import { exchange } from './exchange.mjs';
import { interactions } from './interactions.mjs';
import { guard } from './guard.mjs';

const maxConfig = 1 << 20;

function fail(message) {
  process.stderr.write(`${message}\n`);
  process.exit(1);
}

/** The first line of stdin; stdin stays open after it. */
function readConfig() {
  return new Promise((resolve, reject) => {
    let text = '';
    process.stdin.setEncoding('utf8');
    process.stdin.on('data', (chunk) => {
      if (text === null) return;
      text += chunk;
      const end = text.indexOf('\n');
      if (end >= 0) {
        const line = text.slice(0, end);
        text = null;
        try {
          resolve(JSON.parse(line));
        } catch { // the parser's message would quote the text, and with it a secret
          reject(new Error('expected the configuration as one line of JSON on stdin'));
        }
      } else if (text.length > maxConfig) {
        reject(new Error('configuration is too large'));
      }
    });
    process.stdin.on('end', () => {
      if (text === null) process.exit(0); // the program that started us has gone
      reject(new Error('expected the configuration as one line of JSON on stdin, got its end'));
    });
  });
}

/**
 * Listens on both loopback addresses, since a browser may resolve *.localhost to either. Behind a proxy it listens on
 * one, at a port of the system's choice.
 */
async function listen(handler, port, hosts = ['127.0.0.1', '::1']) {
  const servers = [];
  for (const host of hosts) {
    const server = http.createServer({ maxHeaderSize: 32 << 10, requestTimeout: 30_000 }, handler);
    try {
      await new Promise((resolve, reject) => {
        server.once('error', reject);
        server.listen({ port, host, ipv6Only: host === '::1' }, resolve);
      });
      servers.push(server);
    } catch (error) {
      const noIPv6 = host === '::1' && ['EADDRNOTAVAIL', 'EAFNOSUPPORT'].includes(error.code);
      if (error.code === 'EADDRINUSE') throw new Error(`port ${port} on ${host} is in use`);
      if (!noIPv6) throw new Error(`cannot listen on ${host} port ${port}: ${error.code}`);
    }
  }
  return servers;
}

try {
  if (!crypto.hash || !URL.parse) throw new Error(`Node.js ${process.version} is too old: install its latest release, or 22 or newer`);
  const config = await readConfig();
  const provider = new Provider(config.issuer, await configuration(config));
  exchange(provider);
  // Names of errors only: no token, code, cookie or parameter is logged.
  provider.on('error', (error) => console.error(`error: ${error.name}`));
  provider.on('server_error', (ctx, error) => console.error(`server_error at ${ctx.path}: ${error.name}: ${error.message}`));
  provider.on('backchannel.error', (ctx, error) => console.error(`backchannel.error: ${error.name}: ${error.message}`));
  for (const event of ['authorization.error', 'grant.error', 'introspection.error', 'revocation.error', 'userinfo.error']) {
    provider.on(event, (ctx, error) => console.error(`${event}: ${error.error ?? error.name}`));
  }
  // The package looks at a client when it is first used; a mistake in the configuration is to show now.
  for (const { client_id: id } of [...config.clients, ...config.resource_servers]) {
    await provider.Client.find(id).catch((error) => {
      throw new Error(`client ${id}: ${error.error_description ?? error.message}`);
    });
  }
  provider.use(guard(config));
  provider.use(interactions(provider, config));
  provider.proxy = config.proxied;
  const servers = config.proxied
    ? await listen(provider.callback(), 0, ['127.0.0.1'])
    : await listen(provider.callback(), config.port);
  process.on('SIGTERM', () => {
    for (const server of servers) {
      server.close();
      server.closeAllConnections();
    }
    process.exit(0);
  });
  process.stdout.write(`${JSON.stringify({ ready: true, port: servers[0].address().port })}\n`);
} catch (error) {
  fail(error.message);
}
