package cookie

import (
	"fmt"
	"net/http"
	"strconv"
	"time"
)

// MaxParts bounds the cookies of one value. API Gateway accepts 10,240 bytes of
// request headers, more than two and a half cookies.
const MaxParts = 3

// part is the name of part i, from 0.
func part(name string, i int) string {
	if i == 0 {
		return name
	}
	return name + "-" + strconv.Itoa(i)
}

// SetSealed returns the cookies that set a sealed value, in several parts if it
// does not fit in one. It also returns cookies that remove parts of an earlier
// value in the request. The cookies last for the browser session, or for
// [Options.MaxAge].
func (n Names) SetSealed(name, value string, received Received) ([]*http.Cookie, error) {
	var set []*http.Cookie
	if whole, err := n.Set(name, value, n.options.MaxAge); err == nil {
		return append(append(set, whole), n.unsetParts(name, 1, received)...), nil
	}
	// The room is that of the longest name, without the marker. All parts have the
	// same room, so one calculation is enough.
	longest := n.attributes(name, part(name, MaxParts-1))
	longest.MaxAge = int(n.options.MaxAge / time.Second)
	room := MaxSize - len(longest.String()) - len("3.")
	count := (len(value) + room - 1) / room
	if count > MaxParts {
		return nil, fmt.Errorf("cookie: %s takes %d cookies, expected at most %d", name, count, MaxParts)
	}
	marker := strconv.Itoa(count) + "."
	for i := range count {
		size := min(room, len(value))
		c := n.attributes(name, part(name, i))
		c.Value, value = marker+value[:size], value[size:]
		c.MaxAge = longest.MaxAge
		set, marker = append(set, c), ""
	}
	return append(set, n.unsetParts(name, count, received)...), nil
}

// UnsetAll returns the cookies that remove one, with all of its parts in the
// request.
func (n Names) UnsetAll(name string, received Received) []*http.Cookie {
	return append([]*http.Cookie{n.Unset(name)}, n.unsetParts(name, 1, received)...)
}

// unsetParts removes the received parts from number first on. It leaves out
// other parts, since each Set-Cookie takes room in the response.
func (n Names) unsetParts(name string, first int, received Received) []*http.Cookie {
	var unset []*http.Cookie
	for i := first; i < MaxParts; i++ {
		if len(received[part(name, i)]) > 0 {
			unset = append(unset, n.unsetPart(name, part(name, i)))
		}
	}
	return unset
}

// maxValues bounds the values of one name that are tried. A sibling host that
// plants more makes the session unusable. It could also do so by filling the
// header.
const maxValues = 16

// values returns the values of a cookie, with parts joined. If several cookies
// have one name, it joins them in every combination. The marker is not
// authenticated and need not be: only the whole value opens.
func (r Received) values(name string) []string {
	received := r[name]
	if len(received) == 1 && !split(received[0]) {
		return received
	}
	var values []string
	for _, first := range received {
		if !split(first) {
			values = append(values, first)
			continue
		}
		count := int(first[0] - '0')
		if count < 2 || count > MaxParts {
			continue
		}
		joined := []string{first[2:]}
		for i := 1; i < count; i++ {
			joined = combine(joined, r[part(name, i)])
		}
		values = append(values, joined...)
	}
	return values[:min(len(values), maxValues)]
}

// split reports whether a value is the first of several parts: base64url text
// has no dot.
func split(value string) bool { return len(value) > 1 && value[1] == '.' }

func combine(heads, tails []string) []string {
	var all []string
	for _, head := range heads {
		for _, tail := range tails {
			if len(all) < maxValues && len(head)+len(tail) <= MaxParts*MaxSize {
				all = append(all, head+tail)
			}
		}
	}
	return all
}
