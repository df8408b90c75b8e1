// Makes version3.json: run "node version3.mjs > version3.json". It is written
// from the documented form alone, with Node's own cryptography.
import { createCipheriv, createHash, createHmac } from "node:crypto";

const key = "4e4636356d65563e4c73233847503e3b21436e6f7629724950526f4b5e2e4e50";
const other = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
const z = Buffer.from([0]);

// HKDF-Expand with one block (RFC 5869 section 2.3).
const expand = (hex, info) => createHmac("sha256", Buffer.from(hex, "hex")).update(info).update(Buffer.from([1])).digest();

function seal(hex, place, plain, nonce = 1, version = 3) {
  const keyID = createHash("sha256").update("token handler cookie key id\0").update(Buffer.from(hex, "hex")).digest().subarray(0, 4);
  const prefix = Buffer.concat([Buffer.from([version]), keyID]);
  const info = ["token handler cookie", place.kind, place.deployment, place.prefix].map((s) => s + "\0").join("");
  const iv = Buffer.from(Array.from({ length: 12 }, (_, i) => (i * 7 + nonce) & 255));
  const cipher = createCipheriv("aes-256-gcm", expand(hex, Buffer.from(info)), iv);
  cipher.setAAD(Buffer.concat([prefix, ...[place.name, place.domain, place.path].flatMap((s) => [Buffer.from(s), z])]));
  const body = Buffer.concat([cipher.update(plain), cipher.final()]);
  return Buffer.concat([prefix, iv, body, cipher.getAuthTag()]).toString("base64url");
}

const session = Buffer.from("00112233445566778899aabbccddeeff", "hex");
function plain(token, { expires = 1900000000n, binding = "" } = {}) {
  const e = Buffer.alloc(8);
  e.writeBigUInt64BE(expires);
  return Buffer.concat([session, e, Buffer.from([binding.length]), Buffer.from(binding), z, Buffer.from(token)]);
}

const at = { kind: "at", deployment: "https://login.example.com spa", prefix: "th", name: "__Host-th-at", domain: "", path: "/" };
const auth = { ...at, kind: "auth", name: "__Secure-th-auth", domain: "example.com", path: "/oauth-agent" };
const value = seal(key, at, plain("opaque"));
const want = { session: session.toString("hex"), expires: 1900000000, token: "opaque", binding: "" };
const long = "b".repeat(255);
const refused = (comment, place) => ({ comment, key, place, value, want: null });
const vectors = [
  { comment: "opaque token", key, place: at, value, want },
  { comment: "domain and path", key, place: auth, value: seal(key, auth, plain("opaque")), want },
  { comment: "binding", key, place: at, value: seal(key, at, plain("opaque", { binding: "k" })), want: { ...want, binding: "k" } },
  { comment: "longest binding", key, place: at, value: seal(key, at, plain("opaque", { binding: long })), want: { ...want, binding: long } },
  { comment: "no expiry, empty token", key, place: at, value: seal(key, at, plain("", { expires: 0n })), want: { ...want, expires: 0, token: "" } },
  { comment: "sealed with a previous key", key: other, previous: [key], place: at, value, want },
  refused("another kind", { ...at, kind: "csrf" }),
  refused("another issuer", { ...at, deployment: "https://login.example.org spa" }),
  refused("another client", { ...at, deployment: "https://login.example.com spa2" }),
  refused("another prefix", { ...at, prefix: "ht" }),
  refused("another name", { ...at, name: "__Secure-th-at" }),
  refused("another domain", { ...at, domain: "example.com" }),
  refused("another path", { ...at, path: "/oauth-agent" }),
  refused("name and domain run together", { ...at, name: "__Host-th-a", domain: "t" }),
  { comment: "another key", key: other, place: at, value, want: null },
  { comment: "binding longer than the plaintext", key, place: at, value: seal(key, at, Buffer.concat([session, Buffer.alloc(8), Buffer.from([200]), Buffer.from("short")])), want: null },
  { comment: "no token", key, place: at, value: seal(key, at, Buffer.concat([session, Buffer.alloc(8), z])), want: null },
  { comment: "version 3 in the form of version 2", key, place: at, value: seal(key, at, plain("opaque"), 1, 2), want: null },
  { comment: "version 4", key, place: at, value: seal(key, at, plain("opaque"), 1, 4), want: null },
];
console.log(JSON.stringify(vectors, null, 2));
