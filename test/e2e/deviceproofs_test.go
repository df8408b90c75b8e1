package e2e

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"regexp"
	"strings"
	"testing"
)

// device signs proofs with a key of its own, as a browser does.
type device struct{ *ecdsa.PrivateKey }

func newDevice(t *testing.T) device {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return device{key}
}

func (d device) jwk() map[string]any {
	point, err := d.PublicKey.Bytes()
	if err != nil {
		panic(err)
	}
	return map[string]any{"kty": "EC", "crv": "P-256", "x": encoded(point[1:33]), "y": encoded(point[33:])}
}

// proof answers a challenge. The members change or add to its header.
func (d device) proof(challenge string, members ...any) string {
	header := map[string]any{"typ": "dbsc+jwt", "alg": "ES256"}
	for i := 0; i < len(members); i += 2 {
		header[members[i].(string)] = members[i+1]
	}
	signed := jsonPart(header) + "." + jsonPart(map[string]any{"jti": challenge})
	hash := sha256.Sum256([]byte(signed))
	signature := make([]byte, 64)
	switch header["alg"] {
	case "none":
		return signed + "."
	case "HS256": // with the public key as the secret, as in RFC 8725 section 2.1
		point, _ := d.PublicKey.Bytes()
		mac := hmac.New(sha256.New, point)
		mac.Write([]byte(signed))
		return signed + "." + encoded(mac.Sum(nil))
	}
	r, s, err := ecdsa.Sign(rand.Reader, d.PrivateKey, hash[:])
	if err != nil {
		panic(err)
	}
	r.FillBytes(signature[:32])
	s.FillBytes(signature[32:])
	return signed + "." + encoded(signature)
}

func jsonPart(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return encoded(text)
}

