package cookie

import (
	"fmt"
	"net/http"
	"strconv"
)

// MaxParts bounds the cookies that one value is cut over. API Gateway takes
// 10,240 bytes of headers with a request: more than two cookies and a half.
const MaxParts = 3

// part is the name of part i, from 0.
func part(name string, i int) string {
	if i == 0 {
		return name
	}
	return name + "-" + strconv.Itoa(i)
}

// SetSealed returns the cookies that set a sealed value, in several parts
// where it does not fit in one, and those that remove parts of an earlier
// value that the request came with. They last as long as the browser session.
func (n Names) SetSealed(name, value string, received map[string]string) ([]*http.Cookie, error) {
	var set []*http.Cookie
	if whole, err := n.Set(name, value, 0); err == nil {
		return append(append(set, whole), n.unsetParts(name, 1, received)...), nil
	}
	// The largest part leaves room for the marker; all have the same room, so
	// that one calculation serves all.
	room := MaxSize - len(n.attributes(name, part(name, MaxParts-1)).String()) - len("3.")
	count := (len(value) + room - 1) / room
	if count > MaxParts {
		return nil, fmt.Errorf("cookie: %s takes %d cookies, expected at most %d", name, count, MaxParts)
	}
	marker := strconv.Itoa(count) + "."
	for i := range count {
		size := min(room, len(value))
		c := n.attributes(name, part(name, i))
		c.Value, value = marker+value[:size], value[size:]
		set, marker = append(set, c), ""
	}
	return append(set, n.unsetParts(name, count, received)...), nil
}

// UnsetAll returns the cookies that remove one, with all parts of it that the
// request came with.
func (n Names) UnsetAll(name string, received map[string]string) []*http.Cookie {
	return append([]*http.Cookie{n.Unset(name)}, n.unsetParts(name, 1, received)...)
}

// unsetParts removes the received parts from number first on. Only those that
// were received: what is in no request needs no removal, and each Set-Cookie
// takes from what a response may carry.
func (n Names) unsetParts(name string, first int, received map[string]string) []*http.Cookie {
	var unset []*http.Cookie
	for i := first; i < MaxParts; i++ {
		if _, ok := received[part(name, i)]; ok {
			unset = append(unset, n.unsetPart(name, part(name, i)))
		}
	}
	return unset
}

// Received reports whether a request came with a cookie or any part of it.
func Received(received map[string]string, name string) bool {
	for i := range MaxParts {
		if _, ok := received[part(name, i)]; ok {
			return true
		}
	}
	return false
}

// join puts the parts of a value together. The marker is not authenticated,
// and need not be: only the whole of what was sealed opens.
func join(received map[string]string, name string) (string, bool) {
	value, ok := received[name]
	if len(value) < 2 || value[1] != '.' { // no base64url text has a dot
		return value, ok
	}
	count := int(value[0] - '0')
	if count < 2 || count > MaxParts {
		return "", false
	}
	size := len(value) - 2
	for i := 1; i < count; i++ {
		size += len(received[part(name, i)])
	}
	if size > MaxParts*MaxSize {
		return "", false
	}
	joined := make([]byte, 0, size)
	joined = append(joined, value[2:]...)
	for i := 1; i < count; i++ {
		next, ok := received[part(name, i)]
		if !ok {
			return "", false
		}
		joined = append(joined, next...)
	}
	return string(joined), true
}
