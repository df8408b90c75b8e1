package tokenhandler

// status is an upstream status that comes down as it is.
type status struct {
	code string
	with header
}

// header says which headers an answer may have besides Content-Type and
// Cache-Control.
type header uint8

const (
	etag header = 1 << iota
	location
	retryAfter
)

// defaultStatus stands for every upstream status that is not in statuses: its
// integration response has no selection pattern, which makes it the default.
const defaultStatus = "502"

// statuses are those of RFC 9110 and RFC 6585 that an API may well answer. An
// integration response has one fixed status, so each needs its own, and each
// takes its share of the template: rare ones are left out.
var statuses = []status{
	{"200", etag}, {"201", etag | location}, {"202", location | retryAfter}, {"204", etag},
	{"301", location}, {"302", location}, {"303", location}, {"304", etag}, {"307", location}, {"308", location},
	{"400", 0}, {"401", 0}, {"402", 0}, {"403", 0}, {"404", 0}, {"405", 0}, {"406", 0}, {"408", 0}, {"409", 0},
	{"410", 0}, {"412", etag}, {"413", retryAfter}, {"415", 0}, {"422", 0}, {"428", 0}, {"429", retryAfter},
	{"500", 0}, {"501", 0}, {defaultStatus, 0}, {"503", retryAfter}, {"504", 0},
}

// headers are those of an answer with this status, exposed those of them a
// page on another origin needs leave to read: all but the CORS-safelisted ones
// (Fetch standard, "CORS-safelisted response-header name").
func (s status) headers() []string {
	return append([]string{"Content-Type", "Cache-Control"}, s.exposed()...)
}

func (s status) exposed() []string {
	var names []string
	if s.with&etag != 0 {
		names = append(names, "ETag")
	}
	if s.with&location != 0 {
		names = append(names, "Location")
	}
	if s.with&retryAfter != 0 {
		names = append(names, "Retry-After")
	}
	return names
}
