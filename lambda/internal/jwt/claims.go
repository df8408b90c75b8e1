package jwt

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tokenhandler/aws/lambda/internal/strictjson"
)

// Claims are the claims of an access token, of a JWT (RFC 9068 section 2.2) or
// of an introspection response (RFC 7662 section 2.2), which share their names.
type Claims struct {
	Issuer   string
	Audience []string
	// Subject is empty unless it is 1 to 255 printable ASCII characters.
	Subject string
	// Scope lists the scopes of the token, of the member scope, or of scp if a
	// provider writes that.
	Scope []string
	// Expires and NotBefore have a resolution of one second; zero: not told.
	Expires, NotBefore time.Time

	members map[string]json.RawMessage
}

// maxSubject is the limit of the sub claim (OpenID Connect Core section 2: it
// "MUST NOT exceed 255 ASCII characters in length").
const maxSubject = 255

// ParseClaims reads a JSON object. A registered claim of the wrong type is an
// error: an unreadable claim must not count as missing.
func ParseClaims(object []byte) (Claims, error) {
	// RFC 7519 section 4: names are case-sensitive, and duplicates are to be
	// rejected, or a reader that takes the first and one that takes the last
	// would differ.
	members, err := strictjson.Object(object)
	if err != nil {
		return Claims{}, errors.New("jwt: expected a JSON object without duplicate names")
	}
	c := Claims{members: members}
	var subject string
	err = errors.Join(
		read(members, "iss", &c.Issuer),
		read(members, "sub", &subject),
		ReadTime(members, "exp", &c.Expires),
		ReadTime(members, "nbf", &c.NotBefore),
		ReadList(members, "aud", &c.Audience),
		c.readScope(),
	)
	if err != nil {
		return Claims{}, err
	}
	if isSubject(subject) {
		c.Subject = subject
	}
	return c, nil
}

func read(members map[string]json.RawMessage, name string, into any) error {
	raw, present := members[name]
	if !present || bytes.Equal(raw, []byte("null")) {
		return nil
	}
	if json.Unmarshal(raw, into) != nil {
		// No value is ever part of an error.
		return fmt.Errorf("jwt: claim %s has another type than expected", name)
	}
	return nil
}

// ReadTime reads a claim that is a NumericDate (RFC 7519 section 2): seconds,
// which may have a fraction. It leaves into alone if the claim is missing or
// null.
func ReadTime(members map[string]json.RawMessage, name string, into *time.Time) error {
	var seconds *float64
	if err := read(members, name, &seconds); err != nil || seconds == nil {
		return err
	}
	if !(*seconds >= 1 && *seconds < 1<<40) {
		return fmt.Errorf("jwt: claim %s is out of range", name)
	}
	*into = time.Unix(int64(*seconds), 0)
	return nil
}

// ReadList reads a claim that is a string or a list of strings, such as aud.
func ReadList(members map[string]json.RawMessage, name string, into *[]string) error {
	var one string
	if read(members, name, &one) == nil {
		if one != "" {
			*into = []string{one}
		}
		return nil
	}
	return read(members, name, into)
}

// readScope reads scope, "a JSON string containing a space-separated list of
// scopes" (RFC 7662 section 2.2), or the forms that providers write instead: a list, or
// either as scp.
func (c *Claims) readScope() error {
	name := "scope"
	if _, present := c.members[name]; !present {
		name = "scp"
	}
	var list []string
	if err := ReadList(c.members, name, &list); err != nil {
		return err
	}
	for _, item := range list {
		c.Scope = append(c.Scope, strings.Fields(item)...)
	}
	return nil
}

// HasScopes reports whether every one of the scopes is among the token's.
func (c Claims) HasScopes(scopes []string) bool {
	for _, s := range scopes {
		if !slices.Contains(c.Scope, s) {
			return false
		}
	}
	return true
}

// HasAudience reports whether the token is for any of the audiences.
func (c Claims) HasAudience(audiences []string) bool {
	return slices.ContainsFunc(c.Audience, func(a string) bool { return slices.Contains(audiences, a) })
}

// Has reports whether a claim is value, or a list that has value in it.
// Numbers and booleans are compared as JSON writes them.
func (c Claims) Has(name, value string) bool {
	raw, present := c.members[name]
	if !present {
		return false
	}
	var list []json.RawMessage
	if json.Unmarshal(raw, &list) != nil {
		list = []json.RawMessage{raw}
	}
	for _, item := range list {
		var text string
		switch item = bytes.TrimSpace(item); {
		case json.Unmarshal(item, &text) == nil && !bytes.Equal(item, []byte("null")):
			if text == value {
				return true
			}
		case string(item) == value && value != "null":
			return true
		}
	}
	return false
}

// maxHeaderClaim bounds a claim in a header.
const maxHeaderClaim = 1024

// Header returns a claim as the value of a header: a string, number or boolean,
// or a list of them separated by commas. It is "" for any other claim, and for
// one that is not printable ASCII, which could split or forge a header.
func (c Claims) Header(name string) string {
	raw := c.Member(name)
	var list []json.RawMessage
	if json.Unmarshal(raw, &list) != nil {
		list = []json.RawMessage{raw}
	}
	var values []string
	for _, item := range list {
		var text string
		switch item = bytes.TrimSpace(item); {
		case json.Unmarshal(item, &text) == nil && !bytes.Equal(item, []byte("null")):
		case bytes.ContainsAny(item, `{["`) || len(item) == 0 || bytes.Equal(item, []byte("null")):
			return ""
		default:
			text = string(item)
		}
		if len(list) > 1 && strings.Contains(text, ",") {
			return "" // two items would look like one of another list
		}
		values = append(values, text)
	}
	value := strings.TrimSpace(strings.Join(values, ","))
	for _, b := range []byte(value) {
		if b < 0x20 || b > 0x7e {
			return ""
		}
	}
	if len(value) > maxHeaderClaim {
		return ""
	}
	return value
}

// Member returns a member of the object unchanged, nil if it is missing or
// null.
func (c Claims) Member(name string) json.RawMessage {
	if raw := c.members[name]; !bytes.Equal(raw, []byte("null")) {
		return raw
	}
	return nil
}

// Bound reports whether the token is bound to a key (RFC 7800 section 3.1).
func (c Claims) Bound() bool { return c.Member("cnf") != nil }

// text returns a claim that is a string, or "".
func (c Claims) text(name string) string {
	s, _ := strictjson.String(c.members, name)
	return s
}

func isSubject(s string) bool {
	for _, b := range []byte(s) {
		if b < 0x20 || b > 0x7e {
			return false
		}
	}
	return s != "" && len(s) <= maxSubject
}
