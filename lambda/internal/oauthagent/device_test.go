package oauthagent

import (
	"encoding/hex"
	"maps"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/tokenhandler/aws/lambda/internal/dbsc"
	"github.com/tokenhandler/aws/lambda/internal/dbsc/dbsctest"
	"github.com/tokenhandler/aws/lambda/internal/oauth/oauthtest"
)

// deviceWorld is a world whose sign-in offers registration.
func deviceWorld(t *testing.T, change ...func(*Config)) *world {
	w := newWorld(t)
	w.reconfigure(func(c *Config) {
		c.Device = Device{Offer: true, Lifetime: 10 * time.Minute, Initiators: []string{"www.example.com"}}
		for _, change := range change {
			change(c)
		}
	})
	return w
}

func required(c *Config) { c.Device.Required = true }

// byItself makes a request look like the browser's own, with or without a
// proof.
func byItself(proof string, more ...option) option {
	return func(r *http.Request) {
		r.Header.Set("Origin", "https://api.example.com")
		r.Header.Del("token-handler-version")
		r.Header.Del("X-TH-CSRF")
		r.Header.Set("Sec-Fetch-Site", "same-origin")
		r.Header.Set("Sec-Fetch-Mode", "no-cors")
		if proof != "" {
			r.Header.Set(dbsc.HeaderResponse, proof)
		}
		for _, o := range more {
			o(r)
		}
	}
}

func (w *world) sessionName() string {
	w.Helper()
	content, err := names.OpenValue(w.ring, names.AccessToken, w.cookies[names.AccessToken])
	if err != nil {
		w.Fatal("there is no session")
	}
	return hex.EncodeToString(content.Session[:])
}

var challengeRE = regexp.MustCompile(`^"([A-Za-z0-9_-]+)";id="([0-9a-f]{32})"$`)

// challengeOf returns the challenge of a response.
func (w *world) challengeOf(got response) string {
	w.Helper()
	match := challengeRE.FindStringSubmatch(got.Header.Get(dbsc.HeaderChallenge))
	if match == nil {
		w.Fatalf("got challenge %q", got.Header.Get(dbsc.HeaderChallenge))
	}
	return match[1]
}

// signInOffered signs in and returns the challenge of the offered registration.
func (w *world) signInOffered() string {
	w.Helper()
	login := w.login()
	match := regexp.MustCompile(`^\(ES256\);path="\.\./device/register";challenge="([A-Za-z0-9_-]+)"$`).FindStringSubmatch(login.Header.Get(dbsc.HeaderRegistration))
	if match == nil {
		w.Fatalf("got registration %q", login.Header.Get(dbsc.HeaderRegistration))
	}
	return match[1]
}

// signInBound signs in and binds the session to a device. It returns the
// challenge for the next refresh.
func (w *world) signInBound(d dbsctest.Device) string {
	w.Helper()
	got := w.do("POST", "device/register", byItself(d.Registration(w.signInOffered())))
	if got.StatusCode != 200 {
		w.Fatalf("registration: got %d %s", got.StatusCode, got.text)
	}
	return w.challengeOf(got)
}

func (w *world) deviceRefresh(proof string) response {
	w.Helper()
	return w.do("POST", "device/refresh", byItself(proof, header(dbsc.HeaderSession, w.sessionName())))
}

func TestDeviceBinding(t *testing.T) {
	w, d := deviceWorld(t), dbsctest.New(t)
	challenge := w.signInOffered()
	if got := w.do("GET", "session"); got.json["device_bound"] != false {
		t.Errorf("before registration: got %s", got.text)
	}
	got := w.do("POST", "device/register", byItself(`"`+d.Registration(challenge)+`"`))
	session := w.sessionName()
	want := `{"session_identifier":"` + session + `","refresh_url":"refresh","scope":{"include_site":false},"allowed_refresh_initiators":["www.example.com"],` +
		`"credentials":[{"type":"cookie","name":"__Host-th-device","attributes":"Path=/; Secure; HttpOnly; SameSite=Strict"}]}`
	if got.StatusCode != 200 || strings.TrimSpace(got.text) != want {
		t.Fatalf("registration: got %d %s, want %s", got.StatusCode, got.text, want)
	}
	if age := w.setAs[names.Device].MaxAge; age != 595 {
		t.Errorf("the device cookie lives for %d seconds", age)
	}
	if got := w.do("GET", "session"); got.json["device_bound"] != true {
		t.Errorf("after registration: got %s", got.text)
	}
	if got := w.do("POST", "refresh"); got.StatusCode >= 300 {
		t.Errorf("refresh of a bound session: got %d %s", got.StatusCode, got.text)
	}
	if got := w.do("GET", "session"); got.json["device_bound"] != true {
		t.Errorf("after a token refresh: got %s", got.text)
	}

	// The browser's own refresh, without and with a challenge sent ahead.
	calls := len(w.provider.Secrets())
	w.now = w.now.Add(11 * time.Minute)
	delete(w.cookies, names.Device)
	got = w.deviceRefresh("")
	w.fails(got, 403, "device_proof_required")
	for range 2 { // it may be repeated
		got = w.deviceRefresh(d.Refresh(w.challengeOf(got)))
		if got.StatusCode != 200 || w.cookies[names.Device] == "" {
			t.Errorf("device refresh: got %d %s", got.StatusCode, got.text)
		}
	}
	if len(w.provider.Secrets()) != calls {
		t.Error("a device refresh called the provider")
	}
}

