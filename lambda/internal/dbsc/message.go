package dbsc

import "encoding/json"

// Headers of the exchange.
const (
	HeaderRegistration = "Secure-Session-Registration" // to the browser
	HeaderChallenge    = "Secure-Session-Challenge"    // to the browser
	HeaderResponse     = "Secure-Session-Response"     // the proof
	HeaderSession      = "Sec-Secure-Session-Id"       // which session refreshes
)

// Registration returns the value of [HeaderRegistration]: the browser makes a key
// and posts a proof to path. path and challenge must be of the base64url
// alphabet, "/", "." and "~" only.
func Registration(path, challenge string) string {
	return `(ES256);path="` + path + `";challenge="` + challenge + `"`
}

// Challenge returns the value of [HeaderChallenge] for a session.
func Challenge(challenge, session string) string {
	return `"` + challenge + `";id="` + session + `"`
}

// Instructions tell the browser about a session.
type Instructions struct {
	// Session names it. A second sign-in needs another name.
	Session string
	// RefreshURL is a path or URL of the same origin.
	RefreshURL string
	// Initiators are the hosts whose requests make the browser refresh, besides
	// the origin's own. Without them a page on another host of the site gets no
	// bound cookie, silently.
	Initiators []string
	// Cookie is the name of the bound cookie, and Attributes are those of its
	// Set-Cookie, such as "Path=/; Secure; HttpOnly; SameSite=Strict": where they
	// differ, the browser refreshes at every request.
	Cookie, Attributes string
}

// JSON returns the body of the answers to a registration and a refresh.
func (i Instructions) JSON() []byte {
	type credential struct {
		Type       string `json:"type"`
		Name       string `json:"name"`
		Attributes string `json:"attributes"`
	}
	return encode(struct {
		Session string `json:"session_identifier"`
		Refresh string `json:"refresh_url"`
		Scope   struct {
			IncludeSite bool `json:"include_site"`
		} `json:"scope"`
		Initiators  []string     `json:"allowed_refresh_initiators,omitempty"`
		Credentials []credential `json:"credentials"`
	}{
		Session: i.Session, Refresh: i.RefreshURL, Initiators: i.Initiators,
		Credentials: []credential{{"cookie", i.Cookie, i.Attributes}},
	})
}

// Ended returns the body that ends a session cleanly.
func Ended(session string) []byte {
	return encode(struct {
		Session  string `json:"session_identifier"`
		Continue bool   `json:"continue"`
	}{Session: session})
}

func encode(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic("dbsc: internal error: " + err.Error()) // strings and booleans only
	}
	return b
}
