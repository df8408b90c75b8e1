package oauthagent

import (
	"bytes"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"slices"
	"time"

	"github.com/tokenhandler/aws/lambda/internal/cookie"
	"github.com/tokenhandler/aws/lambda/internal/csrf"
	"github.com/tokenhandler/aws/lambda/internal/dbsc"
)

// Device binds sessions to the browser's device with Device Bound Session
// Credentials (W3C). The zero value does not bind them.
//
// A supporting browser makes a key after sign-in and registers it. The
// session's cookies then name the key and count only beside the device cookie.
// That cookie lasts for Lifetime, and only a proof by the key renews it. Copied
// cookies work until the copied device cookie expires.
type Device struct {
	// Offer makes sign-in offer registration.
	Offer bool
	// Required refuses sessions that are not bound.
	Required bool
	// Lifetime of the device cookie.
	Lifetime time.Duration
	// Initiators are the hosts of the pages. Their requests make the browser renew
	// the device cookie.
	Initiators []string
}

// Lifetimes of challenges. The challenge of a registration lasts as long as a
// slow device may need. No cookie contains it, so a copied cookie jar does not
// contain it either.
const (
	registrationTime = 5 * time.Minute
	challengeTime    = 30 * time.Minute // a challenge may be sent ahead of the refresh that uses it
)

// renewAhead is how much earlier the device cookie expires in the browser, which
// then renews it, than inside the seal. A cookie on its way must not expire.
const renewAhead = 5 * time.Second

// Purposes of challenges.
const (
	forRegistration = "register"
	forRefresh      = "refresh"
)

func (d Device) on() bool { return d.Offer || d.Required }

// reserved are the bytes that a registration adds to the session's cookies.
func (d Device) reserved() int {
	if !d.on() {
		return 0
	}
	return 400
}

// fromBrowserItself reports whether a request may come from the browser and not
// from a page. The registration and the refresh do not have the headers that a
// page adds. A page of another origin has another Sec-Fetch-Site. A page of
// this origin cannot send the proof's header in mode no-cors (Fetch,
// "no-CORS-safelisted request-header"), and no script can set a Sec- header.
func fromBrowserItself(header csrf.Header) bool {
	return slices.Equal(header("Sec-Fetch-Site"), []string{"same-origin"}) &&
		slices.Equal(header("Sec-Fetch-Mode"), []string{"no-cors"})
}

// bindingOf returns the binding of a session's cookie. The key is in the
// refresh token cookie, or in the access token cookie if there is no refresh
// token.
func (a *agent) bindingOf(name, key string, refreshable bool) string {
	switch {
	case name == a.Names.RefreshToken, name == a.Names.AccessToken && !refreshable:
		return key
	case name == a.Names.AccessToken:
		return cookie.DeviceFingerprint(key)
	}
	return ""
}

// boundTo returns the fingerprint of the key that the session is bound to, or
// "". If cookies of one session disagree, it returns a value that no key can
// prove.
func (c *call) boundTo(a *agent) string {
	access := cookie.DeviceFingerprint(c.parts[a.Names.AccessToken].Binding)
	refresh, refreshable := c.parts[a.Names.RefreshToken]
	_, accessible := c.parts[a.Names.AccessToken]
	if fingerprint := cookie.DeviceFingerprint(refresh.Binding); refreshable && fingerprint != access && accessible {
		return access + fingerprint
	} else if refreshable {
		return fingerprint
	}
	return access
}

func (c *call) isBound(a *agent) bool { return c.boundTo(a) != "" }

// key returns the public key of the session, if it is bound.
func (c *call) key(a *agent) (dbsc.Key, bool) {
	for _, name := range []string{a.Names.RefreshToken, a.Names.AccessToken} {
		if binding := c.parts[name].Binding; cookie.IsDeviceKey(binding) {
			key, err := dbsc.ParseKey([]byte(binding))
			return key, err == nil && c.boundTo(a) == cookie.DeviceFingerprint(binding)
		}
	}
	return dbsc.Key{}, false
}

// checkDevice refuses a bound session without its device cookie, and an unbound
// session if sessions must be bound. It keeps the key for [call.issue].
func (a *agent) checkDevice(c *call) error {
	fingerprint := c.boundTo(a)
	switch {
	case !a.Device.on():
		return nil
	case fingerprint == "" && a.Device.Required:
		return deviceRequired
	case fingerprint == "":
		return nil
	case !a.proved(c, fingerprint) && cookie.SkipsDevice(c.header(cookie.HeaderSkipped), c.opened.Session):
		return deviceSkipped
	case !a.proved(c, fingerprint):
		return deviceUnproved
	}
	if key, ok := c.key(a); ok {
		c.deviceKey = string(key.Bytes())
		return nil
	}
	return deviceUnproved // two bindings, or neither cookie has the key
}