// A thief has the copied cookies but not the device. When the copied device
// cookie expires, the agent refuses the thief's requests.
func TestCopiedCookiesEnd(t *testing.T) {
	w := deviceWorld(t, func(c *Config) { c.TokenMediation = true })
	w.answersToken = true
	w.signInBound(dbsctest.New(t))
	endpoints := map[string]string{"userInfo": "GET", "claims": "GET", "token": "POST", "refresh": "POST"}
	for endpoint, method := range endpoints {
		if got := w.do(method, endpoint); got.StatusCode >= 300 {
			t.Errorf("%s on the device: got %d %s", endpoint, got.StatusCode, got.text)
		}
	}
	w.now = w.now.Add(10 * time.Minute) // the copied device cookie has its expiry inside
	before := maps.Clone(w.cookies)
	for endpoint, method := range endpoints {
		got := w.do(method, endpoint)
		if endpoint == "userInfo" && got.json["code"] == "token_expired" {
			continue // its access token ended before
		}
		w.fails(got, 401, "device_proof_required")
	}
	if len(w.cookies) != len(before) {
		t.Error("a refusal removed cookies")
	}
	// A thief has no key, and one of his own does not count.
	thief := dbsctest.New(t)
	got := w.deviceRefresh("")
	w.fails(w.deviceRefresh(thief.Refresh(w.challengeOf(got))), 403, "device_proof_required")
	w.fails(w.deviceRefresh(thief.Registration(w.challengeOf(got))), 403, "device_proof_required")
}

// A browser that could not renew the device cookie, because of a failure of ours,
// says so. The page then waits: the session is not over. No decision depends on
// the header.
func TestBrowserThatCouldNotProve(t *testing.T) {
	w, d := deviceWorld(t), dbsctest.New(t)
	w.signInBound(d)
	skipped := func(session string) option {
		return header("Secure-Session-Skipped", `server_error;session_identifier="`+session+`"`)
	}
	if got := w.do("POST", "refresh", skipped(w.sessionName())); got.StatusCode >= 300 {
		t.Errorf("beside a device cookie: got %d %s", got.StatusCode, got.text)
	}
	delete(w.cookies, names.Device)
	// An alarm watches both, so the header does not hide copied cookies.
	refused := func(method, endpoint, session, code string) {
		t.Helper()
		w.fails(w.do(method, endpoint, skipped(session)), 401, code)
		if w.lastMeasured()["UnprovedSessions"] != 1.0 {
			t.Errorf("%s: not counted: %v", code, w.lastMeasured())
		}
	}
	for endpoint, method := range map[string]string{"claims": "GET", "refresh": "POST"} {
		refused(method, endpoint, w.sessionName(), "device_proof_unavailable")
		refused(method, endpoint, strings.Repeat("0", 32), "device_proof_required")
	}
	w.deviceRefresh("")
	if w.lastMeasured()["UnprovedSessions"] != nil {
		t.Error("the challenge of a browser that renews its cookie counts as a session without proof")
	}
}

func TestDeviceCookieOfAnotherSession(t *testing.T) {
	w := deviceWorld(t)
	w.signInBound(dbsctest.New(t))
	other := w.cookies[names.Device]
	w.do("POST", "logout")
	w.hasNot(names.Device)
	w.signInBound(dbsctest.New(t))
	w.cookies[names.Device] = other
	w.fails(w.do("POST", "refresh"), 401, "device_proof_required")
}

