package cookie

import (
	"crypto/sha256"
	"iter"
	"slices"
)

// Opened are the cookies of a request that open and belong to one session.
type Opened struct {
	// Session is the id of that session. It is zero if no cookie has one.
	Session SessionID
	// Contents holds one content for each name.
	Contents Contents
	// Ambiguous is the name of a cookie that came twice, if both values open and
	// neither can be preferred. Neither is among the Contents.
	Ambiguous string
	// Mixed reports that cookies of several sessions opened. They do not count.
	Mixed bool
}

// Contents are contents by name. There are at most a handful, so searching a
// list is faster than to make a map.
type Contents []Named

// Named is a content with its name.
type Named struct {
	Name string
	Content
}

// Get returns the content with a name, or the zero value.
func (c Contents) Get(name string) (Content, bool) {
	for i := range c {
		if c[i].Name == name {
			return c[i].Content, true
		}
	}
	return Content{}, false
}

// All returns the contents by their names.
func (c Contents) All() iter.Seq2[string, Content] {
	return func(yield func(string, Content) bool) {
		for _, named := range c {
			if !yield(named.Name, named.Content) {
				return
			}
		}
	}
}

// Token returns the token with a name, or "".
func (c Contents) Token(name string) string {
	content, _ := c.Get(name)
	return content.Token
}

func mixed() Opened { return Opened{Mixed: true} }

// Open opens the cookies with these names. Of several values of one name it
// takes the one that opens and belongs to the session.
//
// The anchor decides about the session. It is a cookie whose name begins with
// __Host-, which no other host can plant. All anchors that open must be of one
// session, or no cookie counts. Other cookies count only beside an anchor of
// their session. Two kinds count without an anchor, too:
//
//   - Cookies from before there was an anchor cookie ([Content.Old]), and
//     cookies without a session ([Content.Unbound]).
//   - With elsewhere, all others that agree on a session: the request goes to a
//     host that does not get the anchor, which has no Domain.
func (n Names) Open(ring *Ring, received Received, elsewhere bool, names ...string) Opened {
	o := Opened{Contents: make(Contents, 0, len(names)+1)}
	if n.Anchor != "" && !slices.Contains(names, n.Anchor) {
		names = append(slices.Clip(names), n.Anchor)
	}
	anchored := false
	for _, name := range names {
		if !hostOnly(name) {
			continue
		}
		c, ok := o.only(name, n.All(ring, received, name))
		switch {
		case !ok:
			continue
		case c.Unbound:
		case anchored && c.Session != o.Session:
			return mixed()
		default:
			anchored, o.Session = true, c.Session
		}
		o.Contents = append(o.Contents, Named{name, c})
	}
	told := anchored
	for _, name := range names {
		if hostOnly(name) {
			continue
		}
		found := slices.DeleteFunc(n.All(ring, received, name), func(c Content) bool {
			switch {
			case c.Unbound:
				return false
			case anchored:
				return c.Session != o.Session
			}
			return !(c.Old && n.Anchor != "") && !elsewhere
		})
		if len(found) > 1 && n.version1(name) {
			anchor, _ := o.Contents.Get(n.Anchor)
			found = slices.DeleteFunc(found, func(c Content) bool { return !n.anchors(anchor, name, c) })
			if len(found) == 0 {
				o.Ambiguous = name
			}
		}
		c, ok := o.only(name, found)
		switch {
		case !ok:
			continue
		case c.Unbound:
		case told && c.Session != o.Session:
			return mixed()
		default:
			told, o.Session = true, c.Session
		}
		o.Contents = append(o.Contents, Named{name, c})
	}
	return o
}

// only returns the content if there is exactly one.
func (o *Opened) only(name string, found []Content) (Content, bool) {
	if len(found) > 1 {
		o.Ambiguous = name
	}
	if len(found) != 1 {
		return Content{}, false
	}
	return found[0], true
}

// All returns the different contents of the values that open.
func (n Names) All(ring *Ring, received Received, name string) []Content {
	var found []Content
	for _, value := range received.values(name) {
		if c, err := n.OpenValue(ring, name, value); err == nil && !slices.Contains(found, c) {
			found = append(found, c)
		}
	}
	return found
}

// AnchorToken returns the token of the anchor cookie. Version 1 binds an access
// token and a CSRF value to no session, so the anchor carries a hash of each.
func (n Names) AnchorToken(accessToken, csrf string) string {
	if !n.options.Curity {
		return ""
	}
	return fingerprint(accessToken) + fingerprint(csrf)
}

// anchors reports whether the anchor belongs to this content of version 1.
func (n Names) anchors(anchor Content, name string, c Content) bool {
	const size = 16
	if len(anchor.Token) != 2*size {
		return false
	}
	want := anchor.Token[:size]
	if name == n.CSRF {
		want = anchor.Token[size:]
	}
	return fingerprint(c.Token) == want
}

// Fingerprint returns a hash of a token. A response that ends a session cannot
// remove the session's cookies: another response may have replaced them
// meanwhile. Instead it sets a cookie with the fingerprint of the useless
// refresh token. The session is over if it still has that token.
func Fingerprint(token string) string { return fingerprint(token) }

func fingerprint(token string) string {
	sum := sha256.Sum256([]byte(token))
	return string(sum[:16])
}