// proved reports whether a device cookie shows that the key was proved.
func (a *agent) proved(c *call, fingerprint string) bool {
	return slices.ContainsFunc(a.Names.All(a.Ring, c.received, a.Names.Device), func(device cookie.Content) bool {
		return device.Session == c.opened.Session && !device.Expires.IsZero() && !device.Expired(c.now) &&
			subtle.ConstantTimeCompare([]byte(device.Token), []byte(encoded(fingerprint))) == 1
	})
}

func encoded(fingerprint string) string {
	return base64.RawURLEncoding.EncodeToString([]byte(fingerprint))
}

// offerBinding asks the browser to register a key for the session that has just
// begun. It is the only offer: later requests prove only that they have the
// cookies, which may be copies.
func (a *agent) offerBinding(c *call, session cookie.SessionID) {
	if !a.Device.on() {
		return
	}
	c.endDevice(a)
	// The URL is relative to login/end: the agent does not know where browsers see
	// it.
	c.head(dbsc.HeaderRegistration, dbsc.Registration("../device/register", a.challenge(c, session, forRegistration, registrationTime)))
}

func (c *call) head(name, value string) {
	if c.headers == nil {
		c.headers = map[string]string{}
	}
	c.headers[name] = value
}

func (a *agent) challenge(c *call, session cookie.SessionID, purpose string, lifetime time.Duration) string {
	return a.Names.Seal(a.Ring, cookie.Challenge, cookie.Content{Session: session, Expires: c.now.Add(lifetime), Token: purpose})
}

func (a *agent) answers(c *call, challenge, purpose string) bool {
	content, err := a.Names.OpenValue(a.Ring, cookie.Challenge, challenge)
	return err == nil && content.Session == c.opened.Session && content.Token == purpose && !content.Expires.IsZero() && !content.Expired(c.now)
}

// deviceRegister binds the session to the key of the proof. A bound session
// keeps its key: a repeated registration by that key succeeds again, and one by
// another key is refused.
func (a *agent) deviceRegister(c *call) (any, error) {
	if !c.loggedIn(a) {
		return nil, forbidden.with("there is no session to bind")
	}
	proof, ok := c.proof()
	key, challenge, err := dbsc.Register(proof)
	if !ok || err != nil {
		return nil, forbidden.with("the proof is missing or not valid")
	}
	if !a.answers(c, challenge, forRegistration) {
		return nil, forbidden.with("the challenge is not of this session, or too old")
	}
	fingerprint := cookie.DeviceFingerprint(string(key.Bytes()))
	if c.isBound(a) {
		if bound, ok := c.key(a); !ok || !bytes.Equal(bound.Bytes(), key.Bytes()) {
			return nil, forbidden.with("the session is bound to another key")
		}
		return a.confirm(c, fingerprint)
	}
	if err := a.useChallenge(c, challenge); err != nil {
		return nil, err
	}
	c.deviceKey = string(key.Bytes())
	if err := a.bind(c); err != nil {
		return nil, err
	}
	return a.confirm(c, fingerprint)
}

// useChallenge refuses a challenge that has been used before. Without a table
// of sessions it cannot tell, and a challenge is good until it expires.
func (a *agent) useChallenge(c *call, challenge string) error {
	if a.Sessions == nil {
		return nil
	}
	first, err := a.Sessions.Once(c.request.Context(), "challenge "+challenge, c.now.Add(registrationTime))
	if err != nil {
		return tableFailure(err)
	}
	if !first {
		return forbidden.with("the challenge has been used")
	}
	return nil
}