func TestRegistrationIsRefused(t *testing.T) {
	d, other := dbsctest.New(t), dbsctest.New(t)
	for name, test := range map[string]func(w *world, challenge string) response{
		"no proof": func(w *world, _ string) response { return w.do("POST", "device/register", byItself("")) },
		"two proofs": func(w *world, c string) response {
			return w.do("POST", "device/register", byItself(d.Registration(c), func(r *http.Request) { r.Header.Add(dbsc.HeaderResponse, d.Registration(c)) }))
		},
		"proof of a refresh": func(w *world, c string) response { return w.do("POST", "device/register", byItself(d.Refresh(c))) },
		"invented challenge": func(w *world, _ string) response {
			return w.do("POST", "device/register", byItself(d.Registration("AAAA")))
		},
		"late": func(w *world, c string) response {
			w.now = w.now.Add(registrationTime)
			return w.do("POST", "device/register", byItself(d.Registration(c)))
		},
		"challenge of a refresh": func(w *world, c string) response {
			next := w.challengeOf(w.do("POST", "device/register", byItself(d.Registration(c))))
			return w.do("POST", "device/register", byItself(d.Registration(next)))
		},
		"another key after binding": func(w *world, c string) response {
			w.do("POST", "device/register", byItself(d.Registration(c)))
			return w.do("POST", "device/register", byItself(other.Registration(c)))
		},
		"challenge of another session": func(w *world, c string) response {
			w.do("POST", "logout")
			w.signIn()
			return w.do("POST", "device/register", byItself(d.Registration(c)))
		},
		"after sign-out": func(w *world, c string) response {
			w.do("POST", "logout")
			return w.do("POST", "device/register", byItself(d.Registration(c)))
		},
		"from a page": func(w *world, c string) response {
			return w.do("POST", "device/register", header("Origin", ""), header(dbsc.HeaderResponse, d.Registration(c)))
		},
		"from a page of the same origin": func(w *world, c string) response {
			return w.do("POST", "device/register", byItself(d.Registration(c), header("Sec-Fetch-Mode", "cors")))
		},
		"from another site": func(w *world, c string) response {
			return w.do("POST", "device/register", byItself(d.Registration(c), header("Sec-Fetch-Site", "same-site")))
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := deviceWorld(t)
			challenge := w.signInOffered()
			got := test(w, challenge)
			w.fails(got, 403, "forbidden")
			if len(got.Cookies()) > 0 {
				t.Errorf("a refusal set cookies: %v", got.Cookies())
			}
		})
	}
}

// A registration may be repeated, for example after a lost response.
func TestRegistrationMayBeRepeated(t *testing.T) {
	w, d := deviceWorld(t), dbsctest.New(t)
	challenge := w.signInOffered()
	for range 2 {
		if got := w.do("POST", "device/register", byItself(d.Registration(challenge))); got.StatusCode != 200 {
			t.Errorf("got %d %s", got.StatusCode, got.text)
		}
	}
}

// After sign-out, and for another session, the browser is told to stop. No
// session is bound again.
func TestDeviceRefreshOfAnEndedSession(t *testing.T) {
	w, d := deviceWorld(t), dbsctest.New(t)
	challenge := w.signInBound(d)
	first := w.sessionName()
	ended := func(name string) {
		t.Helper()
		got := w.do("POST", "device/refresh", byItself(d.Refresh(challenge), header(dbsc.HeaderSession, name)))
		if want := `{"session_identifier":"` + first + `","continue":false}`; got.StatusCode != 200 || strings.TrimSpace(got.text) != want {
			t.Errorf("got %d %s, want %s", got.StatusCode, got.text, want)
		}
		if _, ok := w.cookies[names.Device]; ok && w.cookies[names.AccessToken] == "" {
			t.Error("a device cookie without a session")
		}
	}
	w.do("POST", "logout")
	ended(first)
	w.signInBound(d)
	ended(first) // a second sign-in is another session
	clear(w.cookies)
	ended(first) // after a restart the cookies are gone
	for _, malformed := range []string{"", "x", strings.Repeat("g", 32), strings.ToUpper(first), first + "0"} {
		w.fails(w.do("POST", "device/refresh", byItself("", header(dbsc.HeaderSession, malformed))), 400, "invalid_request")
	}
}

