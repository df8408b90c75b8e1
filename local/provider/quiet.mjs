// Imported first, before oidc-provider: stdout is only for the line that says the provider is ready, so the library's
// console output goes to stderr, without one line that is noise here.
const noise = /^oidc-provider WARNING: Unsupported runtime\b/; // Node 20 does; its library is tested on 22 and later

for (const method of ['log', 'info', 'warn', 'error', 'debug']) {
  console[method] = (...args) => {
    const line = args.map(String).join(' ');
    if (!noise.test(line)) process.stderr.write(`${line}\n`);
  };
}