func encoded(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

// wire are the values of device binding that the local run must not show.
type wire struct{ values []string }

func (w *wire) check(t *testing.T, output string) {
	t.Helper()
	if len(w.values) < 20 {
		t.Errorf("only %d values to search", len(w.values))
	}
	for _, value := range w.values {
		if len(value) < 20 || strings.Contains(output, value) {
			t.Errorf("the output shows a value of %d bytes, %.12s…", len(value), value)
		}
	}
}

var challengeRE = regexp.MustCompile(`^"([A-Za-z0-9_-]{40,})";id="([0-9a-f]{32})"$`)

// bySelf is the header of a request that the browser makes by itself.
func (p *person) bySelf(more ...string) http.Header {
	h := http.Header{"Origin": {p.api}, "Sec-Fetch-Site": {"same-origin"}, "Sec-Fetch-Mode": {"no-cors"}}
	for i := 0; i+1 < len(more); i += 2 {
		h.Set(more[i], more[i+1])
	}
	return h
}

// deviceProofs sends proofs that are good and bad through the gateway. A bad one
// neither binds a session nor unbinds it.
func deviceProofs(t *testing.T, s *system, secrets *wire) {
	const responseHeader, sessionHeader = "Secure-Session-Response", "Sec-Secure-Session-Id"
	offered := func(p *person) string {
		t.Helper()
		page := p.atProvider(t, p.startLogin(t))
		status, _, resp := p.call(t, "POST", "/oauth-agent/login/end", page.RawQuery, p.header("Content-Type", "application/x-www-form-urlencoded"))
		offer := regexp.MustCompile(`^\(ES256\);path="\.\./device/register";challenge="([A-Za-z0-9_-]{40,})"$`).FindStringSubmatch(resp.Header.Get("Secure-Session-Registration"))
		if status != 200 || offer == nil {
			t.Fatalf("login/end: got %d, and the offer %q", status, resp.Header.Get("Secure-Session-Registration"))
		}
		secrets.values = append(secrets.values, offer[1])
		for _, value := range p.session() {
			secrets.values = append(secrets.values, value)
		}
		return offer[1]
	}
	p, another := newPerson(s, false), newPerson(s, false)
	d, thief := newDevice(t), newDevice(t)
	challenge, foreign := offered(p), offered(another)

	// send sends a proof and returns the challenge that came back, and the name of
	// the session.
	send := func(t *testing.T, endpoint, proof string, header http.Header, status int, code any) (challenge, session string) {
		t.Helper()
		if proof != "" {
			secrets.values = append(secrets.values, strings.Trim(proof, `"`))
			header.Set(responseHeader, proof)
		}
		got, answer, resp := p.call(t, "POST", "/oauth-agent/device/"+endpoint, "", header)
		if got != status || answer["code"] != code {
			t.Errorf("got %d, %v; want %d %v", got, answer, status, code)
		}
		if set := resp.Cookies(); status != 200 && len(set) > 0 {
			t.Errorf("a refusal sets %d cookies", len(set))
		}
		for _, name := range []string{"Access-Control-Allow-Origin", "Location"} {
			if value := resp.Header.Get(name); value != "" {
				t.Errorf("%s: %s", name, value)
			}
		}
		next := challengeRE.FindStringSubmatch(resp.Header.Get("Secure-Session-Challenge"))
		if next == nil {
			return "", ""
		}
		secrets.values = append(secrets.values, next[1])
		return next[1], next[2]
	}
	is := func(t *testing.T, bound bool) {
		t.Helper()
		want, code := 401, any("device_binding_required")
		if bound {
			want, code = 200, nil
		}
		if status, answer, _ := p.call(t, "GET", "/orders", "", p.header()); status != want || answer["code"] != code {
			t.Errorf("GET /orders: got %d, %v; want %d %v", status, answer["code"], want, code)
		}
		if status, answer, _ := p.call(t, "GET", "/oauth-agent/session", "", p.header()); status != 200 || answer["device_bound"] != bound {
			t.Errorf("session: got %d, %v; want it bound: %t", status, answer, bound)
		}
	}
	is(t, false)

	for name, bad := range map[string]struct {
		proof  string
		header http.Header
	}{
		"no proof":                     {"", p.bySelf()},
		"without a key":                {d.proof(challenge), p.bySelf()},
		"signed by another key":        {thief.proof(challenge, "jwk", d.jwk()), p.bySelf()},
		"algorithm none":               {d.proof(challenge, "jwk", d.jwk(), "alg", "none"), p.bySelf()},
		"algorithm HS256":              {d.proof(challenge, "jwk", d.jwk(), "alg", "HS256"), p.bySelf()},
		"another type":                 {d.proof(challenge, "jwk", d.jwk(), "typ", "JWT"), p.bySelf()},
		"oversized":                    {d.proof(challenge, "jwk", d.jwk(), "x", strings.Repeat("x", 4000)), p.bySelf()},
		"no JWT":                       {strings.Repeat("x", 100), p.bySelf()},
		"challenge of another session": {d.proof(foreign, "jwk", d.jwk()), p.bySelf()},
		"invented challenge":           {d.proof(encoded(make([]byte, 60)), "jwk", d.jwk()), p.bySelf()},
		"no cookies":                   {d.proof(challenge, "jwk", d.jwk()), p.bySelf("Cookie", "a=b")},
		"cookies of another session":   {d.proof(challenge, "jwk", d.jwk()), p.bySelf("Cookie", another.cookieHeader("api.example.localhost"))},
		"from a page of another host":  {d.proof(challenge, "jwk", d.jwk()), p.bySelf("Sec-Fetch-Site", "same-site")},
		"from a page of the API":       {d.proof(challenge, "jwk", d.jwk()), p.bySelf("Sec-Fetch-Mode", "cors")},
		"from a page":                  {d.proof(challenge, "jwk", d.jwk()), p.header()},
	} {
		t.Run("registration, "+name, func(t *testing.T) {
			send(t, "register", bad.proof, bad.header, 403, "forbidden")
			is(t, false)
		})
	}
	registration := d.proof(challenge, "jwk", d.jwk())
	next, id := send(t, "register", `"`+registration+`"`, p.bySelf(), 200, nil)
	is(t, true)
	t.Run("registration, repeated unquoted", func(t *testing.T) {
		send(t, "register", registration, p.bySelf(), 200, nil)
		is(t, true)
	})
	t.Run("registration, replayed for another key", func(t *testing.T) {
		send(t, "register", thief.proof(challenge, "jwk", thief.jwk()), p.bySelf(), 403, "forbidden")
		is(t, true)
	})

	if next == "" {
		t.Fatal("the registration brought no challenge")
	}
	named := func(more ...string) http.Header { return p.bySelf(append([]string{sessionHeader, id}, more...)...) }
	for name, bad := range map[string]string{
		"no proof":                     "",
		"signed by another key":        thief.proof(next),
		"with another key inside":      d.proof(next, "jwk", thief.jwk()),
		"another device's own":         thief.proof(next, "jwk", thief.jwk()),
		"algorithm none":               d.proof(next, "alg", "none"),
		"algorithm HS256":              d.proof(next, "alg", "HS256"),
		"another type":                 d.proof(next, "typ", "JWT"),
		"oversized":                    d.proof(next, "x", strings.Repeat("x", 4000)),
		"no JWT":                       strings.Repeat("x", 100),
		"challenge of the offer":       d.proof(challenge),
		"challenge of another session": d.proof(foreign),
		"proof of the registration":    registration,
		"invented challenge":           d.proof(encoded(make([]byte, 60))),
	} {
		t.Run("refresh, "+name, func(t *testing.T) {
			if again, _ := send(t, "refresh", bad, named(), 403, "device_proof_required"); again == "" {
				t.Error("no challenge came back")
			}
			is(t, true)
		})
	}
	good := d.proof(next)
	for name, header := range map[string]http.Header{
		"no name":     p.bySelf(),
		"no hex":      named(sessionHeader, strings.Repeat("x", 32)),
		"too long":    named(sessionHeader, id+"00"),
		"from a page": p.header(sessionHeader, id),
	} {
		t.Run("refresh, "+name, func(t *testing.T) {
			if name == "from a page" {
				send(t, "refresh", good, header, 403, "forbidden")
			} else {
				send(t, "refresh", good, header, 400, "invalid_request")
			}
			is(t, true)
		})
	}
	// A session that is over ends cleanly. No cookie is set for it.
	for name, header := range map[string]http.Header{
		"no cookies":                 named("Cookie", "a=b"),
		"cookies of another session": named("Cookie", another.cookieHeader("api.example.localhost")),
		"name of another session":    named(sessionHeader, strings.Repeat("0", 32)),
	} {
		t.Run("refresh, "+name, func(t *testing.T) {
			header.Set(responseHeader, good)
			status, answer, resp := p.call(t, "POST", "/oauth-agent/device/refresh", "", header)
			if status != 200 || answer["continue"] != false || answer["session_identifier"] != header.Get(sessionHeader) || len(resp.Cookies()) > 0 {
				t.Errorf("got %d, %v and %d cookies", status, answer, len(resp.Cookies()))
			}
			is(t, true)
		})
	}
	// Without the device cookie the session is of no use, until the key is proved.
	delete(p.session(), deviceCookie)
	if status, answer, _ := p.call(t, "GET", "/orders", "", p.header()); status != 401 || answer["code"] != "device_proof_required" {
		t.Errorf("without device cookie: got %d, %v", status, answer["code"])
	}
	skipped := p.header("Secure-Session-Skipped", `server_error;session_identifier="`+id+`"`)
	if status, answer, _ := p.call(t, "GET", "/orders", "", skipped); status != 401 || answer["code"] != "device_proof_unavailable" {
		t.Errorf("without device cookie, and the browser says why: got %d, %v", status, answer["code"])
	}
	for _, proof := range []string{good, `"` + d.proof(next, "jwk", d.jwk()) + `"`, good} {
		send(t, "refresh", proof, named(), 200, nil)
		is(t, true)
	}
	for _, value := range p.session() {
		secrets.values = append(secrets.values, value)
	}
}

// deviceMetrics checks that the metrics count bound, unbound and refused
// sessions.
func deviceMetrics(t *testing.T, output string) {
	t.Helper()
	for _, want := range []string{
		`"Endpoint":"device/register","Code":"ok"`, `"Endpoint":"device/register","Code":"forbidden"`,
		`"Endpoint":"device/refresh","Code":"ok"`, `"Endpoint":"device/refresh","Code":"device_proof_required"`,
		`"Code":"device_binding_required"`, `"BoundSessions":1`, `"BoundSessions":0`, `"UnprovedSessions":1`,
	} {
		if !strings.Contains(output, want) {
			t.Errorf("no line of the metrics has %s", want)
		}
	}
}