func TestRequiredBinding(t *testing.T) {
	w, d := deviceWorld(t, required), dbsctest.New(t)
	challenge := w.signInOffered()
	for endpoint, method := range map[string]string{"userInfo": "GET", "claims": "GET", "refresh": "POST"} {
		w.fails(w.do(method, endpoint), 401, "device_binding_required")
	}
	if got := w.do("GET", "session"); got.json["is_logged_in"] != true || got.json["device_bound"] != false {
		t.Errorf("session: got %s", got.text)
	}
	w.do("POST", "device/register", byItself(d.Registration(challenge)))
	if got := w.do("GET", "userInfo"); got.StatusCode != 200 {
		t.Errorf("after registration: got %d %s", got.StatusCode, got.text)
	}
}

// Without a refresh token, the key is in the access token cookie.
func TestBindingWithoutRefreshToken(t *testing.T) {
	w, d := deviceWorld(t), dbsctest.New(t)
	challenge := w.signInOffered()
	delete(w.cookies, names.RefreshToken)
	next := w.challengeOf(w.do("POST", "device/register", byItself(d.Registration(challenge))))
	if got := w.deviceRefresh(d.Refresh(next)); got.StatusCode != 200 {
		t.Errorf("got %d %s", got.StatusCode, got.text)
	}
}

// If cookies of one session name two keys, the session is bound to neither.
func TestTwoBindings(t *testing.T) {
	w := deviceWorld(t)
	w.signInBound(dbsctest.New(t))
	content, _ := names.OpenValue(w.ring, names.AccessToken, w.cookies[names.AccessToken])
	content.Binding = strings.Repeat("k", 16)
	w.cookies[names.AccessToken] = w.seal(names.AccessToken, content)
	w.fails(w.do("POST", "refresh"), 401, "device_proof_required")
}

func TestDeviceEndpointsAreOffByDefault(t *testing.T) {
	w := newWorld(t)
	if login := w.login(); login.Header.Get(dbsc.HeaderRegistration) != "" {
		t.Error("sign-in offers a registration")
	}
	for _, endpoint := range []string{"device/register", "device/refresh"} {
		w.fails(w.do("POST", endpoint), 404, "not_found")
	}
	if got := w.do("GET", "session"); got.json["device_bound"] != nil {
		t.Errorf("session: got %s", got.text)
	}
}

// If the provider rotates refresh tokens, it refuses the refresh token in
// copies of the cookies from before the registration.
func TestRegistrationReplacesTokens(t *testing.T) {
	w, d := deviceWorld(t), dbsctest.New(t)
	challenge := w.signInOffered()
	copied := maps.Clone(w.cookies)
	if got := w.do("POST", "device/register", byItself(d.Registration(challenge))); got.StatusCode != 200 {
		t.Fatalf("got %d %s", got.StatusCode, got.text)
	}
	bound := maps.Clone(w.cookies)
	if bound[names.RefreshToken] == copied[names.RefreshToken] || w.provider.Requests("/token") != 2 {
		t.Errorf("the tokens are not new, after %d requests", w.provider.Requests("/token"))
	}
	w.cookies = copied
	w.fails(w.do("POST", "refresh"), 401, "session_expired")
	w.cookies = bound
	if got := w.do("POST", "refresh"); got.StatusCode >= 300 {
		t.Errorf("refresh of the bound session: got %d %s", got.StatusCode, got.text)
	}
}

// If the provider fails, the session is bound with the tokens it has.
func TestRegistrationDuringAnOutage(t *testing.T) {
	for name, answer := range map[string]http.HandlerFunc{
		"503":     oauthtest.Answer(503, "application/json", `{}`),
		"garbage": oauthtest.Answer(200, "text/html", `<p>`),
	} {
		t.Run(name, func(t *testing.T) {
			w, d := deviceWorld(t), dbsctest.New(t)
			challenge := w.signInOffered()
			w.provider.On["/token"] = answer
			got := w.do("POST", "device/register", byItself(d.Registration(challenge)))
			if session := w.do("GET", "session"); got.StatusCode != 200 || session.json["device_bound"] != true {
				t.Errorf("got %d %s, and a session %s", got.StatusCode, got.text, session.text)
			}
			delete(w.provider.On, "/token")
			if got := w.do("POST", "refresh"); got.StatusCode >= 300 {
				t.Errorf("refresh afterwards: got %d %s", got.StatusCode, got.text)
			}
		})
	}
}

// If the session ends during its registration, no session is left.
func TestRegistrationOfADeadSession(t *testing.T) {
	w, d := deviceWorld(t), dbsctest.New(t)
	challenge := w.signInOffered()
	w.provider.On["/token"] = oauthtest.Answer(400, "application/json", `{"error":"invalid_grant"}`)
	w.fails(w.do("POST", "device/register", byItself(d.Registration(challenge))), 403, "forbidden")
	if got := w.do("GET", "session"); got.json["is_logged_in"] != false {
		t.Errorf("session: got %s", got.text)
	}
}

