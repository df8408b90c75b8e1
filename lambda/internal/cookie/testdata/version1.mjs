// Makes version1.json: run "node version1.mjs > version1.json". It is written
// from the documented form alone, with Node's own cryptography.
import { createCipheriv, createHash } from "node:crypto";

const key = "4e4636356d65563e4c73233847503e3b21436e6f7629724950526f4b5e2e4e50";
const other = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";

function seal(hex, text, { version = 1, nonce = 1 } = {}) {
  const iv = Buffer.from(Array.from({ length: 12 }, (_, i) => (i * 7 + nonce) & 255));
  const cipher = createCipheriv("aes-256-gcm", Buffer.from(hex, "hex"), iv);
  const body = Buffer.concat([cipher.update(text, "utf8"), cipher.final()]);
  return Buffer.concat([Buffer.from([version]), iv, body, cipher.getAuthTag()]);
}

const token = "_0XBPWQQ_453276c1-8ba1-4b06-8bd4-4f3f5a0f7a0f";
const raw = seal(key, token);
const flipped = Buffer.from(raw);
flipped[20] ^= 1;
const jwt = ["{\"alg\":\"RS256\"}", "{\"sub\":\"Zoë\"}", "x".repeat(256)].map((s) => Buffer.from(s).toString("base64url")).join(".");
const vectors = [
  { comment: "opaque token", key, value: raw.toString("base64url"), want: token },
  { comment: "JWT", key, value: seal(key, jwt, { nonce: 2 }).toString("base64url"), want: jwt },
  { comment: "not ASCII", key, value: seal(key, "Zoë", { nonce: 3 }).toString("base64url"), want: "Zoë" },
  { comment: "sealed with a previous key", key: other, previous: [key], value: raw.toString("base64url"), want: token },
  { comment: "empty", key, value: seal(key, "", { nonce: 4 }).toString("base64url"), want: "" },
  { comment: "with padding", key, value: seal(key, "ab", { nonce: 5 }).toString("base64"), want: null },
  { comment: "another key", key: other, value: raw.toString("base64url"), want: null },
  { comment: "altered", key, value: flipped.toString("base64url"), want: null },
  { comment: "cut short", key, value: raw.subarray(0, raw.length - 1).toString("base64url"), want: null },
  { comment: "shorter than nonce and tag", key, value: raw.subarray(0, 28).toString("base64url"), want: null },
  { comment: "version 2 in the first byte", key, value: seal(key, token, { version: 2 }).toString("base64url"), want: null },
  { comment: "version 0 in the first byte", key, value: seal(key, token, { version: 0 }).toString("base64url"), want: null },
];

// A value of version 2 in three cookies.
const keyID = createHash("sha256").update("token handler cookie key id\0").update(Buffer.from(key, "hex")).digest().subarray(0, 4);
const prefix = Buffer.concat([Buffer.from([2]), keyID]);
const iv = Buffer.alloc(12, 9);
const cipher = createCipheriv("aes-256-gcm", Buffer.from(key, "hex"), iv);
cipher.setAAD(Buffer.concat([prefix, Buffer.from("__Host-th-at")]));
const expires = Buffer.alloc(8);
expires.writeBigUInt64BE(1900000000n);
const large = "t".repeat(60);
const body = Buffer.concat([cipher.update(Buffer.concat([Buffer.alloc(16, 3), expires, Buffer.from([0]), Buffer.from(large)])), cipher.final()]);
const whole = Buffer.concat([prefix, iv, body, cipher.getAuthTag()]).toString("base64url");
const third = Math.ceil(whole.length / 3);
const parts = {
  "__Host-th-at": "3." + whole.slice(0, third),
  "__Host-th-at-1": whole.slice(third, 2 * third),
  "__Host-th-at-2": whole.slice(2 * third),
};
console.log(JSON.stringify({ version1: vectors, parts: { key, cookies: parts, want: large } }, null, 2));