// bind seals the session's cookies again, with the key. If there is a refresh
// token, bind redeems it first. A provider that rotates refresh tokens then
// refuses the one in copies of the cookies from before the registration. If the
// provider fails, the session is bound all the same.
func (a *agent) bind(c *call) error {
	refreshToken, ok := c.parts[a.Names.RefreshToken]
	id, identified := c.parts[a.Names.IDToken]
	if ok && !refreshToken.Expired(c.now) && (identified || !a.Provider.OpenID()) {
		tokens, err := a.redeem(c, refreshToken.Token, id.Token, "")
		if err == nil {
			csrfValue := c.parts[a.Names.CSRF].Token
			if csrfValue == "" {
				csrfValue = a.Ring.NewCSRF()
			}
			if err := c.issue(a, c.opened.Session, tokens, csrfValue); err != nil {
				a.discard(c, tokens)
				return err
			}
			return nil
		}
		var f *failure
		if !errors.As(err, &f) || f.code == sessionExpired.code {
			return forbidden.with("the session has ended")
		}
		c.notes = append(c.notes, "bound without new tokens: "+f.reason)
	}
	for _, name := range []string{a.Names.AccessToken, a.Names.RefreshToken} {
		content, present := c.parts[name]
		if !present {
			continue
		}
		content.Binding = a.bindingOf(name, c.deviceKey, ok)
		set, err := a.Names.SetSealed(name, a.Names.Seal(a.Ring, name, content), c.received)
		if err != nil {
			return sessionTooLarge.with("the cookies have no room for the device's key")
		}
		c.set(set...)
	}
	return nil
}

// deviceRefresh renews the device cookie for a proof by the session's key. It
// never calls the provider and may be repeated.
//
// Chromium 156 keeps the binding after success, 5xx, and 403 with a challenge. It
// ends the binding after 401, 429, and 403 without a challenge. So a session that
// is over gets continue: false, and an invalid proof gets a new challenge.
func (a *agent) deviceRefresh(c *call) (any, error) {
	name, ok := c.sessionName()
	if !ok {
		return nil, malformed.with("the header Sec-Secure-Session-Id is missing or not one of ours")
	}
	key, bound := c.key(a)
	if !bound || !c.loggedIn(a) || name != hex.EncodeToString(c.opened.Session[:]) {
		return json.RawMessage(dbsc.Ended(name)), nil
	}
	proof, ok := c.proof()
	challenge, err := dbsc.Refresh(proof, key)
	if !ok || err != nil || !a.answers(c, challenge, forRefresh) {
		a.nextChallenge(c)
		return nil, deviceChallenge
	}
	return a.confirm(c, cookie.DeviceFingerprint(string(key.Bytes())))
}

// confirm sets the device cookie and instructs the browser.
func (a *agent) confirm(c *call, fingerprint string) (any, error) {
	session := c.opened.Session
	value := a.Names.Seal(a.Ring, a.Names.Device, cookie.Content{Session: session, Expires: c.now.Add(a.Device.Lifetime), Token: encoded(fingerprint)})
	set, err := a.Names.Set(a.Names.Device, value, a.Device.Lifetime-renewAhead)
	if err != nil {
		return nil, serverError.with("the device cookie is too large")
	}
	c.set(set)
	a.nextChallenge(c)
	return json.RawMessage(dbsc.Instructions{
		Session: hex.EncodeToString(session[:]), RefreshURL: a.deviceRefreshURL(), Initiators: a.Device.Initiators,
		Cookie: a.Names.Device, Attributes: "Path=/; Secure; HttpOnly; SameSite=Strict",
	}.JSON()), nil
}

// deviceRefreshURL is relative to both device endpoints.
func (a *agent) deviceRefreshURL() string { return "refresh" }

func (a *agent) nextChallenge(c *call) {
	session := c.opened.Session
	c.head(dbsc.HeaderChallenge, dbsc.Challenge(a.challenge(c, session, forRefresh, challengeTime), hex.EncodeToString(session[:])))
}

// proof returns the one header with a proof.
func (c *call) proof() (string, bool) {
	values := c.header(dbsc.HeaderResponse)
	if len(values) != 1 {
		return "", false
	}
	return values[0], true
}

// sessionName returns the session that the browser wants to refresh: 32
// hexadecimal characters, with or without the quotes of RFC 8941.
func (c *call) sessionName() (string, bool) {
	values := c.header(dbsc.HeaderSession)
	if len(values) != 1 {
		return "", false
	}
	name := values[0]
	if len(name) >= 2 && name[0] == '"' && name[len(name)-1] == '"' {
		name = name[1 : len(name)-1]
	}
	raw, err := hex.DecodeString(name)
	return name, err == nil && len(raw) == len(cookie.SessionID{}) && hex.EncodeToString(raw) == name
}

// endDevice removes the device cookie.
func (c *call) endDevice(a *agent) {
	if c.received.Has(a.Names.Device) {
		c.set(a.Names.Unset(a.Names.Device))
	}
}