func (w *world) offerDevices() {
	change := w.change
	w.reconfigure(func(c *Config) {
		change(c)
		c.Device = Device{Offer: true, Lifetime: 10 * time.Minute}
	})
}

// With a table, the challenge of a registration is good once. A thief who read
// it and copied the cookies cannot bind a second device to the copy.
func bindsOneDevice(w *world) {
	w.offerDevices()
	d, thief := dbsctest.New(w), dbsctest.New(w)
	challenge := w.signInOffered()
	copied := maps.Clone(w.cookies)
	if got := w.do("POST", "device/register", byItself(d.Registration(challenge))); got.StatusCode != 200 {
		w.Fatalf("registration: got %d %s", got.StatusCode, got.text)
	}
	w.fails(w.with(copied, "POST", "device/register", byItself(thief.Registration(challenge))), 403, "forbidden")
	w.fails(w.with(copied, "POST", "device/register", byItself(d.Registration(challenge))), 403, "forbidden")
	if got := w.do("POST", "device/register", byItself(d.Registration(challenge))); got.StatusCode != 200 {
		w.Errorf("the bound device, once more: got %d %s", got.StatusCode, got.text)
	}
}

// The browser learns at its next proof that the session was ended elsewhere.
func bindsNoEndedSession(w *world) {
	w.offerDevices()
	d := dbsctest.New(w)
	challenge := w.signInBound(d)
	name := w.sessionName()
	copied := maps.Clone(w.cookies)
	w.do("POST", "logout")
	got := w.with(copied, "POST", "device/refresh", byItself(d.Refresh(challenge), header(dbsc.HeaderSession, name)))
	if got.StatusCode != 200 || !strings.Contains(got.text, `"continue":false`) || got.Header.Get("Set-Cookie") != "" {
		w.Errorf("got %d %s, cookies %q", got.StatusCode, got.text, got.Header["Set-Cookie"])
	}
}

// A table that is down is trouble of ours: browsers end the binding after every
// other error than 5xx. The next proof renews the cookie.
func keepsBindingWithoutTable(w *world) {
	w.offerDevices()
	d := dbsctest.New(w)
	proof, name := d.Refresh(w.signInBound(d)), w.sessionName()
	refresh := func() response {
		return w.do("POST", "device/refresh", byItself(proof, header(dbsc.HeaderSession, name)))
	}
	up, change := w.table, w.change
	w.record("http://127.0.0.1:1")
	before := maps.Clone(w.cookies)
	w.fails(refresh(), 500, "server_error")
	w.fails(w.do("POST", "device/register", byItself(d.Registration("x"))), 500, "server_error")
	if !maps.Equal(before, w.cookies) {
		w.Error("a failure changed cookies")
	}
	w.change = change
	w.record(up)
	if got := refresh(); got.StatusCode != 200 {
		w.Errorf("afterwards: got %d %s", got.StatusCode, got.text)
	}
}

// Challenges, keys and device cookies from before a rotation of the cookie key
// still open.
func TestDeviceBindingOverKeyRotation(t *testing.T) {
	w, d := deviceWorld(t), dbsctest.New(t)
	challenge := w.signInOffered()
	rotate := func(seals string, opens ...string) {
		if err := w.ring.Replace(seals, opens...); err != nil {
			t.Fatal(err)
		}
	}
	rotate(otherKey, currentKey)
	got := w.do("POST", "device/register", byItself(d.Registration(challenge)))
	if got.StatusCode != 200 {
		t.Fatalf("registration: got %d %s", got.StatusCode, got.text)
	}
	const thirdKey = "202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f"
	rotate(thirdKey, otherKey)
	if got := w.deviceRefresh(d.Refresh(w.challengeOf(got))); got.StatusCode != 200 {
		t.Errorf("device refresh: got %d %s", got.StatusCode, got.text)
	}
	if got := w.do("POST", "refresh"); got.StatusCode >= 300 {
		t.Errorf("refresh: got %d %s", got.StatusCode, got.text)
	}
}

// The cookie is small: it comes with every request to the API.
func TestSizeOfTheDeviceCookie(t *testing.T) {
	w := deviceWorld(t)
	w.signInBound(dbsctest.New(t))
	if size := len(names.Device) + 1 + len(w.cookies[names.Device]); size > 200 {
		t.Errorf("the device cookie has %d bytes", size)
	} else {
		t.Logf("%d bytes", size)
	}
}
