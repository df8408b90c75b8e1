package trace

import "strings"

// Curl is a request as a shell command. Secrets are variables for the reader to
// set, and the path is the template's.
type Curl struct {
	URL     string
	Method  string
	Headers []Row // Name and the actual value
	Body    bool
	Pin     string // SPKI pin of a certificate made for the run
}

// notCopied are headers that curl sets itself, or that only a browser sends.
var notCopied = set("host", "connection", "content-length", "accept-encoding", "user-agent", "upgrade-insecure-requests", "te",
	"x-forwarded-for", "x-forwarded-proto", "x-forwarded-port", "sec-gpc")

func (c Curl) String() string {
	lines := []string{"curl -i -X " + quote(c.Method) + " " + quote(c.URL)}
	if c.Pin != "" {
		lines = append(lines, "-k --pinnedpubkey "+quote("sha256//"+c.Pin))
	}
	for _, h := range c.Headers {
		lower := strings.ToLower(h.Name)
		switch {
		case notCopied[lower], Name(h.Name) == hidden, strings.HasPrefix(lower, "sec-ch-"):
		case lower == "cookie":
			lines = append(lines, `-H "Cookie: $COOKIES"`)
		case shown[lower], strings.HasPrefix(lower, "access-control-"):
			lines = append(lines, "-H "+quote(h.Name+": "+h.Value))
		default:
			variable := strings.ToUpper(strings.ReplaceAll(h.Name, "-", "_"))
			lines = append(lines, `-H "`+h.Name+`: $`+variable+`"`)
		}
	}
	if c.Body {
		lines = append(lines, "--data-binary @body")
	}
	return strings.Join(lines, " \\\n  ")
}

// quote makes one word of a POSIX shell.
func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }
